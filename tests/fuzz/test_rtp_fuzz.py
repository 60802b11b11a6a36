"""Invariant: for any bytes, RTP and RTCP parsing gives a value or RtpParseError, and ``parse(bytes(x)) == x``.

Whatever packets come, a receiver's counts add up, and an event receiver gives begins and ends in turn.
"""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from globstar.proto.rtp import (
    DigitBegan,
    DigitEnded,
    EventReceiver,
    ReceiverReport,
    ReportBlock,
    RtpParseError,
    RtpReceiver,
    SenderReport,
    parse_compound,
    parse_event,
    parse_packet,
    round_trip,
)

headers = st.builds(
    lambda first, second, rest, tail: bytes((first, second)) + rest + tail,
    st.sampled_from([0x80, 0x90, 0xA0, 0xB3, 0x8F, 0x40]) | st.integers(0, 255),
    st.integers(0, 255),
    st.binary(min_size=0, max_size=10),
    st.binary(max_size=80),
)
rtcp_one = st.builds(
    lambda count, kind, wrong, body: struct.pack("!BBH", 0x80 | count, kind, max(len(body) // 4 + wrong, 0)) + body,
    st.sampled_from([0, 1, 2, 31, 0x20, 0x21]),
    st.integers(198, 210),
    st.sampled_from([0, 0, 0, 0, 1, -1]),
    st.lists(st.binary(min_size=4, max_size=4), max_size=14).map(b"".join),
)
raw = st.binary(max_size=200) | headers | st.lists(rtcp_one, max_size=4).map(b"".join)


@given(raw)
def test_any_bytes_as_rtp(data: bytes) -> None:
    try:
        packet = parse_packet(data)
    except RtpParseError:
        return
    assert parse_packet(bytes(packet)) == packet
    assert len(packet.payload) <= len(data) - 12
    parse_event(packet.payload)


@given(raw)
def test_any_bytes_as_rtcp(data: bytes) -> None:
    try:
        packets = parse_compound(data)
    except RtpParseError:
        return
    assert parse_compound(b"".join(map(bytes, packets))) == packets
    for packet in packets:
        if isinstance(packet, SenderReport | ReceiverReport):
            for block in packet.blocks:
                assert isinstance(block, ReportBlock)
                took = round_trip(block, 0x123456789ABCDEF0)
                assert took is None or took >= 0


@given(st.lists(st.tuples(st.integers(0, 65535) | st.integers(0, 40), st.integers(0, 0xFFFFFFFF)), max_size=200))
def test_any_packets_counts_add_up(packets: list[tuple[int, int]]) -> None:
    receiver = RtpReceiver()
    delivered = 0
    for index, (sequence, rtp_time) in enumerate(packets):
        restarts = receiver.restarts
        used = receiver.receive(sequence, rtp_time, 160, 8000, index * 0.02)
        delivered = 1 if receiver.restarts != restarts else delivered + used
        assert receiver.received == delivered
        assert receiver.lost >= -delivered
        assert receiver.jitter >= 0
    report = receiver.next_report()
    assert 0 <= report.fraction_lost <= 255


@given(st.lists(st.tuples(st.binary(max_size=6), st.sampled_from([0, 160, 320, 70000, 0xFFFFFF00]), st.booleans())))
def test_any_events_alternate(packets: list[tuple[bytes, int, bool]]) -> None:
    receiver = EventReceiver(0.15)
    seen: list[DigitBegan | DigitEnded] = []
    for index, (payload, rtp_time, marker) in enumerate(packets):
        seen += receiver.receive(payload, rtp_time, marker, 8000, index * 0.02)
    seen += receiver.reset()
    for index, one in enumerate(seen):
        assert isinstance(one, DigitBegan) == (index % 2 == 0)
        if index % 2:
            assert one.digit == seen[index - 1].digit
    assert len(seen) % 2 == 0
