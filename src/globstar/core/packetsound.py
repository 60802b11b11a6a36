"""Sound files of packets that differ in length: of codecs whose frames do, or out of a container that keeps packets apart."""

from __future__ import annotations

from array import array
from dataclasses import dataclass

from globstar.core.frame import NULL_FRAME, Frame, FrameType
from globstar.core.soundfile import SoundData, SoundReader

_VOICE = FrameType.VOICE


@dataclass(frozen=True, slots=True)
class PacketData(SoundData):
    """The audio of one file: ``data[bounds[n]:bounds[n + 1]]`` is packet n, of ``block_samples`` samples; none is empty.

    ``block_bytes`` says nothing here.
    """

    bounds: array[int]

    @property
    def samples(self) -> int:
        """The length in samples."""
        return (len(self.bounds) - 1) * self.block_samples

    def open(self, frame_ms: int = 20) -> SoundReader:
        """A cursor at the beginning; it gives one packet at a time, however long they are."""
        return PacketReader(self)


class PacketReader(SoundReader):
    """A cursor over packets. The frames that it gives are the packets."""

    __slots__ = ("_bounds", "_lasting", "_number")

    def __init__(self, sound: PacketData) -> None:
        super().__init__(sound, 0)
        self._bounds = sound.bounds
        self._number = 0
        #: samples of what was given that go beyond the 20 ms of its tick
        self._lasting = 0

    def next_frame(self) -> Frame | None:
        """The next packet, None at the end."""
        number, bounds = self._number, self._bounds
        if number + 1 >= len(bounds):
            return None
        self._number = number + 1
        data = self._data[bounds[number] : bounds[number + 1]]
        if len(data) < bounds[number + 1] - bounds[number]:  # the file was cut short while it is read
            self._number = len(bounds) - 1
            return None
        return Frame(_VOICE, 0, data, format=self.format, samples=self._chunk_samples)

    def next_tick(self) -> Frame | None:
        """What belongs into the next 20 ms; a packet that lasts longer is followed by empty ones, on an average at its pace."""
        tick = self.format.sample_rate // 50
        if self._lasting >= tick:
            self._lasting -= tick
            return NULL_FRAME
        frame = self.next_frame()
        if frame is not None:
            self._lasting += self._chunk_samples - tick
        elif self._lasting > 0:
            self._lasting = 0
            return NULL_FRAME
        return frame

    def read_rest(self) -> bytes:
        """Everything from here to the end, as one payload; of use where frames may simply follow one another."""
        start, self._number = self._bounds[self._number], len(self._bounds) - 1
        return self._data[start : self._bounds[-1]]

    @property
    def is_at_end(self) -> bool:
        """Whether nothing is left."""
        return self._number + 1 >= len(self._bounds)

    def tell(self) -> int:
        """The position in samples."""
        return self._number * self._chunk_samples

    def seek(self, samples: int) -> None:
        """Go to ``samples`` from the beginning, held within the file, to the beginning of a packet."""
        self._number = min(max(0, samples) // self._chunk_samples, len(self._bounds) - 1)
        self._lasting = 0
