"""The outbox: rows in order, none lost while the backend or the disk fails."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from globstar.base.log import Level
from globstar.core import outbox
from globstar.core.outbox import BackendDown, Outbox, RowRefused, append_lines, append_whole, describe_outboxes
from tests.support.switch import LogCapture, running_system

pytestmark = pytest.mark.virtual_time


class Backend:
    """Takes rows while it is up, and refuses those that hold "bad"."""

    def __init__(self) -> None:
        self.rows: list[str] = []
        self.is_up = True
        self.calls = 0

    def __call__(self, rows: Sequence[str]) -> None:
        self.calls += 1
        if not self.is_up:
            raise BackendDown("no connection")
        if any("bad" in row for row in rows):
            raise RowRefused("it is bad")
        self.rows += rows


async def test_rows_are_handed_over_together_and_in_order(tmp_path: Path) -> None:
    async with running_system(tmp_path) as system:
        backend = Backend()
        box = Outbox(system, "cdr_x", backend)
        for n in range(1200):
            box.put(str(n))
        assert box.waiting == 1200
        await asyncio.sleep(0.2)
        assert backend.rows == [str(n) for n in range(1200)]
        assert backend.calls == 3
        assert (box.waiting, box.delivered) == (0, 1200)
        assert not box.file.exists()


async def test_rows_wait_on_disk_while_the_backend_is_down_and_follow_in_order(tmp_path: Path) -> None:
    async with running_system(tmp_path) as system:
        backend = Backend()
        box = Outbox(system, "cdr_x", backend)
        box.put("0")
        await asyncio.sleep(0.2)
        backend.is_up = False
        with LogCapture() as log:
            for n in range(1, 700):
                box.put(str(n))
                if n % 100 == 0:
                    await asyncio.sleep(0.3)
        assert len(log.texts(Level.ERROR)) == 1, "told once"
        await asyncio.sleep(0.2)
        assert box.on_disk == box.waiting == 699
        assert len(box.file.read_text().splitlines()) == 699
        assert "down: no connection" in describe_outboxes(system, "cdr")
        tries = backend.calls
        await asyncio.sleep(300)
        assert 4 <= backend.calls - tries <= 12, "tried again, more and more rarely"
        backend.is_up = True
        box.put("700")
        await asyncio.sleep(61)
        assert backend.rows == [str(n) for n in range(701)]
        assert box.waiting == 0
        assert not box.error
        assert not box.file.exists()
        box.put("701")
        await asyncio.sleep(0.2)
        assert backend.rows[-1] == "701"


async def test_what_waits_survives_a_restart(tmp_path: Path) -> None:
    async with running_system(tmp_path) as system:
        backend = Backend()
        backend.is_up = False
        box = Outbox(system, "cdr_x", backend)
        box.put("1")
        box.put("2")
        await box.close()
        assert box.on_disk == 2
    async with running_system(tmp_path) as system:
        backend = Backend()
        box = Outbox(system, "cdr_x", backend)
        box.put("3")
        await asyncio.sleep(0.5)
        assert backend.rows == ["1", "2", "3"]
        assert not box.file.exists()


async def test_a_file_that_was_handed_over_in_part_goes_on_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "BATCH", 2)
    async with running_system(tmp_path) as system:
        backend = Backend()
        backend.is_up = False
        box = Outbox(system, "cdr_x", backend)
        for n in range(5):
            box.put(str(n))
        await asyncio.sleep(0.2)

        def once(rows: Sequence[str]) -> None:
            if backend.rows:
                raise BackendDown("again")
            backend.rows += rows

        box.deliver = once
        await box.flush()
        assert backend.rows == ["0", "1"]
        assert box.on_disk == 3
        await box.close()
    async with running_system(tmp_path) as system:
        backend = Backend()
        box = Outbox(system, "cdr_x", backend)
        await box.flush()
        assert backend.rows == ["2", "3", "4"]


async def test_a_refused_row_is_put_aside_and_the_others_go_on(tmp_path: Path) -> None:
    async with running_system(tmp_path) as system:
        backend = Backend()
        box = Outbox(system, "cdr_x", backend)
        with LogCapture() as log:
            for row in ("a", "bad", "b"):
                box.put(row)
            await box.flush()
        assert backend.rows == ["a", "b"]
        assert (box.refused, box.waiting, box.error) == (1, 0, "")
        assert json.loads(box.file.with_suffix(".refused").read_text()) == {"why": "it is bad", "row": "bad"}
        assert len(log.texts(Level.ERROR)) == 1


async def test_a_bug_of_a_backend_loses_nothing(tmp_path: Path) -> None:
    async with running_system(tmp_path) as system:
        rows: list[str] = []

        def fails_first(new: Sequence[str]) -> None:
            if not box.failures:
                raise ZeroDivisionError
            rows.extend(new)

        box = Outbox(system, "cdr_x", fails_first)
        box.put("a")
        await asyncio.sleep(3)
        assert rows == ["a"]


async def test_without_backend_and_disk_rows_wait_in_memory_and_are_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "MEMORY_LIMIT", 3)
    async with running_system(tmp_path) as system:
        append_whole(Path(system.directories.astspooldir) / "outbox", b"no folder")
        backend = Backend()
        backend.is_up = False
        box = Outbox(system, "cdr_x", backend)
        with LogCapture() as log:
            for n in range(5):
                box.put(str(n))
            await asyncio.sleep(0.5)
        assert (box.waiting, box.dropped) == (3, 2)
        assert any("dropped" in text for text in log.texts(Level.ERROR))
        backend.is_up = True
        await asyncio.sleep(61)
        assert backend.rows == ["0", "1", "2"]


async def test_a_damaged_line_is_left_out(tmp_path: Path) -> None:
    async with running_system(tmp_path) as system:
        backend = Backend()
        file = Path(system.directories.astspooldir) / "outbox" / "cdr_x.jsonl"
        append_whole(file, b'"1"\n{"\n"2"\n')
        box = Outbox(system, "cdr_x", backend)
        with LogCapture():
            await box.flush()
        assert backend.rows == ["1", "2"]


async def test_other_kinds_are_not_listed(tmp_path: Path) -> None:
    async with running_system(tmp_path) as system:
        Outbox(system, "cel_y", Backend())
        assert "cel_y" not in describe_outboxes(system, "cdr")
        assert "cel_y" in describe_outboxes(system, "cel")
        assert "up" in describe_outboxes(system, "cel")


def test_lines_go_to_all_files_or_to_none(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.csv", tmp_path / "bad"
    bad.mkdir()
    append_lines([(str(good), "1")])
    with pytest.raises(OSError, match="directory"):
        append_lines([(str(good), "2"), (str(bad), "x")])
    assert good.read_text() == "1\n"
    append_lines([(str(good), "2"), (str(tmp_path / "new" / "file"), "\udcff")])
    assert good.read_text() == "1\n2\n"
    assert (tmp_path / "new" / "file").read_bytes() == b"\xff\n"
