"""Appending lines to files off the loop, in order, without losing any at the end."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from globstar.base.log import Logger

if TYPE_CHECKING:
    from globstar.core.system import System

logger = Logger("files")

#: Lines wait so long for others to be written with them, seconds.
GATHER_TIME = 0.1


class LineWriter:
    """Appends lines to files. A job off the loop writes what has come within a moment, one job at a time, so each file keeps
    its order.

    A file is opened for each job and closed again: it may be rotated by moving it away. Lines that cannot be written are
    counted in ``lost`` and reported.
    """

    __slots__ = ("_job", "_timer", "_waiting", "lost", "name", "system", "written")

    def __init__(self, system: System, name: str) -> None:
        self.system = system
        self.name = name
        self.written = 0
        self.lost = 0
        self._waiting: dict[Path, list[str]] = {}
        self._job: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def append(self, file: Path, line: str) -> None:
        """Write ``line`` (without its end) to ``file`` soon; the folder is made if need be."""
        self._waiting.setdefault(file, []).append(line)
        if self._job is None and self._timer is None:
            self._timer = self.system.loop.call_later(GATHER_TIME, self._start)

    def _start(self) -> asyncio.Task[None]:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        job = self._job = self.system.tasks.start(self._write(), name=f"{self.name} writer")
        job.add_done_callback(self._ended)
        return job

    def _ended(self, job: asyncio.Task[None]) -> None:
        if self._job is job:
            self._job = None
        if self._waiting and self._timer is None and self._job is None:  # it was cancelled or failed: the rest is tried again
            self._timer = self.system.loop.call_later(GATHER_TIME, self._start)

    async def flush(self) -> None:
        """Write all lines now and wait until they are in their files."""
        while self._waiting or self._job is not None:
            job = self._job or self._start()
            await asyncio.shield(job)
            self._ended(job)

    async def _write(self) -> None:
        while self._waiting:
            waiting, self._waiting = self._waiting, {}
            lost = await self.system.run_blocking(_append_all, waiting)
            total = sum(len(lines) for lines in waiting.values())
            self.lost += lost
            self.written += total - lost


def _append_all(waiting: dict[Path, list[str]]) -> int:
    """Append the lines of each file; returns how many were lost."""
    lost = 0
    for file, lines in waiting.items():
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("a", encoding="utf-8", errors="surrogateescape") as stream:
                stream.write("".join(f"{line}\n" for line in lines))
        except OSError as error:
            lost += len(lines)
            logger.error(f"{len(lines)} lines could not be written to {file}: {error}")
    return lost
