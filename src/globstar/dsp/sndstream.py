"""Codecs of libsndfile (GSM 06.10, Dialogic ADPCM) as streams, one packet at a time.

libsndfile knows files only; here the file is a pipe in memory: a raw file without end that is fed a packet and asked
for that packet's samples. It reads and writes such files block by block, without reading ahead.
"""

from __future__ import annotations

import io
from typing import Any


class _Feed(io.RawIOBase):
    """A file without end that gives what was put in last."""

    def __init__(self, size: int) -> None:
        self.data = b""
        self._position = 0
        self._size = size

    def readinto(self, buffer: Any) -> int:
        count = min(len(buffer), len(self.data))
        buffer[:count] = self.data[:count]
        self.data = self.data[count:]
        return count

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self._position = offset + (0, self._position, self._size)[whence]
        return self._position

    def tell(self) -> int:
        return self._position


class _Drain(io.RawIOBase):
    """A file that keeps what was written since it was last emptied."""

    def __init__(self) -> None:
        self.data = bytearray()
        self._position = 0
        self._end = 0

    def write(self, data: Any) -> int:
        self.data += data
        self._position += len(data)
        self._end = max(self._end, self._position)
        return len(data)

    def seekable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self._position = offset + (0, self._position, self._end)[whence]
        return self._position

    def tell(self) -> int:
        return self._position


class StreamDecoder:
    """Decodes whole blocks of a libsndfile ``subtype``; called with a payload, gives 16 bit signed linear at 8 kHz.

    What does not fill a block at the end of a payload is left out.
    """

    __slots__ = ("_block_bytes", "_block_samples", "_feed", "_file", "_subtype")

    def __init__(self, subtype: str, block_bytes: int, block_samples: int) -> None:
        self._subtype = subtype
        self._block_bytes = block_bytes
        self._block_samples = block_samples
        self._feed = _Feed(block_bytes << 30)  # libsndfile counts blocks in 31 bits
        self._file: Any = None

    def __call__(self, data: bytes) -> bytes:
        blocks = len(data) // self._block_bytes
        if not blocks:
            return b""
        self._feed.data = data[: blocks * self._block_bytes]
        if self._file is None:  # opened late: libsndfile reads the first block at once
            import soundfile

            self._file = soundfile.SoundFile(self._feed, "r", 8000, 1, self._subtype, format="RAW")
        return bytes(self._file.buffer_read(blocks * self._block_samples, "int16"))


class StreamEncoder:
    """Encodes 16 bit signed linear at 8 kHz; gathers samples until a block is full."""

    __slots__ = ("_drain", "_file", "_frame_bytes", "_rest")

    def __init__(self, subtype: str, block_samples: int) -> None:
        import soundfile

        self._drain = _Drain()
        self._file = soundfile.SoundFile(self._drain, "w", 8000, 1, subtype, format="RAW")
        self._frame_bytes = 2 * block_samples
        self._rest = b""

    def __call__(self, data: bytes) -> bytes:
        data = self._rest + data
        whole = len(data) - len(data) % self._frame_bytes
        self._rest = data[whole:]
        if not whole:
            return b""
        self._file.buffer_write(data[:whole], "int16")
        made = bytes(self._drain.data)
        self._drain.data.clear()
        return made
