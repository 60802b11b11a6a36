"""The frames in a packet of Speex (RFC 5574 section 3; the bits of the modes are those of the Speex manual, chapters 9 and 10).

Frames follow one another bit by bit; only the end of a packet is filled up to whole octets.
"""

from __future__ import annotations

from collections.abc import Sequence

#: Bits of a frame by mode, its five bits of flag and mode included.
_NARROW = {0: 5, 1: 43, 2: 119, 3: 160, 4: 220, 5: 300, 6: 364, 7: 492, 8: 79}
#: Bits of what a higher band adds, its four bits of flag and mode included.
_ADDED = {0: 4, 1: 36, 2: 112, 3: 192, 4: 352}
_TERMINATOR = 15

#: A frame: its bits as a number, and how many they are.
SpeexFrame = tuple[int, int]


def speex_frames(packet: bytes) -> list[SpeexFrame] | None:
    """The frames of 20 ms of a packet; None for what is broken, and for messages in the band, which belong to no frame."""
    whole, length = int.from_bytes(packet, "big"), 8 * len(packet)

    def bits(at: int, count: int) -> int:
        return whole >> (length - at - count) & (1 << count) - 1

    frames: list[SpeexFrame] = []
    at = 0
    while length - at >= 5:
        mode = bits(at, 5)
        if mode == _TERMINATOR:
            break
        size = _NARROW.get(mode)
        if size is None or at + size > length:
            return None
        while at + size + 4 <= length and bits(at + size, 1):  # a flag that is set begins a higher band
            added = _ADDED.get(bits(at + size, 4) & 7)
            if added is None or at + size + added > length:
                return None
            size += added
        frames.append((bits(at, size), size))
        at += size
    return frames or None


def speex_packet(frames: Sequence[SpeexFrame]) -> bytes:
    """A packet of frames; what is left of the last octet is a zero and ones (section 3.3)."""
    value = length = 0
    for bits, size in frames:
        value, length = value << size | bits, length + size
    spare = -length % 8
    if spare:
        value, length = value << spare | (1 << spare - 1) - 1, length + spare
    return value.to_bytes(length // 8, "big")
