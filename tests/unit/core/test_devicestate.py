"""Device states, their aggregation, and hints that follow them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from globstar.core import events
from globstar.core.channel import ChannelState
from globstar.core.devicestate import DeviceState as S
from globstar.core.devicestate import aggregate, parse_device_state
from globstar.core.frame import Control, control
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
        ([S.ONHOLD, S.NOT_INUSE], S.INUSE),
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
