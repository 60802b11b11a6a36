"""Sending back what comes in, until # is pressed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.core.frame import Control, Frame, FrameType

if TYPE_CHECKING:
    from globstar.core.channel import Channel


async def echo_frames(channel: Channel, *, videos: int = 1, audios: int = 1) -> None:
    """Send audio, video, text and digits of the channel back to it. Raises ``ChannelGone``.

    With more than one of ``videos`` the first stream of video is shown in all of them, and with ``audios`` the first stream of
    audio is heard in all.
    """
    channel.reset_formats()

    def send_back(frame: Frame) -> bool | None:
        kind = frame.type
        if kind is FrameType.VOICE:
            channel.write(frame)
            for number in range(1, audios):
                channel.write(frame.in_stream(number))
        elif kind in (FrameType.DTMF_BEGIN, FrameType.DTMF_END) and frame.digit == "#":
            return True if kind is FrameType.DTMF_END else None  # what will not be ended is not begun
        elif kind is FrameType.VIDEO and videos > 1:
            for number in range(videos) if not frame.subtype else ():
                channel.write(frame.in_stream(number))
        elif kind is FrameType.MORE_VOICE and audios > 1:
            return None
        elif kind not in (FrameType.CONTROL, FrameType.MODEM, FrameType.NULL):
            channel.write(frame)
        elif kind is FrameType.CONTROL and frame.subtype == Control.VIDUPDATE:  # who sees itself asks itself for a picture
            channel.indicate(Control.VIDUPDATE, 0 if videos > 1 else frame.data)
        return None

    await channel.wait(send_back)
