"""Call pickup: a channel answers a call that rings elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core import events
from globstar.core.bridge import ENTRY_SOUND
from globstar.core.cause import Cause
from globstar.core.channel import Channel, ChannelGone, ChannelState
from globstar.core.dialing import OUTGOING_CALL, OutgoingCall
from globstar.core.features import settings_for
from globstar.core.playback import play_all

if TYPE_CHECKING:
    from globstar.core.system import System

logger = Logger("pickup")

_RELEASE = "pickup release"


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
    """Answer the call that rings at ``target`` with ``picker`` and stay until the caller lets go of it.

    Called by the owner of ``picker``, which ends the call afterwards. ``cause`` is what the one that rang is told. False if
    nothing rings there any more.
    """
    call = ringing_call(target)
    if call is None or target is picker:
        return False
    picker.connected.id = target.connected.id.copy()
    picker.system.bus.publish(events.ConnectedLineChanged(picker))
    picker.answer_at_once()
    released: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    picker.data[_RELEASE] = released
    picker.system.bus.publish(events.CallPickedUp(picker, target))
    logger.verbose(3, f"{picker.name} picked up the call that rang at {target.name}")
    picker.data["skip_h"] = True
    sound = settings_for(picker).pickup_sound
    if sound:
        picker.set_variable(ENTRY_SOUND, sound)
    call.substitute(picker, cause)
    try:
        await released
    finally:
        picker.data.pop(_RELEASE, None)
        if not released.done():
            released.cancel()
    return True


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
                picker.hangup_cause = picker.hangup_cause or Cause.NORMAL_CLEARING
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
