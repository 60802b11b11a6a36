"""Files of G.711 and G.722 without header, and Sun's .au with mu-law."""

from __future__ import annotations

import struct
from pathlib import Path

from globstar.core.format import alaw, g722, ulaw
from globstar.core.soundfile import (
    Buffer,
    FileFormatSpec,
    SoundData,
    SoundFault,
    SoundWriter,
    raw_format,
    whole_blocks,
)

PCM = raw_format("pcm", "pcm|ulaw|ul|mu|ulw", ulaw, ("audio/basic",))
ALAW = raw_format("alaw", "alaw|al|alw", alaw)
G722 = raw_format("g722", "g722", g722)

_MAGIC = b".snd"
_ENCODING_ULAW = 1
_UNKNOWN_SIZE = 0xFFFFFFFF


def parse_au(data: Buffer) -> SoundData:
    """Mono mu-law at 8 kHz; anything else is refused."""
    head = data[0:24]
    if len(head) < 24 or head[:4] != _MAGIC:
        raise SoundFault("not an AU file")
    start, size, encoding, rate, channels = struct.unpack(">5I", head[4:])
    if (encoding, rate, channels) != (_ENCODING_ULAW, 8000, 1):
        raise SoundFault(f"AU with encoding {encoding}, {rate} Hz, {channels} channels; only mono mu-law at 8000 Hz is read")
    if start < 24:
        raise SoundFault("the header is too short")
    return whole_blocks(ulaw, data, start, None if size in (0, _UNKNOWN_SIZE) else start + size)


def _au_header(data_bytes: int) -> bytes:
    return struct.pack(">4s5I", _MAGIC, 24, min(data_bytes, _UNKNOWN_SIZE), _ENCODING_ULAW, 8000, 1)


def _find_audio(data: Buffer) -> tuple[int, int]:
    sound = parse_au(data)
    return sound.start, sound.stop


def _create_au(path: Path, append: bool) -> SoundWriter:
    return SoundWriter(path, ulaw, _au_header, append=append, find_audio=_find_audio)


AU = FileFormatSpec(name="au", extensions=("au",), format=ulaw, parse=parse_au, create=_create_au)
