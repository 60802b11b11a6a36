"""Subscriptions, message waiting and publications as recorded from a running Asterisk 23.4.1: see test_calls_sip."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from globstar.core import events
from globstar.core.cli import run_command
from tests.conftest import IN_CI, SHARED
from tests.support.sip_replay import Action, Scenario, SipReplay, recorded_system, scenario_files

GROUPS = ("g06", "g02_unsolicited_mwi_on_register", "g09_mwi_subscriber_notified_when_message_left")


async def _custom_states(replay: SipReplay) -> None:
    """What the scenario does by CLI; two of the states are told to nobody, and the script waits a second for each."""
    for state in ("NOT_INUSE", "INUSE", "BUSY", "RINGING", "RINGINUSE", "ONHOLD", "UNAVAILABLE"):
        await run_command(replay.system, f"devstate change Custom:lamp1 {state}")
        await asyncio.sleep(0.07)
    for state in ("INVALID", "UNKNOWN"):
        await run_command(replay.system, f"devstate change Custom:lamp1 {state}")
        await asyncio.sleep(1)
    await run_command(replay.system, "devstate change Custom:lamp1 NOT_INUSE")


async def _presence(replay: SipReplay) -> None:
    await run_command(replay.system, "presencestate change CustomPresence:pres1 available,sub,msg")
    await asyncio.sleep(0.2)
    await run_command(replay.system, "presencestate change CustomPresence:pres1 dnd,busy,message")


async def _lamp(replay: SipReplay) -> None:
    """The lamp changes after the last message, when nobody watches."""
    for state in ("INUSE", "NOT_INUSE"):
        await run_command(replay.system, f"devstate change Custom:lamp1 {state}")
        await asyncio.sleep(0.1)
    assert (await run_command(replay.system, "pjsip show subscriptions inbound")).endswith("\n\n0 active subscriptions\n")


async def _one_message(replay: SipReplay) -> None:
    """A message was left before the scenario began."""
    replay.system.mailboxes.update("100@default", 1, 0)


async def _no_messages(replay: SipReplay) -> None:
    """The mailbox is emptied before the scenario begins."""
    shutil.rmtree(replay.root / "spool" / "voicemail", ignore_errors=True)
    replay.system.mailboxes.update("100@default", 0, 0)


ACTIONS: dict[str, Action] = {
    "g02_unsolicited_mwi_on_register": _no_messages,
    "g09_mwi_subscriber_notified_when_message_left": _no_messages,
    "g06_mwi_subscribe_initial_and_change": _one_message,
    "g06_custom_devstate_all_states": _custom_states,
    "g06_presence_state_hint": _presence,
}


#: what a scenario does when its messages are over
LAST: dict[str, Action] = {"g06_ami_events_extension_status": _lamp, "g06_notify_answered_481_terminates": _lamp}

#: seconds that a script waits before it sends a method
PAUSES = {"g09_mwi_subscriber_notified_when_message_left": {"BYE": 6.0}}


def _scenarios() -> list[Any]:
    if not (SHARED / "vectors" / "calls").is_dir():
        if IN_CI:
            raise FileNotFoundError(SHARED / "vectors" / "calls")
        return [pytest.param(None, id="missing", marks=pytest.mark.skip(f"no vectors below {SHARED}; set GLOBSTAR_SHARED"))]
    return [pytest.param(file, id=file.stem) for file in scenario_files(SHARED, GROUPS)]


@pytest.fixture(scope="module")
def replay(tmp_path_factory: pytest.TempPathFactory, shared: Path) -> Iterator[SipReplay]:
    replay = recorded_system(tmp_path_factory.mktemp("replay"), shared)
    yield replay
    replay.close()


def _recorded(file: Path) -> dict[str, list[tuple[str, ...]]]:
    """AMI's ExtensionStatus and PresenceStatus of the recording, by extension."""
    found: dict[str, list[tuple[str, ...]]] = {}
    for event in json.loads(file.read_text())["observed"]["ami"]:
        fields = dict(event)
        if fields["Event"] == "ExtensionStatus":
            values = (fields["Context"], fields["Hint"], fields["Status"], fields["StatusText"])
        elif fields["Event"] == "PresenceStatus":
            values = (fields["Context"], fields["Hint"], fields["Status"], fields["Subtype"], fields["Message"])
        else:
            continue
        found.setdefault(fields["Exten"], []).append(values)
    return found


@pytest.mark.parametrize("file", _scenarios())
def test_asterisk_scenario(replay: SipReplay, file: Path) -> None:
    told: dict[str, list[tuple[str, ...]]] = {}

    def state(event: events.ExtensionStateChanged) -> None:
        told.setdefault(event.exten, []).append((event.context, event.hint, str(event.state), event.text))

    def presence(event: events.ExtensionPresenceChanged) -> None:
        values = (event.context, event.hint, event.status, event.subtype, event.message)
        told.setdefault(event.exten, []).append(values)

    bus = replay.system.bus
    stops = [bus.subscribe(events.ExtensionStateChanged, state), bus.subscribe(events.ExtensionPresenceChanged, presence)]
    replay.run(
        Scenario.load(file), ACTIONS.get(file.stem), LAST.get(file.stem), pauses=PAUSES.get(file.stem), follows_script=False
    )
    for stop in stops:
        stop()
    assert told == _recorded(file)


def test_nothing_is_left_behind(replay: SipReplay) -> None:
    """After all scenarios: no channel, no subscription, no dialog, no transaction."""
    replay.run_until(lambda: not replay.driver.sip.layer.clients)  # a registration elsewhere that is tried again in between
    assert not replay.system.channels
    assert replay.driver.sip.dialogs == 0
    assert not replay.driver.sip.layer.clients
    assert not replay.driver.sip.layer.servers
