"""Many datagram sockets behind one descriptor of the loop: one wake-up serves all that are readable."""

from __future__ import annotations

import asyncio
import select
from collections.abc import Callable

from globstar.base.log import Logger

logger = Logger("net.poller")

#: ``on_readable(now)``: read at most a few packets; what is left brings another call.
Readable = Callable[[float], None]

#: Most reads of one wake-up, so that a flood cannot hold the loop.
BUDGET = 512
#: When wake-ups follow each other faster than this (seconds), sockets are looked after on a timer of that length instead.
COALESCE = 0.002
#: Rounds of that timer without a packet until the loop watches again. Each change between the two ways costs more than they.
LINGER = 5
_BATCH = 256


class Poller:
    """Watches sockets for one loop.

    Registering each socket with asyncio costs a handle and a context run per packet. Here the sockets
    are in an epoll set of our own and the loop watches that set only. Under load the set is looked at every two
    milliseconds, so that one wake-up finds many packets; when it stays empty, the loop watches again.
    The callback gets the time of the wake-up, as asking the clock for each packet would cost more than it tells.
    """

    __slots__ = (
        "_empty_rounds",
        "_epoll",
        "_handlers",
        "_last",
        "_loop",
        "_timer",
        "_watching",
        "budget",
        "failures",
        "reads",
        "wakeups",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, *, budget: int = BUDGET) -> None:
        self._loop = loop
        self._epoll: select.epoll | None = None
        self._handlers: dict[int, Readable] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._watching = False
        self._last = 0.0
        self._empty_rounds = 0
        self.budget = budget
        self.wakeups = 0
        self.reads = 0
        self.failures = 0

    def __len__(self) -> int:
        return len(self._handlers)

    def add(self, descriptor: int, on_readable: Readable) -> None:
        """Watch a non-blocking socket; a second call for the same one exchanges the callback."""
        if descriptor not in self._handlers:
            if self._epoll is None:
                self._epoll = select.epoll()
            self._epoll.register(descriptor, select.EPOLLIN)
        self._handlers[descriptor] = on_readable
        if not self._watching and self._timer is None:
            self._watch()

    def remove(self, descriptor: int) -> None:
        """Stop watching; call this before the socket is closed. Unknown descriptors are no error."""
        if self._handlers.pop(descriptor, None) is not None and self._epoll is not None:
            self._epoll.unregister(descriptor)
            if not self._handlers:
                self.close()

    def close(self) -> None:
        """Forget every socket."""
        self._unwatch()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._handlers.clear()
        if self._epoll is not None:
            self._epoll.close()
            self._epoll = None

    def _watch(self) -> None:
        if self._epoll is not None and not self._watching:
            self._watching = True
            self._loop.add_reader(self._epoll.fileno(), self._on_loop)

    def _unwatch(self) -> None:
        if self._epoll is not None and self._watching:
            self._watching = False
            self._loop.remove_reader(self._epoll.fileno())

    def _on_loop(self) -> None:
        now = self._loop.time()
        busy = now - self._last < COALESCE
        self._serve(now)
        if busy and self._handlers:
            self._unwatch()
            self._empty_rounds = 0
            self._timer = self._loop.call_later(COALESCE, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self._empty_rounds = 0 if self._serve(self._loop.time()) else self._empty_rounds + 1
        if not self._handlers:
            return
        if self._empty_rounds < LINGER:
            self._timer = self._loop.call_later(COALESCE, self._on_timer)
        else:
            self._watch()

    def _serve(self, now: float) -> int:
        """Read what is there, up to the budget; gives how many reads there were."""
        self._last = now
        self.wakeups += 1
        handlers = self._handlers
        done = 0
        while self._epoll is not None and done < self.budget:
            events = self._epoll.poll(0, _BATCH)
            if not events:
                break
            done += len(events)
            for descriptor, _ in events:
                on_readable = handlers.get(descriptor)
                if on_readable is None:
                    continue  # closed by a callback of this very batch
                try:
                    on_readable(now)
                except Exception as error:  # one call's bug must not stop the media of the others
                    self.failures += 1
                    logger.error(f"reading of socket {descriptor} failed", exception=error)
        self.reads += done
        return done
