"""The old generation is collected while the server has little to do."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator

import pytest

from globstar.interfaces.collector import Collector
from tests.support.virtual_loop import run_virtual


class Cpu:
    """The CPU time of a loop that is busy for ``share`` of the time."""

    def __init__(self, share: float) -> None:
        self.share = share

    def __call__(self) -> float:
        return self.share * asyncio.get_running_loop().time()


@pytest.fixture
def full_collections(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Collections of the old generation, which is long due; Python's own settings come back afterwards."""
    seen: list[int] = []

    def note(phase: str, info: dict[str, int]) -> None:
        if phase == "stop" and info["generation"] == 2:
            seen.append(info["collected"])

    threshold = gc.get_threshold()
    gc.callbacks.append(note)
    monkeypatch.setattr(gc, "get_count", lambda: (0, 0, 100))
    yield seen
    gc.callbacks.remove(note)
    gc.unfreeze()
    gc.set_threshold(*threshold)


async def _twelve_seconds(share: float, seen: list[int]) -> int:
    """How often the old generation was collected in the time of two looks."""
    collector = Collector(asyncio.get_running_loop(), Cpu(share))
    collector.start()
    seen.clear()
    await asyncio.sleep(12)
    collector.stop()
    counted = len(seen)
    await asyncio.sleep(12)
    assert len(seen) == counted, "it goes on after the stop"
    return counted


def test_a_quiet_server_collects(full_collections: list[int]) -> None:
    assert run_virtual(_twelve_seconds(0.1, full_collections)) == 2


def test_a_busy_server_waits(full_collections: list[int]) -> None:
    assert run_virtual(_twelve_seconds(0.9, full_collections)) == 0


def test_what_the_boot_made_is_not_visited_again(full_collections: list[int]) -> None:
    async def start() -> int:
        collector = Collector(asyncio.get_running_loop(), Cpu(0.9))
        collector.start()
        collector.stop()
        return gc.get_freeze_count()

    assert run_virtual(start()) > 1000
