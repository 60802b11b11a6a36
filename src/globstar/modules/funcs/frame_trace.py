"""Frame Trace for internal ast_frame debugging."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.core.channel import Channel
from globstar.core.frame import Control, Frame, FrameType
from globstar.core.framenames import FrameSet
from globstar.core.functions import FunctionError
from globstar.core.registry import write_function

logger = Logger("func_frame_trace")

_KEY = "frame trace"


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


@write_function("FRAME_TRACE", syntax="FRAME_TRACE(filter list type)")
def frame_trace(channel: Channel | None, args: str, value: str) -> None:
    """Show the frames that a channel reads and writes, on the console.

    ``Set(FRAME_TRACE(white)=DTMF_BEGIN,DTMF_END)`` shows these alone, ``black`` all others, ``Set(FRAME_TRACE()=)`` all.
    Kinds are DTMF_BEGIN, DTMF_END, VOICE, VIDEO, CONTROL, NULL, IAX, TEXT, TEXT_DATA, IMAGE, HTML, CNG and MODEM.
    """
    if channel is None:
        raise FunctionError("FRAME_TRACE needs a channel")
    kind = args.strip().lower() or "white"
    if kind not in ("white", "black"):
        raise FunctionError(f"FRAME_TRACE knows white and black, not '{args}'")
    frames = FrameSet(value, with_controls=False)
    if frames.unknown:
        raise FunctionError(f"FRAME_TRACE: there are no frames '{', '.join(frames.unknown)}'")
    running = channel.data.pop(_KEY, None)
    if isinstance(running, Tracer):
        running.stop()
    # nothing named: a black list of nothing
    tracer = channel.data[_KEY] = Tracer(channel, frames, is_white=kind == "white" and bool(frames))
    tracer.start()
