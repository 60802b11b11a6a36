"""AMR and AMR-WB in RTP (RFC 4867 section 4): packets to frames and back, bandwidth-efficient and octet-aligned.

A frame here is as in files (section 5.3): an octet with its type and quality, then its bits, filled up to octets.
"""

from __future__ import annotations

from collections.abc import Sequence

#: Bits of speech by frame type (tables of 3GPP TS 26.101 and 26.201); types that are not named are reserved.
NARROW_BITS = {0: 95, 1: 103, 2: 118, 3: 134, 4: 148, 5: 159, 6: 204, 7: 244, 8: 39, 15: 0}
WIDE_BITS = {0: 132, 1: 177, 2: 253, 3: 285, 4: 317, 5: 365, 6: 397, 7: 461, 8: 477, 9: 40, 14: 0, 15: 0}
#: The mode request that asks for nothing.
NO_REQUEST = 15
NO_DATA = 15
#: Most frames of a packet, 240 ms.
MAX_FRAMES = 12


def file_frame(kind: int, speech: bytes, *, is_good: bool = True) -> bytes:
    """A frame as files have it."""
    return bytes([kind << 3 | is_good << 2]) + speech


def mode_request(payload: bytes) -> int:
    """The mode that a packet, which must not be empty, asks of what is sent back (CMR, section 4.3.1 and 4.4.1)."""
    return payload[0] >> 4


def _table(payload: bytes, *, is_aligned: bool) -> tuple[list[tuple[int, bool]], int] | None:
    """Type and quality of the frames of a packet, and the bit after its table; None if it never ends."""
    frames: list[tuple[int, bool]] = []
    at, size = (8, 8) if is_aligned else (4, 6)
    while len(frames) < MAX_FRAMES:
        if (at + size + 7) // 8 > len(payload):
            return None
        entry = int.from_bytes(payload[at // 8 : at // 8 + 2].ljust(2, b"\0"), "big") >> (10 - at % 8) & 0x3F
        frames.append((entry >> 1 & 15, bool(entry & 1)))
        at += size
        if not entry >> 5:
            return frames, at
    return None


def frame_count(payload: bytes, *, is_aligned: bool) -> int:
    """How many frames of 20 ms a packet has; 0 if it is none."""
    found = _table(payload, is_aligned=is_aligned)
    return len(found[0]) if found is not None else 0


def unpack(payload: bytes, bits: dict[int, int], *, is_aligned: bool) -> list[bytes] | None:
    """The frames of a packet; None for what is no packet: frame types of no meaning, or fewer bits than the table says."""
    found = _table(payload, is_aligned=is_aligned)
    if found is None:
        return None
    table, at = found
    whole, length = int.from_bytes(payload, "big"), 8 * len(payload)
    frames = []
    for kind, is_good in table:
        size = bits.get(kind)
        if size is None or at + size > length:
            return None
        octets = (size + 7) // 8
        speech = (whole >> (length - at - size) & (1 << size) - 1) << (8 * octets - size)
        frames.append(file_frame(kind, speech.to_bytes(octets, "big"), is_good=is_good))
        at += 8 * octets if is_aligned else size
    return frames


def pack(frames: Sequence[bytes], bits: dict[int, int], *, is_aligned: bool, request: int = NO_REQUEST) -> bytes:
    """A packet of frames, at least one, with the mode that is asked of the other side."""
    filling = 2 if is_aligned else 0
    value, length = request << (4 if is_aligned else 0), 8 if is_aligned else 4
    for number, frame in enumerate(frames):
        entry = (number < len(frames) - 1) << 5 | (frame[0] >> 3 & 15) << 1 | frame[0] >> 2 & 1
        value, length = value << 6 + filling | entry << filling, length + 6 + filling
    for frame in frames:
        size = bits[frame[0] >> 3 & 15]
        speech, octets = int.from_bytes(frame[1:], "big"), len(frame) - 1
        if not is_aligned:
            speech, octets = speech >> (8 * octets - size), 0
        added = 8 * octets or size
        value, length = value << added | speech, length + added
    spare = -length % 8
    return (value << spare).to_bytes((length + spare) // 8, "big")
