"""Voicemail: leaving messages, against the recorded calls and beyond them."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest

from globstar.base.log import Level
from globstar.core import events
from globstar.core.system import System
from globstar.dialplan import compile_template
from tests.interop.support.audio import find
from tests.support.phone import Phone, companded, noise, sound
from tests.support.switch import LogCapture
from tests.support.voicemail import (
    SPEECH,
    dial,
    hang_up,
    inbox,
    leave,
    read_wav,
    speak_after_the_beep,
    spool,
    tree,
    voicemail_system,
)


@pytest.fixture
def config() -> str:
    return "[general]\nformat=wav\nmaxmsg=100\n[default]\n100 => 1234,Alice Example\n101 => 1234,Bob Example\n"


@pytest.fixture
async def system(tmp_path: Path, voicemail_prompts: Path, config: str) -> AsyncIterator[System]:
    async with voicemail_system(tmp_path, voicemail_prompts, config) as system:
        yield system


# -- as recorded -----------------------------------------------------------------------------------------------------------


async def _hang_up_during_greeting(system: System) -> Phone:
    phone = dial(system, "900")
    await phone.prompt("vm-intro")
    return await hang_up(phone)


async def _leave_and_hang_up(system: System) -> Phone:
    return await leave(system, what=noise(1.1, 52))


async def _pound_ends(system: System) -> Phone:
    phone = dial(system, "901")
    await speak_after_the_beep(phone)
    await phone.press("#")
    return await phone.end()


async def _retrieve_and_delete(system: System) -> Phone:
    await leave(system, what=noise(1.1, 52))
    phone = dial(system, "903", name="PJSIP/alice-<CH2>")
    await phone.prompt("vm-onefor")
    await phone.press("1")
    await phone.prompt("vm-advopts")
    phone.key("7")
    await phone.prompt("vm-deleted")
    await phone.after(0.1)
    phone.key("#")
    return await phone.end()


async def _no_such_mailbox(system: System) -> Phone:
    with LogCapture() as log:
        phone = await dial(system, "902").end()
    assert log.texts(Level.WARNING)
    return phone


async def _two_messages(system: System) -> Phone:
    await leave(system, what=noise(1.1, 52))
    return await leave(system, what=noise(0.9, 53), name="PJSIP/alice-<CH2>")


async def _empty_mailbox(system: System) -> Phone:
    phone = dial(system, "903")
    await phone.prompt("vm-opts")
    await phone.press("#")
    return await phone.end()


async def _wrong_password(system: System) -> Phone:
    phone = dial(system, "904")
    await phone.prompt("vm-login")
    await phone.press("100#")
    await phone.prompt("vm-password")
    with LogCapture() as log:
        await phone.press("9999#")
        await phone.prompt("vm-incorrect-mailbox")
    assert log.texts(Level.NOTICE)
    return await hang_up(phone)


SCENARIOS: dict[str, Callable[[System], Awaitable[Phone]]] = {
    "g09_voicemail_hangup_during_greeting": _hang_up_during_greeting,
    "g09_voicemail_leave_message_hangup": _leave_and_hang_up,
    "g09_voicemail_leave_message_pound_ends": _pound_ends,
    "g09_voicemail_leave_then_retrieve_and_delete": _retrieve_and_delete,
    "g09_voicemail_no_such_mailbox": _no_such_mailbox,
    "g09_voicemail_two_messages": _two_messages,
    "g09_voicemailmain_empty_mailbox": _empty_mailbox,
    "g09_voicemailmain_login_prompts_wrong_password": _wrong_password,
}


def comparable(text: str) -> str:
    """A message's text with the recording's tokens for what differs from run to run."""
    text = re.sub(r"(?m)^origdate=\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d [AP]M \w+ \d{4}$", "origdate=<DATE>", text)
    text = re.sub(r"(?m)^origtime=\d{10}$", "origtime=<EPOCH>", text)
    return re.sub(r"(?m)^msg_id=\d{10}-[0-9a-f]{8}$", "msg_id=<MSGID>", text)


@pytest.mark.parametrize("name", SCENARIOS)
async def test_recorded(name: str, system: System, tmp_path: Path, shared: Path) -> None:
    """The prompts in order, the files, their texts, VMSTATUS and the waiting messages are those of the recording."""
    recorded = json.loads((shared / "vectors" / "calls" / f"{name}.json").read_text())["observed"]
    played: list[str] = []
    waiting: list[tuple[str, str, str]] = []
    variables: list[tuple[str, str]] = []
    undo = [
        system.bus.subscribe(events.VariableSet, lambda event: variables.append((event.name, event.value))),
        system.bus.subscribe(events.FilePlayed, lambda event: played.append(event.file)),
        system.bus.subscribe(
            events.MessageWaiting, lambda event: waiting.append((event.mailbox, str(event.new), str(event.old)))
        ),
    ]  # fmt: skip
    await SCENARIOS[name](system)
    for forget in undo:
        forget()
    lines = re.findall(r"Playing '([^']*)' \(language", "\n".join(recorded["log"]))
    wanted = [line.replace("<RUN>", str(tmp_path)) for line in lines]
    assert _without_time(played) == _without_time(wanted)
    amis = [dict(map(tuple, event)) for event in recorded["ami"]]
    statuses = [value for name, value in variables if name == "VMSTATUS"]
    assert statuses == [event["Value"] for event in amis if event["Event"] == "VarSet" and event["Variable"] == "VMSTATUS"]
    messages = [(e["Mailbox"], e["New"], e["Old"]) for e in amis if e["Event"] == "MessageWaiting"]
    assert [w for w in waiting if w in messages] == messages
    extra = recorded.get("extra") or {}
    spools = [extra[key] for key in ("spool", "after_delete") if key in extra]
    if spools:
        assert tree(tmp_path) == sorted(["default/"] * ("default/" in spools[-1]["tree"]) + spools[-1]["tree"][1:])
        texts = {str(path.relative_to(spool(tmp_path))): path.read_text() for path in spool(tmp_path).rglob("*.txt")}
        assert {key: comparable(text) for key, text in texts.items()} == spools[-1]["txt"]


def _without_time(sounds: list[str]) -> list[str]:
    """Prompts without the hour and minute of a message."""
    kept: list[str] = []
    in_time = False
    for name in sounds:
        in_time = (in_time or kept[-1:] == ["digits/at.slin"]) and name not in ("digits/a-m.slin", "digits/p-m.slin")
        if not in_time:
            kept.append(name)
    return kept


# -- leaving ------------------------------------------------------------------------------------------------------------------


async def test_the_message_is_what_was_said(system: System, tmp_path: Path) -> None:
    phone = await leave(system)
    assert np.array_equal(read_wav(spool(tmp_path) / "default/100/INBOX/msg0000.wav"), companded(SPEECH))
    assert phone.variables["VM_MESSAGEFILE"] == f"{spool(tmp_path)}/default/100/INBOX/msg0000"
    text = (spool(tmp_path) / "default/100/INBOX/msg0000.txt").read_text()
    assert "\nduration=1\n" in text
    assert f"\norigtime={int(system.wall_time() - phone.clock)}" in text or "\norigtime=17000000" in text


@pytest.mark.parametrize("config", ["[general]\nformat=wav|ulaw|gsm\n[default]\n100 => 1234,Alice\n"])
async def test_every_format_is_recorded(system: System, tmp_path: Path) -> None:
    await leave(system)
    assert inbox(tmp_path) == ["msg0000.gsm", "msg0000.txt", "msg0000.ulaw", "msg0000.wav"]


@pytest.mark.parametrize("config", ["[general]\nmaxsilence=2\n[default]\n100 => 1234,Alice\n"])
async def test_silence_ends_a_message_and_is_cut_off(system: System, tmp_path: Path) -> None:
    phone = dial(system, "901")
    phone.meanwhile(phone.keep_silent())
    await phone.end()
    assert phone.prompts[-1] == "auth-thankyou"
    assert read_wav(spool(tmp_path) / "default/100/INBOX/msg0000.wav").size < 8000


@pytest.mark.parametrize("config", ["[general]\nmaxsecs=1\n[default]\n100 => 1234,Alice\n"])
async def test_the_longest_message(system: System, tmp_path: Path) -> None:
    phone = dial(system, "901")
    speaking = phone.meanwhile(phone.speak(noise(9, 55)))
    await phone.end()
    assert speaking.done()
    assert phone.steps[-2:] == ["NoOp(SUCCESS)", "NoOp(end SUCCESS)"]
    assert read_wav(spool(tmp_path) / "default/100/INBOX/msg0000.wav").size == pytest.approx(8000, abs=320)


@pytest.mark.parametrize("config", ["[general]\nminsecs=3\n[default]\n100 => 1234,Alice\n"])
@pytest.mark.parametrize("hangs_up", [False, True])
async def test_a_short_message_is_discarded(system: System, tmp_path: Path, hangs_up: bool) -> None:
    phone = dial(system, "901")
    await speak_after_the_beep(phone)
    if hangs_up:
        phone.hang_up()
    else:
        phone.key("#")
    await phone.end()
    assert phone.variables["VMSTATUS"] == "FAILED"
    assert ("vm-tooshort" in phone.prompts) is not hangs_up
    assert inbox(tmp_path) == inbox(tmp_path, "tmp") == []


@pytest.mark.parametrize("config", ["[general]\nmaxmsg=1\n[default]\n100 => 1234,Alice\n"])
async def test_a_full_mailbox(system: System, tmp_path: Path) -> None:
    await leave(system)
    phone = dial(system, "901")
    await phone.end()
    assert phone.prompts[-1] == "vm-mailboxfull"
    assert phone.variables["VMSTATUS"] == "FAILED"
    assert len(inbox(tmp_path)) == 2


async def test_greetings_of_the_user(system: System, tmp_path: Path) -> None:
    box = spool(tmp_path) / "default" / "100"
    for name, seed in (("unavail", 60), ("busy", 61), ("temp", 62)):
        sound(box, name, noise(0.2, seed))
    plan = "[main]\n" + "".join(
        f"exten => {e},1,VoiceMail(100,{o})\n" for e, o in (("1", "u"), ("2", "b"), ("3", "uS"), ("4", "us"))
    )
    for extension in ("3", "1", "2"):
        phone = dial(system, extension, plan)
        await phone.prompt("beep")
        await hang_up(phone)
        assert phone.prompts == [str(box / "temp"), *(["vm-intro"] if extension != "3" else []), "beep"]
    (box / "temp.wav").unlink()
    for extension, name in (("4", "unavail"), ("2", "busy")):
        phone = dial(system, extension, plan)
        await phone.prompt("beep")
        await hang_up(phone)
        assert phone.prompts[0] == str(box / name)


async def test_pound_skips_the_greeting(system: System) -> None:
    phone = dial(system, "900")
    await phone.prompt("vm-intro")
    phone.key("#")
    await phone.prompt("beep")
    assert phone.clock < 0.3
    await hang_up(phone)


EXITS = """
[main]
exten => s,1,VoiceMail(100,{options})
 same => n,NoOp(on ${{VMSTATUS}})
exten => o,1,NoOp(operator ${{VMSTATUS}})
exten => a,1,NoOp(star)
[elsewhere]
exten => 7,1,NoOp(seven ${{VMSTATUS}})
exten => 23,1,NoOp(twenty-three)
"""


@pytest.mark.parametrize("config", ["[general]\n[default]\n100 => 1234,Alice,,,operator=yes\n"])
@pytest.mark.parametrize(
    ("options", "keys", "last"),
    [
        ("", "0", "NoOp(operator USEREXIT)"),
        ("", "*", "NoOp(star)"),
        ("d(elsewhere)", "7", "NoOp(seven USEREXIT)"),
        ("d(elsewhere)", "23", "NoOp(twenty-three)"),
    ],
)
async def test_keys_that_leave_the_greeting(system: System, options: str, keys: str, last: str) -> None:
    phone = dial(system, "s", EXITS.format(options=options))
    await phone.prompt("vm-intro")
    await phone.press(keys)
    await phone.end()
    assert phone.steps[-1] == last
    assert "beep" not in phone.prompts


@pytest.mark.parametrize("keys", ["0", "7", "*"])
async def test_keys_that_lead_nowhere_do_nothing(system: System, keys: str) -> None:
    """No operator in voicemail.conf, no option d, no extension a."""
    phone = dial(system, "s", EXITS.format(options="").replace("exten => a", "exten => b"))
    await phone.prompt("vm-intro")
    await phone.press(keys)
    await phone.prompt("beep")
    await hang_up(phone)
    assert phone.steps == ["VoiceMail(100,)"]


async def test_option_e_answers_after_the_greeting(system: System) -> None:
    phone = dial(system, "s", EXITS.format(options="e"))
    await phone.prompt("vm-intro")
    assert phone.answered_at is None
    await phone.prompt("beep")
    assert phone.answered_at == pytest.approx(0.32, abs=0.05)
    await hang_up(phone)


@pytest.mark.parametrize(("option", "beeps"), [("t", []), ("t(vm-sorry)", ["vm-sorry"]), ("", ["beep"])])
async def test_option_t_replaces_the_beep(system: System, option: str, beeps: list[str]) -> None:
    phone = dial(system, "s", EXITS.format(options=option + "s"))
    await phone.after(2)
    await hang_up(phone)
    assert phone.prompts == beeps


@pytest.mark.parametrize(("option", "folder", "flag"), [("U", "Urgent", "Urgent"), ("P", "INBOX", "PRIORITY"), ("", "INBOX", "")])
async def test_urgent_and_priority(system: System, tmp_path: Path, option: str, folder: str, flag: str) -> None:
    await leave(system, "s", dialplan=EXITS.format(options=option))
    assert f"\nflag={flag}\n" in (spool(tmp_path) / f"default/100/{folder}/msg0000.txt").read_text()


async def test_a_message_for_two_mailboxes(system: System, tmp_path: Path) -> None:
    waiting: list[str] = []
    undo = system.bus.subscribe(events.MessageWaiting, lambda event: waiting.append(event.mailbox))
    with LogCapture() as log:
        await leave(system, "s", dialplan="[main]\nexten => s,1,VoiceMail(100&404&101@default,s)\n")
    undo()
    for box in ("100", "101"):
        assert inbox(tmp_path, box=box) == ["msg0000.txt", "msg0000.wav"]
        assert inbox(tmp_path, "tmp", box) == []
    assert sorted(waiting) == ["100@default", "101@default"]
    assert any("404" in text for text in log.texts(Level.WARNING))


REVIEW = "[general]\nreview=yes\noperator=yes\n[default]\n100 => 1234,Alice\n"


@pytest.mark.parametrize("config", [REVIEW])
async def test_review_listen_record_again_and_keep(system: System, tmp_path: Path) -> None:
    phone = dial(system, "901")
    await speak_after_the_beep(phone, noise(0.6, 70))
    phone.key("#")
    await phone.prompt("vm-review")
    phone.key("2")
    await phone.prompt("vm-review")
    heard = find(phone.samples, companded(noise(0.6, 70)))
    assert heard.correlation == pytest.approx(1)
    phone.key("3")
    await speak_after_the_beep(phone)
    phone.key("#")
    await phone.prompt("vm-review")
    phone.key("4")
    await phone.prompt("vm-marked-urgent")
    await phone.prompt("vm-review")
    phone.key("1")
    await phone.prompt("vm-msgsaved")
    await phone.end()
    assert np.array_equal(read_wav(spool(tmp_path) / "default/100/Urgent/msg0000.wav"), companded(SPEECH))
    assert phone.variables["VMSTATUS"] == "SUCCESS"
    assert "auth-thankyou" not in phone.prompts


@pytest.mark.parametrize("config", [REVIEW])
async def test_hang_up_while_reviewing_keeps_the_message(system: System, tmp_path: Path) -> None:
    phone = dial(system, "901")
    await speak_after_the_beep(phone)
    phone.key("#")
    await phone.prompt("vm-review")
    await hang_up(phone)
    assert inbox(tmp_path) == ["msg0000.txt", "msg0000.wav"]
    assert phone.variables["VMSTATUS"] == "SUCCESS"


@pytest.mark.parametrize("config", ["[general]\noperator=yes\n[default]\n100 => 1234,Alice\n"])
@pytest.mark.parametrize("accepts", [True, False])
async def test_operator_while_recording(system: System, tmp_path: Path, accepts: bool) -> None:
    phone = dial(system, "s", EXITS.format(options="s"))
    await speak_after_the_beep(phone)
    phone.key("0")
    await phone.prompt("vm-saveoper")
    if accepts:
        phone.key("1")
    await phone.end()
    assert phone.steps[-1].startswith("NoOp(operator")
    assert bool(inbox(tmp_path)) is accepts


async def test_vm_info_tells_of_a_mailbox(system: System) -> None:
    await leave(system)
    channel = Phone(system, name="Phone/info").channel

    async def ask(args: str) -> str:
        found = system.functions.render(channel, compile_template(f"${{VM_INFO({args})}}"))
        return found if isinstance(found, str) else str(await found)

    asked = [await ask(f"100@default,{field}") for field in ("exists", "fullname", "password", "email", "language")]
    assert asked == ["1", "Alice Example", "1234", "", "en"]
    assert [await ask(f"100,{field}") for field in ("count", "count,Old")] == ["1", "0"]
    assert await ask("999,exists") == "0"
    assert await ask("999,fullname") == ""
    with LogCapture() as log:
        assert await ask("100,shoe size") == ""
    assert len(log.records) == 1
    channel.request_hangup()
