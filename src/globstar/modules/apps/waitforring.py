"""Waits until first ring after time."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.core.channel import Channel
from globstar.core.frame import Control, Frame, FrameType
from globstar.core.numbers import seconds
from globstar.core.registry import application

logger = Logger("app_waitforring")


@application("WaitForRing", syntax="WaitForRing(timeout)")
async def wait_for_ring(channel: Channel, data: str) -> int:
    """Let some time pass, then wait for the line to ring.

    ``timeout`` is in seconds. Meant for analogue lines, to come after the caller id.
    """
    timeout = seconds(data)
    if not timeout:
        logger.warning("WaitForRing needs a time in seconds")
        return 0
    await channel.pause(timeout)
    await channel.wait(_is_ring)
    return 0


def _is_ring(frame: Frame) -> bool | None:
    return True if frame.type is FrameType.CONTROL and frame.subtype == Control.RING else None
