"""One timer for thousands of dates: a heap of due times behind a single handle of the loop."""

from __future__ import annotations

import heapq
import itertools
from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

#: Dates that were called off are swept out of the heap when there are more of them than this and than those that count.
SWEEP_AT = 1024


class Schedule(Generic[K]):
    """Calls ``due(key)`` once for each key at its time, monotonic seconds of the loop. A key has one date: the last set."""

    def __init__(self, loop: AbstractEventLoop, due: Callable[[K], None]) -> None:
        self._loop = loop
        self._due = due
        self._heap: list[tuple[float, int, K]] = []
        self._dates: dict[K, int] = {}
        self._numbers = itertools.count()
        self._handle: TimerHandle | None = None
        self._handle_at = 0.0

    def __len__(self) -> int:
        return len(self._dates)

    def __contains__(self, key: K) -> bool:
        return key in self._dates

    def date_of(self, key: K) -> float | None:
        """When a key is due, monotonic seconds; None when it is not. Searches: for people who ask."""
        number = self._dates.get(key)
        return next((at for at, other, _ in self._heap if other == number), None)

    def set(self, key: K, delay: float) -> None:
        """Call ``due(key)`` in ``delay`` seconds instead of at its date until now."""
        number = next(self._numbers)
        at = self._loop.time() + max(delay, 0.0)
        self._dates[key] = number
        heapq.heappush(self._heap, (at, number, key))
        if len(self._heap) > SWEEP_AT and len(self._heap) > 2 * len(self._dates):
            self._heap = [entry for entry in self._heap if self._dates.get(entry[2]) == entry[1]]
            heapq.heapify(self._heap)
        if self._handle is None or at < self._handle_at:
            self._arm()

    def cancel(self, key: K) -> None:
        """Call its date off; nothing when it has none."""
        self._dates.pop(key, None)

    def clear(self) -> None:
        """Call everything off."""
        self._dates.clear()
        self._heap.clear()
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _arm(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        heap, dates = self._heap, self._dates
        while heap and dates.get(heap[0][2]) != heap[0][1]:
            heapq.heappop(heap)
        if heap:
            self._handle_at = heap[0][0]
            self._handle = self._loop.call_at(self._handle_at, self._fire)

    def _fire(self) -> None:
        self._handle = None
        now = self._loop.time() + 0.001
        heap, dates = self._heap, self._dates
        try:
            while heap and heap[0][0] <= now:
                _, number, key = heapq.heappop(heap)
                if dates.get(key) == number:
                    del dates[key]
                    self._due(key)
        finally:  # one that fails is logged by the loop; the others keep their dates
            self._arm()
