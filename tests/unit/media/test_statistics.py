"""Running figures against the plain formulas."""

from __future__ import annotations

import statistics

import pytest

from globstar.media.statistics import RunningStat, Spread


def test_against_the_formulas() -> None:
    values = [3.0, -1.0, 4.0, 1.5, 9.0, 2.0]
    running = RunningStat()
    for value in values:
        running.add(value)
    spread = running.snapshot()
    assert (spread.count, spread.last, spread.minimum, spread.maximum) == (6, 2.0, -1.0, 9.0)
    assert spread.mean == pytest.approx(statistics.fmean(values))
    assert spread.deviation == pytest.approx(statistics.pstdev(values))


def test_none_and_one() -> None:
    running = RunningStat()
    assert running.snapshot() == Spread()
    running.add(5)
    assert running.snapshot() == Spread(1, 5, 5, 5, 5, 0)
