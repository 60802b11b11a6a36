"""Watching a folder: what comes, what is still written, and a folder that the kernel does not tell of."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from globstar.net import filewatch
from globstar.net.filewatch import FolderWatch


class Watched:
    """A watch that counts its calls."""

    def __init__(self, folder: Path) -> None:
        self.calls = 0
        self.changed = asyncio.Event()
        self.watch = FolderWatch(asyncio.get_running_loop(), folder, self._changed)

    def _changed(self) -> None:
        self.calls += 1
        self.changed.set()

    async def until(self, is_so: Callable[[], bool]) -> None:
        async with asyncio.timeout(45):
            while not is_so():
                self.changed.clear()
                await self.changed.wait()


async def test_a_file_that_is_moved_in_is_told(tmp_path: Path) -> None:
    (tmp_path / "watched").mkdir()
    watched = Watched(tmp_path / "watched")
    assert not watched.watch.is_polling
    (tmp_path / "fresh").write_text("x")
    (tmp_path / "fresh").replace(tmp_path / "watched" / "fresh")
    await watched.until(lambda: watched.calls > 0)
    assert watched.watch.unfinished == set()
    watched.watch.close()
    watched.watch.close()


async def test_a_file_that_is_still_written_is_unfinished(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    file = (tmp_path / "growing").open("w")
    file.write("x")
    file.flush()
    await watched.until(lambda: watched.watch.unfinished == {"growing"})
    file.close()
    await watched.until(lambda: not watched.watch.unfinished)
    watched.watch.close()


async def test_after_the_end_nothing_is_told(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    watched.watch.close()
    (tmp_path / "late").write_text("x")
    await asyncio.sleep(0)
    assert watched.calls == 0


async def test_the_next_watch_hears_nothing_of_the_one_before(tmp_path: Path) -> None:
    """Its descriptor is taken again: neither what was not read yet nor what happens later in the old folder is told."""
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    new.mkdir()
    filewatch._spare.clear()
    first = Watched(old)
    descriptor = first.watch._descriptor
    for number in range(100):
        (old / f"unread{number}").write_text("x")
    first.watch.close()
    assert filewatch._spare == [descriptor]
    second = Watched(new)
    assert second.watch._descriptor == descriptor
    (old / "later").write_text("x")
    (new / "mine").write_text("x")
    await second.until(lambda: second.calls > 0)
    assert (first.calls, second.watch.unfinished) == (0, set())
    assert second.calls == 1
    second.watch.close()


async def test_so_many_descriptors_are_kept_and_none_of_a_folder_that_is_gone(tmp_path: Path) -> None:
    filewatch._spare.clear()
    watches = [Watched(tmp_path) for _ in range(filewatch._MOST_SPARE + 2)]
    for watched in watches:
        watched.watch.close()
    assert len(filewatch._spare) == filewatch._MOST_SPARE
    gone = tmp_path / "gone"
    gone.mkdir()
    last = Watched(gone)
    gone.rmdir()
    last.watch.close()
    assert len(filewatch._spare) == filewatch._MOST_SPARE - 1


async def test_without_the_kernels_help_the_folder_is_looked_at_again_and_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filewatch, "POLL_INTERVAL", 0.01)
    watched = Watched(tmp_path / "nowhere")
    assert watched.watch.is_polling
    await watched.until(lambda: watched.calls >= 3)
    watched.watch.close()
