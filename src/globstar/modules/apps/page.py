"""Page Multiple Phones."""

from __future__ import annotations

import asyncio

from globstar.base.log import Logger
from globstar.core.bridge import Bridge, BridgeCapability, LeaveReason
from globstar.core.cause import Cause
from globstar.core.channel import Channel, ChannelGone
from globstar.core.devicestate import DeviceState
from globstar.core.dialing import CallStatus, OutgoingCall, prepare_calls, request_channel, show_application
from globstar.core.features import inherit_features
from globstar.core.frame import Frame
from globstar.core.mixing import MemberMix
from globstar.core.numbers import seconds
from globstar.core.party import Connected
from globstar.core.pbx import leads, parse_subroutine, run_subroutine
from globstar.core.playback import play_all
from globstar.core.registry import application
from globstar.core.services import CallRecorder
from globstar.core.soundfile import SoundFault
from globstar.core.tech import RequestFailed
from globstar.dialplan.arguments import ParsedOptions, argument, bar_to_comma, parse_options, split_arguments

logger = Logger("app_page")

_OPTIONS = {"b": True, "B": True, "d": False, "i": False, "q": False, "r": False, "s": False, "A": True, "n": False}
#: How often one destination may be forwarded.
MAX_FORWARDS = 5


@application("Page", syntax="Page(Technology/Resource[&Technology2/Resource2...][,options[,timeout]])")
async def page(channel: Channel, data: str) -> int:
    """Call several phones and speak to all that answer.

    They meet in a conference that ends when the caller leaves; the phones are muted. Calls that nobody answers end after timeout
    seconds. Options:

    A(x): play x to all instead of the beep; n: not to the caller.
    B(place), b(place): run a subroutine on the caller, on each called channel, before anyone is called.
    d: let the phones talk, too.
    i: do not follow when a destination forwards the call.
    q: no beep for the caller.
    r: record the page.
    s: call only phones that are not in use, or whose state nobody knows.
    """
    arguments = split_arguments(data, 3)
    destinations = [text.strip() for text in argument(arguments, 0).split("&") if text.strip()]
    if not destinations:
        logger.warning("Page requires at least one argument (technology/resource)")
        return -1
    options = parse_options(argument(arguments, 1), _OPTIONS, logger.warning)
    if "s" in options:
        destinations = [destination for destination in destinations if _is_free(channel, destination)]
    await channel.answer()
    if "B" in options:
        await _run_predial(channel, options.get("B"))
    paging = Paging(channel, options, seconds(argument(arguments, 2)))
    try:
        await paging.call(destinations)
        await paging.speak()
    finally:
        paging.end()
    return -1 if channel.soft_hangup else 0


def _is_free(channel: Channel, destination: str) -> bool:
    state = channel.system.device_states.state(destination)
    if state in (DeviceState.NOT_INUSE, DeviceState.UNKNOWN):  # nobody knows of a state where technologies tell none
        return True
    logger.verbose(3, f"Page does not call {destination}: it is {state.name}")
    return False


async def _run_predial(channel: Channel, text: str) -> None:
    place = parse_subroutine(channel, bar_to_comma(text))
    if place is None or not await leads(channel, place[0], place[1], place[2]):
        logger.error(f"Page: there is no {text} to run on {channel.name}")
        return
    await run_subroutine(channel, *place)


class Paging:
    """One page: its conference and its calls."""

    def __init__(self, caller: Channel, options: ParsedOptions, timeout: float) -> None:
        self.caller = caller
        self.options = options
        self.timeout = timeout
        self.bridge = Bridge(
            caller.system, capabilities=BridgeCapability.MULTIMIX, kind="base", creator="Page", dissolve_on_hangup=False
        )
        self._calls: list[OutgoingCall] = []
        self._forwards: dict[OutgoingCall, int] = {}
        self._timers: list[asyncio.TimerHandle] = []
        self._is_over = False

    async def call(self, destinations: list[str]) -> None:
        """Call everybody at a time."""
        await prepare_calls(self.caller.system, destinations)
        for destination in destinations:
            tech, slash, resource = destination.partition("/")
            if not (tech and slash and resource):
                logger.warning(f"Page: '{destination}' is not technology/resource")
                continue
            callee = self._request(destination)
            if callee is None:
                continue
            if "b" in self.options:
                await _run_predial(callee, self.options.get("b"))
            self._place(callee, destination, 0)

    def _request(self, destination: str) -> Channel | None:
        caller = self.caller
        try:
            callee = request_channel(caller.system, destination, capabilities=caller.native_formats, requestor=caller)
        except RequestFailed as failed:
            logger.notice(f"Page: {destination} cannot be called: {failed}")
            return None
        caller.variables.inherit_to(callee)
        inherit_features(caller, callee)
        callee.context, callee.extension, callee.call_id = caller.context, caller.extension, caller.call_id
        callee.connected = Connected(caller.caller.id.copy(), caller.caller.ani.copy(), ani2=caller.caller.ani2)
        show_application(callee, "AppDial", "(Outgoing Line)")
        return callee

    def _place(self, callee: Channel, destination: str, forwards: int) -> None:
        call = OutgoingCall(callee, destination, self.caller, self._changed)
        self._calls.append(call)
        self._forwards[call] = forwards
        try:
            call.place(self.timeout)
        except RequestFailed as failed:
            logger.notice(f"Page: {destination} cannot be called: {failed}")
            self._calls.remove(call)
            callee.hangup()
            return
        if self.timeout:
            self._timers.append(self.caller.system.loop.call_later(self.timeout, self._ring_no_longer, call))

    def _ring_no_longer(self, call: OutgoingCall) -> None:
        if not call.is_over:
            self._calls.remove(call)
            call.give_up(CallStatus.NOANSWER)

    def _changed(self, call: OutgoingCall, frame: Frame | None) -> None:
        if call not in self._calls or not call.is_over:
            return
        callee = call.channel
        if call.status is CallStatus.ANSWER:
            call.announce_end(CallStatus.ANSWER)
            callee.system.start_call_task(callee, self._take_part(call), "page")
            return
        self._calls.remove(call)
        call.announce_end(call.status)
        target = callee.data.get("call_forward")
        forwards = self._forwards[call]
        callee.hangup()
        if target and "i" not in self.options and forwards < MAX_FORWARDS and not self._is_over:
            destination = target if "/" in target else f"Local/{target}@{callee.context}"
            forwarded = self._request(destination)
            if forwarded is not None:
                self._place(forwarded, destination, forwards + 1)

    async def _take_part(self, call: OutgoingCall) -> None:
        """What an answered phone does until it or the caller hangs up."""
        callee = call.channel
        try:
            if "A" in self.options:
                await play_all(callee, [self.options.get("A")])
            if not self._is_over:
                await self.bridge.join(callee, mix=MemberMix(is_muted="d" not in self.options)).left
        except ChannelGone:
            logger.verbose(3, f"{callee.name} left the page")
        finally:
            if call in self._calls:
                self._calls.remove(call)
            callee.hangup(Cause.NORMAL_CLEARING)

    async def speak(self) -> None:
        """What the caller does."""
        caller = self.caller
        if "A" in self.options:
            if "n" not in self.options:
                await play_all(caller, [self.options.get("A")])
        elif "q" not in self.options:
            await play_all(caller, ["beep"])
        recorder = caller.system.service("call recorder", CallRecorder) if "r" in self.options else None  # type: ignore[type-abstract]
        identity = ""
        if recorder is not None:
            identity = self._record(recorder)
        member = self.bridge.join(caller)
        try:
            await member.left
        except asyncio.CancelledError:
            member.leave(LeaveReason.HANGUP)
            raise
        finally:
            if recorder is not None and identity:
                await recorder.stop(caller, identity)

    def _record(self, recorder: CallRecorder) -> str:
        caller = self.caller
        name = f"page-{int(caller.system.wall_time())}-{caller.unique_id}.wav"
        try:
            return recorder.start(caller, name)
        except SoundFault as fault:
            logger.warning(f"Page: it is not recorded: {fault}")
            return ""

    def end(self) -> None:
        """The caller has left: everybody goes."""
        self._is_over = True
        for timer in self._timers:
            timer.cancel()
        self.bridge.dissolve()
        for call in tuple(self._calls):
            if call.is_over:
                call.channel.hangup(Cause.NORMAL_CLEARING)
            else:
                self._calls.remove(call)
                call.give_up()
