"""maxcalls, maxload and minmemfree."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from globstar.base.log import Level
from globstar.core.limits import Full, Limits, free_memory_mb, load_average
from globstar.core.settings import Options
from tests.support.switch import LogCapture, running_system

pytestmark = pytest.mark.virtual_time


async def test_calls(tmp_path: Path) -> None:
    async with running_system(tmp_path, options=Options(maxcalls=2)) as system:
        limits = Limits(system)
        with LogCapture(Level.WARNING | Level.NOTICE) as log:
            assert [limits.check(calls) for calls in (1, 2, 3, 2, 1)] == [None, Full.CALLS, Full.CALLS, Full.CALLS, None]
        assert log.texts(Level.WARNING) == ["calls are refused from now on: there are 2 calls, and maxcalls is 2"]
        assert log.texts(Level.NOTICE) == ["calls are taken again"]
        assert limits.refused[Full.CALLS] == 3


@pytest.mark.parametrize(
    ("options", "load", "memory", "reason"),
    [
        (Options(maxload=2.0), 1.9, 1e9, None),
        (Options(maxload=2.0), 2.5, 1e9, Full.LOAD),
        (Options(minmemfree=100), 99.0, 100.0, None),
        (Options(minmemfree=100), 99.0, 99.0, Full.MEMORY),
        (Options(), 99.0, 0.0, None),
    ],
)
async def test_load_and_memory(tmp_path: Path, options: Options, load: float, memory: float, reason: Full | None) -> None:
    async with running_system(tmp_path, options=options) as system:
        limits = Limits(system)
        limits.load_average, limits.free_memory_mb = lambda: load, lambda: memory
        assert limits.check(0) is reason


async def test_the_system_is_asked_once_a_second_at_most(tmp_path: Path) -> None:
    async with running_system(tmp_path, options=Options(maxload=2.0)) as system:
        limits, asked = Limits(system), []
        limits.load_average = lambda: asked.append(1) or 3.0  # type: ignore[func-returns-value]
        for _ in range(100):
            limits.check(0)
        assert len(asked) == 1
        await asyncio.sleep(1.1)
        limits.check(0)
        assert len(asked) == 2


def test_what_the_system_says() -> None:
    assert load_average() >= 0
    assert free_memory_mb() > 1
