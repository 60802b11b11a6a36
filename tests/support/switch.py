"""A system in the test's own process (:mod:`globstar.testing`), by the name that these tests know it by."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from globstar.core.settings import Options
from globstar.core.system import System
from globstar.testing import switch
from globstar.testing.switch import WALL_START, LogCapture

__all__ = ["WALL_START", "LogCapture", "running_system"]

#: The queue log notes the start a moment later, by a task that tests would find in their midst.
_QUIET = {"logger.conf": "[general]\nqueue_log=no\n"}


@asynccontextmanager
async def running_system(
    root: Path,
    files: Mapping[str, str] | None = None,
    *,
    options: Options | None = None,
    keep_database: bool = False,
    prepare: Callable[[System], None] | None = None,
) -> AsyncIterator[System]:
    """As ``globstar.testing.switch.running_system``, without a queue log unless there is a logger.conf."""
    quiet = {**_QUIET, **(files or {})}
    async with switch.running_system(root, quiet, options=options, keep_database=keep_database, prepare=prepare) as system:
        yield system
