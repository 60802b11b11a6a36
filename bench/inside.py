"""What the benchmarks inside one process share."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from globstar.base.log import Record


def median_of(runs: int, measure: Callable[[Path], Coroutine[Any, Any, float]]) -> float:
    """The median of several measurements, each in a folder of its own."""
    values = []
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as folder:
            values.append(asyncio.run(measure(Path(folder))))
    return statistics.median(values)


def drop(_: Record) -> None:
    """Keep what modules say about missing files from the terminal."""
