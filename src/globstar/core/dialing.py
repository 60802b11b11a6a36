"""Outgoing calls: requesting a channel, calling it, and originating a call into the dialplan or an application."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from globstar.base.log import Logger
from globstar.core import events
from globstar.core.cause import Cause
from globstar.core.channel import Channel
from globstar.core.format import FormatCapabilities
from globstar.core.frame import Control, Frame, FrameType
from globstar.core.party import PartyId, parse_caller_id
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


def status_of_cause(cause: int) -> CallStatus:
    """What DIALSTATUS becomes when a callee hangs up with ``cause`` before it answers."""
    if cause == Cause.USER_BUSY:
        return CallStatus.BUSY
    if cause in (Cause.NORMAL_CIRCUIT_CONGESTION, Cause.SWITCH_CONGESTION, Cause.REQUESTED_CHAN_UNAVAIL):
        return CallStatus.CONGESTION
    if cause in (Cause.UNALLOCATED, Cause.NO_ROUTE_DESTINATION, Cause.SUBSCRIBER_ABSENT, Cause.CHAN_NOT_IMPLEMENTED):
        return CallStatus.CHANUNAVAIL
    if cause in (Cause.NO_ANSWER, Cause.NO_USER_RESPONSE):
        return CallStatus.NOANSWER
    return CallStatus.CONGESTION


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
    spec = system.find_tech(tech_name)
    if spec is None or not slash:
        raise RequestFailed(Cause.CHAN_NOT_IMPLEMENTED, f"there is no channel technology '{tech_name}'")
    request = DialRequest(
        system, destination, capabilities or FormatCapabilities(), requestor, unique_id, second_unique_id,
        linked_id or (requestor.linked_id if requestor is not None else ""),
    )  # fmt: skip
    channel = spec.tech.request(request)
    channel.is_outgoing = True
    return channel


@dataclass(slots=True)
class OutgoingCall:
    """One channel being called. ``on_change`` hears of every change of ``status`` and of control frames.

    Frames go to :meth:`receive`; voice before the answer goes to ``on_voice`` (early media), where set.
    """

    channel: Channel
    dial_string: str
    caller: Channel | None = None
    on_change: Callable[[OutgoingCall, Frame | None], None] | None = None
    on_voice: Callable[[Frame], None] | None = None
    status: CallStatus = CallStatus.CALLING
    is_over: bool = False
    _remove_listener: Callable[[], None] = field(default=lambda: None)

    def place(self, timeout: float = 0) -> None:
        """Start the call; raises :class:`RequestFailed` if it cannot even be tried."""
        destination = self.dial_string.partition("/")[2]
        channel = self.channel
        channel.system.bus.publish(events.DialBegan(self.caller, channel, destination))
        channel.attach(self.receive)
        self._remove_listener = channel.on_hangup(lambda _: self._hung_up())
        try:
            channel.tech.call(channel, destination, timeout)
        except RequestFailed as failed:
            self._finish(status_of_cause(failed.cause), None)
            raise

    def receive(self, frame: Frame) -> None:
        """A frame from the called endpoint before the call is bridged."""
        if frame.type is FrameType.VOICE:
            if self.on_voice is not None:
                self.on_voice(frame)
            return
        if frame.type is FrameType.CONTROL:
            status = _CONDITIONS.get(frame.subtype)
            if status is CallStatus.ANSWER:
                self.channel.mark_answered()
                self._finish(status, frame)
                return
            if status in (CallStatus.BUSY, CallStatus.CONGESTION):
                self._finish(status, frame)
                return
            if status is not None and status is not self.status:
                self.status = status
                self.channel.system.bus.publish(events.DialStateChanged(self.caller, self.channel, status.value))
        if self.on_change is not None:
            self.on_change(self, frame)

    def _hung_up(self) -> None:
        if not self.is_over:
            self._finish(status_of_cause(self.channel.hangup_cause), None)

    def _finish(self, status: CallStatus, frame: Frame | None) -> None:
        if self.is_over:
            return
        self.is_over = True
        self.status = status
        self._remove_listener()
        self.channel.detach(self.receive)
        self.channel.system.bus.publish(events.DialEnded(self.caller, self.channel, status.value))
        if self.on_change is not None:
            self.on_change(self, frame)

    def give_up(self, status: CallStatus = CallStatus.CANCEL, cause: int = 0) -> None:
        """Stop calling and hang up, unless it was answered."""
        if not self.is_over:
            self._finish(status, None)
        self.channel.hangup(cause)


_CONDITIONS: dict[int, CallStatus] = {
    Control.ANSWER: CallStatus.ANSWER,
    Control.RINGING: CallStatus.RINGING,
    Control.PROGRESS: CallStatus.PROGRESS,
    Control.PROCEEDING: CallStatus.PROCEEDING,
    Control.BUSY: CallStatus.BUSY,
    Control.CONGESTION: CallStatus.CONGESTION,
}

#: The cause of a refusal that came as a tone, without a cause of its own.
_CAUSES = {CallStatus.BUSY: Cause.USER_BUSY, CallStatus.CONGESTION: Cause.NORMAL_CIRCUIT_CONGESTION}


@dataclass(slots=True)
class OriginateResult:
    """What became of an originated call. ``channel`` is set if it was answered and goes on by itself."""

    channel: Channel | None
    status: CallStatus
    cause: int


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
    variables: list[tuple[str, str]] = field(default_factory=list)
    account_code: str = ""
    capabilities: FormatCapabilities = field(default_factory=FormatCapabilities)
    unique_id: str = ""
    second_unique_id: str = ""
    early_media: bool = False
    requestor: Channel | None = None


async def originate(system: System, what: Origination) -> OriginateResult:
    """Call and wait until it is answered or refused; an answered channel goes on in a task of its own."""
    try:
        channel = request_channel(
            system, what.dial_string, capabilities=what.capabilities, requestor=what.requestor,
            unique_id=what.unique_id, second_unique_id=what.second_unique_id,
        )  # fmt: skip
    except RequestFailed as failed:
        return OriginateResult(None, CallStatus.CHANUNAVAIL, failed.cause)
    name, number = parse_caller_id(what.caller_id)
    if what.caller_id:
        party = PartyId.of(name or None, number or None)
        channel.set_caller_id(number or None, name or None, number or None)
        channel.set_connected_line(party, tell_endpoint=False)
    if what.account_code:
        channel.set_account_code(what.account_code)
    for variable, value in what.variables:
        channel.set_variable(variable, value)
    answered: asyncio.Future[tuple[CallStatus, bool]] = system.loop.create_future()

    def changed(call: OutgoingCall, frame: Frame | None) -> None:
        early = what.early_media and call.status is CallStatus.PROGRESS
        if (call.is_over or early) and not answered.done():
            answered.set_result((call.status, frame is not None))

    call = OutgoingCall(channel, what.dial_string, on_change=changed)
    try:
        call.place(what.timeout)
        status, was_told = await asyncio.wait_for(answered, what.timeout)
    except RequestFailed as failed:
        channel.hangup()
        return OriginateResult(None, CallStatus.CHANUNAVAIL, failed.cause)
    except TimeoutError:
        call.give_up(CallStatus.NOANSWER, Cause.NO_ANSWER)
        return OriginateResult(None, CallStatus.NOANSWER, Cause.NO_ANSWER)
    except asyncio.CancelledError:
        call.give_up()
        raise
    if status not in (CallStatus.ANSWER, CallStatus.PROGRESS):
        cause = channel.hangup_cause or (_CAUSES.get(status, 0) if was_told else 0)
        channel.hangup()
        return OriginateResult(None, status, cause)
    if what.application:
        channel.call_id = channel.call_id or system.next_call_id()
        system.start_call_task(channel, _run_application(channel, what.application, what.data), "originated")
    else:
        channel.context = what.context or channel.context
        channel.extension = what.extension or channel.extension
        channel.priority = what.priority
        system.start_pbx(channel)
    return OriginateResult(channel, CallStatus.ANSWER, 0)


async def _run_application(channel: Channel, name: str, data: str) -> None:
    """Run one application on a channel outside any dialplan, then hang up."""
    from globstar.core.channel import ChannelGone

    system = channel.system
    try:
        spec = system.applications.get(name)
        if spec is None:
            logger.warning(f"No such application '{name}'")
            return
        channel.application, channel.application_data = spec.name, data
        system.bus.publish(events.ApplicationStarted(channel, spec.name, data))
        result: Any = spec.run(channel, data)
        if result is not None and not isinstance(result, (int, str)):
            await result
    except ChannelGone:
        return
    finally:
        if not _continues(channel):
            channel.hangup()


def _continues(channel: Channel) -> bool:
    from globstar.core.pbx import continue_in_dialplan

    return continue_in_dialplan(channel)
