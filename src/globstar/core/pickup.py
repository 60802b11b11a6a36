"""Call pickup: a channel answers a call that rings elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core import events
from globstar.core.bridge import ENTRY_SOUND
from globstar.core.cause import Cause
from globstar.core.channel import Channel, ChannelGone, ChannelState, SoftHangup
from globstar.core.dialing import OUTGOING_CALL, OutgoingCall, show_application
from globstar.core.features import settings_for
from globstar.core.pbx import run_hangup_handlers
from globstar.core.playback import play_all

if TYPE_CHECKING:
    from globstar.core.system import System

logger = Logger("pickup")

_RELEASE = "pickup release"
#: Turns of the loop in which a caller gets to know that its call was answered.
_TURNS = 4

Place = tuple[str, str, int]


def ringing_call(channel: Channel) -> OutgoingCall | None:
    """The call that rings at ``channel`` and may be picked up; None if there is none."""
    call = channel.data.get(OUTGOING_CALL)
    is_ringing = channel.state in (ChannelState.RINGING, ChannelState.RING, ChannelState.DOWN)
    if isinstance(call, OutgoingCall) and call.caller is not None and is_ringing and not channel.soft_hangup:
        return call
    return None


def ringing_channels(system: System) -> Iterator[Channel]:
    """The channels whose call may be picked up, the oldest first."""
    return (channel for channel in list(system.channels.values()) if ringing_call(channel) is not None)


def may_pick_up(picker: Channel, target: Channel) -> bool:
    """Whether the pickup groups of ``picker`` and the call groups of ``target`` meet."""
    return bool(picker.pickup_group & target.call_group or picker.named_pickup_groups & target.named_call_groups)


async def pick_up(picker: Channel, target: Channel, cause: int = Cause.ANSWERED_ELSEWHERE) -> bool:
    """Answer the call that rings at ``target`` with ``picker`` and stay until the caller lets go of it, which ends it.

    Called by the owner of ``picker``. ``cause`` is what the one that rang is told. False if
    nothing rings there any more.
    """
    call = ringing_call(target)
    if call is None or target is picker:
        return False
    picker.connected.id = target.connected.id.copy()
    picker.system.bus.publish(events.ConnectedLineChanged(picker))
    picker.answer_at_once()
    place = _show_place_of_call(picker, target)
    released: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    picker.data[_RELEASE] = released
    picker.system.bus.publish(events.CallPickedUp(picker, target))
    logger.verbose(3, f"{picker.name} picked up the call that rang at {target.name}")
    picker.data["skip_h"] = True
    sound = settings_for(picker).pickup_sound
    if sound:
        picker.set_variable(ENTRY_SOUND, sound)
    call.substitute(picker)
    target.hangup_cause = target.hangup_cause or cause
    target.system.start_call_task(target, _end(target, place, is_in_dialplan="pbx" in picker.data), "picked up elsewhere")
    try:
        await released
        if not picker.soft_hangup & SoftHangup.ASYNC_GOTO:
            await run_hangup_handlers(picker)
            picker.hangup(picker.hangup_cause or Cause.NORMAL_CLEARING)
    finally:
        picker.data.pop(_RELEASE, None)
        if not released.done():
            released.cancel()
    return True


def _show_place_of_call(picker: Channel, target: Channel) -> Place:
    """Tell of the picker at the place of the call that it takes, as one that was dialled; where it was."""
    place = picker.context, picker.extension, picker.priority
    picker.context, picker.extension, picker.priority = target.context, target.extension, target.priority
    show_application(picker, "AppDial", "(Outgoing Line)")
    picker.context, picker.extension, picker.priority = place
    return place


async def _end(target: Channel, place: Place, *, is_in_dialplan: bool) -> None:
    """End the channel that rang, which has traded places with the picker: it ends as that one would have.

    A picker that ran the dialplan leaves the h extension and hangup handlers to it.
    """
    try:
        if is_in_dialplan:
            target.request_hangup(SoftHangup.APP_UNLOAD)
        target.context, target.extension, target.priority = place
        show_application(target, "", "")
        if is_in_dialplan:
            await run_hangup_handlers(target)
        else:
            for _ in range(_TURNS):  # the caller has its answer first
                await asyncio.sleep(0)
    finally:
        target.hangup()


async def play_failure(picker: Channel) -> None:
    """Let somebody hear that there was nothing to pick up, if a sound is set for that."""
    sound = settings_for(picker).pickup_failed_sound
    if sound:
        picker.answer_at_once()
        await play_all(picker, [sound])


async def pick_up_alone(picker: Channel, target: Channel) -> None:
    """The whole life of a channel that does nothing else than pick up the call that rings at ``target``."""
    try:
        if not await pick_up(picker, target):
            await play_failure(picker)
            picker.hangup_cause = Cause.CALL_REJECTED
    except ChannelGone:
        pass
    finally:
        picker.hangup()


async def pick_up_group(picker: Channel) -> None:
    """The whole life of a channel that dialled the pickup extension: a call of its groups, or a refusal (21)."""
    try:
        for target in ringing_channels(picker.system):
            if may_pick_up(picker, target) and await pick_up(picker, target, Cause.NORMAL_CLEARING):
                return
        logger.verbose(3, f"{picker.name}: nothing to pick up")
        await play_failure(picker)
        picker.hangup_cause = Cause.CALL_REJECTED
    except ChannelGone:
        pass
    finally:
        picker.hangup()


def release_of(channel: Channel) -> Callable[[], None] | None:
    """What gives a channel that picked up a call back to its owner; None for others."""
    released = channel.data.get(_RELEASE)
    if not isinstance(released, asyncio.Future):
        return None

    def release() -> None:
        if not released.done():
            released.set_result(None)

    return release
