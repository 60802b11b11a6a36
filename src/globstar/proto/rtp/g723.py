"""The frames in a packet of G.723.1: each tells its length in the low bits of its first octet (RFC 3551 section 4.5.3)."""

from __future__ import annotations

_OCTETS = (24, 20, 4, 1)


def frame_octets(first: int) -> int:
    """The length of the frame that begins with the octet ``first``."""
    return _OCTETS[first & 3]


def g723_frames(packet: bytes) -> list[bytes] | None:
    """The frames of 30 ms of a packet; None for what is broken."""
    frames, at = [], 0
    while at < len(packet):
        end = at + _OCTETS[packet[at] & 3]
        frames.append(packet[at:end])
        at = end
    return frames if frames and at == len(packet) else None
