"""Digits as RTP packets: RFC 4733 by clause, and what its forerunner RFC 2833 left open."""

from __future__ import annotations

import pytest

from globstar.proto.rtp import DigitBegan, DigitEnded, EventPayload, EventReceiver, EventSender, parse_event

TIMEOUT = 0.15


def event(code: int, duration: int, end: bool = False) -> bytes:
    return bytes(EventPayload(code, end, 10, duration))


class Line:
    """Feeds a receiver and notes what it says."""

    def __init__(self, clock_rate: int = 8000) -> None:
        self.receiver = EventReceiver(TIMEOUT)
        self.clock_rate = clock_rate
        self.seen: list[object] = []
        self.now = 0.0

    def packet(self, code: int, rtp_time: int, duration: int, *, end: bool = False, marker: bool = False) -> None:
        self.now += 0.02
        payload = event(code, duration, end)
        self.seen += self.receiver.receive(payload, rtp_time & 0xFFFFFFFF, marker, self.clock_rate, self.now)


def test_rfc4733_2_3_payload() -> None:
    assert event(11, 0x0140, end=True) == bytes.fromhex("0b8a0140")
    assert parse_event(bytes.fromhex("0b8a0140ffff")) == EventPayload(11, True, 10, 320)
    assert parse_event(b"\x00\x00\x00") is None


@pytest.mark.parametrize(("code", "digit"), list(enumerate("0123456789*#ABCD!")))
def test_rfc4733_3_2_digits(code: int, digit: str) -> None:
    line = Line()
    line.packet(code, 1000, 160, marker=True)
    line.packet(code, 1000, 800, end=True)
    assert line.seen == [DigitBegan(digit), DigitEnded(digit, 100)]


def test_rfc4733_2_5_1_4_end_is_sent_three_times_and_counts_once() -> None:
    line = Line()
    line.packet(5, 1000, 160, marker=True)
    line.packet(5, 1000, 320)
    for _ in range(3):
        line.packet(5, 1000, 480, end=True)
    assert line.seen == [DigitBegan("5"), DigitEnded("5", 60)]
    assert line.receiver.deadline is None


def test_begin_lost_but_an_update_arrives() -> None:
    line = Line()
    line.packet(5, 1000, 480)
    line.packet(5, 1000, 640, end=True)
    assert line.seen == [DigitBegan("5"), DigitEnded("5", 80)]


def test_only_one_end_arrives() -> None:
    line = Line()
    line.packet(7, 1000, 640, end=True)
    assert line.seen == [DigitBegan("7"), DigitEnded("7", 80)]


def test_all_ends_lost_and_the_next_digit_comes() -> None:
    line = Line()
    line.packet(1, 1000, 160, marker=True)
    line.packet(1, 1000, 320)
    line.packet(2, 3000, 160, marker=True)
    assert line.seen == [DigitBegan("1"), DigitEnded("1", 40), DigitBegan("2")]


def test_all_ends_lost_and_nothing_comes() -> None:
    line = Line()
    line.packet(1, 1000, 320, marker=True)
    deadline = line.receiver.deadline
    assert deadline is not None
    assert deadline == pytest.approx(line.now + TIMEOUT)
    assert line.receiver.handle_timer(line.now) == ()
    assert line.receiver.handle_timer(deadline) == (DigitEnded("1", 40),)
    assert line.receiver.handle_timer(deadline + 9) == ()
    line.packet(1, 1000, 480, end=True)
    assert line.seen == [DigitBegan("1")]


def test_same_digit_twice() -> None:
    line = Line()
    for start in (1000, 2000):
        line.packet(4, start, 160)
        line.packet(4, start, 320, end=True)
    assert line.seen == [DigitBegan("4"), DigitEnded("4", 40)] * 2


def test_late_packet_of_the_digit_before_is_ignored() -> None:
    line = Line()
    line.packet(1, 1000, 160)
    line.packet(1, 1000, 320, end=True)
    line.packet(2, 2000, 160)
    line.packet(1, 1000, 320, end=True)
    line.packet(2, 2000, 320, end=True)
    assert line.seen == [DigitBegan("1"), DigitEnded("1", 40), DigitBegan("2"), DigitEnded("2", 40)]


def test_reordered_update_does_not_shorten() -> None:
    line = Line()
    for duration in (160, 640, 320):
        line.packet(1, 1000, duration)
    line.packet(1, 1000, 480, end=True)
    assert line.seen[-1] == DigitEnded("1", 80)


def test_timestamps_that_wrap() -> None:
    line = Line()
    line.packet(1, 0xFFFFFFF0, 160, end=True)
    line.packet(2, 0x100000400, 160, end=True)
    assert line.seen == [DigitBegan("1"), DigitEnded("1", 20), DigitBegan("2"), DigitEnded("2", 20)]


def test_timestamp_far_in_the_past_is_another_clock() -> None:
    line = Line()
    line.packet(1, 1_000_000, 160, end=True)
    line.packet(2, 1000, 160, end=True)
    assert line.seen[2:] == [DigitBegan("2"), DigitEnded("2", 20)]


@pytest.mark.parametrize("clock_rate", [8000, 16000, 32000, 48000])
def test_rfc4733_2_1_clock_rates(clock_rate: int) -> None:
    line = Line(clock_rate)
    line.packet(9, 0, clock_rate // 50)
    line.packet(9, 0, clock_rate // 10, end=True)
    assert line.seen == [DigitBegan("9"), DigitEnded("9", 100)]


def test_rfc4733_2_5_1_3_long_event_in_segments() -> None:
    line = Line()
    line.packet(3, 1000, 0xFFFF, marker=True)
    line.packet(3, 1000 + 0xFFFF, 160)
    line.packet(3, 1000 + 0xFFFF, 1600, end=True)
    assert line.seen == [DigitBegan("3"), DigitEnded("3", (0xFFFF + 1600) // 8)]


@pytest.mark.parametrize("clock_rate", [8000, 16000, 48000])
def test_a_long_event_whose_next_segment_begins_with_the_packet_after_the_longest_duration(clock_rate: int) -> None:
    """As Chromium sends it: at 48 kHz that is each digit of more than 1.4 seconds."""
    line = Line(clock_rate)
    step = clock_rate // 50
    start, now, end = 1000, step, 5 * clock_rate
    line.packet(7, start, step, marker=True)
    while now < end:
        now += step
        if now - start + 1000 > 0xFFFF:
            line.packet(7, start, 0xFFFF)
            start = 1000 + now
        line.packet(7, start, 1000 + now - start)
    for _ in range(3):
        line.packet(7, start, 1000 + now - start, end=True)
    assert line.seen == [DigitBegan("7"), DigitEnded("7", now * 1000 // clock_rate)]


def test_rfc4733_2_5_1_3_segments_shorter_than_they_might_be() -> None:
    line = Line()
    line.packet(3, 1000, 8000, marker=True)
    line.packet(3, 9000, 800)
    line.packet(3, 9000, 1600, end=True)
    assert line.seen == [DigitBegan("3"), DigitEnded("3", 1200)]


@pytest.mark.parametrize(("code", "marker", "ahead"), [(4, False, 0xFFFF), (3, True, 0xFFFF), (3, False, 0xFFFF + 1700)])
def test_another_event_is_no_segment(code: int, marker: bool, ahead: int) -> None:
    line = Line()
    line.packet(3, 1000, 0xFFFF, marker=True)
    line.packet(code, 1000 + ahead, 160, marker=marker)
    assert line.seen == [DigitBegan("3"), DigitEnded("3", 0xFFFF // 8), DigitBegan(str(code))]


def test_another_event_under_the_same_timestamp_is_another_digit() -> None:
    """Of senders whose clock stands still while they send nothing else; what is repeated is the same digit."""
    line = Line()
    for code in (3, 4, 3):
        line.packet(code, 1000, 160, marker=True)
        for _ in range(3):
            line.packet(code, 1000, 800, end=True)
    assert line.seen == [event for digit in "343" for event in (DigitBegan(digit), DigitEnded(digit, 100))]


def test_unknown_events_and_short_payloads_are_counted() -> None:
    line = Line()
    line.packet(17, 1000, 160)
    line.packet(200, 1000, 160)
    line.seen += line.receiver.receive(b"ab", 1000, False, 8000, 1.0)
    assert (line.seen, line.receiver.ignored) == ([], 3)


def test_reset_ends_the_digit() -> None:
    line = Line()
    line.packet(6, 1000, 160)
    assert line.receiver.active_digit == "6"
    assert line.receiver.reset() == (DigitEnded("6", 20),)
    assert line.receiver.reset() == ()


class TestSender:
    def test_rfc4733_2_5_1_marker_first_updates_then_three_ends(self) -> None:
        sender = EventSender()
        packets = sender.begin("5", 1000, 160, 10.0)
        packets += sender.update(10.02) + sender.update(10.04) + sender.end(10.06)
        events = [parse_event(packet.payload) for packet in packets]
        assert [packet.marker for packet in packets] == [True, False, False, False, False, False]
        assert {packet.rtp_time for packet in packets} == {1000}
        assert [(one.duration, one.is_end) for one in events if one] == [
            (160, False),
            (160, False),
            (320, False),
            (480, True),
            (480, True),
            (480, True),
        ]
        assert not sender.is_active

    def test_stated_duration(self) -> None:
        sender = EventSender(48000, volume=6)
        sender.begin("#", 0, 960, 0.0)
        (end, *_) = sender.end(0.01, duration_ms=250)
        assert parse_event(end.payload) == EventPayload(11, True, 6, 12000)

    def test_rfc4733_2_5_1_2_the_end_is_no_shorter_than_what_was_said_before(self) -> None:
        """The packets that state a duration were held up on their way to us."""
        sender = EventSender()
        sender.begin("7", 0, 160, 0.0)
        (last,) = sender.update(0.13)
        said = parse_event(last.payload)
        (end, *_) = sender.end(0.14, duration_ms=100)
        ended = parse_event(end.payload)
        assert said is not None
        assert ended is not None
        assert ended.duration == said.duration == 1040

    @pytest.mark.parametrize("late", [0.0, 0.001, 0.013, 0.019])
    def test_rfc4733_2_3_5_the_last_duration_is_the_one_that_was_asked_for(self, late: float) -> None:
        """However the updates fall into the digit."""
        sender = EventSender()
        packets = sender.begin("7", 0, 160, 5.0)
        for tick in range(1, 6):
            packets += sender.update(5.0 + tick * 0.02 - late)
        packets += sender.end(5.1003, duration_ms=100)
        durations = [event.duration for event in (parse_event(packet.payload) for packet in packets) if event]
        assert durations == sorted(durations)
        assert durations[-3:] == [800] * 3
        assert min(durations) == 160

    @pytest.mark.parametrize("clock_rate", [8000, 16000, 48000])
    @pytest.mark.parametrize("seconds", [1, 3, 9, 20])
    def test_rfc4733_2_5_1_3_a_stated_duration_of_a_long_event(self, clock_rate: int, seconds: int) -> None:
        """It is that of the whole event, of which segments have been sent already."""
        sender, receiver = EventSender(clock_rate), EventReceiver(TIMEOUT)
        packets = sender.begin("1", 500, clock_rate // 50, 0.0)
        for tick in range(1, 50 * seconds):
            packets += sender.update(tick * 0.02)
        packets += sender.end(seconds, duration_ms=1000 * seconds)
        seen: list[object] = []
        for packet in packets:
            seen += receiver.receive(packet.payload, packet.rtp_time, packet.marker, clock_rate, 0.0)
        assert seen == [DigitBegan("1"), DigitEnded("1", 1000 * seconds)]

    def test_unknown_digit(self) -> None:
        sender = EventSender()
        assert sender.begin("x", 0, 160, 0.0) == []
        assert sender.end(1.0) == sender.update(1.0) == []

    def test_lower_case_letters(self) -> None:
        sender = EventSender()
        sender.begin("d", 0, 160, 0.0)
        assert sender.digit == "D"

    def test_a_new_digit_ends_the_running_one(self) -> None:
        sender = EventSender()
        sender.begin("1", 0, 160, 0.0)
        packets = sender.begin("2", 800, 160, 0.1)
        assert [(packet.rtp_time, packet.marker) for packet in packets] == [(0, False)] * 3 + [(800, True)]

    def test_rfc4733_2_5_1_3_long_event(self) -> None:
        sender, receiver = EventSender(), EventReceiver(TIMEOUT)
        seen: list[object] = []
        packets = sender.begin("1", 0, 160, 0.0)
        for tick in range(1, 500):
            packets += sender.update(tick * 0.02)
        packets += sender.end(10.0)
        for packet in packets:
            seen += receiver.receive(packet.payload, packet.rtp_time, packet.marker, 8000, 0.0)
        assert seen == [DigitBegan("1"), DigitEnded("1", 10000)]
        assert {packet.rtp_time for packet in packets} == {0, 0xFFFF}
