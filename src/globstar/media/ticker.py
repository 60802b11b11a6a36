"""The tick that paces players and generators: absolute deadlines, bounded catching up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from globstar.base.log import Logger

logger = Logger("ticker")

TickCallback = Callable[[], None]


class Ticker:
    """Calls every subscriber once per interval of the loop's clock.

    Deadlines are ``start + n * interval``, so that a late loop does not make media drift. After a delay the missed ticks
    are made up at once, at most ``max_catch_up`` of them; the rest is skipped and counted in ``skipped``.
    With no subscriber nothing runs. A subscriber that raises is logged and dropped; the others go on.
    """

    __slots__ = (
        "_deadline",
        "_handle",
        "_is_running",
        "_loop",
        "_subscribers",
        "after",
        "before",
        "failures",
        "interval",
        "late",
        "max_catch_up",
        "skipped",
        "ticks",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, interval_ms: float = 20, *, max_catch_up: int = 10) -> None:
        self._loop = loop
        self.interval = interval_ms / 1000
        self.max_catch_up = max_catch_up
        self._subscribers: dict[TickCallback, None] = {}
        self._handle: asyncio.TimerHandle | None = None
        self._deadline = 0.0
        self._is_running = False
        #: called before and after the subscribers of each tick
        self.before: TickCallback | None = None
        self.after: TickCallback | None = None
        self.ticks = 0
        self.late = 0
        self.skipped = 0
        self.failures = 0

    def __len__(self) -> int:
        return len(self._subscribers)

    def add(self, callback: TickCallback, *, joins: bool = False) -> None:
        """Subscribe; the first call comes one interval after the ticker starts, or with the next tick.

        One that ``joins`` right after a tick, within a quarter of the interval, still takes part in it: what follows
        something that ended in that tick follows without a gap.
        """
        self._subscribers[callback] = None
        now = self._loop.time()
        is_fresh = joins and not self._is_running and -1e-6 < now - (self._deadline - self.interval) < self.interval / 4
        if self._handle is None and not self._is_running:
            if not is_fresh:
                self._deadline = now + self.interval
            self._handle = self._loop.call_at(self._deadline, self._run)
        if is_fresh:
            self._loop.call_soon(self._join, callback)

    def _join(self, callback: TickCallback) -> None:
        if callback in self._subscribers:
            self._call(callback)

    def remove(self, callback: TickCallback) -> None:
        """Unsubscribe; unknown callbacks are no error. Safe from inside a callback."""
        self._subscribers.pop(callback, None)
        if not self._subscribers and self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def close(self) -> None:
        """Drop every subscriber and stop."""
        self._subscribers.clear()
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _run(self) -> None:
        self._handle = None
        self._is_running = True
        interval = self.interval
        behind = int((self._loop.time() - self._deadline) / interval + 1e-9)
        if behind > 0:
            self.late += 1
        due = 1 + behind
        if due > self.max_catch_up:
            self.skipped += due - self.max_catch_up
            self._deadline += (due - self.max_catch_up) * interval
            due = self.max_catch_up
        for _ in range(due):
            if not self._subscribers:
                break
            self._deadline += interval
            self._tick()
        self._is_running = False
        if self._subscribers:
            self._handle = self._loop.call_at(self._deadline, self._run)

    def _tick(self) -> None:
        self.ticks += 1
        subscribers = self._subscribers
        if self.before is not None:
            self.before()
        for callback in tuple(subscribers):
            if callback in subscribers:
                self._call(callback)
        if self.after is not None:
            self.after()

    def _call(self, callback: TickCallback) -> None:
        try:
            callback()
        except Exception as error:  # one player's bug must not silence the others
            self.failures += 1
            self._subscribers.pop(callback, None)
            logger.error(f"tick subscriber {callback!r} failed and is dropped", exception=error)
