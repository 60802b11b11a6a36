"""The outbox: rows in order, none lost while the backend or the disk fails."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from globstar.base.log import Level
from globstar.core import outbox
from globstar.core.outbox import BackendDown, Outbox, RowRefused, RowsFailed, append_lines, describe_outboxes
from globstar.core.outboxfile import append_whole
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
            box.put("0")
            await asyncio.sleep(0.5)
            for n in range(1, 5):
                box.put(str(n))
            await asyncio.sleep(0.5)
        assert (box.waiting, box.dropped) == (3, 2)
        assert any("dropped" in text for text in log.texts(Level.ERROR))
        backend.is_up = True
        await asyncio.sleep(61)
        assert backend.rows == ["0", "1", "2"]


async def test_a_burst_that_nobody_had_a_moment_to_take_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "MEMORY_LIMIT", 10)
    monkeypatch.setattr(outbox, "BURST_LIMIT", 2000)
    async with running_system(tmp_path) as system:
        backend = Backend()
        box = Outbox(system, "cdr_x", backend)
        with LogCapture() as log:
            for number in range(2003):
                box.put(str(number))
            await asyncio.sleep(1)
        assert backend.rows == [str(number) for number in range(2000)]
        assert box.dropped == 3
        assert len(log.texts(Level.ERROR)) == 1


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


def failing(bad: Sequence[str], rows: list[str]) -> object:
    """A backend that cannot say whether a failure is its own; rows that are ``bad`` always fail."""

    def deliver(new: Sequence[str]) -> None:
        if any(row in bad for row in new):
            raise RowsFailed("the trigger says no")
        rows.extend(new)

    return deliver


@pytest.mark.parametrize("batch", [1, 500])
async def test_a_row_that_fails_while_others_pass_is_refused_and_does_not_hold_them_up(tmp_path: Path, batch: int) -> None:
    async with running_system(tmp_path) as system:
        rows: list[str] = []
        box = Outbox(system, "cdr_x", failing(("p", "q", "z"), rows), batch=batch)  # type: ignore[arg-type]
        with LogCapture():
            for row in ("p", "a", "b", "q", "c", "z"):
                box.put(row)
            await box.flush()
            assert rows == ["a", "b", "c"]
            assert (box.refused, box.waiting) == (2, 1), "whether it is z's fault is not known yet"
            assert box.error == "the trigger says no"
            box.put("d")
            await asyncio.sleep(61)
        assert rows == ["a", "b", "c", "d"]
        assert (box.refused, box.waiting, box.error) == (3, 0, "")
        refused = [json.loads(line)["row"] for line in box.file.with_suffix(".refused").read_text().splitlines()]
        assert refused == ["p", "q", "z"]


async def test_where_all_rows_fail_they_wait_until_the_backend_is_mended(tmp_path: Path) -> None:
    async with running_system(tmp_path) as system:
        rows: list[str] = []
        names = [str(number) for number in range(7)]
        box = Outbox(system, "cdr_x", failing(names, rows), batch=3)  # type: ignore[arg-type]
        with LogCapture() as log:
            for name in names:
                box.put(name)
            await asyncio.sleep(200)
            assert (rows, box.refused, box.waiting) == ([], 0, 7)
            assert len(log.texts(Level.ERROR)) == 1
            box.deliver = failing((), rows)  # type: ignore[assignment]
            await asyncio.sleep(61)
        assert rows == names


async def test_a_row_that_was_cut_off_does_not_take_the_next_one_with_it(tmp_path: Path) -> None:
    file = tmp_path / "spool"
    async with running_system(tmp_path) as system:
        file = Path(system.directories.astspooldir) / "outbox" / "cdr_x.jsonl"
        append_whole(file, b'"1"\n"2')
        backend = Backend()
        backend.is_up = False
        box = Outbox(system, "cdr_x", backend)
        with LogCapture() as log:
            box.put("3")
            await box.flush()
            assert file.read_bytes() == b'"1"\n"2\n"3"\n'
            backend.is_up = True
            await box.flush()
        assert backend.rows == ["1", "3"]
        assert any("damaged line" in text for text in log.texts(Level.ERROR))


async def test_the_mark_of_an_older_file_hides_no_rows(tmp_path: Path) -> None:
    async with running_system(tmp_path) as system:
        folder = Path(system.directories.astspooldir) / "outbox"
        append_whole(folder / "cdr_x.done", b"1000")
        backend = Backend()
        backend.is_up = False
        box = Outbox(system, "cdr_x", backend)
        with LogCapture():
            box.put("1")
            await box.close()
    async with running_system(tmp_path) as system:
        backend = Backend()
        box = Outbox(system, "cdr_x", backend)
        await box.flush()
        assert backend.rows == ["1"]
        assert list(folder.iterdir()) == []


async def test_a_mark_beyond_the_end_of_its_file_counts_for_nothing(tmp_path: Path) -> None:
    async with running_system(tmp_path) as system:
        folder = Path(system.directories.astspooldir) / "outbox"
        append_whole(folder / "cdr_x.done", b"1000")
        append_whole(folder / "cdr_x.jsonl", b'"1"\n')
        backend = Backend()
        box = Outbox(system, "cdr_x", backend)
        with LogCapture() as log:
            await box.flush()
        assert backend.rows == ["1"]
        assert any("written twice" in text for text in log.texts(Level.ERROR))


async def test_a_file_that_somebody_removes_is_told_of_and_the_next_rows_go_on(tmp_path: Path) -> None:
    async with running_system(tmp_path) as system:
        backend = Backend()
        backend.is_up = False
        box = Outbox(system, "cdr_x", backend)
        with LogCapture() as log:
            box.put("1")
            await box.flush()
            box.file.unlink()
            backend.is_up = True
            await box.flush()
            box.put("2")
            await box.flush()
        assert backend.rows == ["2"]
        assert any("the 1 rows in it are lost" in text for text in log.texts(Level.ERROR))


async def test_a_full_disk_does_not_keep_the_file_from_being_handed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running_system(tmp_path) as system:
        backend = Backend()
        backend.is_up = False
        box = Outbox(system, "cdr_x", backend, batch=2)
        with LogCapture() as log:
            for number in range(5):
                box.put(str(number))
            await box.flush()
            assert box.on_disk == 5
            backend.is_up = True
            mark = box.file.with_suffix(".done")
            assert mark.read_text().strip() == "0"
            mark.unlink()
            mark.mkdir()  # nothing can be written there
            await box.flush()
        assert backend.rows == ["0", "1", "2", "3", "4"]
        assert sum("written twice" in text for text in log.texts(Level.ERROR)) == 1


def test_halves_of_characters_in_lines_are_replaced(tmp_path: Path) -> None:
    append_lines([(str(tmp_path / "file"), "a\ud83d\ude00\ud83d")])
    assert (tmp_path / "file").read_text() == "a\U0001f600\N{REPLACEMENT CHARACTER}\n"
