"""RTCP packets, RFC 3550 section 6."""

from __future__ import annotations

import pytest

from globstar.proto.rtp import (
    Bye,
    OtherRtcp,
    ReceiverReport,
    ReportBlock,
    RtpParseError,
    SenderReport,
    SourceDescription,
    build_compound,
    microseconds_of,
    ntp_time,
    parse_compound,
    round_trip,
)

BLOCK = ReportBlock(0xAABBCCDD, 64, -3, 70000, 12, 0x11223344, 65536)
SR = SenderReport(1, ntp_time(1_700_000_000.5), 160, 10, 1600, (BLOCK,))


@pytest.mark.parametrize(
    "packets",
    [
        (SR, SourceDescription.of(1, "cname@host")),
        (ReceiverReport(1, (BLOCK, BLOCK)), SourceDescription(((1, ((1, b"abc"), (6, b""))), (2, ())))),
        (ReceiverReport(1), Bye((1, 2), b"going")),
        (Bye(()),),
        (OtherRtcp(205, 1, bytes(8)), OtherRtcp(204, 3, b"APP!name")),
    ],
)
def test_round_trip_of_values(packets: tuple) -> None:
    data = build_compound(packets)
    assert len(data) % 4 == 0
    assert parse_compound(data) == packets


def test_rfc3550_6_4_1_sender_report_on_the_wire() -> None:
    data = bytes(SR)
    assert data[:4] == bytes.fromhex("81c8000c")
    assert data[8:16] == (((1_700_000_000 + 2_208_988_800) << 32) + 0x80000000).to_bytes(8, "big")
    assert data[32:36] == bytes.fromhex("40fffffd")
    assert SR.middle_ntp == SR.ntp >> 16 & 0xFFFFFFFF


def test_rfc3550_6_5_chunk_ends_on_a_word_with_a_null() -> None:
    for length in range(8):
        data = bytes(SourceDescription.of(1, "x" * length))
        assert len(data) % 4 == 0
        assert data[-1] == 0


def test_rfc3550_6_4_1_padding_is_cut_off() -> None:
    data = bytearray(bytes(ReceiverReport(1)) + bytes((0, 0, 0, 4)))
    data[0] |= 0x20
    data[3] += 1
    assert parse_compound(bytes(data)) == (ReceiverReport(1),)


def test_profile_extension_after_the_blocks_is_left_out() -> None:
    data = bytearray(bytes(ReceiverReport(1)) + b"more")
    data[3] += 1
    assert parse_compound(bytes(data)) == (ReceiverReport(1),)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80\xc8",
        bytes(SR)[:-4],
        bytes(SR) + b"\x00",
        b"\x40" + bytes(SR)[1:],
        b"\x80\x60" + bytes(SR)[2:],
        bytes.fromhex("80c80000"),
        bytes.fromhex("80c90000"),
        bytes.fromhex("81c9000100000001"),
        bytes.fromhex("82ca000100000001"),
        bytes.fromhex("81ca00020000000101ff0000"),
        bytes.fromhex("82cb000100000001"),
        bytes.fromhex("81cb00020000000109616263"),
        bytes.fromhex("a0c9000100000000"),
        bytes.fromhex("a0c9000100000003"),
    ],
)
def test_refused(data: bytes) -> None:
    with pytest.raises(RtpParseError):
        parse_compound(data)


def test_rfc3550_6_4_1_round_trip_of_the_example() -> None:
    """Figure 2: A = 0xb710:8000, DLSR 5.250 s, LSR 0xb705:2000 give 6.125 s."""
    block = ReportBlock(1, 0, 0, 0, 0, 0xB7052000, 0x00054000)
    assert round_trip(block, 0xB7108000 << 16) == pytest.approx(6.125)


def test_round_trip_unknown_and_never_negative() -> None:
    assert round_trip(ReportBlock(1, 0, 0, 0, 0, 0, 0), ntp_time(1.0)) is None
    assert round_trip(ReportBlock(1, 0, 0, 0, 0, 5 << 16, 0), (4 << 16) << 16) == 0.0


@pytest.mark.parametrize("seconds", [1528531551.953682, 0.000001, 2208988800.5, 1.999999])
def test_ntp_and_back(seconds: float) -> None:
    """2^31 seconds before 2036 and after it (RFC 4330 section 3)."""
    assert microseconds_of(ntp_time(seconds)) == round(seconds * 1_000_000)


def test_rfc3550_6_4_1_no_wall_clock() -> None:
    assert microseconds_of(0) == 0
