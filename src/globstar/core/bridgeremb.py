"""What the receivers of video in a conference can take (REMB, draft-alvestrand-rmcat-remb), told to those who send it.

It concerns conferences where everybody sees everybody (``sfu``). Options and values are those of ConfBridge's bridge profiles:
``remb_send_interval``, ``remb_behavior``, ``remb_estimated_bitrate``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from globstar.base.errors import LocalFault
from globstar.core.bridgevideo import SFU
from globstar.core.frame import Frame, FrameType

if TYPE_CHECKING:
    from globstar.core.bridge import Bridge, BridgeMember

_LIMIT = 0xFFFFFFFF


class BitRate(NamedTuple):
    """The data of an RTCP frame: the bits per second that its stream can be received with, which ``sources`` streams share."""

    bits: int
    sources: int = 1


class RembBehavior(Enum):
    """What is made of the estimates: of those who see the stream that is about to be told, or of all in the conference."""

    AVERAGE = "average"
    LOWEST = "lowest"
    HIGHEST = "highest"
    AVERAGE_ALL = "average_all"
    LOWEST_ALL = "lowest_all"
    HIGHEST_ALL = "highest_all"
    FORCE = "force"

    @property
    def concerns_all(self) -> bool:
        """Whether every sender is told the same."""
        return self in (RembBehavior.AVERAGE_ALL, RembBehavior.LOWEST_ALL, RembBehavior.HIGHEST_ALL)

    def combine(self, bit_rates: Iterable[int]) -> int:
        """One bit rate of several; 0 of none."""
        found = list(bit_rates)
        if not found:
            return 0
        if self in (RembBehavior.LOWEST, RembBehavior.LOWEST_ALL):
            return min(found)
        if self in (RembBehavior.HIGHEST, RembBehavior.HIGHEST_ALL):
            return max(found)
        return sum(found) // len(found)


@dataclass(frozen=True, slots=True)
class RembSettings:
    """How often senders are told (ms, 0: never), what is made of the estimates, and what ``force`` tells (bit/s, 0: nothing)."""

    send_interval_ms: int = 0
    behavior: RembBehavior = RembBehavior.AVERAGE
    estimated_bit_rate: int = 0

    def __post_init__(self) -> None:
        for name, value in (("interval", self.send_interval_ms), ("bit rate", self.estimated_bit_rate)):
            if not 0 <= value <= _LIMIT:
                raise LocalFault(f"{value} is no {name} of REMB")


#: Nobody is told.
NO_REMB = RembSettings()


class RembCollector:
    """The estimates of a conference, and the timer by which senders are told of them.

    An estimate that covers several streams is shared by them evenly. It counts until its receiver gives another one, or one of
    both leaves. The timer runs only while somebody sees somebody.
    """

    __slots__ = ("_bridge", "_due", "_estimates", "_timer", "settings", "told")

    def __init__(self, bridge: Bridge, settings: RembSettings) -> None:
        self._bridge = bridge
        self.settings = settings
        #: by receiver, for each stream that it sees: whose, and which of its streams
        self._estimates: dict[BridgeMember, dict[tuple[BridgeMember, int], int]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        #: how often a sender was told
        self.told = 0

    @property
    def is_running(self) -> bool:
        """Whether senders will be told."""
        return self._timer is not None

    @property
    def estimates(self) -> int:
        """How many there are."""
        return sum(map(len, self._estimates.values()))

    def take(self, viewer: BridgeMember, frame: Frame) -> None:
        """A receiver tells with what bit rate it can receive one of its streams."""
        rate = frame.data
        if isinstance(rate, BitRate):
            for seen, place in viewer.sees.items():
                if place == frame.subtype:
                    self._estimates.setdefault(viewer, {})[seen] = rate.bits // max(rate.sources, 1)
                    return

    def forget(self, member: BridgeMember) -> None:
        """A member has left: what it can receive, and what others can receive of it, are nothing any more."""
        self._estimates.pop(member, None)
        for known in self._estimates.values():
            for seen in [seen for seen in known if seen[0] is member]:
                del known[seen]

    def wake(self) -> None:
        """Somebody sees somebody: begin to tell, if that has not begun."""
        if self._timer is None and self.settings.send_interval_ms:
            self._due = self._bridge.system.loop.time()
            self._arm()

    def stop(self) -> None:
        """Tell nobody any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        loop = self._bridge.system.loop
        self._due = max(self._due + self.settings.send_interval_ms / 1000, loop.time())
        self._timer = loop.call_at(self._due, self._tell)

    def _tell(self) -> None:
        self._timer = None
        behavior = self.settings.behavior
        viewers = [member for member in self._bridge.members if not member.is_apart]
        seen = {stream for viewer in viewers for stream in viewer.sees}
        if not seen:
            return  # until the next one is seen
        self._arm()
        estimates = [self._estimates[viewer] for viewer in viewers if viewer in self._estimates]
        shared = self.settings.estimated_bit_rate if behavior is RembBehavior.FORCE else 0
        if behavior.concerns_all:
            shared = behavior.combine(rate for known in estimates for rate in known.values())
        for member, stream in sorted(seen, key=lambda one: (one[0].joined_at, one[1])):
            rate = shared
            if not rate and behavior is not RembBehavior.FORCE and not behavior.concerns_all:
                rate = behavior.combine(known[member, stream] for known in estimates if (member, stream) in known)
            if rate and not member.channel.is_hung_up:
                self.told += 1
                member.channel.write(Frame(FrameType.RTCP, stream, BitRate(rate)))

    def detail(self) -> str:
        """What is done, for ``bridge explain``."""
        settings = self.settings
        forced = f" {settings.estimated_bit_rate} bit/s" if settings.behavior is RembBehavior.FORCE else ""
        return f"{settings.behavior.value}{forced} every {settings.send_interval_ms} ms, of {self.estimates} estimates"


def put_in_force(bridge: Bridge, settings: RembSettings) -> RembCollector | None:
    """The collector of a bridge that works by ``settings`` from now on; None where nothing is to be told."""
    remb = bridge.remb
    if remb is not None:
        remb.stop()
    if not settings.send_interval_ms or bridge.video_mode != SFU:
        return None
    if remb is None:
        remb = RembCollector(bridge, settings)
    remb.settings = settings
    remb.wake()
    return remb
