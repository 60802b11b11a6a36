"""Reception statistics with exact counts, RFC 3550 appendices A.1, A.3 and A.8."""

from __future__ import annotations

import random

import pytest

from globstar.proto.rtp import RtpReceiver


def feed(receiver: RtpReceiver, sequences: list[int], first: int = 0) -> list[bool]:
    """One packet every 20 ms, timestamps by sequence number."""
    return [
        receiver.receive(sequence & 0xFFFF, (sequence * 160) & 0xFFFFFFFF, 160, 8000, (first + index) * 0.02)
        for index, sequence in enumerate(sequences)
    ]


def test_in_order() -> None:
    receiver = RtpReceiver()
    assert all(feed(receiver, list(range(100, 200))))
    assert (receiver.received, receiver.octets, receiver.expected, receiver.lost) == (100, 16000, 100, 0)
    assert receiver.jitter == pytest.approx(0, abs=1e-6)
    assert receiver.highest == 199


def test_rfc3550_a_1_probation_of_two() -> None:
    receiver = RtpReceiver(min_sequential=2)
    assert feed(receiver, [10, 50, 51, 52]) == [False, False, True, True]
    assert (receiver.received, receiver.rejected, receiver.is_valid) == (2, 2, True)


def test_nothing_received() -> None:
    receiver = RtpReceiver()
    assert (receiver.expected, receiver.lost, receiver.extended_highest) == (0, 0, 0)
    assert receiver.next_report() == (0, 0, 0, 0)


def test_rfc3550_a_1_wrap_of_the_sequence() -> None:
    receiver = RtpReceiver()
    feed(receiver, list(range(65530, 65530 + 70000)))
    assert (receiver.received, receiver.lost) == (70000, 0)
    assert receiver.extended_highest == 65530 + 69999


def test_wrap_with_the_first_number_lost() -> None:
    receiver = RtpReceiver()
    feed(receiver, [65534, 65535, 65537, 65538])
    assert (receiver.lost, receiver.extended_highest) == (1, 65538)


def test_rfc3550_a_3_loss_and_fraction() -> None:
    receiver = RtpReceiver()
    feed(receiver, [number for number in range(100) if number % 4 != 1])
    assert receiver.lost == 25
    report = receiver.next_report()
    assert (report.fraction_lost, report.cumulative_lost, report.highest_sequence) == (64, 25, 99)
    feed(receiver, list(range(100, 150)), first=100)
    assert receiver.next_report()[:2] == (0, 25)


def test_duplicates_are_not_delivered_and_not_counted_as_received() -> None:
    receiver = RtpReceiver()
    assert feed(receiver, [1, 2, 2, 3, 1, 4]) == [True, True, False, True, False, True]
    assert (receiver.received, receiver.duplicates, receiver.reordered, receiver.lost) == (4, 2, 0, 0)


def test_reordered_packets_are_delivered_and_make_up_for_loss() -> None:
    receiver = RtpReceiver()
    assert all(feed(receiver, [1, 2, 4, 5, 3, 6]))
    assert (receiver.received, receiver.reordered, receiver.lost) == (6, 1, 0)
    assert feed(receiver, [3]) == [False]


def test_late_first_packets_move_the_base() -> None:
    receiver = RtpReceiver()
    feed(receiver, [11, 10, 12])
    assert (receiver.received, receiver.expected, receiver.lost, receiver.reordered) == (3, 3, 0, 1)


def test_very_late_packet_without_record() -> None:
    receiver = RtpReceiver()
    feed(receiver, [0, *range(2, 80)])
    assert feed(receiver, [1]) == [True]
    assert (receiver.reordered, receiver.lost) == (1, 0)


def test_late_packet_after_a_gap_longer_than_the_record() -> None:
    receiver = RtpReceiver()
    assert feed(receiver, [0, 500, 499, 499]) == [True, True, True, False]


def test_rfc3550_a_1_wild_jump_needs_two_in_a_row() -> None:
    receiver = RtpReceiver()
    feed(receiver, list(range(10)))
    assert feed(receiver, [30000, 10]) == [False, True]
    assert feed(receiver, [40000, 40001, 40002]) == [False, True, True]
    assert (receiver.restarts, receiver.received, receiver.expected) == (1, 2, 2)


def test_rfc3550_a_8_jitter() -> None:
    receiver = RtpReceiver()
    expected, previous = 0.0, 0.0
    for index, late in enumerate((0.0, 0.005, 0.0, 0.010, 0.002)):
        receiver.receive(index, index * 160, 160, 8000, index * 0.02 + late)
        if index:
            expected += (abs(late - previous) * 8000 - expected) / 16
        previous = late
    assert receiver.jitter == pytest.approx(expected)
    assert receiver.next_report().jitter == int(expected)


def test_jitter_leaves_out_events_and_the_wrap_of_timestamps() -> None:
    receiver = RtpReceiver()
    receiver.receive(1, 0xFFFFFFFF - 79, 160, 8000, 1.0)
    receiver.receive(2, 80, 160, 8000, 1.02)
    receiver.receive(3, 0, 4, 0, 9.0)
    receiver.receive(4, 240, 160, 8000, 1.04)
    assert receiver.jitter == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_seeded_network_counts_are_exact(seed: int) -> None:
    """Loss, duplicates and swaps of neighbours, counted by the test as they are made."""
    chance = random.Random(seed)
    stream: list[int] = []
    kept, lost, doubled, swapped = 0, 0, 0, 0
    number = 65000
    while number < 65000 + 3000:
        kind = chance.random()
        if kind < 0.05:
            lost += 1
        elif kind < 0.1:
            stream += [number, number]
            kept, doubled = kept + 1, doubled + 1
        elif kind < 0.15:
            stream += [number + 1, number]
            kept, swapped = kept + 2, swapped + 1
            number += 1
        else:
            stream.append(number)
            kept += 1
        number += 1
    stream.append(number)
    kept += 1
    receiver = RtpReceiver()
    delivered = sum(feed(receiver, [65000 - 1, *stream]))
    assert delivered == kept + 1 == receiver.received
    assert (receiver.lost, receiver.duplicates, receiver.reordered) == (lost, doubled, swapped)


def test_rfc3550_a_8_another_clock_is_no_jitter() -> None:
    """The times of two codecs say nothing of one another, whatever the time of the machine."""
    receiver = RtpReceiver()
    now = 5000.0
    for number, clock in enumerate([8000] * 10 + [48000] * 10 + [8000] * 10):
        now += 0.02
        assert receiver.receive(number, int(now * clock) & 0xFFFFFFFF, 160, clock, now)
        assert receiver.jitter < 2
        assert receiver.clock_rate == clock


@pytest.mark.parametrize("jump", [60 * 8000, -60 * 8000, 1 << 30, 1 << 31])
def test_timestamps_that_are_set_anew_are_no_jitter(jump: int) -> None:
    """A source that goes on after a hold where it has left off, or begins anew under its old name."""
    receiver = RtpReceiver()
    for number in range(40):
        rtp_time = number * 160 + (jump if number >= 20 else 0)
        assert receiver.receive(number, rtp_time & 0xFFFFFFFF, 160, 8000, number / 50)
    assert receiver.jitter == pytest.approx(0, abs=0.01)


def test_a_late_burst_is_jitter() -> None:
    receiver = RtpReceiver()
    for number in range(20):
        assert receiver.receive(number, number * 160, 160, 8000, number / 50 + (2 if number == 10 else 0))
    assert receiver.jitter > 1000


def test_the_tally_goes_on_over_restarts_and_sources() -> None:
    receiver = RtpReceiver()
    feed(receiver, [1, 2, 4, 4, 6, 5])
    feed(receiver, [30000, 30001, 30003])
    assert (receiver.received, receiver.lost, receiver.restarts) == (2, 1, 1)
    assert receiver.tally == (7, 7 * 160, 2, 1, 1)
    following = RtpReceiver()
    following.succeed(receiver)
    assert following.tally == (7, 7 * 160, 2, 1, 1)
    feed(following, [9, 11])
    assert following.tally == (9, 9 * 160, 3, 1, 1)
    assert (following.received, following.lost) == (2, 1)
