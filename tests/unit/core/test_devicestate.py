"""Device states, their aggregation, and hints that follow them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from globstar.core import events
from globstar.core.channel import ChannelState
from globstar.core.devicestate import DeviceState as S
from globstar.core.devicestate import aggregate, parse_device_state
from globstar.core.dialing import request_channel
from globstar.core.frame import Control, control
from globstar.core.tech import TechSpec
from tests.support.phone import Phone
from tests.support.switch import running_system


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ([S.NOT_INUSE, S.UNAVAILABLE], S.NOT_INUSE),
        ([S.INUSE, S.NOT_INUSE], S.INUSE),
        ([S.RINGING, S.NOT_INUSE], S.RINGING),
        ([S.RINGING, S.INUSE], S.RINGINUSE),
        ([S.BUSY, S.BUSY], S.BUSY),
        ([S.BUSY, S.NOT_INUSE], S.INUSE),
        ([S.ONHOLD], S.ONHOLD),
        ([S.ONHOLD, S.NOT_INUSE], S.ONHOLD),
        ([S.ONHOLD, S.INUSE], S.INUSE),
        ([S.ONHOLD, S.RINGING], S.RINGINUSE),
        ([S.UNAVAILABLE, S.UNAVAILABLE], S.UNAVAILABLE),
        ([S.INVALID], S.INVALID),
        ([], S.UNAVAILABLE),
    ],
)
def test_aggregate(states: list[S], expected: S) -> None:
    assert aggregate(states) is expected


def test_parse_device_state() -> None:
    assert parse_device_state("not_inuse") is S.NOT_INUSE
    assert parse_device_state("nonsense") is S.UNKNOWN


async def test_a_hint_follows_its_device(tmp_path: Path) -> None:
    files = {"extensions.conf": "[office]\nexten => 6002,hint,Lamp:one\n"}
    async with running_system(tmp_path, files) as system:
        now = S.NOT_INUSE
        system.device_states.add_provider("Lamp", lambda name: now if name == "one" else None)
        seen: list[events.ExtensionStateChanged] = []
        system.bus.subscribe(events.ExtensionStateChanged, seen.append)
        assert system.device_states.extension_state("office", "6002") == 0
        now = S.RINGING
        system.device_states.changed("Lamp:one")
        system.device_states.changed("Lamp:one")
        await asyncio.sleep(0)
        assert [(event.exten, event.state, event.text) for event in seen] == [("6002", 8, "Ringing")]
        assert system.device_states.state("Nobody/x") is S.INVALID


async def test_a_phone_that_is_held_is_on_hold_and_who_holds_it_is_in_use(tmp_path: Path) -> None:
    async with running_system(tmp_path, {"extensions.conf": "[default]\n"}) as system:
        holder, held = Phone(system, name="Phone/holder-1"), Phone(system, name="Phone/held-1")
        states = system.device_states
        for phone in (holder, held):
            phone.channel.set_state(ChannelState.UP)
        holder.channel.deliver(control(Control.HOLD))
        held.channel.indicate(Control.HOLD, "")
        assert [states.from_channels(name) for name in ("Phone/holder", "Phone/held")] == [S.INUSE, S.ONHOLD]
        held.channel.indicate(Control.UNHOLD)
        assert states.from_channels("Phone/held") is S.INUSE
        for phone in (holder, held):
            phone.channel.hangup()
            phone.close()


async def test_what_is_seen_of_a_call_begins_with_its_answer(tmp_path: Path) -> None:
    """As recorded: a call that ends unanswered and unrung changes no device's state; an answered one does at once."""
    async with running_system(tmp_path, {"extensions.conf": "[default]\n"}) as system:
        told: list[str] = []
        system.bus.subscribe(events.DeviceStateChanged, lambda event: told.append(event.state))
        unanswered = Phone(system, name="Phone/one-1")
        system.techs.register(TechSpec(name="Phone", module="tests", tech=unanswered.channel.tech))
        await asyncio.sleep(0)
        unanswered.channel.hangup()
        await asyncio.sleep(0)
        assert told == []
        answered = Phone(system, name="Phone/one-2")
        answered.channel.set_state(ChannelState.UP)
        await asyncio.sleep(0)
        answered.channel.hangup()
        await asyncio.sleep(0)
        assert told == ["INUSE", "UNKNOWN"]
        for phone in (unanswered, answered):
            phone.close()


async def test_who_waits_for_a_device_hears_of_the_end_of_a_call_that_nobody_was_told_of(tmp_path: Path) -> None:
    async with running_system(tmp_path, {"extensions.conf": "[default]\n"}) as system:
        told: list[str] = []
        system.bus.subscribe(events.DeviceStateChanged, lambda event: told.append(event.state))
        phone = Phone(system, name="Phone/one-1")
        system.techs.register(TechSpec(name="Phone", module="tests", tech=phone.channel.tech))
        assert system.device_states.follow("Phone/one") is S.INUSE
        phone.channel.hangup()
        await asyncio.sleep(0)
        assert told == ["UNKNOWN"]
        phone.close()


async def test_the_state_of_an_extension_called_by_local_channels_is_told_each_time(tmp_path: Path) -> None:
    """As recorded: nobody keeps it, so the same one is told again; it ends with the half that calls."""
    async with running_system(tmp_path, {"extensions.conf": "[default]\nexten => 1,1,Wait(10)\n"}) as system:
        told: list[str] = []
        system.bus.subscribe(events.DeviceStateChanged, lambda event: told.append(event.state))
        near = request_channel(system, "Local/1@default/n")
        near.set_state(ChannelState.RINGING)
        await asyncio.sleep(0)
        near.set_state(ChannelState.UP)
        await asyncio.sleep(0)
        assert told == ["INUSE", "INUSE"]
        far = near.private.other(near)
        near.hangup()
        assert system.device_states.state("Local/1@default") is S.NOT_INUSE
        far.hangup()
        await asyncio.sleep(0)
        assert told == ["INUSE", "INUSE", "NOT_INUSE", "NOT_INUSE"]


async def test_a_state_that_is_looked_at_at_once_is_told_once(tmp_path: Path) -> None:
    async with running_system(tmp_path) as system:
        told: list[str] = []
        system.bus.subscribe(events.DeviceStateChanged, lambda event: told.append(event.state))
        system.device_states.add_provider("Lamp", lambda name: S.RINGING)
        system.device_states.changed("Lamp:one")
        system.device_states.look_now("Lamp:one")
        assert told == ["RINGING"]
        await asyncio.sleep(0)
        assert told == ["RINGING"]
