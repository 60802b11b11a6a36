"""Ringing: every destination of one Dial is called at once, and the first to answer wins."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from enum import Enum

from globstar.base.log import Logger
from globstar.core.callcompletion import SERVICE as CALL_COMPLETION
from globstar.core.callcompletion import CallCompletion
from globstar.core.cause import Cause, cause_text
from globstar.core.channel import Channel, ChannelState, NoTranslation
from globstar.core.dialing import CallStatus, OutgoingCall, prepare_calls, request_channel
from globstar.core.digits import ALL_DIGITS
from globstar.core.features import settings_for
from globstar.core.frame import Control, Frame, FrameType
from globstar.core.party import Connected, PartyId, Redirecting
from globstar.core.pbx import exists, leads, learn, parse_subroutine, run_subroutine
from globstar.core.pickup import release_of
from globstar.core.services import MusicOnHold
from globstar.core.tech import RequestFailed
from globstar.core.tones import Tones
from globstar.dialplan.arguments import bar_to_comma
from globstar.modules.apps.dial.callee import NO_CALLER_ID, end_callee, prepare
from globstar.modules.apps.dial.options import DialArguments
from globstar.modules.apps.dial.senddigits import send_digits, send_signals

logger = Logger("app_dial")

#: How often one destination may forward the call.
MAX_FORWARDS = 20


class Outcome(Enum):
    """How the ringing ended."""

    ANSWERED = "answered"
    REFUSED = "refused"  # by all, see Ringing.status
    TIMEOUT = "timeout"
    DIGIT = "digit"  # the caller left with a digit (options d and H)


#: How a refusal counts towards DIALSTATUS; other causes count as no answer.
_TALLY: dict[int, CallStatus | None] = {
    Cause.USER_BUSY: CallStatus.BUSY,
    Cause.NORMAL_CIRCUIT_CONGESTION: CallStatus.CONGESTION,
    Cause.NO_ANSWER: None,
    Cause.NORMAL_CLEARING: None,
}
_SEVERITY = (CallStatus.BUSY, CallStatus.CONGESTION, CallStatus.CHANUNAVAIL)


class Ringing:
    """The calls of one Dial from their request until one is answered or none is left."""

    def __init__(self, caller: Channel, arguments: DialArguments) -> None:
        self.caller = caller
        self.arguments = arguments
        self.system = caller.system
        self.started_at = caller.system.now()
        self.calls: list[OutgoingCall] = []
        self._requested: list[OutgoingCall] = []
        self.winner: OutgoingCall | None = None
        #: destination of the caller who left with a digit
        self.exit_extension = ""
        self._refusals: Counter[CallStatus | None] = Counter()
        self._forwards: dict[OutgoingCall, int] = {}
        self._parties: dict[OutgoingCall, PartyId] = {}
        self._unheard: set[OutgoingCall] = set()
        self._is_single = len(arguments.destinations) == 1
        self._has_rung = False
        self._has_progress = False
        self._is_indicating = False
        self._has_music = False
        self._digits = ""
        completion = caller.system.service(CALL_COMPLETION, CallCompletion)  # type: ignore[type-abstract]
        #: who may be called back for this call, None where that is nobody's wish
        self._completion = completion.watch(caller) if completion is not None else None
        self._timers: list[asyncio.TimerHandle] = []
        self._ended: asyncio.Future[Outcome] = caller.system.loop.create_future()

    @property
    def status(self) -> CallStatus:
        """DIALSTATUS when nobody answered: busy before congestion before unavailable; NOANSWER if any just did not answer."""
        refusals = self._refusals
        if not refusals:
            return CallStatus.CHANUNAVAIL
        if refusals[None] or self.calls:
            return CallStatus.NOANSWER
        return next(status for status in _SEVERITY if refusals[status])

    # -- calling -----------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Request every destination, run the pre-dial handler on each, then call them all."""
        requested: list[OutgoingCall] = []
        destinations = self._destinations()
        await prepare_calls(self.system, destinations)
        if "d" in self.arguments.letters:
            await learn(self.caller, self._exit_context(), ALL_DIGITS)
        for destination in destinations:
            call = self._request(destination)
            if call is not None:
                requested.append(call)
        if self.caller.variables.own("OUTBOUND_GROUP_ONCE"):
            self.caller.set_variable("OUTBOUND_GROUP_ONCE", "")
        self.calls = requested
        if "b" in self.arguments.letters:
            for call in requested:
                await run_predial(call.channel, self.arguments.options.get("b"))
        for call in tuple(requested):
            self._place(call)
        if self.calls:
            self._entertain()
            if self._is_single:
                self._update_connected_line(self.calls[0])

    def _destinations(self) -> list[str]:
        """Whom to call: all, but when a call is completed those who became free, unless the dialplan calls others by now."""
        destinations = list(self.arguments.destinations)
        if self._completion is None:
            return destinations
        return [destination for destination in destinations if self._completion.selects(destination)] or destinations

    def _request(self, destination: str, *, is_forward: bool = False) -> OutgoingCall | None:
        caller = self.caller
        try:
            formats = caller.initial_formats if "j" in self.arguments.letters else caller.native_formats
            callee = request_channel(self.system, destination, capabilities=formats, requestor=caller)
        except RequestFailed as failed:
            reason = cause_text(failed.cause)
            logger.notice(f"Unable to create a channel for {destination} (cause {int(failed.cause)} - {reason}): {failed}")
            caller.hangup_cause = failed.cause
            self._count(failed.cause)
            return None
        call = OutgoingCall(callee, destination, caller, self._changed)
        self._requested.append(call)
        if not is_forward:
            prepare(caller, callee, call.destination, self.arguments)
        return call

    def _place(self, call: OutgoingCall) -> bool:
        callee = call.channel
        if not self.arguments.is_entertained and self._is_single:
            call.on_voice = lambda frame: self._first_voice(call, frame)
        try:
            call.place(self.arguments.timeout or 0)
        except RequestFailed as failed:
            logger.verbose(3, f"Couldn't call {call.dial_string}: {failed}")
            self._drop(call, callee.hangup_cause)
            end_callee(callee)
            return False
        logger.verbose(3, f"Called {call.dial_string}")
        if self.arguments.response_timeout is not None:
            self._unheard.add(call)
            self._timers.append(self.system.loop.call_later(self.arguments.response_timeout, self._unresponsive, call))
        return True

    def _entertain(self) -> None:
        """What the caller hears from the beginning: music, ringing or a tone of its own; otherwise what the callees send."""
        arguments, caller = self.arguments, self.caller
        if "m" in arguments.letters:
            music = self.system.service("music on hold", MusicOnHold)  # type: ignore[type-abstract]
            if caller.state is not ChannelState.UP:
                caller.indicate(Control.PROGRESS)  # early media, or nobody would hear it
            self._has_music = music is not None and music.start(caller, arguments.options.get("m"))
            if not self._has_music:
                logger.notice(f"Dial: no music on hold for {caller.name}")
        elif "r" in arguments.letters or "R" in arguments.letters:
            self._is_indicating = True
            tone = arguments.options.get("r")
            if tone and isinstance(self.system.tones, Tones):
                self.system.tones.play(caller, tone)
            else:
                caller.indicate(Control.RINGING)

    # -- waiting -----------------------------------------------------------------------------------------------------

    async def wait(self) -> Outcome:
        """Until somebody answers, all refuse, the time is over, or the caller leaves by a digit (or altogether: ChannelGone)."""
        if not self.calls and self.winner is None:
            return Outcome.REFUSED
        if self.arguments.timeout is not None:
            self._timers.append(self.system.loop.call_later(self.arguments.timeout, self._end, Outcome.TIMEOUT))
        try:
            outcome: Outcome = await self.caller.wait_for(self._ended, self._from_caller)
            return outcome
        finally:
            if self._timers:
                self._stop_timers()

    def _stop_timers(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    def close(self) -> None:
        """Dial is over: calls and channels go at once, not with the next garbage collection."""
        for call in self._requested:
            call.on_change = call.on_voice = None
        self._requested.clear()

    def _end(self, outcome: Outcome) -> None:
        if not self._ended.done():
            self._ended.set_result(outcome)

    def stop_entertaining(self) -> None:
        """End music or tones that were played for the caller."""
        if self._has_music:
            self._has_music = False
            music = self.system.service("music on hold", MusicOnHold)  # type: ignore[type-abstract]
            if music is not None:
                music.stop(self.caller)
        self.caller.stop_generator()

    def give_up(self, status: CallStatus, cause: int, *, but: OutgoingCall | None = None) -> None:
        """Stop calling all ``but`` who is to be connected: tell so, then hang up with ``cause`` (0: as it is).

        Who has answered goes too, if the caller went at the same moment.
        """
        left = [call for call in self.calls if call is not but]
        self.calls = [but] if but is not None else []
        for call in left:
            call.close()
            call.announce_end(status)
        for call in left:
            end_callee(call.channel, cause)

    # -- what callees do ---------------------------------------------------------------------------------------------

    def _changed(self, call: OutgoingCall, frame: Frame | None) -> None:
        """A callee's frame, or its end without one."""
        self._unheard.discard(call)
        if call not in self.calls:
            return
        if call.is_over:
            if call.status is CallStatus.ANSWER:
                self._answered(call)
            elif frame is None and self._forward(call):
                return
            else:
                self._refused(call, frame)
            return
        if frame is None:
            return
        if frame.type is FrameType.CONTROL:
            handler = _CONDITIONS.get(frame.subtype)
            if handler is None:
                return
            if self._is_single or frame.subtype not in _SHOWN:
                handler(self, call, frame)
            else:  # of several that act at the same moment, an answer wins over what the others show
                self.system.loop.call_soon(self._show, handler, call, frame)
        elif self._is_single:
            self.caller.write(frame)

    def _show(self, handler: _Handler, call: OutgoingCall, frame: Frame) -> None:
        if self.winner is None and call in self.calls:
            handler(self, call, frame)

    def _answered(self, call: OutgoingCall) -> None:
        logger.verbose(3, f"{call.channel.name} answered {self.caller.name}")
        if self.winner is None:
            self.winner = call
            if self._completion is not None:
                self._completion.is_answered()
            is_picked_up = release_of(call.channel) is not None
            if is_picked_up:
                self._parties.pop(call, None)
            if is_picked_up or not self._is_single:
                self._update_connected_line(call)
            self._end(Outcome.ANSWERED)
        else:
            self.calls.remove(call)
            call.announce_end(CallStatus.CANCEL)
            end_callee(call.channel, Cause.ANSWERED_ELSEWHERE)

    def _refused(self, call: OutgoingCall, frame: Frame | None) -> None:
        callee = call.channel
        logger.verbose(3, f"{callee.name} does not take the call: {call.status.value}")
        status = call.status if frame is not None else None
        if self._completion is not None and call.status is CallStatus.BUSY:
            self._completion.is_busy(callee, call.dial_string)
        call.announce_end(call.status)
        self._drop(call, callee.hangup_cause, status)
        end_callee(callee)

    def _drop(self, call: OutgoingCall, cause: int, status: CallStatus | None = None) -> None:
        """A destination is out of question; ``status`` if a tone said why, else the cause does."""
        self.calls.remove(call)
        self.caller.hangup_cause = cause
        if status is not None:
            self._refusals[status] += 1
        else:
            self._count(cause)
        if not self.calls:
            self._end(Outcome.REFUSED)

    def _count(self, cause: int) -> None:
        self._refusals[_TALLY.get(cause, CallStatus.CHANUNAVAIL)] += 1

    def _unresponsive(self, call: OutgoingCall) -> None:
        """Nothing at all was heard of a destination within its response timeout."""
        if call in self._unheard and call in self.calls:
            logger.verbose(3, f"{call.channel.name} does not respond")
            call.close()
            call.announce_end(CallStatus.NOANSWER)
            self._drop(call, 0, CallStatus.CHANUNAVAIL)
            end_callee(call.channel)

    def _first_voice(self, call: OutgoingCall, frame: Frame) -> None:
        """Early media begins: it takes the place of a ringing tone. The path to the caller is bound once."""
        self._unheard.discard(call)
        self._is_indicating = False
        self.caller.stop_generator()
        call.on_voice = self.caller.write if _try_write(self.caller, frame) else None

    def _ringing(self, call: OutgoingCall, frame: Frame) -> None:
        if not self._has_rung:
            self._has_rung = True
            self._set_time("RINGTIME")
        if self._completion is not None:
            self._completion.rings(call.channel, call.dial_string)
        call.announce_state()
        if not (self._is_indicating or self.arguments.is_entertained):
            self._is_indicating = True
            self.caller.indicate(Control.RINGING)

    def _progress(self, call: OutgoingCall, frame: Frame) -> None:
        if not self._has_progress:
            self._has_progress = True
            self._set_time("PROGRESSTIME")
        call.announce_state()
        if not self.arguments.is_entertained and (self._is_single or not self._is_indicating):
            self._is_indicating = False
            self.caller.stop_generator()
            self.caller.indicate(Control.PROGRESS)
        digits = self.arguments.digits
        if digits.progress or digits.mf_progress or digits.sf_progress:
            self._send_once(call, "progress digits", digits.progress, digits.mf_progress, digits.sf_progress)

    def _wink(self, call: OutgoingCall, frame: Frame) -> None:
        digits = self.arguments.digits
        if digits.mf_wink or digits.sf_wink:
            self._send_once(call, "wink digits", "", digits.mf_wink, digits.sf_wink)

    def _send_once(self, call: OutgoingCall, key: str, dtmf: str, mf: str, sf: str) -> None:
        """Send the digits of option D to a callee who shows for the first time that it waits for them."""
        if call.channel.data.setdefault(key, self) is not self:
            return
        call.channel.data[key] = None
        echo = self.caller if "E" in self.arguments.letters else None

        async def send() -> None:
            if dtmf:
                await send_digits(call.channel, dtmf)
            await send_signals(call.channel, mf, sf, echo)

        self.system.start_call_task(call.channel, send(), key)

    def _proceeding(self, call: OutgoingCall, frame: Frame) -> None:
        call.announce_state()
        if not (self._is_indicating or self.arguments.is_entertained):
            self.caller.indicate(Control.PROCEEDING)

    def _connected_line(self, call: OutgoingCall, frame: Frame) -> None:
        data = frame.data
        if isinstance(data, Connected) and "I" not in self.arguments.letters:
            self._parties[call] = data.id
            if self._is_single:
                self.caller.set_connected_line(data.id, data.source)

    def _redirecting(self, call: OutgoingCall, frame: Frame) -> None:
        data = frame.data
        if isinstance(data, Redirecting) and "I" not in self.arguments.letters and self._is_single:
            self.caller.tech.indicate(self.caller, Control.REDIRECTING, data)
            self.caller.redirecting.from_ = call.channel.redirecting.from_.copy()

    def _hold(self, call: OutgoingCall, frame: Frame) -> None:
        if self._is_single:
            self.caller.indicate(Control(frame.subtype), frame.data)

    def _advice_of_charge(self, call: OutgoingCall, frame: Frame) -> None:
        self.caller.tech.indicate(self.caller, Control.AOC, frame.data)

    def _set_time(self, name: str) -> None:
        elapsed = self.system.now() - self.started_at
        self.caller.variables.set_all({name: str(int(elapsed)), f"{name}_MS": str(int(elapsed * 1000))})

    def _update_connected_line(self, call: OutgoingCall) -> None:
        """Tell the caller who is (being) reached, where that is known."""
        if "I" in self.arguments.letters:
            return
        known = self._parties.get(call)
        callee = call.channel
        if known is None and not (NO_CALLER_ID in callee.data and callee.tech.name == "Local"):  # that tells who is behind it
            known = callee.caller.id
        if known is not None:
            self.caller.set_connected_line(known, 1 if call.status is CallStatus.ANSWER else 0)

    # -- forwarding --------------------------------------------------------------------------------------------------

    def _forward(self, call: OutgoingCall) -> bool:
        """The callee wants the call to go elsewhere: call there in its place, or count it as busy. False if it does not."""
        callee = call.channel
        target = callee.data.pop("call_forward", "")
        if not target:
            return False
        count = self._forwards.pop(call, 0) + 1
        if "i" in self.arguments.letters:
            logger.verbose(3, f"{callee.name} forwards to {target}, which option i forbids")
            call.announce_end(CallStatus.CANCEL)
            self._drop(call, callee.hangup_cause, CallStatus.BUSY)  # it does not take the call itself
            end_callee(callee)
            return True
        if count > MAX_FORWARDS:
            logger.warning(f"{callee.name} forwards to {target}: too many forwards")
            return False
        if "/" not in target:
            context = callee.variables.get("FORWARD_CONTEXT") or callee.context
            target = f"Local/{target}@{context}" if "@" not in target else f"Local/{target}"
        logger.verbose(3, f"Now forwarding {self.caller.name} to {target} (thanks to {callee.name})")
        if "z" in self.arguments.letters:
            self._stop_timers()
        new = self._request(target, is_forward=True)
        if new is not None:
            new.channel.set_variable("FORWARDERNAME", callee.name)
            prepare(self.caller, new.channel, new.destination, self.arguments, is_forward=True)
            _tell_of_redirection(self.caller, callee, new.channel)
            self.calls[self.calls.index(call)] = new
            self._forwards[new] = count
            if self._place(new):
                call.announce_end(CallStatus.CANCEL, target)
                end_callee(callee)
                return True
        else:
            self.calls.remove(call)
            if not self.calls:
                self._end(Outcome.REFUSED)
        call.announce_end(CallStatus.CONGESTION)
        end_callee(callee)
        return True

    # -- what the caller does ----------------------------------------------------------------------------------------

    def _from_caller(self, frame: Frame) -> Outcome | None:
        kind = frame.type
        if kind is FrameType.DTMF_END:
            outcome = self._caller_digit(frame.digit)
            if outcome is not None:
                return outcome
        if kind is FrameType.CONTROL:
            if frame.subtype in _FOR_CALLEES:
                for call in self.calls:
                    call.channel.indicate(Control(frame.subtype), frame.data)
        elif self._is_single and self._has_progress and self.calls:
            _try_write(self.calls[0].channel, frame)
        return None

    def _exit_context(self) -> str:
        return self.caller.variables.get("EXITCONTEXT") or self.caller.context

    def _caller_digit(self, digit: str) -> Outcome | None:
        caller = self.caller
        if "d" in self.arguments.letters:
            context = self._exit_context()
            if exists(caller, context, digit):
                caller.goto(context, digit, 1)
                self.exit_extension = digit
                return Outcome.DIGIT
        if "H" in self.arguments.letters:
            code = settings_for(caller).disconnect
            self._digits = (self._digits + digit)[-len(code) :] if code else ""
            if code and self._digits == code:
                logger.verbose(3, f"{caller.name} pressed the disconnect code")
                return Outcome.DIGIT
        return None


_Handler = Callable[[Ringing, OutgoingCall, Frame], None]
_CONDITIONS: dict[int, _Handler] = {
    Control.RINGING: Ringing._ringing,
    Control.PROGRESS: Ringing._progress,
    Control.WINK: Ringing._wink,
    Control.PROCEEDING: Ringing._proceeding,
    Control.CONNECTED_LINE: Ringing._connected_line,
    Control.REDIRECTING: Ringing._redirecting,
    Control.HOLD: Ringing._hold,
    Control.UNHOLD: Ringing._hold,
    Control.AOC: Ringing._advice_of_charge,
}
_SHOWN = (Control.RINGING, Control.PROGRESS, Control.PROCEEDING)
_FOR_CALLEES = (Control.HOLD, Control.UNHOLD, Control.FLASH, Control.VIDUPDATE, Control.SRCUPDATE)


def _try_write(channel: Channel, frame: Frame) -> bool:
    """Send a frame; False if no translators lead to what the endpoint takes."""
    try:
        channel.write(frame)
    except NoTranslation as error:
        logger.debug(1, f"no early media: {error}")
        return False
    return True


def _tell_of_redirection(caller: Channel, old: Channel, new: Channel) -> None:
    """Who forwards is who the call is redirected from, for all three."""
    redirecting = new.redirecting
    for channel in (caller, old, new):
        channel.redirecting.from_ = old.caller.id.copy()
    redirecting.to = old.redirecting.to.copy()
    redirecting.reason = old.redirecting.reason
    redirecting.count = old.redirecting.count + 1


async def run_predial(channel: Channel, text: str) -> None:
    """Options b and B: run ``[[context^]exten^]priority[(args)]`` as a subroutine; a place that is missing is logged."""
    place = parse_subroutine(channel, bar_to_comma(text))
    if place is None or not await leads(channel, place[0], place[1], place[2]):
        logger.error(f"Dial: there is no {text} to run on {channel.name}")
        return
    await run_subroutine(channel, *place)
