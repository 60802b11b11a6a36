"""Conferences whose audio can be told apart: every packet that a participant says is noise of its own number.

alice = Voice(system, "alice", seed=1, offset=0.003)
alice.join(bridge)
...
bob.hears(alice)  -> [(time, number of the packet of alice), ...]
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from globstar.core.bridge import Bridge, BridgeMember
from globstar.core.channel import ChannelState
from globstar.core.format import Format, ulaw
from globstar.core.system import System
from tests.support.phone import PACKET, TICK, Phone, noise, to_samples

#: A packet is heard when it correlates this much with what arrived.
HEARD = 0.42


@dataclass(slots=True)
class Gap:
    """What was wrong with a stream: the longest time between two packets of it, and the packets that came twice or never."""

    longest: float
    repeated: list[int]
    missing: list[int]


class Voice:
    """A phone that is up and says numbered packets from ``offset`` seconds on."""

    def __init__(
        self, system: System, name: str, *, seed: int, seconds: float, offset: float = 0.0, format: Format = ulaw
    ) -> None:
        self.phone = Phone(system, name=f"Phone/{name}", format=format, state=ChannelState.UP)
        self.said = noise(seconds, seed, 3000)
        self._packets = _normalised(self.said.reshape(-1, PACKET))
        self.member: BridgeMember | None = None
        self._start = system.now() + offset
        self._next = 0
        self._timer = system.loop.call_at(self._start, self._say)

    def _say(self) -> None:
        """Say the next packet; a timer, not a task, so that a test may end while phones still speak."""
        phone = self.phone
        at = self._next * PACKET
        if phone.channel.is_hung_up or at >= len(self.said):
            return
        phone.deliver(self.said[at : at + PACKET])
        self._next += 1
        self._timer = phone.system.loop.call_at(self._start + self._next * TICK, self._say)

    def join(self, bridge: Bridge) -> BridgeMember:
        """Come into a bridge."""
        self.member = bridge.join(self.phone.channel)
        return self.member

    def hears(self, other: Voice, since: float = 0.0, until: float = 1e9) -> list[tuple[float, int]]:
        """When which packet of ``other`` was heard, in the phone's time."""
        frames = [(when, to_samples(frame)) for when, frame in self.phone.voice if since <= when < until]
        frames = [(when, samples) for when, samples in frames if len(samples) == PACKET]
        if not frames:
            return []
        likeness = _normalised(np.array([samples for _, samples in frames], np.int16)) @ other._packets.T
        best = likeness.argmax(axis=1)
        return [
            (when, int(number))
            for (when, _), number, value in zip(frames, best, likeness.max(axis=1), strict=True)
            if value > HEARD
        ]

    def gap(self, other: Voice, since: float = 0.0, until: float = 1e9) -> Gap:
        """What was wrong with what was heard of ``other``."""
        heard = self.hears(other, since, until)
        assert heard, f"{self.phone.channel.name} does not hear {other.phone.channel.name}"
        numbers = [number for _, number in heard]
        repeated = [number for number, later in itertools.pairwise(numbers) if later <= number]
        missing = sorted(set(range(min(numbers), max(numbers) + 1)) - set(numbers))
        longest = max((later - earlier for (earlier, _), (later, _) in itertools.pairwise(heard)), default=0.0)
        return Gap(round(longest, 6), repeated, missing)

    def close(self) -> None:
        """Hang up."""
        self._timer.cancel()
        if not self.phone.channel.is_hung_up:
            self.phone.channel.hangup()
        self.phone.close()


def _normalised(packets: npt.NDArray[np.int16]) -> npt.NDArray[np.float32]:
    values = packets.astype(np.float32)
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    return values / np.maximum(lengths, 1)


__all__ = ["TICK", "Gap", "Voice"]
