"""Subscriptions, message waiting and publications as recorded from a running Asterisk 23.4.1: see test_calls_sip."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from globstar.core.cli import run_command
from tests.conftest import IN_CI, SHARED
from tests.support.sip_replay import Action, Scenario, SipReplay, recorded_system, scenario_files

GROUPS = ("g06",)

LEFT_OUT = {
    "g06_mwi_subscribe_initial_and_change": "message waiting notifications come later",
}


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
    await asyncio.sleep(0.4)
    for state in ("INUSE", "NOT_INUSE"):
        await run_command(replay.system, f"devstate change Custom:lamp1 {state}")
        await asyncio.sleep(0.1)
    assert (await run_command(replay.system, "pjsip show subscriptions inbound")).endswith("\n\n0 active subscriptions\n")


ACTIONS: dict[str, Action] = {
    "g06_custom_devstate_all_states": _custom_states,
    "g06_notify_answered_481_terminates": _lamp,
    "g06_presence_state_hint": _presence,
}


def _scenarios() -> list[Any]:
    if not (SHARED / "vectors" / "calls").is_dir():
        if IN_CI:
            raise FileNotFoundError(SHARED / "vectors" / "calls")
        return [pytest.param(None, id="missing", marks=pytest.mark.skip(f"no vectors below {SHARED}; set GLOBSTAR_SHARED"))]
    files = [file for file in scenario_files(SHARED, GROUPS) if file.stem not in LEFT_OUT]
    return [pytest.param(file, id=file.stem) for file in files]


@pytest.fixture(scope="module")
def replay(tmp_path_factory: pytest.TempPathFactory, shared: Path) -> Iterator[SipReplay]:
    replay = recorded_system(tmp_path_factory.mktemp("replay"), shared)
    yield replay
    replay.close()


@pytest.mark.parametrize("file", _scenarios())
def test_asterisk_scenario(replay: SipReplay, file: Path) -> None:
    replay.run(Scenario.load(file), ACTIONS.get(file.stem))


def test_nothing_is_left_behind(replay: SipReplay) -> None:
    """After all scenarios: no channel, no subscription, no dialog, no transaction."""
    assert not replay.system.channels
    assert replay.driver.sip.dialogs == 0
    assert not replay.driver.sip.layer.clients
    assert not replay.driver.sip.layer.servers
