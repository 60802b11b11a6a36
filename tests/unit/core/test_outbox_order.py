"""The outbox under a backend that comes and goes: every row arrives once and in order, over restarts too."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from globstar.core import outbox
from globstar.core.outbox import BackendDown, Outbox, RowRefused
from tests.support.switch import LogCapture, running_system

pytestmark = pytest.mark.virtual_time


class Moody:
    """Takes rows, fails, or refuses those that are divisible by 13, as its moods have it."""

    def __init__(self, moods: random.Random) -> None:
        self.moods = moods
        self.is_up = True
        self.rows: list[int] = []
        self.refused: list[int] = []

    def __call__(self, rows: Sequence[int]) -> None:
        if not self.is_up or self.moods.random() < 0.2:
            raise BackendDown("not now")
        bad = [row for row in rows if row % 13 == 0]
        if bad:
            if len(rows) == 1:
                self.refused += bad
            raise RowRefused("divisible")
        self.rows += rows


@pytest.mark.parametrize("seed", range(4))
async def test_every_row_arrives_once_and_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """Invariant: what the backend has, with what it refused, is what was put, without a gap and without a second time."""
    monkeypatch.setattr(outbox, "BATCH", 7)
    chance = random.Random(seed)
    backend = Moody(chance)
    count = 0
    with LogCapture():
        for _ in range(4):  # four lives of the server
            async with running_system(tmp_path) as system:
                box = Outbox(system, "cdr_x", backend)
                for _ in range(15):
                    match chance.randrange(4):
                        case 0:
                            backend.is_up = not backend.is_up
                        case 1:
                            await asyncio.sleep(chance.choice((0.05, 0.5, 5.0, 70.0)))
                        case _:
                            for _ in range(chance.randrange(1, 25)):
                                box.put(count)
                                count += 1
                assert box.dropped == 0
                await box.close()
        backend.is_up = True
        async with running_system(tmp_path) as system:
            box = Outbox(system, "cdr_x", backend)
            await asyncio.sleep(2000)
            assert box.waiting == 0
            await box.close()
    assert backend.rows == [number for number in range(count) if number % 13]
    assert backend.refused == [number for number in range(count) if not number % 13]
