"""UDPTL packets (ITU-T T.38 section 9.1): a number, one packet of the fax, and what makes good for lost ones."""

from __future__ import annotations

from dataclasses import dataclass

from globstar.base.errors import RemoteFault

#: No packet of a fax is longer; what claims to be is no UDPTL.
MAX_LENGTH = 16383


class UdptlParseError(RemoteFault):
    """A datagram that is no UDPTL."""


@dataclass(frozen=True, slots=True)
class UdptlPacket:
    """One datagram: ``primary`` is the fax packet number ``sequence``.

    ``secondary`` are those before it, the latest first (redundancy), or the parity packets (``is_fec``), of ``fec_span`` each.
    """

    sequence: int
    primary: bytes
    secondary: tuple[bytes, ...] = ()
    is_fec: bool = False
    fec_span: int = 0


def parse_udptl(data: bytes) -> UdptlPacket:
    """Read a datagram; raises UdptlParseError for anything that is not one whole UDPTL packet."""
    if len(data) < 4:
        raise UdptlParseError("shorter than any packet")
    sequence = data[0] << 8 | data[1]
    primary, place = _open_type(data, 2)
    if place >= len(data):
        raise UdptlParseError("no error recovery part")
    kind = data[place]
    place += 1
    if kind not in (0x00, 0x80):
        raise UdptlParseError(f"unknown kind of error recovery {kind:#x}")
    span = 0
    if kind == 0x80:
        # a whole number as PER writes it: one octet of length, then the value
        if data[place : place + 1] != b"\x01" or place + 1 >= len(data):
            raise UdptlParseError("no span of the parity packets")
        span = data[place + 1]
        place += 2
    count, place = _length(data, place)
    secondary = []
    for _ in range(count):
        piece, place = _open_type(data, place)
        secondary.append(piece)
    if place != len(data):
        raise UdptlParseError(f"{len(data) - place} octets too many")
    return UdptlPacket(sequence, primary, tuple(secondary), kind == 0x80, span)


def _length(data: bytes, place: int) -> tuple[int, int]:
    """A length determinant (X.691 section 11.9): one octet below 128, two below 16384; longer ones are not used here."""
    if place >= len(data):
        raise UdptlParseError("cut off before a length")
    first = data[place]
    if first < 0x80:
        return first, place + 1
    if first & 0x40 or place + 1 >= len(data):
        raise UdptlParseError("a length that cannot be")
    return (first & 0x3F) << 8 | data[place + 1], place + 2


def _open_type(data: bytes, place: int) -> tuple[bytes, int]:
    length, start = _length(data, place)
    end = start + length
    if end > len(data):
        raise UdptlParseError("cut off within a packet")
    return data[start:end], end
