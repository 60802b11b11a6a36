"""CPU time of mixing per participant and tick, by the number of participants and how many of them speak (budget: 0.5 us).

    python -m bench.bench_mix

``mix`` is the arithmetic alone: payloads in, payloads out. ``room`` is a whole step of a bridge with channels that drop what is
written to them: collecting, mixing, and the calls that write.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from globstar.core.bridge import BridgeMember
from globstar.core.format import ulaw
from globstar.core.frame import voice
from globstar.core.mixing import PLAIN_MIX
from globstar.core.tech import ChannelTech
from globstar.dsp.mixer import Encoding, Mixer, decode, encode, encode_others
from globstar.modules.bridges.softmix.participant import Participant
from globstar.modules.bridges.softmix.room import Room

SAMPLES = 160


def payloads(count: int) -> list[bytes]:
    """One packet of noise for each."""
    values = np.random.default_rng(count).integers(0, 256, (count, SAMPLES), dtype=np.uint8)
    return [row.tobytes() for row in values]


def mix_step(speaking: list[bytes], listeners: int) -> Callable[[], None]:
    """One step of the arithmetic; those who do not speak share what they hear."""
    mixer = Mixer()

    def step() -> None:
        rows = decode(Encoding.ULAW, speaking, SAMPLES)
        total = mixer.totals({8000: rows}, [8000])[8000]
        shared = encode(Encoding.ULAW, total) if listeners > len(speaking) else b""
        heard = encode_others(Encoding.ULAW, total, rows)
        assert len(heard) == len(speaking)
        assert len(shared) in (0, SAMPLES)

    return step


def room_step(speaking: list[bytes], listeners: int) -> Callable[[], None]:
    """One step of a room."""

    def channel(number: int) -> Any:
        return SimpleNamespace(
            name=f"Null/{number}", raw_write_format=ulaw, raw_read_format=ulaw, read_format=ulaw, generator=None,
            is_hung_up=False, write=lambda frame: None,
            set_read_format=lambda format: None, tech=ChannelTech(), unseen_voice=lambda sink: None,
        )  # fmt: skip

    def participant(number: int) -> Participant:
        member = SimpleNamespace(
            mix=PLAIN_MIX, bridge=SimpleNamespace(video_mode="none"), channel=channel(number), forward=None, receive=None
        )
        made = Participant(cast(BridgeMember, member))
        made.bind(0, 20)
        return made

    members = [participant(number) for number in range(listeners)]
    room = Room(20, time.monotonic)
    room.arrange(members)
    frames = [voice(ulaw, payload, SAMPLES) for payload in speaking]

    def step() -> None:
        for member, frame in zip(members, frames, strict=False):
            member.take(frame)
        room.step()

    return step


def measure(step: Callable[[], None], participants: int, seconds: float) -> float:
    """Microseconds of CPU per participant and step, the median of five runs."""
    step()
    runs = []
    for _ in range(5):
        started, count = time.process_time(), 0
        while time.process_time() - started < seconds / 5:
            step()
            count += 1
        runs.append((time.process_time() - started) / count / participants * 1e6)
    return sorted(runs)[2]


async def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=0.5, help="time of each measurement")
    seconds = parser.parse_args().seconds
    print(f"{'participants':>12} {'speaking':>8} {'mix us':>8} {'room us':>8}")
    for participants in (3, 10, 100, 1000):
        for speaking in sorted({min(3, participants), participants // 10 or 1, participants}):
            said = payloads(speaking)
            mix = measure(mix_step(said, participants), participants, seconds)
            room = measure(room_step(said, participants), participants, seconds)
            print(f"{participants:>12} {speaking:>8} {mix:>8.3f} {room:>8.3f}")


if __name__ == "__main__":
    asyncio.run(main())
