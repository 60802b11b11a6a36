"""Call pickup: a channel answers a call that rings elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core import events
from globstar.core.channel import Channel, ChannelState
from globstar.core.dialing import OUTGOING_CALL, OutgoingCall

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


async def pick_up(picker: Channel, target: Channel) -> bool:
    """Answer the call that rings at ``target`` with ``picker`` and stay until the caller lets go of it.

    Called by the owner of ``picker``, which ends the call afterwards. False if nothing rings there any more.
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
    call.substitute(picker)
    try:
        await released
    finally:
        picker.data.pop(_RELEASE, None)
        if not released.done():
            released.cancel()
    return True


def release_of(channel: Channel) -> Callable[[], None] | None:
    """What gives a channel that picked up a call back to its owner; None for others."""
    released = channel.data.get(_RELEASE)
    if not isinstance(released, asyncio.Future):
        return None

    def release() -> None:
        if not released.done():
            released.set_result(None)

    return release
