"""A whole system in the test's own process, on the test's loop, with its configuration in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from globstar.base.log import Level, Record, hub
from globstar.config import MemorySource
from globstar.core.boot import boot, shut_down
from globstar.core.settings import Directories, Options
from globstar.core.system import System

WALL_START = 1_700_000_000.0


@asynccontextmanager
async def running_system(
    root: Path,
    files: Mapping[str, str] | None = None,
    *,
    options: Options | None = None,
    keep_database: bool = False,
    prepare: Callable[[System], None] | None = None,
) -> AsyncIterator[System]:
    """Boot a system whose folders are below ``root`` and whose configuration files are ``files``; stop it at the end.

    ``prepare`` may change the system before modules are loaded. Time is the loop's, from a fixed date on.
    """
    system = System(directories=Directories.below(root), options=options)
    start = system.now()
    system.wall_time = lambda: WALL_START + system.now() - start
    system.started_wall = system.wall_time()
    if prepare is not None:
        prepare(system)
    try:
        await boot(system, MemorySource({"extensions.conf": "", **(files or {})}), keep_database=keep_database)
        yield system
    finally:
        await shut_down(system)


class LogCapture:
    """Collects log records while it is entered."""

    def __init__(self, levels: Level = Level.NOTICE | Level.WARNING | Level.ERROR) -> None:
        self.levels = levels
        self.records: list[Record] = []

    def __enter__(self) -> LogCapture:
        hub.add(self.levels, self._take)
        return self

    def __exit__(self, *_: object) -> None:
        hub.remove(self._take)

    def texts(self, level: Level) -> list[str]:
        """The messages of one level."""
        return [record.message for record in self.records if record.level is level]

    def _take(self, record: Record) -> None:
        self.records.append(record)
