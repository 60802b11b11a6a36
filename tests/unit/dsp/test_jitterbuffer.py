"""Jitter buffers on a seeded network: what comes out, when, and exact counts of the rest."""

from __future__ import annotations

import itertools
import math
import random

import pytest

from globstar.dsp.jitterbuffer import AdaptiveJitterBuffer, JitterBuffer

FRAME = 20.0
#: our clock and the sender's have nothing to do with one another
OURS, THEIRS = 5000.0, 123456.0


def run(
    buffer: JitterBuffer[int], arrivals: list[tuple[float, int]], until: float, *, skew: float = 1.0, length: float = FRAME
) -> list[tuple[float, int]]:
    """Put frames in when they arrive (ms, number), look every 20 ms; gives when which came out."""
    waiting = sorted(arrivals)
    out: list[tuple[float, int]] = []
    now = 0.0
    while now <= until:
        while waiting and waiting[0][0] <= now:
            arrived, number = waiting.pop(0)
            buffer.put(OURS + arrived, THEIRS + number * length * skew, length, number)
        out += [(now, number) for number in buffer.get(OURS + now)]
        now += FRAME
    return out


def network(count: int, seed: int, *, jitter: float, loss: float = 0.0) -> list[tuple[float, int]]:
    """Frames sent every 20 ms that are up to ``jitter`` ms late, some of them lost."""
    chance = random.Random(seed)
    sent = [(number * FRAME + chance.uniform(0, jitter), number) for number in range(count)]
    return [frame for frame in sent if chance.random() >= loss]


def numbers(out: list[tuple[float, int]]) -> list[int]:
    return [number for _, number in out]


def test_fixed_all_frames_come_out_evenly_and_in_order() -> None:
    buffer: JitterBuffer[int] = JitterBuffer(200)
    out = run(buffer, network(500, 1, jitter=150), 11_000)
    assert numbers(out) == list(range(500))
    steady = out[50:]
    assert {round(later[0] - earlier[0]) for earlier, later in itertools.pairwise(steady)} == {20}
    assert buffer.statistics.delivered == 500
    assert buffer.statistics.late == buffer.statistics.lost == 0


def test_fixed_losses_are_counted_and_what_comes_too_late_is_dropped() -> None:
    arrivals = network(500, 2, jitter=60, loss=0.05)
    buffer: JitterBuffer[int] = JitterBuffer(100)
    kept = [number for _, number in arrivals]
    arrivals = [(when + 400, number) if number in (kept[100], kept[200]) else (when, number) for when, number in arrivals]
    out = run(buffer, arrivals, 12_000)
    expected = [number for number in kept if number not in (kept[100], kept[200])]
    assert numbers(out) == expected
    assert buffer.statistics.late == 2
    assert buffer.statistics.lost == expected[-1] - expected[0] + 1 - len(expected)


def test_duplicates_are_dropped() -> None:
    arrivals = network(100, 3, jitter=10)
    buffer: JitterBuffer[int] = JitterBuffer(100)
    out = run(buffer, arrivals + [(when + 5, number) for when, number in arrivals], 3000)
    assert numbers(out) == list(range(100))
    assert buffer.statistics.duplicated == 100


def test_a_pause_of_the_sender_is_no_loss() -> None:
    buffer: JitterBuffer[int] = JitterBuffer(100)
    out = run(buffer, [(n * FRAME, n) for n in (*range(50), *range(150, 200))], 5000)
    assert numbers(out) == [*range(50), *range(150, 200)]
    assert buffer.statistics.lost == 0


def test_another_time_of_the_sender_begins_anew() -> None:
    buffer: JitterBuffer[int] = JitterBuffer(100, resync_threshold=500)
    out = run(buffer, [(n * FRAME, n if n < 50 else n + 5000) for n in range(100)], 3000)
    assert buffer.statistics.resyncs == 1
    assert numbers(out) == [*range(50), *range(5050, 5100)]  # what was held is heard
    assert {round(later[0] - earlier[0]) for earlier, later in itertools.pairwise(out)} == {20}  # without a gap


@pytest.mark.parametrize("kind", [JitterBuffer, AdaptiveJitterBuffer])
def test_another_time_that_is_near_is_another_one_if_it_is_said_so(kind: type[JitterBuffer[int]]) -> None:
    buffer = kind(100)
    for number in range(50):
        buffer.put(OURS + number * FRAME, THEIRS + number * FRAME, FRAME, number)
    buffer.expect_another_time()
    for number in range(50, 60):
        assert buffer.put(OURS + number * FRAME, THEIRS + (number - 40) * FRAME, FRAME, number)
    assert buffer.statistics.resyncs == 1
    assert buffer.get(OURS + 10_000) == list(range(60))
    assert buffer.statistics.late == buffer.statistics.lost == 0


@pytest.mark.parametrize("kind", [JitterBuffer, AdaptiveJitterBuffer])
def test_without_a_threshold_no_time_is_another_one(kind: type[JitterBuffer[int]]) -> None:
    buffer = kind(100, math.inf)
    run(buffer, [(n * FRAME, n if n < 50 else n + 5000) for n in range(100)], 3000)
    assert buffer.statistics.resyncs == 0


@pytest.mark.parametrize("kind", [JitterBuffer, AdaptiveJitterBuffer])
def test_what_is_held_does_not_grow_over_times_that_change_again_and_again(kind: type[JitterBuffer[int]]) -> None:
    """A talker of another clock every four seconds, with jitter, for ten minutes."""
    chance = random.Random(11)
    arrivals = [(number * FRAME + chance.uniform(0, 60), number + 7000 * (number // 200)) for number in range(30_000)]
    buffer = kind(200)
    most, now, put = 0, 0.0, 0
    for when, number in sorted(arrivals):
        while now < when:
            put += len(buffer.get(OURS + now))
            now += FRAME
        buffer.put(OURS + when, THEIRS + number * FRAME, FRAME, number)
        most = max(most, len(buffer))
    assert buffer.statistics.resyncs >= 149
    assert most <= 16
    assert put + buffer.statistics.shrunk > 29_900
    assert put > 29_600


def test_adaptive_is_short_without_jitter_and_grows_with_it() -> None:
    buffer: AdaptiveJitterBuffer[int] = AdaptiveJitterBuffer(200)
    run(buffer, network(300, 4, jitter=1), 6000)
    assert buffer.delay == pytest.approx(40, abs=2)
    growing: AdaptiveJitterBuffer[int] = AdaptiveJitterBuffer(200)
    out = run(growing, network(1000, 5, jitter=100), 21_000)
    assert 130 <= growing.delay <= 150
    assert growing.statistics.late <= 5
    assert numbers(out) == sorted(numbers(out))
    assert len(out) + growing.statistics.late + growing.statistics.shrunk == 1000


def test_adaptive_is_never_longer_than_its_maximum() -> None:
    buffer: AdaptiveJitterBuffer[int] = AdaptiveJitterBuffer(100, extra=60)
    run(buffer, network(300, 6, jitter=400), 8000)
    assert buffer.target == 100
    assert buffer.statistics.late > 0


def test_adaptive_gets_shorter_again_one_frame_at_a_time() -> None:
    bad = network(300, 7, jitter=120)
    good = [(6000 + number * FRAME, 300 + number) for number in range(1500)]
    buffer: AdaptiveJitterBuffer[int] = AdaptiveJitterBuffer(300)
    out = run(buffer, bad + good, 40_000)
    assert buffer.delay <= 60
    assert 3 <= buffer.statistics.shrunk <= 8
    missing = sorted(set(range(1800)) - set(numbers(out)))
    dropped = [number for number in missing if number > 320]
    assert all(later - earlier >= 25 for earlier, later in itertools.pairwise(dropped))


@pytest.mark.parametrize("kind", [JitterBuffer, AdaptiveJitterBuffer])
@pytest.mark.parametrize(("skew", "length"), [(1.0005, FRAME), (0.9995, FRAME), (1.0002, 120.0), (0.9998, 120.0)])
def test_clocks_that_differ(kind: type[JitterBuffer[int]], skew: float, length: float) -> None:
    """Half a part in a thousand, ten minutes: 300 ms; 200 in a million, an hour: 720 ms. Nothing is lost, nothing grows."""
    buffer = kind(200)
    arrivals = [(number * length, number) for number in range(30_000)]
    out = run(buffer, arrivals, 30_000 * length + 1000, skew=skew, length=length)
    assert buffer.statistics.late == buffer.statistics.lost == buffer.statistics.resyncs == 0
    assert numbers(out) == sorted(numbers(out))
    assert len(out) + buffer.statistics.shrunk >= 30_000 - 2
    assert buffer.statistics.shrunk <= 16
    assert max(when - number * length for when, number in out) <= 200 + 2 * length


def test_what_is_held_is_bounded_and_can_be_taken_out() -> None:
    buffer: JitterBuffer[int] = JitterBuffer(60_000, resync_threshold=1e9)
    for number in range(600):
        buffer.put(OURS, THEIRS + number * FRAME, FRAME, number)
    assert len(buffer) == 512
    assert buffer.statistics.overflowed == 88
    assert buffer.flush() == list(range(88, 600))
    assert len(buffer) == 0
    assert buffer.get(OURS + 1e6) == []
