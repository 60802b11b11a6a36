"""The outbox of a backend that does not answer at all: its thread stands still, so time is real here."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from globstar.base.log import Level
from globstar.core import outbox
from globstar.core.outbox import BackendDown, Outbox
from tests.support.switch import LogCapture, running_system


async def test_a_backend_that_does_not_answer_holds_up_the_end_for_a_while_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "CLOSE_TIME", 0.2)
    monkeypatch.setattr(outbox, "GATHER_TIME", 0.0)
    begun, goes_on = threading.Event(), threading.Event()

    def deliver(rows: Sequence[str]) -> None:
        begun.set()
        goes_on.wait(60)

    async with running_system(tmp_path) as system:
        box = Outbox(system, "cdr_x", deliver)
        box.put("1")
        await asyncio.to_thread(begun.wait, 10)
        box.put("2")
        try:
            with LogCapture() as log:
                await asyncio.wait_for(box.close(), 45)
            assert any("may be written twice" in text for text in log.texts(Level.ERROR))
            assert [json.loads(line) for line in box.file.read_text().splitlines()] == ["1", "2"]
        finally:
            goes_on.set()


class Slow:
    """A backend that stands still in its first hand-over until it is told how that ends."""

    def __init__(self) -> None:
        self.rows: list[int] = []
        self.begun, self.goes_on = threading.Event(), threading.Event()
        self.fault: Exception | None = None

    def __call__(self, rows: Sequence[int]) -> None:
        if not self.goes_on.is_set():
            self.begun.set()
            self.goes_on.wait(60)
            if self.fault is not None:
                raise self.fault
        self.rows += rows


async def until(is_so: Callable[[], bool], what: str) -> None:
    deadline = asyncio.get_running_loop().time() + 60
    while not is_so():
        assert asyncio.get_running_loop().time() < deadline, what
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("fault", [None, BackendDown("no answer")])
async def test_what_comes_while_a_backend_does_not_answer_waits_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Exception | None
) -> None:
    monkeypatch.setattr(outbox, "SPILL_LIMIT", 10)
    monkeypatch.setattr(outbox, "MEMORY_LIMIT", 50)
    monkeypatch.setattr(outbox, "FIRST_RETRY", 0.05)
    backend = Slow()
    backend.fault = fault
    async with running_system(tmp_path) as system:
        box = Outbox(system, "cdr_x", backend, batch=2)
        with LogCapture():
            for number in range(5):
                box.put(number)
            await asyncio.to_thread(backend.begun.wait, 10)
            for number in range(5, 200):
                box.put(number)
                if number % 20 == 0:
                    await until(lambda: len(box._memory) < 15, "rows go to the disk")
            assert box.dropped == 0
            assert box.waiting == 200
            assert box.on_disk > 150
            assert json.loads(box.file.read_text().splitlines()[0]) == 0, "those under way are there too: they come first"
            backend.goes_on.set()
            await until(lambda: not box.waiting, "all arrives")
        assert backend.rows == list(range(200)), "each once and in order"
        await until(lambda: not box.file.exists(), "the file goes right after its last row")
        await box.close()


async def test_several_backends_that_do_not_answer_leave_the_threads_of_the_server_alone(tmp_path: Path) -> None:
    backends = [Slow() for _ in range(6)]
    async with running_system(tmp_path) as system:
        boxes = [Outbox(system, f"cdr_{number}", backend) for number, backend in enumerate(backends)]
        for box in boxes:
            box.put(1)
        try:
            for backend in backends:
                assert await asyncio.to_thread(backend.begun.wait, 10)
            assert await asyncio.wait_for(system.run_blocking(lambda: "there"), 45) == "there"
        finally:
            for backend in backends:
                backend.goes_on.set()
        for box in boxes:
            await box.close()
            assert box.delivered == 1


async def test_of_several_backends_that_stand_still_only_the_first_is_waited_for_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "CLOSE_TIME", 0.2)
    monkeypatch.setattr(outbox, "SHORT_CLOSE_TIME", 0.1)
    backends = [Slow(), Slow()]
    async with running_system(tmp_path) as system:
        boxes = [Outbox(system, f"cdr_{number}", backend) for number, backend in enumerate(backends)]
        for box, backend in zip(boxes, backends, strict=True):
            box.put(1)
            assert await asyncio.to_thread(backend.begun.wait, 20)
        try:
            with LogCapture() as log:
                await boxes[0].close()
                monkeypatch.setattr(outbox, "CLOSE_TIME", 1000.0)  # the second would take that long
                await asyncio.wait_for(boxes[1].close(), 60)
            assert sum("may be written twice" in text for text in log.texts(Level.ERROR)) == 2
        finally:
            for backend in backends:
                backend.goes_on.set()
