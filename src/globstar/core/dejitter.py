"""What a channel says, evened out before anything else gets it."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from globstar.core import events
from globstar.core.frame import Frame, FrameType
from globstar.dsp.jitterbuffer import JitterBuffer

if TYPE_CHECKING:
    from globstar.core.channel import Channel
    from globstar.core.format import Format

_KEY = "jitter buffer"
#: RTP time stamps are 32 bits wide.
_WRAP = 1 << 32
#: Packets of pictures that wait at the most: a quarter of a second of high definition; the oldest goes on early.
_MOST_VIDEO = 512


class Dejitter:
    """Holds what a channel says and lets it go on the tick, before anything else sees it.

    With ``delays_video`` its pictures are as late as its voice, so that lips and words stay together.
    """

    def __init__(self, channel: Channel, buffer: JitterBuffer[Frame], *, delays_video: bool = False) -> None:
        self.channel = channel
        self.buffer = buffer
        self._format: Format | None = None
        self._last_time: int | None = None
        #: sender's time of the last frame in clock ticks, without wraps
        self._ticks = 0
        self._is_releasing = False
        self._delays_video = delays_video
        #: pictures and when they are due (ms)
        self._video: deque[tuple[float, Frame]] = deque()
        self._undo = channel.system.bus.subscribe(events.ChannelHungUp, self._hung_up)

    def start(self) -> None:
        """Begin."""
        self.channel.add_read_hook(self._take, first=True)
        if self._delays_video:
            self.channel.add_signal_hook(self._take_video)
        self.channel.system.ticker.add(self._tick)

    def stop(self) -> None:
        """What is held goes on at once."""
        self._undo()
        self.channel.system.ticker.remove(self._tick)
        pictures = [frame for _, frame in self._video]
        self._video.clear()
        if not self.channel.is_hung_up:
            self._release([*self.buffer.flush(), *pictures])
        self.channel.remove_hook(self._take)
        self.channel.remove_signal_hook(self._take_video)

    def _take(self, frame: Frame) -> Frame | None:
        if self._is_releasing or frame.format is None or not frame.samples:
            return frame
        format_ = frame.format
        clock_rate = format_.codec.clock_rate
        now_ms = self.channel.system.now() * 1000
        if frame.rtp_time is None:
            return frame  # made here: there is no jitter
        if format_ is not self._format:
            if self._format is not None and self._format.codec.clock_rate != clock_rate:
                self.buffer.expect_another_time()
                self._last_time = None
            self._format = format_
        if self._last_time is not None:
            step = (frame.rtp_time - self._last_time) % _WRAP
            self._ticks += step - _WRAP if step >= _WRAP // 2 else step
        self._last_time = frame.rtp_time
        length_ms = frame.samples * 1000 / format_.sample_rate
        self.buffer.put(now_ms, self._ticks * 1000 / clock_rate, length_ms, frame)
        return None

    def _take_video(self, frame: Frame, is_read: bool) -> Frame | None:
        if not is_read or frame.type is not FrameType.VIDEO or self._is_releasing:
            return frame
        self._video.append((self.channel.system.now() * 1000 + self.buffer.delay, frame))
        if len(self._video) > _MOST_VIDEO:
            self._release([self._video.popleft()[1]])
        return None

    def _tick(self) -> None:
        now_ms = self.channel.system.now() * 1000
        due = self.buffer.get(now_ms)
        while self._video and self._video[0][0] <= now_ms + 1e-6:
            due.append(self._video.popleft()[1])
        if due:
            self._release(due)

    def _release(self, frames: list[Frame]) -> None:
        self._is_releasing = True
        try:
            for frame in frames:
                self.channel.deliver(frame)
        finally:
            self._is_releasing = False

    def _hung_up(self, event: events.ChannelHungUp) -> None:
        if event.channel is self.channel:
            self.stop()


def even_out(channel: Channel, buffer: JitterBuffer[Frame] | None, *, delays_video: bool = False) -> None:
    """Let ``buffer`` take the place of the one that a channel has; None: it has none any more."""
    running = channel.data.pop(_KEY, None)
    if isinstance(running, Dejitter):
        running.stop()
    if buffer is not None:
        channel.data[_KEY] = dejitter = Dejitter(channel, buffer, delays_video=delays_video)
        dejitter.start()
