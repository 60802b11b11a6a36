"""The benchmarks' own arithmetic: budgets, table, pairing of media legs, the sender."""

from __future__ import annotations

from bench.budgets import Budget, Result, number, table
from bench.media import Leg, Streams, legs
from tests.interop.support.rtp import RtpParty
from tests.interop.support.sipp import Message
from tests.support.loopback import free_port


def test_the_median_is_held_against_the_budget():
    cost = Budget("relay", "relay", "us", 6.0)
    speed = Budget("dialplan", "dialplan", "1/s", 300_000, at_least=True)
    assert Result(cost, (5.0, 9.0, 5.5)).is_met
    assert not Result(cost, (6.5, 9.0, 5.5)).is_met
    assert Result(speed, (310_000.0,)).is_met
    assert not Result(speed, (299_999.0,)).is_met


def test_the_table_says_what_was_missed():
    text = table([Result(Budget("a", "thing", "ms", 1.0), (0.5, 0.7)), Result(Budget("b", "other", "MB", 90), (120.4,))])
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]
    assert rows[2] == ["thing", "0.6", "0.5 to 0.7", "<= 1", "ms", "-", "met"]
    assert rows[3] == ["other", "120", "120 to 120", "<= 90", "MB", "-", "MISSED"]
    assert len({len(line) for line in text.splitlines()}) == 1
    assert (number(300_000), number(0.254)) == ("300,000", "0.254")


def sip(sent: bool, call: str, port: int | None, start: str = "INVITE sip:x SIP/2.0") -> Message:
    body = f"v=0\nm=audio {port} RTP/AVP 0\n" if port else ""
    return Message(sent, f"{start}\nCall-ID: {call}\n\n{body}")


def test_legs_are_paired_by_call():
    trace = [
        sip(True, "one", 7000),
        sip(False, "one", None, "SIP/2.0 100 Trying"),
        sip(True, "two", 7002),
        sip(False, "two", 9002, "SIP/2.0 200 OK"),
        sip(False, "one", 9000, "SIP/2.0 200 OK"),
        sip(True, "lost", 7004),
    ]
    assert legs(trace) == [Leg(7000, 9000), Leg(7002, 9002)]


def test_streams_send_fifty_packets_a_second_and_count_the_echo():
    with RtpParty() as server:
        streams = Streams([Leg(free_port(), server.port)])
        try:
            traffic = streams.run(0.2)
        finally:
            streams.close()
        server.wait_audio(0.2)
        packets = server.packets
    assert traffic.sent == 10
    assert [packet.sequence for packet in packets] == list(range(1, 11))
    assert {len(packet.payload) for packet in packets} == {160}
    assert traffic.received == 0
