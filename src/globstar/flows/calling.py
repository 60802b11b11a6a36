"""Calling another party on behalf of a flow."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from globstar.base.errors import GlobstarError
from globstar.core.cause import Cause
from globstar.core.channel import Channel, ChannelState
from globstar.core.dialing import CallStatus, OutgoingCall, request_channel, show_application
from globstar.core.frame import Control, Frame
from globstar.core.party import Connected, PartyId
from globstar.core.services import MusicOnHold
from globstar.core.tech import RequestFailed


class CallFailed(GlobstarError):
    """Nobody answered: ``status`` is BUSY, NOANSWER, CONGESTION or CHANUNAVAIL, ``cause`` the hangup cause."""

    def __init__(self, destination: str, status: str, cause: int) -> None:
        super().__init__(f"{destination} was not reached: {status} (cause {cause})")
        self.status = status
        self.cause = cause


async def place_call(
    caller: Channel,
    destination: str,
    *,
    timeout: float,
    caller_number: str | None,
    caller_name: str | None,
    variables: Mapping[str, str],
    with_music: bool,
) -> Channel:
    """Call ``destination`` while the caller hears ringing or music. The channel that answered, which the caller's task owns.

    Raises CallFailed, and ChannelGone when the caller hangs up meanwhile.
    """
    try:
        channel = request_channel(caller.system, destination, requestor=caller)
    except RequestFailed as failed:
        raise CallFailed(destination, CallStatus.CHANUNAVAIL.value, failed.cause) from failed
    _prepare(caller, channel, caller_number, caller_name)
    for name, value in variables.items():
        channel.set_variable(name, value)
    ended: asyncio.Future[None] = caller.system.loop.create_future()

    def changed(call: OutgoingCall, frame: Frame | None) -> None:
        if call.is_over and not ended.done():
            ended.set_result(None)
        elif frame is not None and call.status is CallStatus.RINGING:
            call.announce_state()

    call = OutgoingCall(channel, destination, caller, changed)
    music = caller.system.service("music on hold", MusicOnHold) if with_music else None  # type: ignore[type-abstract]
    timer = caller.system.loop.call_later(timeout, _give_up, ended)
    try:
        call.place(timeout)
        if music is not None and caller.state is ChannelState.UP:
            music.start(caller)
        else:
            caller.indicate(Control.RINGING)
        await caller.wait_for(ended)
    except RequestFailed as failed:
        channel.hangup(failed.cause)
        raise CallFailed(destination, CallStatus.CHANUNAVAIL.value, failed.cause) from failed
    except BaseException:  # the caller is gone, or its task was ended
        call.give_up(CallStatus.CANCEL, Cause.NORMAL_CLEARING)
        raise
    finally:
        timer.cancel()
        if music is not None:
            music.stop(caller)
        caller.stop_generator()
    if not call.is_over:
        call.give_up(CallStatus.NOANSWER, Cause.NO_ANSWER)
        raise CallFailed(destination, CallStatus.NOANSWER.value, Cause.NO_ANSWER)
    call.announce_end(call.status)
    if call.status is not CallStatus.ANSWER:
        cause = channel.hangup_cause
        channel.hangup()
        raise CallFailed(destination, call.status.value, cause)
    return call.channel


def _give_up(ended: asyncio.Future[None]) -> None:
    """It rang long enough."""
    if not ended.done():
        ended.set_result(None)


def _prepare(caller: Channel, callee: Channel, number: str | None, name: str | None) -> None:
    """Tell the new channel about the call: inherited variables, place, who calls."""
    caller.variables.inherit_to(callee)
    callee.context, callee.extension = caller.context, caller.extension
    callee.call_id = caller.call_id
    callee.language = caller.language
    own = caller.caller.id.copy() if number is None and name is None else PartyId.of(name, number)
    callee.connected = Connected(own, caller.caller.ani.copy(), ani2=caller.caller.ani2)
    show_application(callee, "AppDial", "(Outgoing Line)")
