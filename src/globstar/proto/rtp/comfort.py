"""Comfort noise payloads (RFC 3389)."""

from __future__ import annotations

COMFORT_NOISE = 13
"""Static payload type at 8 kHz."""

COMFORT_NOISE_OLD = 19
"""The number that some equipment used before RFC 3551."""

DEFAULT_LEVEL = 127


def parse_comfort_noise(payload: bytes) -> int | None:
    """The noise level in -dBov (0 to 127), None for an empty payload; spectral bytes are not used (section 3)."""
    return payload[0] & 0x7F if payload else None


def build_comfort_noise(level: int = DEFAULT_LEVEL) -> bytes:
    """A payload that states only the level (section 3.1); 127 is silence."""
    return bytes((max(0, min(level, 127)),))
