"""Test events of voicemail: what an outside test system hears on the way through the menus."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from globstar.core.system import System
from globstar.core.testevents import TestEvent, follow_bus
from tests.support.voicemail import DIALPLAN, dial, hang_up, leave, speak_after_the_beep, voicemail_system

#: What these tests show, for the table of all states.
SHOWN = frozenset((
    "START", "AUTHENTICATED", "INTRO", "BROWSE", "USERPRESS", "PLAYVOICE", "PREVMSG", "ADVOPTIONS", "SAVEMSG", "CHANGEFOLDER",
    "FORWARD", "VMOPTIONS", "TEMPGREETING", "PASSWORDCHANGED", "NEWUSER", "REDIRECT", "AUTOPLAY", "PLAYBACK",
))  # fmt: skip


@pytest.fixture
def config() -> str:
    return "[general]\nformat=wav\noperator=yes\n[default]\n100 => 1234,Alice Example\n101 => 1234,Bob Example\n"


@pytest.fixture
async def system(tmp_path: Path, voicemail_prompts: Path, config: str) -> AsyncIterator[System]:
    async with voicemail_system(tmp_path, voicemail_prompts, config) as system:
        yield system


def listen(system: System) -> list[TestEvent]:
    """A live list of what is told."""
    told: list[TestEvent] = []
    system.test_events = True
    follow_bus(system)
    system.bus.subscribe(TestEvent, told.append)
    return told


def fields_of(told: list[TestEvent], state: str) -> dict[str, str]:
    """The fields of the first event of a state."""
    return dict(next(event for event in told if event.state == state).fields)


async def test_messages_are_heard_sorted_and_forwarded(system: System) -> None:
    for _ in range(2):
        await leave(system)
    told = listen(system)
    phone = dial(system, "903")
    await phone.prompt("vm-onefor")
    for key, prompt in (("1", "vm-advopts"), ("6", "vm-advopts"), ("4", "vm-advopts"), ("3", "vm-starmain")):
        phone.key(key)
        await phone.prompt(prompt)
    phone.key("*")
    await phone.prompt("vm-advopts")
    phone.key("8")
    await phone.prompt("vm-extension")
    await phone.press("101#")
    await phone.prompt("vm-msgforwarded")
    await phone.prompt("vm-advopts")
    phone.key("9")
    await phone.prompt("vm-savefolder")
    phone.key("2")
    await phone.prompt("vm-savedto")
    await phone.prompt("vm-advopts")
    phone.key("2")
    await phone.prompt("vm-changeto")
    phone.key("2")
    await phone.prompt("vm-youhave")
    await hang_up(phone)
    states = [event.state for event in told]
    wanted = [
        "START",
        "AUTHENTICATED",
        "INTRO",
        "BROWSE",
        "PLAYVOICE",
        "PREVMSG",
        "ADVOPTIONS",
        "FORWARD",
        "SAVEMSG",
        "CHANGEFOLDER",
    ]
    assert sorted(wanted, key=states.index) == wanted
    channel = phone.channel.name
    assert fields_of(told, "AUTHENTICATED") == {"Mailbox": "100", "Context": "default", "Channel": channel}
    assert fields_of(told, "BROWSE") == {"Folder": "INBOX", "Channel": channel}
    assert fields_of(told, "PLAYVOICE") == {"Message": "msg0000", "Channel": channel}
    assert [dict(event.fields)["Key"] for event in told if event.state == "USERPRESS"][:4] == ["1", "6", "4", "3"]
    assert "vm-advopts" in [dict(event.fields)["Message"] for event in told if event.state == "PLAYBACK"]


async def test_greetings_and_a_new_password(system: System) -> None:
    told = listen(system)
    phone = dial(system, "903")
    await phone.prompt("vm-opts")
    phone.key("0")
    await phone.prompt("vm-options")
    phone.key("4")
    await phone.prompt("vm-tempgreeting")
    phone.key("1")
    await speak_after_the_beep(phone)
    phone.key("#")
    await phone.prompt("vm-review")
    phone.key("1")
    await phone.prompt("vm-options")
    phone.key("5")
    await phone.prompt("vm-newpassword")
    await phone.press("4321#")
    await phone.prompt("vm-reenterpassword")
    await phone.press("4321#")
    await phone.prompt("vm-passchanged")
    await hang_up(phone)
    states = [event.state for event in told]
    assert sorted(("VMOPTIONS", "TEMPGREETING", "PASSWORDCHANGED"), key=states.index) == [
        "VMOPTIONS", "TEMPGREETING", "PASSWORDCHANGED",
    ]  # fmt: skip
    assert fields_of(told, "PASSWORDCHANGED")["Mailbox"] == "100"
    assert not any("4321" in value for event in told for _, value in event.fields)


@pytest.mark.parametrize("config", ["[general]\nforcename=yes\n[default]\n100 => 100,Alice\n"])
async def test_a_new_user(system: System) -> None:
    told = listen(system)
    phone = dial(system, "904")
    await phone.prompt("vm-login")
    await phone.press("100#100#")
    await phone.prompt("vm-newuser")
    await hang_up(phone)
    assert fields_of(told, "NEWUSER") == {"Mailbox": "100", "Channel": phone.channel.name}


async def test_a_folder_to_begin_with(system: System) -> None:
    told = listen(system)
    phone = dial(system, "903", DIALPLAN.replace("VoiceMailMain(100@default,s)", "VoiceMailMain(100@default,sa(2))"))
    await phone.prompt("vm-opts")
    await hang_up(phone)
    assert fields_of(told, "AUTOPLAY") == {"Folder": "Work", "Channel": phone.channel.name}


async def test_a_caller_who_asks_for_the_operator(system: System) -> None:
    told = listen(system)
    phone = dial(system, "900", f"{DIALPLAN}exten => o,1,NoOp(operator)\n")
    await phone.prompt("vm-intro")
    phone.key("0")
    await phone.end()
    assert fields_of(told, "START")["Message"] == "vm_exec"
    assert fields_of(told, "REDIRECT") == {"Key": "0", "Channel": phone.channel.name}
