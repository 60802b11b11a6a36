"""Simple Echo Application."""

from __future__ import annotations

from globstar.core.channel import Channel
from globstar.core.frame import Control, Frame, FrameType
from globstar.core.registry import application


@application("Echo", syntax="Echo()")
async def echo(channel: Channel) -> None:
    """Send every audio, video and digit frame back until the caller presses #."""
    channel.reset_formats()

    def send_back(frame: Frame) -> bool | None:
        kind = frame.type
        if kind is FrameType.VOICE:
            channel.write(frame)
        elif kind in (FrameType.DTMF_BEGIN, FrameType.DTMF_END) and frame.digit == "#":
            return True if kind is FrameType.DTMF_END else None  # what will not be ended is not begun
        elif kind not in (FrameType.CONTROL, FrameType.MODEM, FrameType.NULL):
            channel.write(frame)
        elif kind is FrameType.CONTROL and frame.subtype == Control.VIDUPDATE:  # who sees itself asks itself for a picture
            channel.indicate(Control.VIDUPDATE)
        return None

    await channel.wait(send_back)
