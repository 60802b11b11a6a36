"""After the answer: announcements, subroutine, digits, the bridge, and how Dial ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from globstar.base.errors import GlobstarError
from globstar.base.log import Logger
from globstar.core.cause import Cause
from globstar.core.channel import Channel, ChannelGone, SoftHangup
from globstar.core.dialing import CallStatus, OutgoingCall, show_application
from globstar.core.pbx import leads, parse_goto, run_subroutine
from globstar.core.pickup import release_of
from globstar.core.playback import FilePlayer, SoundMissing, open_player
from globstar.core.twoparty import bridge_two
from globstar.dialplan.arguments import bar_to_comma
from globstar.modules.apps.dial.callee import CalleeEnd, end_callee
from globstar.modules.apps.dial.options import DialArguments
from globstar.modules.apps.dial.screening import Screening
from globstar.modules.apps.dial.senddigits import send_digits

logger = Logger("app_dial")


class CalleeGone(GlobstarError):
    """The callee hung up before it was bridged."""


def _announce_answer(call: OutgoingCall) -> None:
    """The callee, which runs no dialplan, shows no extension from now on."""
    call.channel.extension = ""
    call.announce_end(CallStatus.ANSWER)


async def connect(
    caller: Channel, call: OutgoingCall, arguments: DialArguments, started_at: float, stop_entertaining: Callable[[], None]
) -> int:
    """Bring caller and callee together and see them through; the result of Dial. Raises ``ChannelGone`` with the caller.

    ``stop_entertaining`` ends what the caller hears while it waits: when the call is announced as answered, or before it is
    to hear something else.
    """
    callee = call.channel
    is_handed_over = False
    end = CalleeEnd(caller, arguments)
    try:
        if "a" in arguments.letters:
            caller.answer_at_once()
        if "A" in arguments.letters or "G" in arguments.letters:
            stop_entertaining()
        if "A" in arguments.letters:
            await _announce(caller, callee, arguments)
        if "G" in arguments.letters:
            is_handed_over = True
            return _split(caller, call, arguments)
        if "U" in arguments.letters:
            result = await _run_subroutine(caller, callee, arguments.options.get("U"))
            _announce_answer(call)
            if result is not None:
                return result
        else:
            _announce_answer(call)
        stop_entertaining()
        if "D" in arguments.letters:
            await _send_digits(caller, callee, arguments)
        caller.answer_at_once()
        show_application(callee, "AppDial", "(Outgoing Line)")
        answered_at = caller.system.now()
        is_handed_over = True
        if release_of(callee) is None:
            _clear_causes(caller, callee)
        await bridge_two(caller, callee, arguments.call_options, end)
        return _finish(caller, arguments, started_at, answered_at)
    except CalleeGone:
        logger.verbose(3, f"{callee.name} hung up before it could be bridged")
        return 0 if "g" in arguments.letters else -1
    finally:
        stop_entertaining()
        if not is_handed_over:
            caller.hangup_cause = caller.hangup_cause or Cause.NORMAL_CLEARING
            end_callee(callee, Cause.NORMAL_CLEARING)


def _clear_causes(*channels: Channel) -> None:
    """What went before the answer is told; nothing else than an ordinary end is expected of those who talk."""
    for channel in channels:
        channel.hangup_cause, channel.tech_cause = Cause.NORMAL_CLEARING, 0


def _finish(caller: Channel, arguments: DialArguments, started_at: float, answered_at: float) -> int:
    """The caller is out of the bridge: the times, unless it was sent elsewhere, and whether the dialplan goes on."""
    is_sent_elsewhere = bool(caller.soft_hangup) and SoftHangup.ASYNC_GOTO in caller.soft_hangup
    now = caller.system.now()
    told: dict[str, str] = {}
    if not is_sent_elsewhere:
        for name, seconds in (("ANSWEREDTIME", now - answered_at), ("DIALEDTIME", now - started_at)):
            told[name] = str(int(seconds))
            told[f"{name}_MS"] = str(int(seconds * 1000))
    told["DIALSTATUS"] = "ANSWER"
    caller.variables.set_all(told)
    return 0 if is_sent_elsewhere or "g" in arguments.letters else -1


async def _with_callee(caller: Channel, callee: Channel, work: Coroutine[Any, Any, Any], name: str) -> Any:
    """Do something with the callee in a task of its own while the caller waits; the caller's end ends it."""
    task = caller.system.start_call_task(callee, work, name)
    try:
        return await caller.wait_for(task)
    except ChannelGone:
        task.cancel()
        raise
    except asyncio.CancelledError:
        task.cancel()
        raise


async def screen(caller: Channel, call: OutgoingCall, screening: Screening) -> str | None:
    """Let the callee decide on the caller, who hears what it heard before; None to put it through, else its DIALSTATUS.

    Raises ``ChannelGone`` with the caller.
    """
    callee = call.channel
    is_accepted = False
    try:
        status: str | None = await _with_callee(caller, callee, screening.ask(callee), "screening")
        is_accepted = status is None and not callee.soft_hangup
        return status if is_accepted or status is not None else CallStatus.NOANSWER.value
    finally:
        if not is_accepted:
            call.announce_end(CallStatus.NOANSWER)
            end_callee(callee, Cause.NORMAL_CLEARING)


async def _announce(caller: Channel, callee: Channel, arguments: DialArguments) -> None:
    """Option A: let the callee, and the caller where asked, hear sounds at the same time."""
    called, _, calling = arguments.options.get("A").partition(":")
    if calling:
        caller.answer_at_once()
    for_callee = await Announcement.prepare(callee, called)
    for_caller = await Announcement.prepare(caller, calling)
    if calling:
        task = caller.system.start_call_task(callee, for_callee.play(), "announcement")
        try:
            await for_caller.play()
            await caller.wait_for(task)
        finally:
            task.cancel()
    elif called:
        await _with_callee(caller, callee, for_callee.play(), "announcement")
    if callee.soft_hangup:
        raise CalleeGone


class Announcement:
    """Sounds for one channel, opened beforehand so that two channels begin to hear theirs together."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self._players: list[tuple[FilePlayer, asyncio.Future[None]]] = []

    @classmethod
    async def prepare(cls, channel: Channel, sounds: str) -> Announcement:
        """Open ``sound&sound...``; missing ones are logged and left out."""
        announcement = cls(channel)
        for sound in sounds.split("&"):
            if sound:
                ended: asyncio.Future[None] = channel.system.loop.create_future()
                try:
                    player = await open_player(channel, sound, on_end=partial(_finish_future, ended))
                except SoundMissing as missing:
                    logger.warning(f"announcement for {channel.name}: {missing}")
                else:
                    announcement._players.append((player, ended))
        return announcement

    async def play(self) -> None:
        """Play them one after the other; the channel's end ends it."""
        channel = self.channel
        try:
            for player, ended in self._players:
                channel.start_generator(player)
                await channel.wait_for(ended)
        except ChannelGone:
            logger.verbose(3, f"{channel.name} hung up during the announcement")
        finally:
            channel.stop_generator()


def _finish_future(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _split(caller: Channel, call: OutgoingCall, arguments: DialArguments) -> int:
    """Option G: the caller goes on there, the callee one priority further; nobody is bridged."""
    callee = call.channel
    place = parse_goto(caller, bar_to_comma(arguments.options.get("G")))
    if place is None:
        call.announce_end(CallStatus.ANSWER)
        end_callee(callee, Cause.NORMAL_CLEARING)
        return 0
    context, extension, priority = place
    caller.hangup_cause = caller.hangup_cause or Cause.NORMAL_CLEARING
    caller.goto(*place)
    caller.context, caller.extension, caller.priority = context, extension, priority - 1  # the answer is told at the new place
    release = release_of(callee)
    if release is not None:
        call.announce_end(CallStatus.ANSWER)
        callee.redirect(context, extension, priority + 1)
        release()
        return 0
    callee.context, callee.extension, callee.priority = context, extension, priority + 1
    show_application(callee, "AppDial", "(Outgoing Line)")
    call.announce_end(CallStatus.ANSWER)
    callee.system.start_pbx(callee)
    return 0


async def _run_subroutine(caller: Channel, callee: Channel, text: str) -> int | None:
    """Option U: run ``context[^arg1...]`` on the callee. What GOSUB_RESULT asks for, None to go on to the bridge."""
    context, *values = text.split("^")
    if not await leads(callee, context, "s"):
        logger.error(f"Dial: there is no {context},s,1 to run on {callee.name}")
        return None
    await _with_callee(caller, callee, run_subroutine(callee, context, "s", 1, values), "subroutine")
    result = callee.variables.own("GOSUB_RESULT") or ""
    if not result:
        if callee.soft_hangup:
            raise CalleeGone
        return None
    caller.set_variable("GOSUB_RETVAL", callee.variables.own("GOSUB_RETVAL") or "")
    return _obey(caller, result)


def _obey(caller: Channel, result: str) -> int | None:
    """What the subroutine decided: ABORT, CONGESTION, BUSY, CONTINUE, GOTO:place; None, with a warning, for anything else."""
    word = result.upper()
    status = CallStatus.ANSWER
    value: int | None = 0
    if word in ("BUSY", "CONGESTION"):
        status = CallStatus(word)
    elif word == "ABORT":
        value = -1
    elif word.startswith("GOTO:"):
        place = parse_goto(caller, bar_to_comma(result[len("GOTO:") :]))
        if place is None:
            value = -1
        else:
            caller.goto(*place)
    elif word != "CONTINUE":
        logger.warning(f"Dial: GOSUB_RESULT '{result}' is not understood; the call goes on")
        return None
    caller.set_variable("DIALSTATUS", status.value)
    return value


async def _send_digits(caller: Channel, callee: Channel, arguments: DialArguments) -> None:
    """Option D: digits to the callee, then to the caller."""
    digits = arguments.digits
    if digits.called and not await _with_callee(caller, callee, send_digits(callee, digits.called), "digits"):
        raise CalleeGone
    if digits.calling:
        await _with_callee(caller, callee, send_digits(caller, digits.calling), "digits")
