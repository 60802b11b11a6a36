"""Jitter buffer for read side of channel."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.config.values import boolean
from globstar.core import events
from globstar.core.channel import Channel
from globstar.core.format import Format
from globstar.core.frame import Frame
from globstar.core.functions import FunctionError
from globstar.core.registry import write_function
from globstar.dialplan.arguments import argument, split_arguments
from globstar.dsp.jitterbuffer import AdaptiveJitterBuffer, JitterBuffer

logger = Logger("func_jitterbuffer")

_KEY = "jitter buffer"
_MAXIMUM_MS, _RESYNC_MS, _EXTRA_MS = 200, 1000, 40
#: RTP time stamps are 32 bits wide.
_WRAP = 1 << 32


class Dejitter:
    """Holds what a channel says and lets it go on the tick, before anything else sees it."""

    def __init__(self, channel: Channel, buffer: JitterBuffer[Frame]) -> None:
        self.channel = channel
        self.buffer = buffer
        self._format: Format | None = None
        self._last_time: int | None = None
        #: sender's time of the last frame in clock ticks, without wraps
        self._ticks = 0
        self._is_releasing = False
        self._undo = channel.system.bus.subscribe(events.ChannelHungUp, self._hung_up)

    def start(self) -> None:
        """Begin."""
        self.channel.add_read_hook(self._take, first=True)
        self.channel.system.ticker.add(self._tick)

    def stop(self) -> None:
        """What is held goes on at once."""
        self._undo()
        self.channel.system.ticker.remove(self._tick)
        if not self.channel.is_hung_up:
            self._release(self.buffer.flush())
        self.channel.remove_hook(self._take)

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
                self._release(self.buffer.flush())
                self._last_time = None
            self._format = format_
        if self._last_time is not None:
            step = (frame.rtp_time - self._last_time) % _WRAP
            self._ticks += step - _WRAP if step >= _WRAP // 2 else step
        self._last_time = frame.rtp_time
        length_ms = frame.samples * 1000 / format_.sample_rate
        self.buffer.put(now_ms, self._ticks * 1000 / clock_rate, length_ms, frame)
        return None

    def _tick(self) -> None:
        self._release(self.buffer.get(self.channel.system.now() * 1000))

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


@write_function("JITTERBUFFER", syntax="JITTERBUFFER(jitterbuffer type)")
def jitterbuffer(channel: Channel | None, args: str, value: str) -> None:
    """Even out what a channel says before anything else gets it.

    ``Set(JITTERBUFFER(fixed)=200,1000)`` makes all late by 200 ms; another time of the sender, by more than 1000 ms, begins anew.
    ``Set(JITTERBUFFER(adaptive)=200,1000,40)`` waits as long as the jitter asks for and 40 ms more, up to 200 ms.
    What is left out, or ``default``, is as in these examples. ``Set(JITTERBUFFER(disabled)=)`` ends it. A fourth argument, for
    video, has no effect.
    """
    if channel is None:
        raise FunctionError("JITTERBUFFER needs a channel")
    kind = args.strip().lower()
    if kind not in ("fixed", "adaptive", "disabled"):
        raise FunctionError(f"JITTERBUFFER knows fixed, adaptive and disabled, not '{args}'")
    running = channel.data.pop(_KEY, None)
    if isinstance(running, Dejitter):
        running.stop()
    if kind == "disabled":
        return
    arguments = [] if value.strip().lower() == "default" else split_arguments(value)
    maximum = _number(argument(arguments, 0), "max_size", _MAXIMUM_MS)
    resync = _number(argument(arguments, 1), "resync_threshold", _RESYNC_MS)
    extra = _number(argument(arguments, 2), "target_extra", _EXTRA_MS)
    if _is_true(argument(arguments, 3)):
        logger.warning(f"JITTERBUFFER of {channel.name}: video is not delayed with the audio")
    buffer: JitterBuffer[Frame]
    buffer = JitterBuffer(maximum, resync) if kind == "fixed" else AdaptiveJitterBuffer(maximum, resync, extra)
    channel.data[_KEY] = dejitter = Dejitter(channel, buffer)
    dejitter.start()


def _number(text: str, name: str, default: int) -> int:
    text = text.strip()
    if not text:
        return default
    if not text.isdecimal() or not int(text):
        raise FunctionError(f"JITTERBUFFER: '{text}' is no {name} in ms")
    return min(int(text), 60_000)


def _is_true(text: str) -> bool:
    try:
        return bool(text.strip()) and boolean(text.strip())
    except ValueError as error:
        raise FunctionError(f"JITTERBUFFER: '{text}' is neither yes nor no") from error
