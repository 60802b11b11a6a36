"""Timer queue."""

from __future__ import annotations

from collections.abc import Callable

from globstar.proto.sip.timers import TimerQueue


def recorder(log: list[tuple[str, float]], name: str) -> Callable[[float], None]:
    return lambda now: log.append((name, now))


def test_fires_in_order_over_all_durations() -> None:
    queue, log = TimerQueue([1.0, 5.0]), list[tuple[str, float]]()
    queue.start(5.0, 0.0, recorder(log, "five"), "x")
    queue.start(1.0, 0.0, recorder(log, "one"), "x")
    queue.start(3.3, 0.0, recorder(log, "odd"), "x")
    queue.start(1.0, 2.0, recorder(log, "later one"), "x")
    assert queue.next_deadline() == 1.0
    assert queue.expire(0.9) == 0
    assert queue.expire(10.0) == 4
    assert [name for name, _ in log] == ["one", "later one", "odd", "five"]
    assert queue.next_deadline() is None
    assert len(queue) == 0


def test_cancelled_timers_do_not_fire_and_do_not_wake() -> None:
    queue, log = TimerQueue([1.0]), list[tuple[str, float]]()
    first = queue.start(1.0, 0.0, recorder(log, "a"), "Timer A")
    odd = queue.start(0.5, 0.0, recorder(log, "b"), "Timer B")
    queue.start(1.0, 1.0, recorder(log, "c"), "Timer C")
    assert queue.describe() == {"Timer A": 1, "Timer B": 1, "Timer C": 1}
    first.cancel()
    odd.cancel()
    odd.cancel()
    assert "cancelled" in repr(first)
    assert len(queue) == 1
    assert queue.next_deadline() == 2.0
    assert queue.expire(3.0) == 1
    assert log == [("c", 3.0)]


def test_a_callback_may_start_and_cancel_timers() -> None:
    queue, log = TimerQueue([1.0]), list[tuple[str, float]]()
    second = queue.start(1.0, 0.0, recorder(log, "never"), "x")

    def first(now: float) -> None:
        second.cancel()
        queue.start(0.0, now, recorder(log, "at once"), "x")
        queue.start(1.0, now, recorder(log, "next"), "x")

    queue.start(0.5, 0.0, first, "x")
    assert queue.expire(1.0) == 2
    assert log == [("at once", 1.0)]
    assert queue.next_deadline() == 2.0


def test_a_firing_timer_is_not_running_any_more() -> None:
    queue = TimerQueue([1.0])
    seen: list[int] = []
    queue.start(1.0, 0.0, lambda now: seen.append(len(queue)), "x")
    queue.expire(1.0)
    assert seen == [0]


class Forgotten:
    """Notes when its time was over."""

    def __init__(self, fired: list[tuple[str, float]]) -> None:
        self.deadline = 0.0
        self.name = ""
        self.callback = lambda now: fired.append(("lazy", now))


def test_lazy_timers_wake_nobody_for_themselves() -> None:
    """What only forgets something waits for the next half second, and falls due with whatever is expired before."""
    queue = TimerQueue([1.0])
    fired: list[tuple[str, float]] = []
    for number in range(3):
        queue.linger(5.0, 10.0 + number / 10, Forgotten(fired), "Timer K")
    assert queue.next_deadline() == 15.0
    queue.expire(15.05)
    assert fired == [("lazy", 15.05)]
    assert queue.next_deadline() == 15.5
    assert len(queue) == 2
    assert queue.describe() == {"Timer K": 2}
    queue.start(1.0, 14.3, lambda now: fired.append(("other", now)), "Timer E")
    assert queue.next_deadline() == 15.3
    queue.expire(15.3)
    assert [name for name, _ in fired] == ["lazy", "other", "lazy", "lazy"]
    assert queue.next_deadline() is None
