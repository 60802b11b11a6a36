"""When Python's cyclic garbage collector runs: what calls are made of in small steps, the rest of memory when there is time.

A call makes some thousands of objects and no cycles, so a collection finds next to nothing and costs what it looks at: about
a third of a microsecond an object, in which the event loop stands. The two young generations are kept small therefore, and
the old one, which holds every call and every finished transaction, is visited while the server has little to do.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable

#: New objects after which the youngest generation is visited, and how many of its visits make one of the middle one.
_YOUNG, _MIDDLE = 10_000, 5
#: Visits of the middle generation after which the old one is due, and after which it is visited whatever goes on.
_DUE, _OVERDUE = 20, 2_000
#: Seconds between two looks, and the share of a processor up to which a server has little to do.
_INTERVAL, _BUSY = 5.0, 0.3


class Collector:
    """Arranges the collections of a server that is up. ``cpu`` is the CPU time of the loop's thread, in seconds."""

    def __init__(self, loop: asyncio.AbstractEventLoop, cpu: Callable[[], float] = time.thread_time) -> None:
        self._loop = loop
        self._clock = cpu
        self._handle: asyncio.TimerHandle | None = None
        self._cpu = 0.0
        self._at = 0.0

    def start(self) -> None:
        """What the boot made lives as long as the server: it is visited never again. Call it on the loop's thread."""
        gc.collect()
        gc.freeze()
        gc.set_threshold(_YOUNG, _MIDDLE, _OVERDUE)
        self._cpu, self._at = self._clock(), self._loop.time()
        self._handle = self._loop.call_later(_INTERVAL, self._look)

    def stop(self) -> None:
        """Look no more."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _look(self) -> None:
        cpu, now = self._clock(), self._loop.time()
        is_quiet = cpu - self._cpu < _BUSY * (now - self._at)
        if is_quiet and gc.get_count()[2] >= _DUE:
            gc.collect()
            cpu = self._clock()
        self._cpu, self._at = cpu, now
        self._handle = self._loop.call_later(_INTERVAL, self._look)
