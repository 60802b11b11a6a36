"""Speaking into a channel: sound that is mixed into what its endpoint hears, or is heard alone where there is nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core.audiofilter import AudioFilter
from globstar.core.audiotap import BLOCK_MS
from globstar.core.format import Format, slin_for_rate
from globstar.core.frame import Frame, voice
from globstar.dsp.level import mix

if TYPE_CHECKING:
    from globstar.core.channel import Channel
    from globstar.core.translate import TranslationPath

logger = Logger("audiofeed")

#: Ticks without a frame after which what is fed is sent by itself: frames of a peer may be late by one.
_SILENT_TICKS = 2


class AudioFeed:
    """A queue of signed linear that the endpoint of ``channel`` hears besides what it hears anyway.

    ``limit_ms`` bounds the queue; the oldest goes first, counted in ``dropped``. While there is one, the channel's bridge goes
    through frames.
    """

    #: whether the endpoint of the channel hears it
    _IS_HEARD = True

    def __init__(self, channel: Channel, *, sample_rate: int = 8000, limit_ms: int = 200) -> None:
        self.channel = channel
        #: the format of what is fed
        self.format = slin_for_rate(sample_rate)
        #: bytes that were thrown away because more came than was heard
        self.dropped = 0
        self.is_running = False
        self._limit = self.format.bytes_for(limit_ms)
        self._block = self.format.bytes_for(BLOCK_MS)
        self._queue = bytearray()
        self._filter = AudioFilter(channel, self._mix, is_heard=self._IS_HEARD)
        self._silent_ticks = 0
        self._own_format: Format | None = None
        self._own_path: TranslationPath | None = None
        self._resampled: dict[int, TranslationPath | None] = {}

    def __len__(self) -> int:
        """Bytes that wait."""
        return len(self._queue)

    def start(self) -> None:
        """Begin."""
        if self.is_running or self.channel.is_hung_up:
            return
        self.is_running = True
        self._attach()
        self.channel.system.ticker.add(self._tick)

    def stop(self) -> None:
        """End it, what waits is lost; a second call does nothing."""
        if not self.is_running:
            return
        self.is_running = False
        self._queue.clear()
        self.channel.system.ticker.remove(self._tick)
        self.channel.remove_hook(self._take)

    def add(self, data: bytes) -> None:
        """More sound."""
        self._queue += data
        surplus = len(self._queue) - self._limit
        if surplus > 0:
            self.dropped += surplus
            del self._queue[:surplus]

    def _take(self, frame: Frame) -> Frame | None:
        self._silent_ticks = 0
        if len(self._queue) < self._block:
            return frame
        return self._filter.take(frame)

    def _mix(self, data: bytes, sample_rate: int) -> bytes:
        wanted = len(data) * self.format.sample_rate // sample_rate
        wanted -= wanted % 2
        if len(self._queue) < wanted:
            return data
        part = bytes(self._queue[:wanted])
        del self._queue[:wanted]
        if sample_rate != self.format.sample_rate:
            part = self._resample(part, sample_rate)
        return mix(data, part[: len(data)])

    def _resample(self, part: bytes, sample_rate: int) -> bytes:
        if sample_rate not in self._resampled:
            self._resampled[sample_rate] = self.channel.system.translation.build_path(self.format, slin_for_rate(sample_rate))
        path = self._resampled[sample_rate]
        return path.translate_bytes(part) if path is not None else b""

    def _tick(self) -> None:
        channel = self.channel
        if channel.is_hung_up:
            self.stop()
            return
        self._silent_ticks += 1
        if self._silent_ticks <= _SILENT_TICKS or len(self._queue) < self._block:
            return
        frame: Frame | None = voice(self.format, bytes(self._queue[: self._block]), self._block // 2)
        del self._queue[: self._block]
        target = self._target()
        if target is not self._own_format:
            self._own_format, self._own_path = target, None
            if target.codec is not self.format.codec:
                self._own_path = channel.system.translation.build_path(self.format, target)
                if self._own_path is None:
                    logger.warning(f"{channel.name} cannot be spoken to: no translators lead to {target}")
        if target.codec is not self.format.codec:
            if self._own_path is None:
                return
            frame = self._own_path.translate(frame)  # type: ignore[arg-type]  # it is one, above
        if frame is not None:
            self._send(frame)

    def _attach(self) -> None:
        self.channel.add_write_hook(self._take, last=True)  # it is for the endpoint alone: no recording and no spy hears it

    def _target(self) -> Format:
        """The format of frames that are made here."""
        return self.channel.raw_write_format

    def _send(self, frame: Frame) -> None:
        """A frame that was made here."""
        self.channel.tech.write(self.channel, frame)
