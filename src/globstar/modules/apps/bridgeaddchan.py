"""Bridge add application."""

from __future__ import annotations

import asyncio

from globstar.base.log import Logger
from globstar.core.bridge import LeaveReason
from globstar.core.channel import Channel
from globstar.core.registry import application

logger = Logger("app_bridgeaddchan")


@application("BridgeAdd", syntax="BridgeAdd(channel)")
async def bridge_add(channel: Channel, data: str) -> int:
    """Join the bridge in which another channel is.

    All that are in it then talk together. Returns when this channel is out of the bridge.

    BRIDGERESULT is SUCCESS, FAILURE (the other channel is in no bridge), LOOP (a channel with
    itself) or NONEXISTENT (there is no such channel).
    """
    channel.set_variable("BRIDGERESULT", await _join(channel, data.strip()))
    return 0


async def _join(channel: Channel, name: str) -> str:
    other = channel.system.find_channel(name) if name else None
    if other is None:
        logger.warning(f"BridgeAdd: there is no channel '{name}'")
        return "NONEXISTENT"
    if other is channel:
        logger.warning("BridgeAdd: a channel cannot be bridged with itself")
        return "LOOP"
    member = other.bridge_member
    if member is None:
        logger.warning(f"BridgeAdd: {other.name} is in no bridge")
        return "FAILURE"
    channel.answer_at_once()
    own = member.bridge.join(channel)
    try:
        await own.left
    except asyncio.CancelledError:
        own.leave(LeaveReason.HANGUP)
        raise
    return "SUCCESS"
