"""The benchmarks' own arithmetic: budgets, table, pairing of media legs, the sender."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.budgets import Budget, Result, number, table
from bench.floor import direct
from bench.load import LOADS, Row, rows_table
from bench.loadrig import KEY, Load, pair_up
from bench.media import Leg, Streams, legs
from bench.phones import PHONES, Talker, talk
from bench.sounds import write_packets
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


def test_both_ends_of_a_call_are_paired_by_the_number_that_was_dialled():
    caller = [
        sip(True, "a", 20000),
        sip(True, "b", 20002),
        sip(False, "b", 41002, "SIP/2.0 200 OK"),
        sip(False, "a", 41000, "SIP/2.0 200 OK"),
    ]
    callee = [
        Message(False, "INVITE sip:20002@x SIP/2.0\nCall-ID: x\nCSeq: 1 INVITE\n\nm=audio 51002 RTP/AVP 0\n"),
        Message(False, "INVITE sip:20000@x SIP/2.0\nCall-ID: y\nCSeq: 1 INVITE\n\nm=audio 51000 RTP/AVP 0\n"),
        Message(False, "INVITE sip:20000@x SIP/2.0\nCall-ID: y\nCSeq: 1 INVITE\n\nm=audio 51000 RTP/AVP 0\n"),  # repeated
        Message(True, "SIP/2.0 200 OK\nCall-ID: x\nCSeq: 1 INVITE\n\nm=audio 42000 RTP/AVP 0\n"),
        Message(True, "SIP/2.0 200 OK\nCall-ID: y\nCSeq: 1 INVITE\n\nm=audio 42002 RTP/AVP 0\n"),
    ]
    assert pair_up(caller, callee) == [
        (Leg(20002, 41002), Leg(42000, 51002)),
        (Leg(20000, 41000), Leg(42002, 51000)),
    ]
    assert pair_up(caller[:2], callee) == []


def test_a_table_of_loads():
    row = Row("relay", 100, "native", 6.123, "us a packet", 0.0612, 0.0005, 2.0, 4.25, 0.11, -0.03)
    silent = Row("playback", 100, "python", 21.3, "us a packet", 0.11, 0.0, 0.0, 0.0)
    lines = rows_table([row, silent]).splitlines()
    assert lines[2] == "| relay | 100 | native | 6.12 | us a packet | 0.06 | 0.05% | 2.00 | 4.25 | 0.11 | -0.03 |"
    assert lines[3].endswith("| 0.11 | 0.00% | - | - | - | - |")
    assert all(name.startswith("load_") for name in LOADS)


def test_phones_hear_each_other_and_take_the_time(tmp_path: Path):
    first = free_port(6)
    one, other, deaf = (Leg(first + 2 * place, first + 2 * (1 - place % 2)) for place in range(3))
    begun: list[bool] = []

    talkers = [Talker(one, peer=1, host=PHONES), Talker(other, peer=0, size=33, first=0xD4, host=PHONES)]
    talkers.append(Talker(deaf, payload_type=-1, host=PHONES))
    heard = talk(talkers, tmp_path, warm=0.2, seconds=0.6, on_begin=lambda: begun.append(True))
    assert begun == [True]
    assert 2 * 0.6 * 50 * 0.5 <= heard.sent <= 2 * 0.6 * 50 + 4
    assert abs(heard.received - heard.sent) <= 2
    assert 0 < heard.middle_us <= heard.worst_us < 1e6


def test_packets_of_srtp_are_ready_made(tmp_path: Path):
    from pylibsrtp import Policy, Session

    rig = Load.__new__(Load)
    rig.directory = tmp_path
    data = rig.packets(0.1).read_bytes()
    opens = Session(Policy(key=KEY, ssrc_type=Policy.SSRC_ANY_INBOUND, srtp_profile=Policy.SRTP_PROFILE_AES128_CM_SHA1_80))
    numbers = []
    while data:
        size = int.from_bytes(data[:2], "big")
        plain = opens.unprotect(data[2 : 2 + size])
        numbers.append(int.from_bytes(plain[2:4], "big"))
        assert len(plain) == 172
        data = data[2 + size :]
    assert numbers == list(range(5))


@pytest.mark.parametrize(("name", "size", "ticks"), [("slin16", 640, 320), ("gsm", 33, 160), ("g722", 160, 160)])
def test_packets_of_a_codec_are_ready_made(tmp_path: Path, name: str, size: int, ticks: int):
    write_packets(tmp_path / "coded.bin", name, 99, 0.2)
    data = (tmp_path / "coded.bin").read_bytes()
    heads = []
    while data:
        length = int.from_bytes(data[:2], "big")
        assert (length, data[3]) == (12 + size, 99)
        heads.append((int.from_bytes(data[4:6], "big"), int.from_bytes(data[6:10], "big")))
        data = data[2 + length :]
    assert heads == [(number, number * ticks) for number in range(10)]


def test_phones_without_a_server_between():
    heard = direct(2, warm=0.2, seconds=0.4)
    assert 4 * 0.4 * 50 * 0.5 <= heard.received <= 4 * 0.4 * 50 + 8
    assert heard.middle_us > 0
