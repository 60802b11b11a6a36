"""Appending lines to files off the loop: order, gathering, failures, flushing."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from globstar.base.log import Level
from globstar.core.linewriter import GATHER_TIME, LineWriter
from tests.support.switch import LogCapture
from tests.support.testtech import World

pytestmark = pytest.mark.virtual_time


async def test_lines_are_written_soon_in_order(tmp_path: Path) -> None:
    async with await World.start("") as world:
        writer = LineWriter(world.system, "test")
        one, two = tmp_path / "deep" / "one", tmp_path / "two"
        for number in range(100):
            writer.append(one if number % 2 else two, str(number))
        assert not one.exists()
        await world.settle(GATHER_TIME * 2)
        assert one.read_text().split() == [str(number) for number in range(1, 100, 2)]
        assert two.read_text().split() == [str(number) for number in range(0, 100, 2)]
        assert (writer.written, writer.lost) == (100, 0)


async def test_flush_writes_at_once_also_what_comes_meanwhile(tmp_path: Path) -> None:
    async with await World.start("") as world:
        writer = LineWriter(world.system, "test")
        file = tmp_path / "file"
        await writer.flush()  # nothing to do
        writer.append(file, "one")
        flushing = asyncio.ensure_future(writer.flush())
        await asyncio.sleep(0)
        writer.append(file, "two")
        await flushing
        assert file.read_text() == "one\ntwo\n"


async def test_a_file_may_be_moved_away_and_text_may_be_any(tmp_path: Path) -> None:
    async with await World.start("") as world:
        writer = LineWriter(world.system, "test")
        file = tmp_path / "file"
        writer.append(file, "gr\u00fc\u00dfe \udcff")
        await writer.flush()
        file.rename(tmp_path / "old")
        writer.append(file, "new")
        await writer.flush()
        assert (tmp_path / "old").read_bytes() == b"gr\xc3\xbc\xc3\x9fe \xff\n"
        assert file.read_text() == "new\n"


async def test_lines_that_cannot_be_written_are_counted_and_told(tmp_path: Path) -> None:
    async with await World.start("") as world:
        writer = LineWriter(world.system, "test")
        (tmp_path / "in the way").write_text("")
        with LogCapture() as log:
            writer.append(tmp_path / "in the way" / "file", "one")
            writer.append(tmp_path / "in the way" / "file", "two")
            writer.append(tmp_path / "fine", "three")
            await writer.flush()
        assert (writer.written, writer.lost) == (1, 2)
        assert "2 lines could not be written" in log.texts(Level.ERROR)[0]
        assert (tmp_path / "fine").read_text() == "three\n"


async def test_what_waits_outlives_a_cancelled_job(tmp_path: Path) -> None:
    async with await World.start("") as world:
        writer = LineWriter(world.system, "test")
        file = tmp_path / "file"
        writer.append(file, "one")
        flushing = asyncio.ensure_future(writer.flush())
        await asyncio.sleep(0)
        writer.append(file, "two")
        for task in asyncio.all_tasks():
            if task.get_name().endswith("test writer"):
                task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await flushing
        await writer.flush()
        assert file.read_text().splitlines()[-1] == "two"
