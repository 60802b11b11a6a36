"""RTP header extensions: RFC 8285 by clause."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globstar.proto.rtp import RtpPacket, parse_packet
from globstar.proto.rtp.extension import extension_words, find_extension, with_extension

PLAIN = bytes(RtpPacket(0, 1, 160, 7, b"sound"))


def packet(profile: int, data: bytes) -> bytes:
    return bytes(RtpPacket(0, 1, 160, 7, b"sound", extension=(profile, data + bytes(-len(data) % 4))))


def test_rfc8285_4_2_one_byte_form() -> None:
    data = packet(0xBEDE, b"\x10\x80" + b"\x00\x00" + b"\x32mid")
    assert find_extension(data, 3) == b"mid"
    assert find_extension(data, 1) == b"\x80"
    assert find_extension(data, 2) is None


def test_rfc8285_4_3_two_byte_form() -> None:
    data = packet(0x1000, b"\x05\x00\x00\x03\x03mid")
    assert find_extension(data, 3) == b"mid"
    assert find_extension(data, 5) == b""


def test_rfc8285_4_2_nothing_counts_after_15() -> None:
    assert find_extension(packet(0xBEDE, b"\xf0\x00\x32mid"), 3) is None


@pytest.mark.parametrize(
    "data",
    [
        PLAIN,
        packet(0x1234, b"\x32mid"),
        packet(0xBEDE, b"\x3fmid"),
        packet(0x1000, b"\x03\x09mid"),
        b"\x90" + PLAIN[1:12] + b"\xbe",
    ],
)
def test_nothing_can_be_made_of_it(data: bytes) -> None:
    assert find_extension(data, 3) is None


def test_an_extension_is_cut_off() -> None:
    assert find_extension(packet(0xBEDE, b"\x32mid")[:17], 3) is None


@given(st.binary(min_size=1, max_size=16), st.integers(1, 14))
def test_what_is_added_is_found_and_the_packet_stays(value: bytes, number: int) -> None:
    for csrcs in ((), (1, 2)):
        plain = RtpPacket(8, 9, 10, 11, b"sound", True, csrcs)
        data = with_extension(bytes(plain), extension_words(number, value))
        assert find_extension(data, number) == value
        assert parse_packet(data)._replace(extension=None) == plain


def test_a_packet_that_has_extensions_stays() -> None:
    data = packet(0xBEDE, b"\x32mid")
    assert with_extension(data, extension_words(1, b"x")) is data


@given(st.binary(max_size=40))
def test_any_bytes_will_do(data: bytes) -> None:
    find_extension(b"\x90" + bytes(11) + data, 3)
