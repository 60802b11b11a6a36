"""Repacking of GSM 06.10 frames: 33 bytes as RTP and .gsm files carry them, 65 bytes for two as WAV files do.

RFC 3551 section 4.5.8 gives the order of the 76 parameters: signature 0xD, then most significant bit first. In WAV
files (format 0x31) two frames without signatures follow each other, least significant bit first.
"""

from __future__ import annotations

FRAME_BYTES = 33
PAIR_BYTES = 65
_WIDTHS = (6, 6, 5, 5, 4, 4, 3, 3) + (7, 2, 2, 6, *(3,) * 13) * 4
_SIGNATURE = 0xD

#: For each parameter: its width's mask, its place in the frame's integer and in the WAV form's.
_FIELDS: list[tuple[int, int, int]] = []
_position = 0
for _width in _WIDTHS:
    _FIELDS.append(((1 << _width) - 1, 260 - _position - _width, _position))
    _position += _width

#: A frame of silence: what an encoder makes of zeros.
SILENCE_FRAME = bytes.fromhex("d820a2e15a5000492492492450004924924924500049249249245000492492492400")[:FRAME_BYTES]


def pair_to_frames(block: bytes) -> bytes:
    """Two 33 byte frames out of one 65 byte block."""
    bits = int.from_bytes(block, "little")
    frames = b""
    for _ in range(2):
        value = _SIGNATURE << 260
        for mask, high, low in _FIELDS:
            value |= (bits >> low & mask) << high
        bits >>= 260
        frames += value.to_bytes(FRAME_BYTES, "big")
    return frames


def frames_to_pair(frames: bytes) -> bytes:
    """One 65 byte block out of two 33 byte frames."""
    bits = 0
    for index in (1, 0):
        value = int.from_bytes(frames[index * FRAME_BYTES : (index + 1) * FRAME_BYTES], "big")
        part = 0
        for mask, high, low in _FIELDS:
            part |= (value >> high & mask) << low
        bits = bits << 260 | part
    return bits.to_bytes(PAIR_BYTES, "little")
