"""RTP headers, RFC 3550 section 5.1."""

from __future__ import annotations

import pytest

from globstar.proto.rtp import RtpPacket, RtpParseError, is_rtcp, parse_packet
from globstar.proto.rtp.packet import payload_bounds

PLAIN = bytes.fromhex("80801234000000a0deadbeef") + b"voice"


def test_rfc3550_5_1_plain_header() -> None:
    packet = parse_packet(PLAIN)
    assert packet == RtpPacket(0, 0x1234, 160, 0xDEADBEEF, b"voice", True)
    assert bytes(packet) == PLAIN


def test_rfc3550_5_1_csrcs_extension_and_padding() -> None:
    data = (
        bytes.fromhex("b2080001000000010000000200000007")
        + bytes.fromhex("00000008")
        + bytes.fromhex("bede000111223344")
        + b"abc"
        + bytes((0, 0, 3))
    )
    packet = parse_packet(data)
    assert packet == RtpPacket(8, 1, 1, 2, b"abc", False, (7, 8), (0xBEDE, bytes.fromhex("11223344")))
    assert parse_packet(bytes(packet)) == packet
    assert payload_bounds(data) == (28, 31)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        PLAIN[:11],
        b"\x40" + PLAIN[1:],
        b"\x8f" + PLAIN[1:],
        b"\x90" + PLAIN[1:12],
        b"\x90" + PLAIN[1:12] + b"\x00\x00\x00\x09",
        b"\xa0" + PLAIN[1:12],
        b"\xa0" + PLAIN[1:12] + b"ab\x00",
        b"\xa0" + PLAIN[1:12] + b"ab\x04",
    ],
)
def test_refused(data: bytes) -> None:
    with pytest.raises(RtpParseError):
        parse_packet(data)


@pytest.mark.parametrize(("second", "expected"), [(200, True), (192, True), (223, True), (0, False), (0x80, False)])
def test_rfc5761_4_telling_rtcp_from_rtp(second: int, expected: bool) -> None:
    assert is_rtcp(bytes((0x80, second, 0, 0))) is expected


def test_short_datagram_is_no_rtcp() -> None:
    assert not is_rtcp(b"\x80")
