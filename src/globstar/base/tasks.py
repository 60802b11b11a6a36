"""Task ownership: every task has a name and an owner that cancels and awaits it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from globstar.base.log import Logger

logger = Logger("base.tasks")


class TaskOwner:
    """Starts named tasks and ends them with itself.

    A task that fails is logged once with its traceback and reported to ``on_failure``; it never
    disappears unseen and never takes its owner down.
    """

    __slots__ = ("_closed", "_tasks", "name", "on_failure")

    def __init__(self, name: str, on_failure: Callable[[asyncio.Task[Any], BaseException], None] | None = None) -> None:
        self.name = name
        self.on_failure = on_failure
        #: an empty set would be most of what an owner without a task takes
        self._tasks: set[asyncio.Task[Any]] | None = None
        self._closed = False

    def __len__(self) -> int:
        return len(self._tasks or ())

    def start(self, coroutine: Coroutine[Any, Any, Any], *, name: str) -> asyncio.Task[Any]:
        """Run ``coroutine`` as a task of this owner."""
        if self._closed:
            coroutine.close()
            raise RuntimeError(f"task owner {self.name} is closed; cannot start {name}")
        task = asyncio.get_running_loop().create_task(coroutine, name=f"{self.name}/{name}")
        if self._tasks is None:
            self._tasks = set()
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[Any]) -> None:
        if self._tasks is not None:
            self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is None:
            return
        logger.error(f"task {task.get_name()} failed", exception=error)
        if self.on_failure is not None:
            self.on_failure(task, error)

    def names(self) -> list[str]:
        """The names of the running tasks, for ``core show taskowners`` and leak checks."""
        return sorted(task.get_name() for task in self._tasks or ())

    def cancel(self) -> None:
        """Ask every task to end, without waiting."""
        self._closed = True
        for task in tuple(self._tasks or ()):
            task.cancel()

    async def close(self) -> None:
        """Cancel every task and wait until all have ended; the calling task is left out."""
        self._closed = True
        current = asyncio.current_task()
        pending = [task for task in self._tasks or () if task is not current]
        for task in pending:
            task.cancel()
        if pending:
            await asyncio.gather(*pending, return_exceptions=True)
