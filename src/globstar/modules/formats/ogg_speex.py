"""Speex in Ogg at 8, 16 and 32 kHz (libspeex's manual, "Ogg file format"): its packets as they are; no such file is written."""

from __future__ import annotations

import struct
from array import array

from globstar.core import ogg
from globstar.core.format import Format, speex, speex16, speex32
from globstar.core.packetsound import PacketData
from globstar.core.soundfile import Buffer, FileFormatSpec, SoundFault

_MAGIC = b"Speex   "
_HEADER = struct.Struct("<8s20s13I")
#: The bands of Speex by their numbers in the header: the format and the ending of its files.
_MODES = ((speex, "spx"), (speex16, "spx16"), (speex32, "spx32"))
_MOST_FRAMES = 10


def parse_ogg_speex(data: Buffer, format: Format) -> PacketData:
    """The packets of the first stream of Speex, which has to be mono and in the band of ``format``."""
    packets = ogg.packets(data, _MAGIC)
    frames, extra = _read_header(next(packets), format)
    for _ in range(1 + extra):  # comments, and other headers
        if next(packets, None) is None:
            raise SoundFault("it ends within its headers")
    audio = bytearray()
    bounds = array("Q", [0])
    for packet in packets:
        audio += packet
        bounds.append(len(audio))
    return PacketData(format, bytes(audio), 0, len(audio), 0, frames * format.sample_rate // 50, bounds)


def _read_header(packet: bytes, format: Format) -> tuple[int, int]:
    """How many frames are in a packet, and how many headers follow the comments."""
    if len(packet) < _HEADER.size:
        raise SoundFault("the header of Speex is too short")
    _, _, _, _, rate, mode, _, channels, _, _, _, frames, extra, _, _ = _HEADER.unpack_from(packet)
    if mode >= len(_MODES):
        raise SoundFault(f"Speex in an unknown mode {mode}")
    found, ending = _MODES[mode]
    if found is not format:
        raise SoundFault(f"Speex in the band of {found.sample_rate} Hz, whose files end on .{ending}")
    if rate != format.sample_rate or channels != 1:
        raise SoundFault(f"Speex at {rate} Hz with {channels} channels; only mono at {format.sample_rate} Hz is read here")
    if not 1 <= frames <= _MOST_FRAMES:
        raise SoundFault(f"{frames} frames in each packet")
    if extra > 255:
        raise SoundFault(f"{extra} headers")
    return frames, extra


def _spec(name: str, format: Format, ending: str) -> FileFormatSpec:
    return FileFormatSpec(name=name, extensions=(ending,), format=format, parse=lambda data: parse_ogg_speex(data, format))


OGG_SPEEX = _spec("ogg_speex", *_MODES[0])
OGG_SPEEX16 = _spec("ogg_speex16", *_MODES[1])
OGG_SPEEX32 = _spec("ogg_speex32", *_MODES[2])
