"""G.711: mu-law and A-law against 16 bit signed linear, and against each other (ITU-T G.711).

Linear is little-endian 16 bit throughout ``dsp``. Everything here is a table look-up in C.
"""

from __future__ import annotations

import audioop


def ulaw_to_linear(data: bytes) -> bytes:
    """Expand mu-law."""
    return audioop.ulaw2lin(data, 2)


def linear_to_ulaw(data: bytes) -> bytes:
    """Compress to mu-law; an odd last byte is left out."""
    return audioop.lin2ulaw(data if not len(data) & 1 else data[:-1], 2)


def alaw_to_linear(data: bytes) -> bytes:
    """Expand A-law."""
    return audioop.alaw2lin(data, 2)


def linear_to_alaw(data: bytes) -> bytes:
    """Compress to A-law; an odd last byte is left out."""
    return audioop.lin2alaw(data if not len(data) & 1 else data[:-1], 2)


_ALL = bytes(range(256))

#: One byte of the one law for each byte of the other, for ``bytes.translate``.
ULAW_TO_ALAW_TABLE = linear_to_alaw(ulaw_to_linear(_ALL))
ALAW_TO_ULAW_TABLE = linear_to_ulaw(alaw_to_linear(_ALL))

#: Silence: linear zero in each law.
ULAW_SILENCE = 0xFF
ALAW_SILENCE = 0xD5

#: The digital milliwatt, eight samples of 1 kHz at 0 dBm0 (ITU-T G.711 tables 5 and 6).
ULAW_MILLIWATT = bytes((0x1E, 0x0B, 0x0B, 0x1E, 0x9E, 0x8B, 0x8B, 0x9E))
ALAW_MILLIWATT = bytes((0x34, 0x21, 0x21, 0x34, 0xB4, 0xA1, 0xA1, 0xB4))


def ulaw_to_alaw(data: bytes) -> bytes:
    """mu-law to A-law without going through linear."""
    return data.translate(ULAW_TO_ALAW_TABLE)


def alaw_to_ulaw(data: bytes) -> bytes:
    """A-law to mu-law without going through linear."""
    return data.translate(ALAW_TO_ULAW_TABLE)
