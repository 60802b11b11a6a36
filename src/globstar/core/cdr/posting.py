"""Handing finished records to the backends, one by one or in batches."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from globstar.base.log import Logger
from globstar.core.cdr.record import CallRecord, FinishedRecord
from globstar.core.cdr.settings import CdrSettings
from globstar.core.registry import Registry, Spec

if TYPE_CHECKING:
    from globstar.core.system import System

logger = Logger("cdr")

#: Records that are handed over at once, some 2 ms of work; more, those of large conferences, take turns with what else is to do.
SLICE = 100


@dataclass(slots=True, kw_only=True)
class CdrBackendSpec(Spec):
    """Where records go. ``post(system, records)`` must not block; ``description`` is shown by ``cdr show status``."""

    post: Callable[[Any, list[FinishedRecord]], None]
    description: str = ""

    @property
    def kind(self) -> str:
        """Their registry's name."""
        return "cdr backend"


class Poster:
    """Collects finished records and hands them to every backend."""

    __slots__ = ("_backlog", "_timer", "backends", "posted", "settings", "suspended", "system", "waiting")

    def __init__(self, system: System, settings: CdrSettings) -> None:
        self.system = system
        self.settings = settings
        self.backends: Registry[CdrBackendSpec] = system.registry("cdr backend")
        #: names of backends that get no records for now, in this system
        self.suspended: set[str] = set()
        self.waiting: list[FinishedRecord] = []
        self.posted = 0
        #: finished records of channels that had very many, and of those that ended after them
        self._backlog: deque[CallRecord] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def take(self, records: list[CallRecord]) -> None:
        """Hand over what a channel leaves; very many records a few at a time, and what comes then after them."""
        if len(records) <= SLICE and not self._backlog:
            finished = self._finished(records)
            if self.settings.batch:
                self.post(finished)
            else:
                self._deliver(finished)
            return
        if not self._backlog:
            self.system.loop.call_soon(self._work_off)
        self._backlog += records

    def _finished(self, records: Iterable[CallRecord]) -> list[FinishedRecord]:
        rounds_up = self.settings.initiatedseconds
        return [record.finished(record.end, rounds_up=rounds_up) for record in records]

    def _work_off(self) -> None:
        backlog = self._backlog
        if not backlog:  # all was handed over meanwhile
            return
        self.post(self._finished(backlog.popleft() for _ in range(min(SLICE, len(backlog)))))
        if backlog:
            self.system.loop.call_soon(self._work_off)

    def work_off_all(self) -> None:
        """Hand over now what would have taken turns."""
        while self._backlog:
            self.post(self._finished(self._backlog.popleft() for _ in range(min(SLICE, len(self._backlog)))))

    def post(self, records: list[FinishedRecord]) -> None:
        """Hand ``records`` over now, or with the batch that they join."""
        if not self.settings.batch:
            self._deliver(records)
            return
        self.waiting += records
        if len(self.waiting) >= self.settings.size:
            self.submit()
        elif self._timer is None:
            self._timer = self.system.loop.call_later(self.settings.time, self.submit)

    def submit(self) -> int:
        """Hand over the waiting batch; returns how many records it held."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        records, self.waiting = self.waiting, []
        if records:
            self._deliver(records)
        return len(records)

    def suspend(self, name: str) -> None:
        """Keep records from a backend until it is resumed; what comes meanwhile is lost to it. LookupError for an unknown one."""
        if name not in self.backends:
            raise LookupError(f"no CDR backend is called '{name}'")
        self.suspended.add(name)

    def resume(self, name: str) -> None:
        """Hand records to a backend again."""
        self.suspended.discard(name)

    def next_batch_in(self) -> float:
        """Seconds until the waiting batch is handed over; the whole time if none waits."""
        return self._timer.when() - self.system.now() if self._timer is not None else float(self.settings.time)

    def _deliver(self, records: list[FinishedRecord]) -> None:
        self.posted += len(records)
        for backend in self.backends:
            if backend.name in self.suspended:
                continue
            try:
                backend.post(self.system, records)
            except Exception as error:  # one backend's bug must not keep the records from the others
                logger.error(f"CDR backend {backend.name} failed", exception=error)
