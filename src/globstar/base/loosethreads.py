"""Threads for work that may never come back (a database that stands still): the process does not wait for them at its end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from functools import partial
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")


class LooseThreads(Executor):
    """At most ``count`` threads, begun as they are needed, which the end of the process ends, whatever they wait for.

    Python's own pools join their threads then, however long that takes.
    """

    def __init__(self, count: int, name: str) -> None:
        self._count = count
        self._name = name
        self._jobs: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._idle = 0
        self._is_shut = False

    @property
    def waiting(self) -> int:
        """Jobs that wait for a thread."""
        return self._jobs.qsize()

    def submit(self, function: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """See ``Executor.submit``."""
        future: Future[T] = Future()
        with self._lock:
            if self._is_shut:
                raise RuntimeError(f"{self._name} takes no jobs any more")
            self._jobs.put((future, partial(function, *args, **kwargs)))
            if self._idle:
                self._idle -= 1
            elif len(self._threads) < self._count:
                thread = threading.Thread(target=self._work, name=f"{self._name}_{len(self._threads)}", daemon=True)
                self._threads.append(thread)
                thread.start()
        return future

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            future, function = job
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(function())
                except BaseException as error:  # whoever waits for the result gets it
                    future.set_exception(error)
            del job, future, function  # what they refer to must not live until the next one
            with self._lock:
                if self._jobs.empty():
                    self._idle += 1

    def shutdown(self, wait: bool = False, *, cancel_futures: bool = False) -> None:
        """Take no more jobs; threads end after what was given, or with ``cancel_futures`` after what they do now.

        ``wait`` for their end, which should be no hurry.
        """
        with self._lock:
            self._is_shut = True
            while cancel_futures and not self._jobs.empty():
                job = self._jobs.get()
                if job is not None:
                    job[0].cancel()
            for _ in self._threads:
                self._jobs.put(None)
        for thread in self._threads if wait else ():
            thread.join()
