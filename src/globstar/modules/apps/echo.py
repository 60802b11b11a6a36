"""Simple Echo Application."""

from __future__ import annotations

from globstar.core.channel import Channel
from globstar.core.frame import Frame, FrameType
from globstar.core.registry import application


@application("Echo", syntax="Echo()")
async def echo(channel: Channel) -> None:
    """Send every audio, video and digit frame back until the caller presses #."""
    channel.reset_formats()

    def send_back(frame: Frame) -> bool | None:
        if frame.type is FrameType.DTMF_END and frame.digit == "#":
            return True
        if frame.type not in (FrameType.CONTROL, FrameType.MODEM, FrameType.NULL):
            channel.write(frame)
        return None

    await channel.wait(send_back)
