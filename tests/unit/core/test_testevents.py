"""Test events: nothing while they are off, states with their place and fields when they are on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from globstar.core import events
from globstar.core.settings import Options
from globstar.core.testevents import TestEvent, follow_bus, tell_assertion, tell_state
from tests.support.ami import AmiClient, start_manager
from tests.support.testtech import World

pytestmark = pytest.mark.virtual_time

PLAN = """
[default]
exten => 100,1,Answer()
 same => n,Set(TIMEOUT(absolute)=60)
 same => n,Playback(one)
 same => n,VoiceMailMain(100@default,s)
 same => n,Wait(5)
"""
VOICEMAIL = "[default]\n100 => 1234,Alice\n"


@asynccontextmanager
async def world(root: Path) -> AsyncIterator[World]:
    async with await World.start(PLAN, root=root, files={"voicemail.conf": VOICEMAIL}) as world:
        world.phone("alice", "100", "Alice")
        for name in ("one", "vm-youhave", "vm-no", "vm-messages", "vm-opts", "vm-goodbye", "vm-options", "vm-advopts"):
            world.sound(name)
        yield world
        await world.end_calls()


def switch_on(world: World) -> None:
    world.system.test_events = True
    follow_bus(world.system)


def test_they_are_off_unless_they_are_wanted() -> None:
    assert Options().testevents is False


async def test_nothing_is_told_or_followed_while_they_are_off(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        before = len(w.system.bus.listeners(events.FilePlayed))
        w.tech.phones["alice"].dials("100")
        await w.settle(10.0)
        tell_state(w.system, "ANY")
        tell_assertion(w.system, False, "any")
        assert not w.seen(TestEvent)
        assert len(w.system.bus.listeners(events.FilePlayed)) == before


async def test_states_come_with_their_place_and_fields(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        switch_on(w)
        leg = w.tech.phones["alice"].dials("100")
        await w.settle(3.0)
        leg.presses("0")
        await w.settle(3.0)
        leg.presses("*")
        await w.settle(1.0)
        told = w.seen(TestEvent)
        states = [event.state for event in told]
        for state in (
            "HANGUP_TIME",
            "PLAYBACK",
            "START",
            "AUTHENTICATED",
            "INTRO",
            "BROWSE",
            "DTMF_BEGIN",
            "USERPRESS",
            "VMOPTIONS",
        ):
            assert state in states, (state, states)
        authenticated = next(event for event in told if event.state == "AUTHENTICATED")
        assert authenticated.fields == (("Mailbox", "100"), ("Context", "default"), ("Channel", leg.channel.name))
        assert (authenticated.kind, authenticated.file, authenticated.function) == ("StateChange", "menu.py", "voicemail_main")
        assert authenticated.line > 0


async def test_a_client_gets_them_if_it_may_read_reporting(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        switch_on(w)
        client = AmiClient(await start_manager(w.system))
        client.log_in(events="reporting")
        await asyncio.sleep(0)
        client.take()
        tell_assertion(w.system, True, "fine")
        tell_assertion(w.system, False, "two is one", Note="a\r\nb")
        (event,) = client.events()
        line = dict(event)["AppLine"]
        assert event == [
            ("Event", "TestEvent"), ("Privilege", "reporting,all"), ("Type", "Assert"), ("State", "two is one"),
            ("AppFile", "test_testevents.py"), ("AppFunction", "test_a_client_gets_them_if_it_may_read_reporting"),
            ("AppLine", line), ("Note", "a\\r\\nb"),
        ]  # fmt: skip
        await client.session.hub.close()
