"""UDPTL packets (ITU-T T.38 section 9.1)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globstar.proto.t38 import UdptlPacket, UdptlParseError, parse_udptl


def test_a_packet_alone() -> None:
    assert parse_udptl(bytes.fromhex("0007 01 06 00 00")) == UdptlPacket(7, b"\x06")


def test_redundancy() -> None:
    packet = parse_udptl(bytes.fromhex("ffff 02 aabb 00 02 01 cc 03 010203"))
    assert packet == UdptlPacket(65535, b"\xaa\xbb", (b"\xcc", b"\x01\x02\x03"))


def test_parity() -> None:
    packet = parse_udptl(bytes.fromhex("0001 01 aa 80 01 03 01 02 beef"))
    assert packet == UdptlPacket(1, b"\xaa", (b"\xbe\xef",), True, 3)


def test_a_long_packet() -> None:
    """128 octets and more have a length of two octets."""
    assert parse_udptl(b"\x00\x01\x80\xc8" + b"x" * 200 + b"\x00\x00").primary == b"x" * 200


@pytest.mark.parametrize(
    "text",
    ["", "00", "0001", "000101", "000102aa", "000101aa", "000101aa00", "000101aa4000", "000101aa0001", "000101aa0000ff",
     "0001c0aa0000", "000101aa8002", "000101aa0001c1"],
)  # fmt: skip
def test_no_udptl(text: str) -> None:
    with pytest.raises(UdptlParseError):
        parse_udptl(bytes.fromhex(text))


def _length(size: int) -> bytes:
    return bytes([size]) if size < 128 else bytes([0x80 | size >> 8, size & 0xFF])


@given(st.integers(0, 65535), st.binary(max_size=300), st.lists(st.binary(max_size=200), max_size=5))
def test_what_was_written_is_read(sequence: int, primary: bytes, secondary: list[bytes]) -> None:
    data = sequence.to_bytes(2, "big") + _length(len(primary)) + primary + b"\x00" + _length(len(secondary))
    data += b"".join(_length(len(piece)) + piece for piece in secondary)
    assert parse_udptl(data) == UdptlPacket(sequence, primary, tuple(secondary))


@given(st.binary(max_size=400))
def test_a_packet_or_the_fault(data: bytes) -> None:
    try:
        packet = parse_udptl(data)
    except UdptlParseError:
        return
    assert len(packet.primary) + sum(map(len, packet.secondary)) < len(data)
