"""The threads that do what is slow (files, SQL, name look-ups) and those that wait for programs, with counters for
``core show taskprocessors``.
"""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any, TypeVar

from globstar.base.loosethreads import LooseThreads

T = TypeVar("T")

#: From how many waiting jobs on the pool counts as overloaded, and below how many as well again.
HIGH_WATER, LOW_WATER = 500, 450


class CountedPool(Executor):
    """A pool of threads that counts its jobs."""

    name: str

    def reset(self) -> None:
        """Begin the counters anew."""
        self.processed = 0
        self.max_depth = 0
        self.shortest_us = 0
        self.longest_us = 0
        self.was_alerted = False

    @property
    @abstractmethod
    def queued(self) -> int:
        """Jobs that wait for a thread."""

    @property
    def is_alerted(self) -> bool:
        """Whether too many jobs wait."""
        if self.queued >= HIGH_WATER:
            self.was_alerted = True
        elif self.queued <= LOW_WATER:
            self.was_alerted = False
        return self.was_alerted

    def submit(self, function: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """See ``Executor.submit``."""
        future = super().submit(self._timed, function, args, kwargs)
        self.max_depth = max(self.max_depth, self.queued)
        return future

    def _timed(self, function: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]) -> T:
        began = time.perf_counter_ns()
        try:
            return function(*args, **kwargs)
        finally:
            took = (time.perf_counter_ns() - began) // 1000
            self.processed += 1
            self.longest_us = max(self.longest_us, took)
            self.shortest_us = min(self.shortest_us, took) if self.processed > 1 else took


class Workers(CountedPool, ThreadPoolExecutor):
    """What is slow and comes to an end."""

    def __init__(self, threads: int, name: str) -> None:
        ThreadPoolExecutor.__init__(self, max_workers=threads, thread_name_prefix=name)
        self.name = name
        self.reset()

    @property
    def queued(self) -> int:
        """Jobs that wait for a thread."""
        return self._work_queue.qsize()


class LooseWorkers(CountedPool, LooseThreads):
    """What takes as long as it likes, such as programs; the end of the process waits for none."""

    def __init__(self, threads: int, name: str) -> None:
        LooseThreads.__init__(self, threads, name)
        self.name = name
        self.reset()

    @property
    def queued(self) -> int:
        """Jobs that wait for a thread."""
        return self.waiting
