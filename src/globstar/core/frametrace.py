"""Showing the frames that a channel reads and writes (FRAME_TRACE(), core set debug channel)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core.frame import Control, Frame, FrameType
from globstar.core.framenames import FrameSet

if TYPE_CHECKING:
    from globstar.core.channel import Channel

logger = Logger("func_frame_trace")


class Tracer:
    """Shows the frames of a channel."""

    def __init__(self, channel: Channel, frames: FrameSet, *, is_white: bool) -> None:
        self.channel = channel
        self._frames = frames
        self._is_white = is_white

    def start(self) -> None:
        """Begin."""
        self.channel.add_signal_hook(self.take_signal)
        self.channel.add_read_hook(self.take_read)
        self.channel.add_write_hook(self.take_written)

    def stop(self) -> None:
        """End it."""
        self.channel.remove_signal_hook(self.take_signal)
        self.channel.remove_hook(self.take_read)
        self.channel.remove_hook(self.take_written)

    def take_signal(self, frame: Frame, is_read: bool) -> Frame:
        """The hook for all but voice."""
        if (frame in self._frames) is self._is_white:
            logger.verbose(0, f"{'Read' if is_read else 'Write'} {describe(frame)} on {self.channel.name}")
        return frame

    def take_read(self, frame: Frame) -> Frame:
        """The hook for voice from the endpoint."""
        return self.take_signal(frame, True)

    def take_written(self, frame: Frame) -> Frame:
        """The hook for voice to the endpoint."""
        return self.take_signal(frame, False)


def describe(frame: Frame) -> str:
    """A frame in a line."""
    kind = frame.type
    text = kind.name
    if kind is FrameType.CONTROL:
        text += f" {Control(frame.subtype).name}"
    elif kind in (FrameType.DTMF_BEGIN, FrameType.DTMF_END):
        text += f" '{frame.digit}'"
        if frame.duration_ms:
            text += f" {frame.duration_ms} ms"
    elif frame.format is not None:
        text += f" {frame.format} {frame.samples} samples"
    if isinstance(frame.data, bytes) and frame.data:
        text += f" {len(frame.data)} bytes"
    if frame.seq is not None:
        text += f" seq {frame.seq}"
    return text
