"""Listening in: both directions of a channel's audio as steady blocks of signed linear, for recorders and spies."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core.format import Format, slin_for_rate
from globstar.core.frame import Frame

if TYPE_CHECKING:
    from globstar.core.channel import Channel
    from globstar.core.translate import TranslationPath

logger = Logger("audiotap")

#: Length of a block, ms: one tick.
BLOCK_MS = 20
#: Blocks that a direction may be ahead of the tick, unless said otherwise; older ones go, so that both stay together.
_AHEAD = 3

#: ``on_block(said, heard)``: 20 ms from the endpoint and to it; None where there was nothing.
BlockHandler = Callable[["bytes | None", "bytes | None"], None]


class _Direction:
    """One direction: frames in as they come, blocks out at every tick."""

    __slots__ = ("_ahead", "_channel", "_data", "_format", "_linear", "_path", "_size", "dropped")

    def __init__(self, channel: Channel, linear: Format, ahead: int) -> None:
        self._channel = channel
        self._ahead = ahead
        self._linear = linear
        self._size = linear.bytes_for(BLOCK_MS)
        self._format: Format | None = None
        self._path: TranslationPath | None = None
        self._data = bytearray()
        #: bytes that were thrown away because more came than time went by
        self.dropped = 0

    def take(self, frame: Frame) -> Frame:
        """The hook: keep what the frame holds, leave the frame alone."""
        format_ = frame.format
        if format_ is None:
            return frame
        if format_ is not self._format:
            self._format = format_
            self._path = None
            if format_.codec is not self._linear.codec:
                self._path = self._channel.system.translation.build_path(format_, self._linear)
                if self._path is None:
                    logger.warning(f"{self._channel.name}: {format_} cannot be listened to, since it cannot be translated")
        if format_.codec is self._linear.codec:
            self._data += frame.data
        elif self._path is not None:
            linear = self._path.translate(frame)
            if linear is not None:
                self._data += linear.data
        surplus = len(self._data) - self._ahead * self._size
        if surplus > 0:
            self.dropped += surplus
            del self._data[:surplus]
        return frame

    def block(self) -> bytes | None:
        """The next block; a beginning of one is filled up with silence only when nothing more comes."""
        if len(self._data) < self._size:
            return None
        data = bytes(self._data[: self._size])
        del self._data[: self._size]
        return data


class AudioTap:
    """Calls ``on_block`` every 20 ms with what a channel said and heard since; ``stop`` ends it, as the channel's end does.

    ``ahead`` is how many blocks of a direction may wait. While there is one, the channel's bridge goes through frames.
    """

    def __init__(self, channel: Channel, on_block: BlockHandler, *, sample_rate: int = 8000, ahead: int = _AHEAD) -> None:
        self.channel = channel
        #: the format of the blocks
        self.format = slin_for_rate(sample_rate)
        self._on_block = on_block
        self._said = _Direction(channel, self.format, ahead)
        self._heard = _Direction(channel, self.format, ahead)
        self.is_running = False

    def start(self) -> None:
        """Begin to listen."""
        if self.is_running or self.channel.is_hung_up:
            return
        self.is_running = True
        self.channel.add_read_hook(self._said.take)
        self.channel.add_write_hook(self._heard.take)
        self.channel.system.ticker.add(self._tick)

    def stop(self) -> None:
        """End it; a second call does nothing."""
        if not self.is_running:
            return
        self.is_running = False
        self.channel.system.ticker.remove(self._tick)
        self.channel.remove_hook(self._said.take)
        self.channel.remove_hook(self._heard.take)

    def _tick(self) -> None:
        self._on_block(self._said.block(), self._heard.block())
