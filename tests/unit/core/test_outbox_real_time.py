"""The outbox of a backend that does not answer at all: its thread stands still, so time is real here."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from globstar.base.log import Level
from globstar.core import outbox
from globstar.core.outbox import Outbox
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
                await asyncio.wait_for(box.close(), 10)
            assert any("may be written twice" in text for text in log.texts(Level.ERROR))
            assert [json.loads(line) for line in box.file.read_text().splitlines()] == ["1", "2"]
        finally:
            goes_on.set()
