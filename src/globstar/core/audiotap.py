"""Listening in: both directions of a channel's audio as steady blocks of signed linear, for recorders and spies."""

from __future__ import annotations

from collections import deque
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
#: A direction that has had more in store than its lag for so many ticks goes back to its lag.
_PATIENCE = 50
#: What is missing between two packets becomes silence where it is not shorter or longer, ms; a longer gap is a pause.
_SHORTEST_GAP_MS, _LONGEST_GAP_MS = 5, 200

#: ``on_block(said, heard)``: 20 ms from the endpoint and to it; None where there was nothing.
BlockHandler = Callable[["bytes | None", "bytes | None"], None]


class _Direction:
    """One direction: frames in as they come, blocks out at every tick.

    With a ``lag`` (blocks) sound comes out so much later than it was said, whatever the length of its packets and however late
    some of them are; a lost packet leaves silence, and one that comes out of order is put in its place.
    """

    __slots__ = (
        "_ahead", "_channel", "_data", "_expects", "_format", "_lag", "_least", "_linear", "_path", "_size", "_ticks",
        "_to_start", "dropped",
    )  # fmt: skip

    def __init__(self, channel: Channel, linear: Format, ahead: int, lag: int) -> None:
        self._channel = channel
        self._ahead = ahead
        self._lag = lag
        self._linear = linear
        self._size = linear.bytes_for(BLOCK_MS)
        self._format: Format | None = None
        self._path: TranslationPath | None = None
        self._data = bytearray()
        #: RTP time of what comes next
        self._expects: int | None = None
        #: ticks until what has come is due; None while nothing has
        self._to_start: int | None = None
        self._least = ahead
        self._ticks = 0
        #: bytes that were thrown away because more came than time went by
        self.dropped = 0

    def take(self, frame: Frame) -> Frame:
        """The hook: keep what the frame holds, leave the frame alone."""
        format_ = frame.format
        if format_ is None:
            return frame
        if format_ is not self._format:
            self._format = format_
            self._path = self._expects = None
            if format_.codec is not self._linear.codec:
                self._path = self._channel.system.translation.build_path(format_, self._linear)
                if self._path is None:
                    logger.warning(f"{self._channel.name}: {format_} cannot be listened to, since it cannot be translated")
        if format_.codec is self._linear.codec:
            self._keep(frame, frame.data)
        elif self._path is not None:
            linear = self._path.translate(frame)
            if linear is not None:
                self._keep(frame, linear.data)
        surplus = len(self._data) - self._ahead * self._size
        if surplus > 0:
            self.dropped += surplus
            del self._data[:surplus]
        return frame

    def _keep(self, frame: Frame, sound: bytes) -> None:
        if self._lag and frame.rtp_time is not None and frame.format is not None:
            size = len(sound)
            gap = self._gap(frame.rtp_time, frame.format.codec.clock_rate)
            if -_LONGEST_GAP_MS <= gap <= -_SHORTEST_GAP_MS:
                place = len(self._data) - self._linear.bytes_for(round(-gap))
                if place >= 0:
                    self._data[place : place + size] = sound
                return
            if _SHORTEST_GAP_MS <= gap <= _LONGEST_GAP_MS and self._to_start is not None:
                self._data += bytes(self._linear.bytes_for(round(gap)))
            self._expects = frame.rtp_time + self._ticks_in(size, frame.format.codec.clock_rate)
        self._data += sound
        if self._to_start is None:  # its first sample was said when its packet began
            self._to_start = max(self._lag + 1 - max(len(sound) // self._size, 1), 0) if self._lag else 0

    def _gap(self, rtp_time: int, clock_rate: int) -> float:
        """ms between the end of what came last and the beginning of what came now; 0 where nothing is known."""
        if self._expects is None:
            return 0.0
        ticks = (rtp_time - self._expects + 0x80000000) % 0x100000000 - 0x80000000
        return ticks * 1000 / clock_rate

    def _ticks_in(self, size: int, clock_rate: int) -> int:
        return size // 2 * clock_rate // self._linear.sample_rate

    def block(self) -> bytes | None:
        """The next block; a beginning of one is filled up with silence only when nothing more comes."""
        if self._to_start is None:
            return None
        if self._to_start:
            self._to_start -= 1
            return None
        data, size = self._data, self._size
        if len(data) < size:
            if not self._lag:
                return None
            self._to_start = self._expects = None
            if not data:
                return None
            data += bytes(size - len(data))
        elif self._lag:
            self._go_back_to_lag()
        block = bytes(data[:size])
        del data[:size]
        return block

    def _go_back_to_lag(self) -> None:
        """A sender whose clock is fast, or packets that were held up: what is in store too long goes."""
        self._least = min(self._least, len(self._data) // self._size - 1)
        self._ticks += 1
        if self._ticks < _PATIENCE:
            return
        surplus = (self._least - self._lag) * self._size
        if surplus > 0:
            self.dropped += surplus
            del self._data[:surplus]
        self._ticks, self._least = 0, self._ahead


def _nobody(_said: bytes | None, _heard: bytes | None) -> None:
    """Told of a block when all is over."""


class AudioTap:
    """Calls ``on_block`` every 20 ms with what a channel said and heard since; ``stop`` ends it, as the channel's end does.

    ``ahead`` is how many blocks of a direction may wait. With a ``lag`` all is told so many blocks later, which leaves packets
    time to come in and keeps both directions together; what waits at the end is told by :meth:`stop`. ``note`` is asked at
    every tick: ``noted`` is what it said at the time of the block that is told. While there is a tap, the channel's bridge goes
    through frames.
    """

    def __init__(
        self,
        channel: Channel,
        on_block: BlockHandler,
        *,
        sample_rate: int = 8000,
        ahead: int = _AHEAD,
        lag: int = 0,
        note: Callable[[], frozenset[str] | None] | None = None,
    ) -> None:
        self.channel = channel
        #: the format of the blocks
        self.format = slin_for_rate(sample_rate)
        self.noted: frozenset[str] | None = None
        self._on_block = on_block
        self._lag = lag
        self._note = note
        self._notes: deque[frozenset[str] | None] = deque()
        self._said = _Direction(channel, self.format, ahead, lag)
        self._heard = _Direction(channel, self.format, ahead, lag)
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
        """End it for good, and let go of who was told; a second call does nothing."""
        if not self.is_running:
            return
        self.is_running = False
        self.channel.system.ticker.remove(self._tick)
        self.channel.remove_hook(self._said.take)
        self.channel.remove_hook(self._heard.take)
        while self._notes:
            self._tell()
        self._on_block, self._note = _nobody, None

    def _tick(self) -> None:
        if not self._lag:
            self._on_block(self._said.block(), self._heard.block())
            return
        self._notes.append(self._note() if self._note is not None else None)
        if len(self._notes) > self._lag:
            self._tell()
        else:  # nothing is due yet
            self._said.block()
            self._heard.block()

    def _tell(self) -> None:
        self.noted = self._notes.popleft()
        self._on_block(self._said.block(), self._heard.block())
