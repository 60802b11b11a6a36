"""Silence to who waits or is recorded, where asterisk.conf asks for it (transmit_silence)."""

from __future__ import annotations

from pathlib import Path

import pytest

from globstar.core.frame import digit_end
from tests.support.testtech import World

pytestmark = pytest.mark.virtual_time

PLAN = """
[default]
exten => wait,1,Answer(0)
 same => n,Wait(1)
 same => n,Hangup()
exten => early,1,Wait(1)
 same => n,Hangup()
exten => read,1,Answer(0)
 same => n,Read(d,,1,,1,1)
 same => n,Hangup()
exten => record,1,Answer(0)
 same => n,Record(x.wav,0,1,q)
 same => n,Hangup()
exten => noise,1,Answer(0)
 same => n,WaitForNoise(500,1,1)
 same => n,Hangup()
exten => digits,1,Answer(0)
 same => n,SendDTMF(12,500,500)
 same => n,Hangup()
exten => tone,1,Answer(0)
 same => n,PlayTones(440)
 same => n,Wait(1)
 same => n,Hangup()
"""


@pytest.mark.parametrize(
    ("extension", "frames"), [("wait", 50), ("early", 0), ("read", 50), ("record", 50), ("noise", 50), ("digits", 100)]
)
async def test_silence_goes_to_who_waits(tmp_path: Path, extension: str, frames: int) -> None:
    async with await World.start(PLAN, root=tmp_path) as world:
        world.phone("alice")
        for is_wanted in (False, True):
            world.system.options.transmit_silence = is_wanted
            leg = world.tech.phones["alice"].dials(extension)
            await world.all_gone()
            assert abs(len(leg.heard) - (frames if is_wanted else 0)) <= 4
            assert {frame.data for frame in leg.heard} <= {b"\xff" * 160}


async def test_what_is_played_takes_its_place(tmp_path: Path) -> None:
    async with await World.start(PLAN, root=tmp_path) as world:
        world.phone("alice")
        world.system.options.transmit_silence = True
        leg = world.tech.phones["alice"].dials("tone")
        await world.all_gone()
        assert len(leg.heard) > 40
        assert all(set(frame.data) != {0xFF} for frame in leg.heard)


@pytest.mark.parametrize("shortest_ms", [40, 80, 300])
async def test_the_shortest_digit(tmp_path: Path, shortest_ms: int, monkeypatch: pytest.MonkeyPatch) -> None:
    async with await World.start(PLAN, root=tmp_path) as world:
        world.phone("alice")
        world.system.options.mindtmfduration = shortest_ms
        leg = world.tech.phones["alice"].dials("wait")
        await world.settle(0.1)
        ended: list[int] = []
        monkeypatch.setattr(world.tech, "send_digit_end", lambda channel, digit, length_ms: ended.append(length_ms) or True)
        leg.channel.write(digit_end("5", 10))
        await world.settle(0.5)
        assert ended == [shortest_ms]
        await world.all_gone()
