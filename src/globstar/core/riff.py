"""WAV files: the chunks of RIFF, and headers to write."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from globstar.core.soundfile import Buffer, SoundFault

TAG_PCM = 1
TAG_GSM = 0x31
_TAG_EXTENSIBLE = 0xFFFE
_MAXIMUM = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class WaveInfo:
    """What the ``fmt`` chunk says, and where the ``data`` chunk is."""

    tag: int
    channels: int
    sample_rate: int
    bits: int
    start: int
    stop: int


def parse_wave(data: Buffer) -> WaveInfo:
    """Find format and audio; a data chunk that claims more than there is (a recording cut short) ends with the file."""
    head = data[0:12]
    if len(head) < 12 or head[:4] != b"RIFF" or head[8:] != b"WAVE":
        raise SoundFault("not a WAV file")
    position = 12
    found: tuple[int, int, int, int] | None = None
    while position + 8 <= len(data):
        name, size = struct.unpack("<4sI", data[position : position + 8])
        body = position + 8
        if name == b"fmt ":
            if size < 14 or body + 14 > len(data):
                raise SoundFault("the format chunk is too short")
            tag, channels, rate, _, _ = struct.unpack("<HHIIH", data[body : body + 14])
            bits = int.from_bytes(data[body + 14 : body + 16], "little") if size >= 16 else 0
            if tag == _TAG_EXTENSIBLE and size >= 26:
                tag = int.from_bytes(data[body + 24 : body + 26], "little")
            found = (tag, channels, rate, bits)
        elif name == b"data":
            if found is None:
                raise SoundFault("audio before its format")
            stop = len(data) if size in (0, _MAXIMUM) else min(body + size, len(data))
            return WaveInfo(*found, body, stop)
        position = body + size + (size & 1)
    raise SoundFault("no audio in the file")


def pcm_header(sample_rate: int, data_bytes: int) -> bytes:
    """The head of a 16 bit mono file with ``data_bytes`` of audio."""
    size = min(data_bytes, _MAXIMUM - 36)
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + size, b"WAVE", b"fmt ", 16, TAG_PCM, 1, sample_rate, 2 * sample_rate, 2, 16,
        b"data", size,
    )  # fmt: skip


def gsm_header(data_bytes: int) -> bytes:
    """The head of a GSM 06.10 file: blocks of 65 bytes with 320 samples."""
    size = min(data_bytes, _MAXIMUM - 53)
    padded = size + (size & 1)  # chunks begin at even places
    return struct.pack(
        "<4sI4s4sIHHIIHHHH4sII4sI", b"RIFF", 52 + padded, b"WAVE", b"fmt ", 20, TAG_GSM, 1, 8000, 1625, 65, 0, 2, 320,
        b"fact", 4, size // 65 * 320, b"data", size,
    )  # fmt: skip
