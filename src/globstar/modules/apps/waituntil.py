"""Wait until specified time."""

from __future__ import annotations

import math

from globstar.base.log import Logger
from globstar.core.channel import Channel, ChannelGone
from globstar.core.numbers import leading_float
from globstar.core.registry import application

logger = Logger("app_waituntil")


@application("WaitUntil", syntax="WaitUntil(epoch)")
async def wait_until(channel: Channel, data: str) -> int:
    """Wait until a point of time.

    ``epoch`` is in seconds since 1970, as ${EPOCH} gives it, with decimals.

    WAITUNTILSTATUS tells: OK, PAST (it is over already), HANGUP, FAILURE (``epoch`` is wrong).
    """
    moment = leading_float(data)
    if math.isnan(moment):
        logger.warning(f"WaitUntil needs a time, not '{data}'")
        channel.set_variable("WAITUNTILSTATUS", "FAILURE")
        return 0
    remaining = moment - channel.system.wall_time()
    if remaining < 0:
        logger.warning(f"{data} is {-remaining:.3f} seconds ago")
        channel.set_variable("WAITUNTILSTATUS", "PAST")
        return 0
    try:
        await channel.pause(remaining)
    except ChannelGone:
        channel.set_variable("WAITUNTILSTATUS", "HANGUP")
        raise
    channel.set_variable("WAITUNTILSTATUS", "OK")
    return 0
