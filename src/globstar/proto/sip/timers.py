"""Many timers of few durations: one first-in-first-out queue per duration, a heap for the odd ones."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from heapq import heappop, heappush
from math import ceil
from typing import Protocol

#: Lazy timers are looked at so often (seconds): one wake-up for all that fell due meanwhile.
LAZINESS = 0.5


class Timer:
    """One running timer. ``name`` says what it is for (``Timer B``). ``cancel()`` costs nothing and is idempotent."""

    __slots__ = ("callback", "deadline", "name")

    def __init__(self, deadline: float, callback: Callable[[float], None], name: str) -> None:
        self.deadline = deadline
        self.callback: Callable[[float], None] | None = callback
        self.name = name

    def cancel(self) -> None:
        """Stop the timer; its owner is let go at once, its slot when it comes to the front."""
        self.callback = None

    def __lt__(self, other: Timer) -> bool:
        return self.deadline < other.deadline

    def __repr__(self) -> str:
        return f"<Timer {self.name} {self.deadline:.3f}{'' if self.callback else ' cancelled'}>"


class Lingering(Protocol):
    """What stands for a while and is then called once: ``linger`` sets its ``deadline`` and ``name``."""

    deadline: float
    name: str

    def callback(self, now: float) -> None:
        """Its time is over."""


class TimerQueue:
    """Starts and fires timers. A timer of a known duration is O(1) to start, to cancel and to fire.

    Within one duration deadlines are in order because ``now`` never runs backwards, so nothing is sorted.
    """

    __slots__ = ("_heap", "_lazy", "_queues")

    def __init__(self, durations: Iterable[float]) -> None:
        self._queues: dict[float, deque[Timer]] = {duration: deque() for duration in durations}
        self._lazy: dict[float, deque[Lingering]] = {}
        self._heap: list[Timer] = []

    def start(self, duration: float, now: float, callback: Callable[[float], None], name: str) -> Timer:
        """Start a timer that calls ``callback(now)`` once, ``duration`` seconds after ``now``."""
        timer = Timer(now + duration, callback, name)
        queue = self._queues.get(duration)
        if queue is None:
            heappush(self._heap, timer)
        else:
            queue.append(timer)
        return timer

    def linger(self, duration: float, now: float, item: Lingering, name: str) -> None:
        """Call ``item`` after ``duration`` seconds or up to ``LAZINESS`` later: it is forgotten, and wakes nobody for that."""
        item.deadline = now + duration
        item.name = name
        queue = self._lazy.get(duration)
        if queue is None:
            queue = self._lazy[duration] = deque()
        queue.append(item)

    def next_deadline(self) -> float | None:
        """Return when ``expire`` is wanted next, or None when nothing runs."""
        earliest: float | None = None
        for queue in self._queues.values():
            while queue and queue[0].callback is None:
                queue.popleft()
            if queue and (earliest is None or queue[0].deadline < earliest):
                earliest = queue[0].deadline
        heap = self._heap
        while heap and heap[0].callback is None:
            heappop(heap)
        if heap and (earliest is None or heap[0].deadline < earliest):
            earliest = heap[0].deadline
        for lingering in self._lazy.values():
            if lingering:
                due = ceil(lingering[0].deadline / LAZINESS) * LAZINESS
                if earliest is None or due < earliest:
                    earliest = due
        return earliest

    def expire(self, now: float) -> int:
        """Fire all timers due at ``now``, earliest first; returns how many. Timers that they start may fire too."""
        fired = 0
        while True:
            due = self._pop_due(now)
            if due is None:
                return fired + self._expire_lazy(now)
            callback = due.callback
            if callback is not None:
                due.callback = None
                fired += 1
                callback(now)

    def _expire_lazy(self, now: float) -> int:
        fired = 0
        for queue in self._lazy.values():
            while queue and queue[0].deadline <= now:
                fired += 1
                queue.popleft().callback(now)
        return fired

    def _pop_due(self, now: float) -> Timer | None:
        best: deque[Timer] | None = None
        for queue in self._queues.values():
            while queue and queue[0].callback is None:
                queue.popleft()
            if queue and queue[0].deadline <= now and (best is None or queue[0].deadline < best[0].deadline):
                best = queue
        heap = self._heap
        if heap and heap[0].deadline <= now and (best is None or heap[0].deadline < best[0].deadline):
            return heappop(heap)
        return best.popleft() if best is not None else None

    def __len__(self) -> int:
        """How many timers are running."""
        running = sum(1 for timer in self._heap if timer.callback is not None)
        running += sum(len(queue) for queue in self._lazy.values())
        return running + sum(1 for queue in self._queues.values() for timer in queue if timer.callback is not None)

    def describe(self) -> dict[str, int]:
        """How many timers run, by name, for the CLI."""
        counts: dict[str, int] = {}
        for lingering in self._lazy.values():
            for item in lingering:
                counts[item.name] = counts.get(item.name, 0) + 1
        for queue in (*self._queues.values(), self._heap):
            for timer in queue:
                if timer.callback is not None:
                    counts[timer.name] = counts.get(timer.name, 0) + 1
        return counts
