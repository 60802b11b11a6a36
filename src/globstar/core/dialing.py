"""Outgoing calls: requesting a channel, calling it, and originating a call into the dialplan or an application."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from globstar.base.log import Logger
from globstar.core import events
from globstar.core.cause import Cause
from globstar.core.channel import Channel, ChannelGone, ChannelState
from globstar.core.format import FormatCapabilities
from globstar.core.frame import ChannelOption, Control, Frame, FrameType, control
from globstar.core.functions import assign, confined
from globstar.core.party import PartyId, parse_caller_id
from globstar.core.pbx import continue_in_dialplan, parse_subroutine, run_subroutine
from globstar.core.services import GEO_PROFILE
from globstar.core.tech import DialRequest, RequestFailed

if TYPE_CHECKING:
    from globstar.core.system import System

logger = Logger("dial")


class CallStatus(Enum):
    """How an outgoing call stands; the texts are those of DIALSTATUS and of the DialEnd event."""

    CALLING = ""
    RINGING = "RINGING"
    PROGRESS = "PROGRESS"
    PROCEEDING = "PROCEEDING"
    ANSWER = "ANSWER"
    BUSY = "BUSY"
    CONGESTION = "CONGESTION"
    CHANUNAVAIL = "CHANUNAVAIL"
    NOANSWER = "NOANSWER"
    CANCEL = "CANCEL"


_STATUS_OF_CAUSE: dict[int, CallStatus] = {
    Cause.USER_BUSY: CallStatus.BUSY,
    Cause.NORMAL_CIRCUIT_CONGESTION: CallStatus.CONGESTION,
}

_SECURITY_DEMANDS = (
    ("secure_bridge_signaling", ChannelOption.SECURE_SIGNALING),
    ("secure_bridge_media", ChannelOption.SECURE_MEDIA),
)

#: Key in ``channel.data`` of the :class:`OutgoingCall` of a channel while it is called.
OUTGOING_CALL = "outgoing call"


def status_of_cause(cause: int) -> CallStatus:
    """What the DialEnd event says of a callee that hung up with ``cause`` before it answered."""
    return _STATUS_OF_CAUSE.get(cause, CallStatus.NOANSWER)


async def prepare_calls(system: System, dial_strings: Iterable[str]) -> None:
    """Await what technologies need before channels for these can be requested; nothing for most."""
    waiting: list[Awaitable[None]] = []
    for dial_string in dial_strings:
        tech_name, _, destination = dial_string.partition("/")
        spec = system.techs.get(tech_name) or system.find_tech(tech_name)
        needed = spec.tech.prepare(destination) if spec is not None else None
        if needed is not None:
            waiting.append(needed)
    if waiting:
        await asyncio.gather(*waiting)


def request_channel(
    system: System,
    dial_string: str,
    *,
    capabilities: FormatCapabilities | None = None,
    requestor: Channel | None = None,
    unique_id: str = "",
    second_unique_id: str = "",
    linked_id: str = "",
) -> Channel:
    """Make an outgoing channel for ``Tech/resource``. Raises :class:`RequestFailed` with the cause."""
    tech_name, slash, destination = dial_string.partition("/")
    spec = system.techs.get(tech_name) or system.find_tech(tech_name)
    if spec is None or not slash:
        logger.warning(f"There is no channel technology '{tech_name}'")
        raise RequestFailed(Cause.CHAN_NOT_IMPLEMENTED, f"there is no channel technology '{tech_name}'")
    request = DialRequest(
        system, destination, capabilities or FormatCapabilities(), requestor, unique_id, second_unique_id,
        linked_id or (requestor.linked_id if requestor is not None else ""),
    )  # fmt: skip
    channel = spec.tech.request(request)
    channel.is_outgoing = True
    if requestor is not None:
        if not _is_secure_enough(requestor, channel):
            logger.warning(f"{dial_string} is not called: {requestor.name} demands a secure call")
            channel.hangup(Cause.BEARERCAPABILITY_NOTAVAIL)
            raise RequestFailed(Cause.BEARERCAPABILITY_NOTAVAIL, f"'{dial_string}' is not secure")
        if GEO_PROFILE in requestor.data:
            channel.data[GEO_PROFILE] = requestor.data[GEO_PROFILE]
        channel.peer_account = requestor.account_code
        channel.account_code = channel.account_code or requestor.peer_account
    return channel


def _is_secure_enough(requestor: Channel, channel: Channel) -> bool:
    """Whether ``channel`` has what CHANNEL(secure_bridge_signaling) and (secure_bridge_media) of its requestor demand."""
    for item, option in _SECURITY_DEMANDS:
        if requestor.data.get(item) == "1":
            channel.data[item] = "1"
            if not channel.tech.query_option(channel, option):
                return False
    return True


class OutgoingCall:
    """One channel being called, until it is answered, refuses or is given up.

    ``on_change`` hears of every control frame and, with no frame, of the end; ``status`` says how the call stands then.
    Voice before the answer goes to ``on_voice`` (early media), where set. What the world is told of the call is up to the
    owner: :meth:`announce_state` and :meth:`announce_end`.
    """

    __slots__ = (
        "_remove_listener", "caller", "channel", "destination", "dial_string", "is_over", "on_change", "on_voice", "status",
    )  # fmt: skip

    def __init__(
        self,
        channel: Channel,
        dial_string: str,
        caller: Channel | None = None,
        on_change: Callable[[OutgoingCall, Frame | None], None] | None = None,
    ) -> None:
        self.channel = channel
        self.dial_string = dial_string
        self.destination = dial_string.partition("/")[2]
        self.caller = caller
        self.on_change = on_change
        self.on_voice: Callable[[Frame], None] | None = None
        self.status = CallStatus.CALLING
        self.is_over = False
        self._remove_listener: Callable[[], None] | None = None

    def __repr__(self) -> str:
        return f"<OutgoingCall {self.channel.name} {self.status.name}>"

    def place(self, timeout: float = 0, *, is_announced: bool = True) -> None:
        """Start the call; raises :class:`RequestFailed` if it cannot even be tried, and then nothing is announced."""
        channel = self.channel
        channel.attach(self.receive)
        self._remove_listener = channel.on_hangup(self._hung_up)
        try:
            channel.tech.call(channel, self.destination, timeout)
        except RequestFailed as failed:
            channel.hangup_cause = channel.hangup_cause or failed.cause
            self.close()
            raise
        channel.data[OUTGOING_CALL] = self
        if is_announced:
            channel.system.bus.publish(events.DialBegan(self.caller, channel, self.destination))

    def receive(self, frame: Frame) -> None:
        """A frame from the called endpoint before the call is bridged."""
        kind = frame.type
        if kind is FrameType.VOICE:
            if self.on_voice is not None:
                self.on_voice(frame)
            return
        if kind is FrameType.CONTROL:
            status = _CONDITIONS.get(frame.subtype)
            if status is not None:
                self.status = status
                if status is CallStatus.ANSWER:
                    self.close()
                    self.channel.mark_answered()
                elif status is CallStatus.RINGING:
                    if self.channel.state is ChannelState.DOWN:
                        self.channel.set_state(ChannelState.RINGING)
                elif status in _REFUSED:
                    self.close()
            elif frame.subtype == Control.PVT_CAUSE_CODE and self.caller is not None:
                name, cause, text = frame.data
                self.caller.hangup_tech_cause[name] = (cause, text)
                self.caller.tech.indicate(self.caller, Control.PVT_CAUSE_CODE, frame.data)
                return
        if self.on_change is not None:
            self.on_change(self, frame)

    def _hung_up(self, channel: Channel) -> None:
        if not self.is_over:
            self.status = status_of_cause(channel.hangup_cause)
            self.close()
            if self.on_change is not None:
                self.on_change(self, None)

    def close(self) -> None:
        """Listen to the channel no more: it was answered, refused or is given up."""
        self.is_over = True
        channel = self.channel
        channel.data.pop(OUTGOING_CALL, None)
        if self._remove_listener is not None:
            self._remove_listener()
            self._remove_listener = None
        channel.detach(self.receive)

    def substitute(self, channel: Channel) -> None:
        """``channel`` answers in the place of the one that rings, which is out of the call and to be hung up by who does this."""
        self.close()
        self.channel = channel
        self.status = CallStatus.ANSWER
        if self.on_change is not None:
            self.on_change(self, control(Control.ANSWER))

    def announce_state(self) -> None:
        """Tell the listeners of the present status (ringing, progress, proceeding)."""
        system = self.channel.system
        if system.heard.dial_state_changed:
            system.bus.publish(events.DialStateChanged(self.caller, self.channel, self.status.value))

    def announce_end(self, status: CallStatus, forward: str = "") -> None:
        """Tell the listeners how the call ended."""
        self.status = status
        self.channel.system.bus.publish(events.DialEnded(self.caller, self.channel, status.value, forward))

    def give_up(self, status: CallStatus | None = CallStatus.CANCEL, cause: int = 0) -> None:
        """Stop calling and hang up; ``status`` None does so without telling how the call ended."""
        self.close()
        if status is not None:
            self.announce_end(status)
        self.channel.hangup(cause)


_CONDITIONS: dict[int, CallStatus] = {
    Control.ANSWER: CallStatus.ANSWER,
    Control.RINGING: CallStatus.RINGING,
    Control.PROGRESS: CallStatus.PROGRESS,
    Control.PROCEEDING: CallStatus.PROCEEDING,
    Control.BUSY: CallStatus.BUSY,
    Control.CONGESTION: CallStatus.CONGESTION,
}
_REFUSED = (CallStatus.BUSY, CallStatus.CONGESTION)

#: What an originated call says of its end: the number of the control frame that told it, 0 for a plain failure.
_REASONS: dict[CallStatus, int] = {
    CallStatus.ANSWER: Control.ANSWER,
    CallStatus.BUSY: Control.BUSY,
    CallStatus.CONGESTION: Control.CONGESTION,
    CallStatus.RINGING: Control.RINGING,
    CallStatus.PROGRESS: Control.PROGRESS,
    CallStatus.PROCEEDING: Control.PROCEEDING,
}


@dataclass(slots=True)
class OriginateResult:
    """What became of an originated call. ``channel`` is set if it was answered and goes on by itself.

    ``reason`` is the number of the control frame that decided (4 answer, 5 busy, 8 congestion, 3 still ringing at the
    timeout), 0 when the endpoint just hung up or could not be called.
    """

    channel: Channel | None
    status: CallStatus
    cause: int
    reason: int = 0


@dataclass(slots=True, kw_only=True)
class Origination:
    """A call to make: whom, and what to do when it is answered (a place in the dialplan or an application)."""

    dial_string: str
    context: str = ""
    extension: str = ""
    priority: int = 1
    application: str = ""
    data: str = ""
    timeout: float = 30.0
    caller_id: str = ""
    #: set before the call, in order; a name may be a function with its arguments, as in ``Set()``
    variables: list[tuple[str, str]] = field(default_factory=list)
    #: functions among them that reach outside are refused
    is_confined: bool = False
    account_code: str = ""
    capabilities: FormatCapabilities = field(default_factory=FormatCapabilities)
    unique_id: str = ""
    second_unique_id: str = ""
    early_media: bool = False
    requestor: Channel | None = None
    #: a Gosub to run on the new channel before it is called
    predial: str = ""
    #: a Gosub to run when it is answered, before it goes on
    subroutine: str = ""
    #: who the called endpoint is told is at the other end
    shown_party: PartyId | None = None
    #: sees the channel when it is made, before it is called
    on_created: Callable[[Channel], None] | None = None
    #: hears of a failure before the channel is gone
    on_failed: Callable[[OriginateResult], None] | None = None

    def fail(self, status: CallStatus, cause: int, reason: int = 0) -> OriginateResult:
        """Nothing came of the call; who wants to know is told."""
        result = OriginateResult(None, status, cause, reason)
        if self.on_failed is not None:
            self.on_failed(result)
        return result


async def originate(system: System, what: Origination) -> OriginateResult:
    """Call and wait until it is answered or refused; an answered channel goes on in a task of its own."""
    if not system.accepts_calls:
        logger.notice(f"no call to {what.dial_string}: the server takes no more calls before it stops")
        return what.fail(CallStatus.CHANUNAVAIL, Cause.SWITCH_CONGESTION)
    await prepare_calls(system, (what.dial_string,))
    try:
        channel = request_channel(
            system, what.dial_string, capabilities=what.capabilities, requestor=what.requestor,
            unique_id=what.unique_id, second_unique_id=what.second_unique_id,
        )  # fmt: skip
    except RequestFailed as failed:
        return what.fail(CallStatus.CHANUNAVAIL, failed.cause)
    show_application(channel, "AppDial2", "(Outgoing Line)")
    _prepare(channel, what)
    if what.on_created is not None:
        what.on_created(channel)
    if what.predial:
        await _run_predial(channel, what.predial)
    ended: asyncio.Future[Control | None] = system.loop.create_future()

    def changed(call: OutgoingCall, frame: Frame | None) -> None:
        is_early = what.early_media and call.status is CallStatus.PROGRESS
        if call.is_over or is_early:
            call.announce_end(call.status) if call.is_over else call.announce_state()
            if not ended.done():
                ended.set_result(Control(frame.subtype) if frame is not None else None)
        elif frame is not None and frame.type is FrameType.CONTROL and frame.subtype in _CONDITIONS:
            call.announce_state()

    call = OutgoingCall(channel, what.dial_string, on_change=changed)
    try:
        call.place(what.timeout)
        told_by = await asyncio.wait_for(ended, what.timeout)
    except RequestFailed as failed:
        result = what.fail(CallStatus.CHANUNAVAIL, failed.cause)
        channel.hangup()
        return result
    except TimeoutError:
        result = what.fail(CallStatus.NOANSWER, Cause.NO_ANSWER, _REASONS.get(call.status, 0))
        call.give_up(None, Cause.NO_ANSWER)
        return result
    except asyncio.CancelledError:
        call.give_up()
        raise
    call.close()
    if call.status not in (CallStatus.ANSWER, CallStatus.PROGRESS):
        reason = _REASONS.get(call.status, 0) if told_by is not None else 0
        result = what.fail(call.status, channel.hangup_cause, reason)
        channel.hangup()
        return result
    start_originated(channel, what)
    return OriginateResult(channel, CallStatus.ANSWER, 0, Control.ANSWER)


def _prepare(channel: Channel, what: Origination) -> None:
    if what.account_code:
        channel.set_account_code(what.account_code)
    if what.variables:
        with confined() if what.is_confined else nullcontext():
            for variable, value in what.variables:
                assign(channel, variable, value)
    if what.caller_id:
        name, number = parse_caller_id(what.caller_id)
        channel.set_caller_id(number or None, name or None, number or None)
        channel.set_connected_line(PartyId.of(name or None, number or None), tell_endpoint=False)
    if what.shown_party is not None:
        channel.set_connected_line(what.shown_party, tell_endpoint=False)


async def _run_predial(channel: Channel, subroutine: str) -> None:
    place = parse_subroutine(channel, subroutine)
    if place is not None:
        await run_subroutine(channel, *place)


def start_originated(channel: Channel, what: Origination) -> None:
    """Let an answered channel go on by itself: in the application or at the place in the dialplan."""
    system = channel.system
    if what.application:
        channel.call_id = channel.call_id or system.next_call_id()
        system.start_call_task(channel, _run_application(channel, what.application, what.data), "originated")
    else:
        channel.context = what.context or channel.context
        channel.extension = what.extension or channel.extension
        channel.priority = what.priority
        if what.subroutine:
            channel.call_id = channel.call_id or system.next_call_id()
            system.start_call_task(channel, _run_subroutine_first(channel, what.subroutine), "originated")
        else:
            system.start_pbx(channel)


async def _run_subroutine_first(channel: Channel, subroutine: str) -> None:
    await _run_predial(channel, subroutine)
    channel.system.start_pbx(channel)


def show_application(channel: Channel, name: str, data: str) -> None:
    """Note what the channel does although it runs no priority (``AppDial`` and the like)."""
    channel.idle_application = (name, data)
    channel.application, channel.application_data = name, data
    if channel.system.heard.application_changed:
        channel.system.bus.publish(events.ApplicationChanged(channel, name, data))


async def _run_application(channel: Channel, name: str, data: str) -> None:
    """Run one application on a channel outside any dialplan, then hang up."""
    try:
        spec = channel.system.applications.get(name)
        if spec is None:
            near = channel.system.applications.nearest(name)
            logger.warning(f"There is no application '{name}'" + (f"; did you mean {near}?" if near else ""))
            return
        channel.application, channel.application_data = spec.name, data
        channel.system.bus.publish(events.ApplicationChanged(channel, spec.name, data))
        result: Any = spec.run(channel, data)
        if inspect.isawaitable(result):
            await result
    except ChannelGone:
        return
    finally:
        if not continue_in_dialplan(channel):
            channel.hangup()
