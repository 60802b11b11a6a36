"""Files of G.723.1 frames of 30 ms, without header: each frame tells its length in its first octet."""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterable
from pathlib import Path

from globstar.base.log import Logger
from globstar.core.format import g723
from globstar.core.packetsound import PacketData
from globstar.core.soundfile import Buffer, FileFormatSpec, SoundFault, SoundWriter
from globstar.proto.rtp.g723 import frame_octets, g723_frames

logger = Logger("format_g723")

_SAMPLES = 240
_WINDOW = 1 << 16


def parse_g723(data: Buffer) -> PacketData:
    """The frames; one that is cut off at the end of the file is left out, more than that is no G.723.1."""
    bounds = _bounds(data[at : at + _WINDOW] for at in range(0, len(data), _WINDOW))
    if len(data) and len(bounds) == 1:
        raise SoundFault("not a single whole frame of G.723.1")
    return PacketData(g723, data, 0, bounds[-1], 0, _SAMPLES, bounds)


def _bounds(pieces: Iterable[bytes]) -> array[int]:
    """Where the whole frames of a file begin, and where the last one ends."""
    bounds, at, passed = array("Q", [0]), 0, 0
    for piece in pieces:
        end = passed + len(piece)
        while at < end:
            size = frame_octets(piece[at - passed])
            at += size
            bounds.append(at)
        passed = end
    if at > passed:
        bounds.pop()
    return bounds


class G723Writer(SoundWriter):
    """Counts frames, which are of 24, 20, 4 and 1 octets, instead of octets."""

    __slots__ = ("_bounds", "_is_told")

    def __init__(self, path: Path, append: bool) -> None:
        self._bounds = array("Q", [0])
        self._is_told = False
        super().__init__(path, g723, append=append)

    def _whole(self, size: int) -> int:
        """Of a file that is gone on with: all whole frames."""
        descriptor = self._file.fileno()
        self._bounds = _bounds(os.pread(descriptor, _WINDOW, at) for at in range(0, size, _WINDOW))
        return self._bounds[-1]

    def _encode(self, data: bytes) -> bytes:
        """What holds no whole frames is left out, so that what follows can be read."""
        frames = g723_frames(data)
        if frames is None:
            if data and not self._is_told:
                self._is_told = True
                logger.warning(
                    f"{self.path}: a packet of {len(data)} octets is no G.723.1 and is left out, as are others like it"
                )
            return b""
        bounds = self._bounds
        for frame in frames:
            bounds.append(bounds[-1] + len(frame))
        return data

    def tell(self) -> int:
        """The length so far in samples."""
        return (len(self._bounds) - 1) * _SAMPLES

    def _bytes_of(self, samples: int) -> int:
        frames = max(0, samples) // _SAMPLES
        del self._bounds[frames + 1 :]
        return self._bounds[-1]


G723 = FileFormatSpec(name="g723sf", extensions=("g723", "g723sf"), format=g723, parse=parse_g723, create=G723Writer)
