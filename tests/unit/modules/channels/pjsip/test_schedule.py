"""Thousands of dates behind one timer of the loop."""

from __future__ import annotations

import asyncio
import random

import pytest

from globstar.modules.channels.pjsip import schedule
from globstar.modules.channels.pjsip.schedule import Schedule

pytestmark = pytest.mark.virtual_time


async def test_each_at_its_time_and_the_last_date_counts() -> None:
    loop = asyncio.get_running_loop()
    begin = loop.time()
    heard: list[tuple[str, float]] = []
    dates: Schedule[str] = Schedule(loop, lambda key: heard.append((key, round(loop.time() - begin, 2))))
    dates.set("b", 20)
    dates.set("a", 10)
    dates.set("c", 5)
    dates.set("c", 30)
    dates.set("gone", 15)
    dates.cancel("gone")
    dates.cancel("never set")
    assert len(dates) == 3
    assert "c" in dates
    await asyncio.sleep(100)
    assert heard == [("a", 10), ("b", 20), ("c", 30)]
    assert len(dates) == 0
    dates.set("a", 1)
    dates.clear()
    await asyncio.sleep(10)
    assert len(heard) == 3


async def test_one_that_fails_does_not_stop_the_others() -> None:
    loop = asyncio.get_running_loop()
    heard: list[int] = []
    failures: list[object] = []
    loop.set_exception_handler(lambda _, context: failures.append(context["exception"]))

    def due(key: int) -> None:
        heard.append(key)
        if key == 1:
            raise ValueError("mine")

    dates: Schedule[int] = Schedule(loop, due)
    for key in (1, 2, 3):
        dates.set(key, 1.0)
    await asyncio.sleep(5)
    assert heard == [1, 2, 3]
    assert len(failures) == 1


async def test_thousands_keep_one_timer_and_a_small_heap(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    timers: list[float] = []
    plain = loop.call_at

    def call_at(when: float, *args: object, **more: object) -> asyncio.TimerHandle:
        timers.append(when)
        return plain(when, *args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(loop, "call_at", call_at)
    rng = random.Random(1)
    heard: list[int] = []
    dates: Schedule[int] = Schedule(loop, heard.append)
    for _ in range(10):  # each date is set ten times anew
        for key in range(3000):
            dates.set(key, 10 + rng.random() * 50)
    assert len(dates) == 3000
    assert len(dates._heap) <= 2 * 3000 + schedule.SWEEP_AT
    assert len(timers) < 100
    await asyncio.sleep(100)
    assert sorted(heard) == list(range(3000))
