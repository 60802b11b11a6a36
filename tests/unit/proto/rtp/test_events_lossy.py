"""Digits over a bad network: each one once, whatever of its packets is lost, doubled or out of order (RFC 4733 section 2.6)."""

from __future__ import annotations

import random

import pytest

from globstar.proto.rtp import DigitBegan, DigitEnded, EventReceiver, EventSender
from globstar.proto.rtp.events import DIGITS

Packet = tuple[float, bytes, int, bool]


def press(digits: str, clock_rate: int, *, on: float = 0.1, off: float = 0.1) -> list[list[Packet]]:
    """The packets of each digit: when, payload, timestamp, marker; the timestamps wrap around on the way."""
    sender = EventSender(clock_rate)
    now, pressed = 0.0, []
    for digit in digits:
        rtp_time = int(0xFFFFFFFF - clock_rate + now * clock_rate) & 0xFFFFFFFF
        packets = [(now, *packet) for packet in sender.begin(digit, rtp_time, clock_rate // 50, now)]
        for step in range(1, round(on / 0.02)):
            packets += [(now + step * 0.02, *packet) for packet in sender.update(now + step * 0.02)]
        packets += [(now + on, *packet) for packet in sender.end(now + on)]
        pressed.append(packets)
        now += on + off
    return pressed


def hear(packets: list[Packet], clock_rate: int) -> list[object]:
    receiver = EventReceiver(0.15)
    seen: list[object] = []
    for now, payload, rtp_time, marker in packets:
        seen += receiver.handle_timer(now)
        seen += receiver.receive(payload, rtp_time, marker, clock_rate, now)
    return seen + list(receiver.handle_timer(1e9))


@pytest.mark.parametrize("clock_rate", [8000, 12000, 16000, 24000, 32000, 44100, 48000])
@pytest.mark.parametrize("seed", range(4))
def test_rfc4733_2_6_every_digit_of_which_one_packet_arrives_is_heard_once(clock_rate: int, seed: int) -> None:
    chance = random.Random(seed)
    digits = "".join(chance.choice(DIGITS) for _ in range(60))
    arriving: list[Packet] = []
    for packets in press(digits, clock_rate):
        kept = [packet for packet in packets if chance.random() > 0.6] or [chance.choice(packets)]
        for packet in kept:
            arriving += [packet] * (2 if chance.random() < 0.2 else 1)
    seen = hear(arriving, clock_rate)
    assert "".join(event.digit for event in seen if isinstance(event, DigitBegan)) == digits
    assert [type(event) for event in seen] == [DigitBegan, DigitEnded] * len(digits)


@pytest.mark.parametrize("clock_rate", [8000, 16000, 48000])
def test_rfc4733_2_5_1_4_the_length_is_right_if_one_end_arrives(clock_rate: int) -> None:
    digits = "159#D"
    for which in range(3):
        arriving = [
            packet
            for packets in press(digits, clock_rate, on=0.24)
            for packet in (*packets[:-3], packets[len(packets) - 3 + which])
        ]
        ends = [event for event in hear(arriving, clock_rate) if isinstance(event, DigitEnded)]
        assert [event.digit for event in ends] == list(digits)
        assert {event.duration_ms for event in ends} <= {239, 240}


@pytest.mark.parametrize("seed", range(6))
def test_packets_out_of_order_within_a_digit_make_no_second_one(seed: int) -> None:
    chance = random.Random(seed)
    digits = "0123456789"
    arriving: list[Packet] = []
    for packets in press(digits, 8000):
        times = [packet[0] for packet in packets]
        shuffled = packets[:]
        for index in range(len(shuffled) - 1):
            if chance.random() < 0.3:
                shuffled[index], shuffled[index + 1] = shuffled[index + 1], shuffled[index]
        arriving += [(time, *packet[1:]) for time, packet in zip(times, shuffled, strict=True)]
    seen = hear(arriving, 8000)
    assert "".join(event.digit for event in seen if isinstance(event, DigitBegan)) == digits
    assert len(seen) == 2 * len(digits)


def test_the_ends_of_one_digit_that_come_after_the_next_has_begun() -> None:
    first, second = press("12", 8000)
    arriving = [*first[:-3], second[0], *((second[0][0], *packet[1:]) for packet in first[-3:]), *second[1:]]
    seen = hear(arriving, 8000)
    assert [event.digit for event in seen] == ["1", "1", "2", "2"]  # type: ignore[attr-defined]
