"""Device states, their aggregation, and hints that follow them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from globstar.core import events
from globstar.core.devicestate import DeviceState as S
from globstar.core.devicestate import aggregate, parse_device_state
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
