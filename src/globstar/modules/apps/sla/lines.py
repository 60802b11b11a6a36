"""Trunks, stations and the lines between them: who rings, talks and holds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core.bridge import Bridge, BridgeMember, LeaveReason
from globstar.core.channel import Channel, ChannelGone, NoTranslation
from globstar.core.devicestate import DeviceState
from globstar.core.dialing import CallStatus, OutgoingCall, request_channel, show_application
from globstar.core.frame import Control, Frame, FrameType
from globstar.core.party import Connected
from globstar.core.tech import RequestFailed

if TYPE_CHECKING:
    from globstar.core.system import System
    from globstar.modules.apps.sla.settings import LineSettings, StationSettings, TrunkSettings

logger = Logger("app_sla")


class LineState(Enum):
    """What the key of a line shows."""

    IDLE = "SLA_TRUNK_STATE_IDLE"
    RINGING = "SLA_TRUNK_STATE_RINGING"
    UP = "SLA_TRUNK_STATE_UP"
    ONHOLD = "SLA_TRUNK_STATE_ONHOLD"
    ONHOLD_BYME = "SLA_TRUNK_STATE_ONHOLD_BYME"


DEVICE_STATE = {
    LineState.IDLE: DeviceState.NOT_INUSE,
    LineState.RINGING: DeviceState.RINGING,
    LineState.UP: DeviceState.INUSE,
    LineState.ONHOLD: DeviceState.ONHOLD,
    LineState.ONHOLD_BYME: DeviceState.ONHOLD,
}
DEVICE_PREFIX = "SLA"


class Line:
    """One key of a station. ``channel`` and ``member`` are set while the station talks on it."""

    __slots__ = ("channel", "may_ring", "member", "settings", "state", "station", "timers", "trunk")

    def __init__(self, station: Station, trunk: Trunk, settings: LineSettings) -> None:
        self.station = station
        self.trunk = trunk
        self.settings = settings
        self.state = LineState.IDLE
        self.channel: Channel | None = None
        self.member: BridgeMember | None = None
        self.may_ring = False
        self.timers: list[asyncio.TimerHandle] = []

    @property
    def name(self) -> str:
        """``station1_line1``: its extension, and the name of its device."""
        return f"{self.station.settings.name}_{self.trunk.settings.name}"

    @property
    def is_private(self) -> bool:
        """Whether only who holds the call may take it back."""
        return self.trunk.settings.is_private or self.station.settings.is_private

    def show(self, state: LineState) -> None:
        """Change what the key shows."""
        if state is not self.state:
            self.state = state
            self.trunk.system.device_states.changed(f"{DEVICE_PREFIX}:{self.name}")

    # -- ringing: the station rings while any of its lines may --------------------------------------------------------------

    def start_ringing(self) -> None:
        """The trunk rings: the station does after its delay, until its time is over."""
        loop, station = self.trunk.system.loop, self.station.settings
        delay = self.settings.ring_delay or station.ring_delay
        timeout = self.settings.ring_timeout or station.ring_timeout
        self.timers = [loop.call_later(delay, self._ring, True)]
        if timeout:
            self.timers.append(loop.call_later(delay + timeout, self._ring, False))

    def stop_ringing(self) -> None:
        """The trunk rings no more."""
        for timer in self.timers:
            timer.cancel()
        self.timers = []
        if self.may_ring:
            self._ring(False)

    def _ring(self, may_ring: bool) -> None:
        self.may_ring = may_ring
        self.station.review()

    # -- talking --------------------------------------------------------------------------------------------------------------

    async def talk(self, channel: Channel) -> None:
        """Let the station talk on the line until it or the trunk hangs up, or it holds the call. Run by the channel's owner."""
        trunk = self.trunk
        self.channel = channel
        trunk.active.append(self)
        self.show(LineState.UP)
        hook = self._watch_hold
        channel.answer_at_once()
        channel.add_signal_hook(hook)
        member = self.member = trunk.join(channel)
        self.station.review()
        try:
            await member.left
        except asyncio.CancelledError:
            member.leave(LeaveReason.HANGUP)
            raise
        finally:
            channel.remove_signal_hook(hook)
            self.member = self.channel = None
            trunk.active.remove(self)
            trunk.station_left()
            self.station.review()

    def _watch_hold(self, frame: Frame, is_read: bool) -> Frame | None:
        """The phone's hold key holds the trunk and lets the phone go."""
        if not is_read or frame.type is not FrameType.CONTROL or frame.subtype not in (Control.HOLD, Control.UNHOLD):
            return frame
        if frame.subtype == Control.HOLD and self.member is not None:
            self.trunk.hold(self)
        return None


class Trunk:
    """A line to the outside, and the call on it."""

    __slots__ = (
        "active", "answered", "bridge", "channel", "is_on_hold", "lines", "member", "outgoing", "settings", "system", "when_idle",
    )  # fmt: skip

    def __init__(self, system: System, settings: TrunkSettings) -> None:
        self.system = system
        self.settings = settings
        self.lines: list[Line] = []
        self.channel: Channel | None = None
        self.member: BridgeMember | None = None
        self.bridge: Bridge | None = None
        #: the lines whose stations talk
        self.active: list[Line] = []
        self.is_on_hold = False
        #: the call to the outside that is not answered yet
        self.outgoing: OutgoingCall | None = None
        #: while the trunk rings: done with True when a station answers, with False when its time is over
        self.answered: asyncio.Future[bool] | None = None
        self.when_idle: Callable[[], None] | None = None

    @property
    def is_idle(self) -> bool:
        """Whether nobody uses it."""
        return self.channel is None and self.outgoing is None and not self.active

    @property
    def is_ringing(self) -> bool:
        """Whether a call from outside waits for a station."""
        return self.answered is not None and not self.answered.done()

    def show(self, state: LineState, *, only_inactive: bool = False) -> None:
        """Change what the keys of all stations show."""
        for line in self.lines:
            if not (only_inactive and line.channel is not None):
                line.show(state)

    def join(self, channel: Channel) -> BridgeMember:
        """Bring a channel to the others on the trunk."""
        if self.bridge is None or self.bridge.is_dissolved:
            self.bridge = Bridge(
                self.system, kind="conference", name=f"SLA_{self.settings.name}", creator="SLA", dissolve_on_hangup=False
            )
        return self.bridge.join(channel)

    # -- a call from outside --------------------------------------------------------------------------------------------------

    def ring(self, channel: Channel) -> asyncio.Future[bool]:
        """Let the stations ring; the trunk must be idle. The result says whether one of them answered in time."""
        self.channel = channel
        answered: asyncio.Future[bool] = self.system.loop.create_future()
        self.answered = answered
        self.show(LineState.RINGING)
        for line in self.lines:
            line.start_ringing()
        if self.settings.ring_timeout:
            timer = self.system.loop.call_later(self.settings.ring_timeout, self._ring_no_longer, answered)
            answered.add_done_callback(lambda _: timer.cancel())
        return answered

    def _ring_no_longer(self, answered: asyncio.Future[bool]) -> None:
        if not answered.done():
            answered.set_result(False)

    def answer(self) -> None:
        """A station takes the call."""
        if self.answered is not None and not self.answered.done():
            self.answered.set_result(True)
        self._stop_ringing()
        self.show(LineState.UP)

    def _stop_ringing(self) -> None:
        for line in self.lines:
            line.stop_ringing()

    async def attend(self, channel: Channel) -> None:
        """Keep the trunk's channel with the stations until it or the last of them hangs up. Run by the channel's owner."""
        self.channel = channel
        member = self.member = self.join(channel)
        if not self.active:  # the station that answered is gone already
            member.leave(LeaveReason.DISSOLVED)
        try:
            await member.left
        except asyncio.CancelledError:
            member.leave(LeaveReason.HANGUP)
            raise
        finally:
            self.reset()

    def reset(self) -> None:
        """The trunk's call is over: so it is for the stations."""
        answered, self.answered = self.answered, None
        if answered is not None and not answered.done():
            answered.set_result(False)
        self._stop_ringing()
        self.channel = self.member = None
        self.is_on_hold = False
        for line in tuple(self.active):
            if line.member is not None:
                line.member.leave(LeaveReason.DISSOLVED)
        self.show(LineState.IDLE)
        self._maybe_idle()

    def _maybe_idle(self) -> None:
        if self.is_idle and self.when_idle is not None:
            self.when_idle()

    # -- a call to the outside ------------------------------------------------------------------------------------------------

    async def dial(self, channel: Channel) -> bool:
        """Seize the idle trunk for a station and call its device; False if that is not answered. Raises ``ChannelGone``."""
        self.show(LineState.UP)
        try:
            callee = request_channel(self.system, self.settings.device, capabilities=channel.native_formats, requestor=channel)
        except RequestFailed as failed:
            logger.warning(f"trunk {self.settings.name} cannot be called: {failed}")
            self.reset()
            return False
        callee.call_id = channel.call_id
        channel.variables.inherit_to(callee)
        callee.connected = Connected(channel.caller.id.copy(), channel.caller.ani.copy(), ani2=channel.caller.ani2)
        show_application(callee, "AppDial", "(Outgoing Line)")
        ended: asyncio.Future[None] = self.system.loop.create_future()
        call = self.outgoing = OutgoingCall(callee, self.settings.device, channel, partial(_tell_station, channel, ended))
        call.on_voice = partial(_early_media, call, channel)
        is_taken = is_placed = False
        try:
            call.place()
            is_placed = True
            await channel.wait_for(ended)
            is_taken = call.status is CallStatus.ANSWER
        except RequestFailed as failed:
            logger.warning(f"trunk {self.settings.name} cannot be called: {failed}")
        finally:
            channel.stop_generator()
            self.outgoing = None
            if not is_taken:
                call.on_change = call.on_voice = None
                call.give_up((call.status if call.is_over else CallStatus.CANCEL) if is_placed else None)
                self.reset()
        if not is_taken:
            return False
        call.on_change = call.on_voice = None
        call.announce_end(CallStatus.ANSWER)
        self.channel = callee
        self.system.start_call_task(callee, self._serve(callee), "SLA trunk")  # begins when the station is on the line
        return True

    async def _serve(self, channel: Channel) -> None:
        try:
            await self.attend(channel)
        finally:
            channel.hangup()

    # -- the stations on it ---------------------------------------------------------------------------------------------------

    def hold(self, line: Line) -> None:
        """A station holds the call and leaves it."""
        self.is_on_hold = True
        channel, member = line.channel, line.member
        for other in self.lines:
            if other is line:
                other.show(LineState.ONHOLD_BYME if line.is_private else LineState.ONHOLD)
            elif other.channel is None:
                other.show(LineState.ONHOLD)
        if member is not None:
            member.leave(LeaveReason.KICKED)
        if channel is not None:
            channel.request_hangup()

    def _entertain(self) -> None:
        """Nobody is left with the caller, who is on hold."""
        if self.channel is not None and not self.channel.is_held:
            self.channel.indicate(Control.HOLD, "")
        for line in self.lines:
            if line.state is not LineState.ONHOLD_BYME:
                line.show(LineState.ONHOLD)

    def may_retrieve(self, line: Line) -> bool:
        """Whether a station may take the held call."""
        return line.state is LineState.ONHOLD_BYME or (line.state is LineState.ONHOLD and not line.is_private)

    def retrieve(self) -> None:
        """A station takes the held call."""
        self.is_on_hold = False
        if self.channel is not None and self.channel.is_held:
            self.channel.indicate(Control.UNHOLD)
        self.show(LineState.UP)

    def station_left(self) -> None:
        """A station is out: the last one takes the call along, unless that is held."""
        if not self.active and self.member is not None:
            if not self.is_on_hold:
                self.member.leave(LeaveReason.DISSOLVED)
            else:
                self._entertain()
        self._maybe_idle()


def _early_media(call: OutgoingCall, station: Channel, frame: Frame) -> None:
    """What is heard of the outside before it answers; nothing where no translators lead to the station."""
    try:
        station.write(frame)
    except NoTranslation as error:
        logger.debug(1, f"no early media: {error}")
        call.on_voice = None


def _tell_station(station: Channel, ended: asyncio.Future[None], call: OutgoingCall, frame: Frame | None) -> None:
    """How the call to the outside goes on, as the station hears it."""
    if call.is_over:
        if not ended.done():
            ended.set_result(None)
    elif frame is not None and frame.type is FrameType.CONTROL and call.status in (
        CallStatus.RINGING, CallStatus.PROGRESS, CallStatus.PROCEEDING,
    ):  # fmt: skip
        call.announce_state()
        station.indicate(Control(frame.subtype))


class Station:
    """A phone with keys for lines. ``call`` is set while it rings."""

    __slots__ = ("call", "lines", "settings", "system", "tells_caller")

    def __init__(self, system: System, settings: StationSettings, *, tells_caller: bool) -> None:
        self.system = system
        self.settings = settings
        self.tells_caller = tells_caller
        self.lines: list[Line] = []
        self.call: OutgoingCall | None = None

    def ringing_line(self) -> Line | None:
        """The first line that rings here."""
        return next((line for line in self.lines if line.may_ring and line.trunk.is_ringing), None)

    def review(self) -> None:
        """Ring while a line does, unless somebody talks on this phone."""
        line = None if any(line.channel is not None for line in self.lines) else self.ringing_line()
        if line is None and self.call is not None:
            call, self.call = self.call, None
            call.on_change = None
            call.give_up()
        elif line is not None and self.call is None:
            self._ring(line)

    def _ring(self, line: Line) -> None:
        trunk = line.trunk.channel
        if trunk is None:
            return
        device = self.settings.device
        try:
            callee = request_channel(self.system, device, capabilities=trunk.native_formats, requestor=trunk)
        except RequestFailed as failed:
            logger.warning(f"station {self.settings.name} cannot be called: {failed}")
            self._does_not_ring()
            return
        callee.call_id = trunk.call_id
        if self.tells_caller:
            callee.connected = Connected(trunk.caller.id.copy(), trunk.caller.ani.copy(), ani2=trunk.caller.ani2)
        show_application(callee, "AppDial", "(Outgoing Line)")
        self.call = OutgoingCall(callee, device, trunk, self._changed)
        try:
            self.call.place()
        except RequestFailed as failed:
            logger.warning(f"station {self.settings.name} cannot be called: {failed}")
            self.call = None
            callee.hangup()
            self._does_not_ring()

    def _does_not_ring(self) -> None:
        """It does not take the calls that ring now; the next one is another matter."""
        for line in self.lines:
            line.may_ring = False

    def _changed(self, call: OutgoingCall, frame: Frame | None) -> None:
        if call is not self.call:
            return
        if not call.is_over:
            if call.status is CallStatus.RINGING:
                call.announce_state()
            return
        self.call = None
        line = self.ringing_line() if call.status is CallStatus.ANSWER else None
        if line is None:
            self._does_not_ring()
            call.give_up(call.status if call.status is not CallStatus.ANSWER else CallStatus.CANCEL)
            return
        call.on_change = None
        call.announce_end(CallStatus.ANSWER)
        self.system.start_call_task(call.channel, self._answered(call.channel, line), "SLA station")

    async def _answered(self, channel: Channel, line: Line) -> None:
        try:
            if line.trunk.is_ringing:
                line.trunk.answer()
                await line.talk(channel)
        except ChannelGone:
            return
        finally:
            channel.hangup()
