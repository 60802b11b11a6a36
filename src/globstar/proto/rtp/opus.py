"""How long a packet of Opus lasts (RFC 6716 section 3)."""

from __future__ import annotations

#: samples at 48 kHz of a frame, by the configuration in the first byte (section 3.1, table 2)
_FRAMES = (
    *(480, 960, 1920, 2880) * 3,
    *(480, 960) * 2,
    *(120, 240, 480, 960) * 4,
)
#: 120 ms, the longest packet (section 3.4, requirement 5)
_LONGEST = 5760


def opus_samples(packet: bytes) -> int:
    """The samples at 48 kHz that a packet holds; 0 for one that is broken."""
    if not packet:
        return 0
    kind = packet[0] & 3
    if kind == 3:
        count = packet[1] & 63 if len(packet) > 1 else 0
    else:
        count = 1 if kind == 0 else 2
    samples = count * _FRAMES[packet[0] >> 3]
    return samples if samples <= _LONGEST else 0
