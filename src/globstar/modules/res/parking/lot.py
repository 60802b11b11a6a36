"""A parking lot and the calls that are parked in it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from globstar.core import events
from globstar.core.bridge import Bridge, BridgeMember, LeaveReason
from globstar.core.bridgetech import BridgeCapability
from globstar.core.channel import Channel
from globstar.core.frame import Control
from globstar.core.services import MusicOnHold

if TYPE_CHECKING:
    from globstar.core.system import System
    from globstar.modules.res.parking.settings import LotSettings


@dataclass(slots=True, kw_only=True)
class ParkRequest:
    """How a call is parked."""

    #: dial string of the phone that parked
    parker: str
    #: the channel that parked, if that is another one
    parker_channel: Channel | None = None
    #: the place that is wanted, 0: any
    space: int = 0
    is_random: bool = False
    #: ringing instead of music
    is_ringing: bool = False
    #: seconds, None: as the lot says
    timeout: int | None = None
    #: where the call goes after that time, None: as the lot says
    comeback: tuple[str, str, int] | None = None


class ParkedCall:
    """One call in its place."""

    __slots__ = ("_timer", "is_over", "lot", "member", "parked_at", "request", "space", "timeout")

    def __init__(self, lot: ParkingLot, space: int, member: BridgeMember, request: ParkRequest) -> None:
        self.lot = lot
        self.space = space
        self.member = member
        self.request = request
        self.timeout = lot.settings.parkingtime if request.timeout is None else request.timeout
        loop = self.channel.system.loop
        self.parked_at = loop.time()
        self.is_over = False
        self._timer = loop.call_later(self.timeout, self._expired) if self.timeout else None
        member.when_left(self._left)

    @property
    def channel(self) -> Channel:
        """The parked channel."""
        return self.member.channel

    @property
    def duration(self) -> int:
        """Seconds in the place."""
        return round(self.channel.system.loop.time() - self.parked_at)

    def entertain(self) -> None:
        """Music, or ringing, as long as the call waits."""
        if self.is_over:
            return
        channel = self.channel
        if self.request.is_ringing:
            channel.indicate(Control.RINGING)
            return
        music = channel.system.service("music on hold", MusicOnHold)  # type: ignore[type-abstract]
        if music is not None:
            music.start(channel, self.lot.settings.parkedmusicclass)

    def end(self) -> None:
        """Out of the place: no music, no time."""
        if self.is_over:
            return
        self.is_over = True
        if self._timer is not None:
            self._timer.cancel()
        self.lot.free(self)
        self._be_quiet(self.channel)

    @staticmethod
    def _be_quiet(channel: Channel) -> None:
        if not channel.is_hung_up:
            music = channel.system.service("music on hold", MusicOnHold)  # type: ignore[type-abstract]
            if music is not None:
                music.stop(channel)
            channel.stop_generator()

    def publish(
        self,
        kind: str,
        *,
        parker: Channel | None = None,
        retriever: Channel | None = None,
        destination: tuple[str, str, int] | None = None,
    ) -> None:
        """Tell the listeners; ``parker`` is the channel that parked, if that is another one than the request says."""
        left = max(self.timeout - self.duration, 0)
        self.channel.system.bus.publish(
            events.ParkingChanged(
                kind,
                self.channel,
                parker if parker is not None else self.request.parker_channel,
                self.request.parker,
                self.lot.name,
                self.space,
                left,
                self.duration,
                retriever,
                destination,
            )
        )

    def _left(self, member: BridgeMember, reason: LeaveReason) -> None:
        if self.is_over:
            return
        if member.replaced_by is not None:
            self._swap(member.channel, member.replaced_by)
        else:
            self.end()
            self.publish("ParkedCallGiveUp")

    def _swap(self, replaced: Channel, newcomer: BridgeMember) -> None:
        """Another call waits on in this place: an attended transfer to the lot, an INVITE with Replaces."""
        self._be_quiet(replaced)
        self.member = newcomer
        newcomer.when_left(self._left)
        self.entertain()
        self.publish("ParkedCallSwap", parker=replaced)

    def _expired(self) -> None:
        self._timer = None
        self.lot.expired(self)


class ParkingLot:
    """A lot: its settings, its places, and the bridge where parked calls wait."""

    __slots__ = ("_bridge", "_last", "calls", "is_dynamic", "on_expiry", "settings", "system")

    def __init__(self, system: System, settings: LotSettings, *, is_dynamic: bool = False) -> None:
        self.system = system
        self.settings = settings
        self.is_dynamic = is_dynamic
        self.calls: dict[int, ParkedCall] = {}
        self.on_expiry = _ignore
        self._bridge: Bridge | None = None
        self._last = 0

    @property
    def name(self) -> str:
        """Its name."""
        return self.settings.name

    @property
    def bridge(self) -> Bridge:
        """Where parked calls wait; made for the first one, it stays as long as the lot."""
        if self._bridge is None or self._bridge.is_dissolved:
            self._bridge = Bridge(
                self.system,
                capabilities=BridgeCapability.HOLDING,
                kind="parking",
                name=self.name,
                creator="Parking",
                dissolve_on_hangup=False,
                is_standing=True,
            )
        return self._bridge

    def close(self) -> None:
        """The lot is no more."""
        if self._bridge is not None:
            self._bridge.dissolve()

    def find_space(self, request: ParkRequest, random_below: int = 0) -> int:
        """A free place: the wanted one, else as findslot says; 0 if all are taken."""
        first, last = self.settings.parkpos
        if request.space:
            return request.space if first <= request.space <= last and request.space not in self.calls else 0
        count = last - first + 1
        if len(self.calls) >= count:
            return 0
        start = 0
        if request.is_random:
            start = random_below % count
        elif self.settings.findslot == "next" and self._last:
            start = (self._last - first + 1) % count
        return next(first + (start + n) % count for n in range(count) if first + (start + n) % count not in self.calls)

    def park(self, space: int, member: BridgeMember, request: ParkRequest, *, is_spoken_to: bool = False) -> ParkedCall:
        """A call that is in the bridge gets a free place, and something to listen to unless it is spoken to first."""
        call = self.calls[space] = ParkedCall(self, space, member, request)
        self._last = space
        if not is_spoken_to:
            call.entertain()
        self._changed(space)
        call.publish("ParkedCall")
        return call

    def free(self, call: ParkedCall) -> None:
        """A place is free again. Called by the call."""
        if self.calls.get(call.space) is call:
            del self.calls[call.space]
            self._changed(call.space)

    def expired(self, call: ParkedCall) -> None:
        """The time of a call is over."""
        self.on_expiry(call)

    def oldest(self) -> ParkedCall | None:
        """The call that waits longest."""
        return min(self.calls.values(), key=lambda call: call.parked_at, default=None)

    def _changed(self, space: int) -> None:
        self.system.device_states.changed(f"park:{space}@{self.settings.context}")


def _ignore(call: ParkedCall) -> None:
    """What happens to a call whose lot belongs to nobody any more."""


async def wait_until_out(member: BridgeMember) -> None:
    """Wait in a bridge as its owner."""
    try:
        await member.left
    except asyncio.CancelledError:
        member.leave(LeaveReason.HANGUP)
        raise
