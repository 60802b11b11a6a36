"""One search for a person: steps of numbers that ring together, called parties who are asked, the first who takes the call."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core.cause import Cause
from globstar.core.channel import Channel, ChannelGone
from globstar.core.dialing import CallStatus, OutgoingCall, request_channel, show_application
from globstar.core.features import inherit_features
from globstar.core.frame import Control, Frame, FrameType
from globstar.core.party import Connected, PartyId
from globstar.core.pbx import leads, parse_subroutine, run_hangup_handlers, run_subroutine
from globstar.core.playback import SoundMissing, play
from globstar.core.tech import RequestFailed
from globstar.dialplan.arguments import bar_to_comma
from globstar.modules.apps.followme.settings import Number, Profile

if TYPE_CHECKING:
    from collections.abc import Iterable

logger = Logger("app_followme")

#: Keys of telephones.
_DIGITS = "0123456789*#ABCD"


@dataclass(slots=True)
class HuntOptions:
    """What of FollowMe's options matters to the search."""

    predial: str = ""
    is_optimized: bool = True
    #: the sound in which the caller says its name, if it did
    introduction: str = ""
    digit_timeout: float = 5.0


@dataclass(slots=True, eq=False)
class Hunt:
    """Search with :meth:`run`; the winner is an answered channel that took the call."""

    caller: Channel
    profile: Profile
    options: HuntOptions
    calls: list[OutgoingCall] = field(default_factory=list)
    winner: OutgoingCall | None = None
    is_declined: bool = False
    #: who is there, where the called end said it
    parties: dict[OutgoingCall, PartyId] = field(default_factory=dict)
    _tasks: dict[OutgoingCall, asyncio.Task[None]] = field(default_factory=dict)
    _ended: asyncio.Future[None] | None = None

    async def run(self) -> OutgoingCall | None:
        """Try every step; None if nobody takes the call. Raises ``ChannelGone`` with the caller."""
        try:
            for step in self.profile.steps():
                await self._step(step)
                if self.winner is not None or self.is_declined:
                    break
            return self.winner
        except BaseException:
            self.winner = None  # nobody is left to talk to
            raise
        finally:
            self._let_go(self.calls)

    async def _step(self, step: list[Number]) -> None:
        loop = self.caller.system.loop
        self._ended = loop.create_future()
        timers = []
        try:
            for number in step:
                for text in number.numbers:
                    call = await self._place(text, number.timeout)
                    if call is not None:
                        timers.append(loop.call_later(number.timeout, self._ring_no_longer, call))
            if not self.calls:
                return
            await self.caller.wait_for(self._ended)
        finally:
            for timer in timers:
                timer.cancel()
        self._let_go([call for call in self.calls if call is not self.winner])

    async def _place(self, number: str, timeout: float) -> OutgoingCall | None:
        caller = self.caller
        context = self.profile.context or caller.context
        dial_string = f"Local/{number}@{context}" + ("" if self.options.is_optimized else "/n")
        try:
            callee = request_channel(caller.system, dial_string, capabilities=caller.native_formats, requestor=caller)
        except RequestFailed as failed:
            logger.warning(f"FollowMe: {dial_string} cannot be called: {failed}")
            return None
        caller.variables.inherit_to(callee)
        inherit_features(caller, callee)
        callee.context, callee.extension, callee.call_id = caller.context, caller.extension, caller.call_id
        callee.connected = Connected(caller.caller.id.copy(), caller.caller.ani.copy(), ani2=caller.caller.ani2)
        if not callee.caller.id.number.valid:
            callee.caller.id.set_number(number)
        show_application(callee, "AppDial", "(Outgoing Line)")
        if self.options.predial:
            await run_predial(callee, self.options.predial)
        call = OutgoingCall(callee, dial_string, caller, self._changed)
        self.calls.append(call)
        try:
            call.place(timeout)
        except RequestFailed as failed:
            logger.verbose(3, f"FollowMe: {dial_string} does not take the call: {failed}")
            self.calls.remove(call)
            callee.hangup()
            return None
        return call

    # -- what called parties do ------------------------------------------------------------------------------------------

    def _changed(self, call: OutgoingCall, frame: Frame | None) -> None:
        if frame is not None and frame.type is FrameType.CONTROL and frame.subtype == Control.CONNECTED_LINE:
            self.parties[call] = frame.data.id
            return
        if call.status is CallStatus.ANSWER:
            if call not in self._tasks:
                self._tasks[call] = self.caller.system.start_call_task(call.channel, self._ask(call), "followme")
        elif call.is_over:
            self._drop(call)

    def _ring_no_longer(self, call: OutgoingCall) -> None:
        """The time of a number is over; who answered meanwhile may go on to decide."""
        if call in self.calls and call not in self._tasks:
            call.status = CallStatus.NOANSWER
            self._drop(call)

    async def _ask(self, call: OutgoingCall) -> None:
        callee = call.channel
        try:
            takes = await self._takes(callee) if self.profile.asks_callee else True
        except ChannelGone:
            takes = None
        if self.winner is not None or self.is_declined or call not in self.calls:
            return
        if takes:
            self.winner = call
            self._finish()
        elif takes is False:
            self.is_declined = True
            self._finish()
        else:
            self._drop(call)

    async def _takes(self, callee: Channel) -> bool | None:
        """Whether the called party presses the code to take the call, or that to decline it; None for neither in time."""
        profile = self.profile
        prompts = profile.prompts
        if self.options.introduction:
            sounds = [prompts.call_from, self.options.introduction, prompts.options]
        else:
            sounds = [prompts.no_recording, prompts.options]
        pressed = await _first_digit(callee, sounds)
        typed = ""
        while True:
            if pressed is None:
                pressed = await callee.wait_for_digit(self.options.digit_timeout)
            if pressed is None:
                return None
            typed = (typed + pressed)[-max(len(profile.take_call), len(profile.decline_call)) :]
            if typed.endswith(profile.take_call):
                return True
            if typed.endswith(profile.decline_call):
                return False
            pressed = None

    def _drop(self, call: OutgoingCall) -> None:
        self._let_go([call])
        if not self.calls:
            self._finish()

    def _finish(self) -> None:
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(None)

    def _let_go(self, calls: Iterable[OutgoingCall]) -> None:
        """Hang up, but not on the winner."""
        for call in list(calls):
            if call is self.winner:
                continue
            self.calls.remove(call)
            task = self._tasks.pop(call, None)
            call.close()
            has_ended = call.status not in (CallStatus.CALLING, CallStatus.ANSWER)
            call.announce_end(call.status if has_ended else CallStatus.CANCEL)
            if task is not None and task is not asyncio.current_task():
                task.cancel()
            call.channel.hangup(Cause.ANSWERED_ELSEWHERE if self.winner is not None else 0)


async def _first_digit(channel: Channel, sounds: Iterable[str]) -> str | None:
    for sound in sounds:
        if not sound:
            continue
        try:
            digit = await play(channel, sound, stop_on=_DIGITS)
        except SoundMissing as missing:
            logger.warning(f"FollowMe: {missing}")
            continue
        if digit is not None:
            return digit
    return None


async def run_predial(channel: Channel, text: str) -> None:
    """Options b and B: run ``[[context^]exten^]priority[(args)]`` as a subroutine; a place that is missing is logged."""
    place = parse_subroutine(channel, bar_to_comma(text))
    if place is None or not await leads(channel, place[0], place[1], place[2]):
        logger.error(f"FollowMe: there is no {text} to run on {channel.name}")
        return
    await run_subroutine(channel, *place)


async def end_callee(callee: Channel) -> None:
    """Hang up after the hangup handlers that were pushed on it."""
    try:
        callee.data["skip_h"] = True
        await run_hangup_handlers(callee)
    finally:
        callee.hangup(Cause.NORMAL_CLEARING)
