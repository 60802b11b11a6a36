"""The tick: absolute deadlines, catching up, faults, rest."""

from __future__ import annotations

import asyncio

import pytest

from globstar.media.ticker import Ticker

pytestmark = pytest.mark.virtual_time


class Clock:
    """A loop of which a test can be late: time() is shifted by ``lag``."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.lag = 0.0

    def time(self) -> float:
        return self.loop.time() + self.lag

    def call_at(self, when: float, callback: object) -> asyncio.TimerHandle:
        return self.loop.call_at(when - self.lag, callback)  # type: ignore[arg-type]


async def test_absolute_deadlines() -> None:
    loop = asyncio.get_running_loop()
    start = loop.time()
    times: list[float] = []
    ticker = Ticker(loop)
    ticker.add(lambda: times.append(loop.time() - start))
    await asyncio.sleep(1.001)
    assert times == pytest.approx([0.02 * number for number in range(1, 51)])
    assert (ticker.ticks, ticker.late, ticker.skipped) == (50, 0, 0)
    ticker.close()


async def test_late_loop_catches_up_without_drift() -> None:
    loop = asyncio.get_running_loop()
    clock = Clock(loop)
    start = clock.time()
    times: list[float] = []
    ticker = Ticker(clock)  # type: ignore[arg-type]
    ticker.add(lambda: times.append(round(clock.time() - start, 4)))
    await asyncio.sleep(0.05)
    clock.lag = 0.075
    await asyncio.sleep(0.05)
    assert times == [0.02, 0.04, 0.135, 0.135, 0.135, 0.135, 0.14, 0.16]
    assert (ticker.late, ticker.skipped) == (1, 0)
    ticker.close()


async def test_catching_up_is_bounded_and_counted() -> None:
    loop = asyncio.get_running_loop()
    clock = Clock(loop)
    ticker = Ticker(clock, max_catch_up=5)  # type: ignore[arg-type]
    ticker.add(lambda: None)
    await asyncio.sleep(0.03)
    clock.lag = 1.0
    await asyncio.sleep(0.0105)
    assert (ticker.ticks, ticker.skipped) == (1 + 5, 46)
    await asyncio.sleep(0.1)
    assert ticker.ticks == 1 + 5 + 5
    ticker.close()


async def test_nobody_subscribed_nothing_runs() -> None:
    ticker = Ticker(asyncio.get_running_loop())

    def callback() -> None: ...

    ticker.add(callback)
    ticker.add(callback)
    assert len(ticker) == 1
    await asyncio.sleep(0.05)
    ticker.remove(callback)
    ticker.remove(callback)
    assert (len(ticker), ticker._handle) == (0, None)
    await asyncio.sleep(1)
    assert ticker.ticks == 2
    ticker.add(callback)
    await asyncio.sleep(0.05)
    assert ticker.ticks == 4
    ticker.close()


async def test_a_subscriber_that_fails_is_dropped_alone() -> None:
    calls: list[str] = []

    def bad() -> None:
        raise ValueError("a bug")

    ticker = Ticker(asyncio.get_running_loop())
    ticker.add(bad)
    ticker.add(lambda: calls.append("good"))
    await asyncio.sleep(0.05)
    assert (calls, ticker.failures, len(ticker)) == (["good", "good"], 1, 1)
    ticker.close()


async def test_changes_from_inside_a_tick() -> None:
    ticker = Ticker(asyncio.get_running_loop())
    calls: list[str] = []

    def second() -> None:
        calls.append("second")

    def first() -> None:
        calls.append("first")
        ticker.remove(first)
        ticker.remove(second)
        ticker.add(third)

    def third() -> None:
        calls.append("third")
        ticker.remove(third)
        ticker.add(third)

    ticker.add(first)
    ticker.add(second)
    await asyncio.sleep(0.07)
    assert calls == ["first", "third", "third"]
    assert ticker.ticks == 3
    ticker.close()


async def test_another_interval() -> None:
    ticker = Ticker(asyncio.get_running_loop(), 10)
    ticker.add(lambda: None)
    await asyncio.sleep(0.101)
    assert ticker.ticks == 10
    ticker.close()


async def test_what_comes_before_and_after_each_tick() -> None:
    done: list[str] = []

    def fails() -> None:
        done.append("fails")
        raise ValueError("a bug")

    ticker = Ticker(asyncio.get_running_loop())
    ticker.before, ticker.after = (lambda: done.append("before")), (lambda: done.append("after"))
    ticker.add(fails)
    ticker.add(lambda: done.append("tick"))
    await asyncio.sleep(0.041)
    assert done == ["before", "fails", "tick", "after", "before", "tick", "after"]
    ticker.close()
