"""Function to drop frames on a channel."""

from __future__ import annotations

from globstar.core.channel import Channel
from globstar.core.frame import Frame
from globstar.core.framenames import FrameSet
from globstar.core.functions import FunctionError
from globstar.core.registry import write_function

_KEY = "dropped frames"


class Dropper:
    """What a channel does not send (``tx``) and what nobody gets from it (``rx``)."""

    def __init__(self) -> None:
        self.directions: dict[str, FrameSet] = {}

    def take_signal(self, frame: Frame, is_read: bool) -> Frame | None:
        """The hook for all but voice."""
        dropped = self.directions.get("rx" if is_read else "tx")
        return None if dropped is not None and frame in dropped else frame

    def take_read(self, frame: Frame) -> Frame | None:
        """The hook for voice from the endpoint."""
        return self.take_signal(frame, True)

    def take_written(self, frame: Frame) -> Frame | None:
        """The hook for voice to the endpoint."""
        return self.take_signal(frame, False)


@write_function("FRAME_DROP", syntax="FRAME_DROP(direction)")
def frame_drop(channel: Channel | None, args: str, value: str) -> None:
    """Drop frames of some kinds that go to a channel (TX) or come from it (RX).

    ``Set(FRAME_DROP(TX)=DTMF_BEGIN,DTMF_END)``: kinds are DTMF_BEGIN, DTMF_END, VOICE, VIDEO, CONTROL, NULL, IAX, TEXT,
    TEXT_DATA, IMAGE, HTML, CNG and MODEM, and of control frames RING, RINGING, ANSWER, BUSY, TAKEOFFHOOK, OFFHOOK, CONGESTION,
    FLASH, WINK, PROGRESS, PROCEEDING, HOLD, UNHOLD, VIDUPDATE, CONNECTED_LINE and REDIRECTING. Another setting takes its place.
    """
    if channel is None:
        raise FunctionError("FRAME_DROP needs a channel")
    direction = args.strip().lower()
    if direction not in ("rx", "tx"):
        raise FunctionError(f"FRAME_DROP knows TX and RX, not '{args}'")
    frames = FrameSet(value, with_controls=True)
    if frames.unknown:
        raise FunctionError(f"FRAME_DROP: there are no frames '{', '.join(frames.unknown)}'")
    dropper = channel.data.get(_KEY)
    if not isinstance(dropper, Dropper):
        dropper = channel.data[_KEY] = Dropper()
        channel.add_signal_hook(dropper.take_signal)
        channel.add_read_hook(dropper.take_read, first=True)
        channel.add_write_hook(dropper.take_written)
    if frames:
        dropper.directions[direction] = frames
    else:
        dropper.directions.pop(direction, None)
    if not dropper.directions:
        del channel.data[_KEY]
        channel.remove_signal_hook(dropper.take_signal)
        channel.remove_hook(dropper.take_read)
        channel.remove_hook(dropper.take_written)
