"""Many datagram sockets behind one descriptor of the loop: one wake-up serves all that are readable."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.net.batch import Readable, Receiver, new_inbox

if TYPE_CHECKING:
    from globstar.net.batch import Inbox

logger = Logger("net.poller")

#: Most reads of one wake-up, so that a flood cannot hold the loop.
BUDGET = 512
#: When wake-ups follow each other faster than this (seconds), sockets are looked after on a timer instead.
BUSY = 0.002
#: The length of that timer: a wake-up costs as much as several packets, so few of them are waited for longer than many.
COALESCE, COALESCE_MANY = 0.004, 0.002
#: Packets in one look that are many.
MANY = 48
#: Rounds of that timer without a packet until the loop watches again. Each change between the two ways costs more than they.
LINGER = 5


class Poller:
    """Watches sockets for one loop.

    Registering each socket with asyncio costs a handle and a context run per packet. Here the sockets
    are in an epoll set of our own and the loop watches that set only. Under load the set is looked at every few
    milliseconds, so that one wake-up finds many packets; when it stays empty, the loop watches again.
    The callback gets the time of the wake-up, as asking the clock for each packet would cost more than it tells.
    """

    __slots__ = (
        "_empty_rounds",
        "_inbox",
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
        self._inbox: Inbox | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._watching = False
        self._last = 0.0
        self._empty_rounds = 0
        self.budget = budget
        self.wakeups = 0
        self.reads = 0
        self.failures = 0

    def __len__(self) -> int:
        return len(self._inbox) if self._inbox is not None else 0

    def add(self, descriptor: int, on_readable: Readable) -> None:
        """Watch a non-blocking socket; a second call for the same one exchanges the callback."""
        self._begin().add(descriptor, on_readable)

    def add_receiver(self, descriptor: int, on_datagram: Receiver) -> None:
        """As :meth:`add`, for a socket whose datagrams are read here, many sockets at a time."""
        self._begin().add_receiver(descriptor, on_datagram)

    def remove(self, descriptor: int) -> None:
        """Stop watching; call this before the socket is closed. Unknown descriptors are no error."""
        if self._inbox is not None and self._inbox.remove(descriptor) and not len(self._inbox):
            self.close()

    def close(self) -> None:
        """Forget every socket."""
        self._unwatch()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._inbox is not None:
            self._inbox.close()
            self._inbox = None

    def _begin(self) -> Inbox:
        if self._inbox is None:
            self._inbox = new_inbox(self._failed)
        if not self._watching and self._timer is None:
            self._watch()
        return self._inbox

    def _failed(self, descriptor: int, error: Exception) -> None:
        self.failures += 1
        logger.error(f"reading of socket {descriptor} failed", exception=error)

    def _watch(self) -> None:
        if self._inbox is not None and not self._watching:
            self._watching = True
            self._loop.add_reader(self._inbox.fileno(), self._on_loop)

    def _unwatch(self) -> None:
        if self._inbox is not None and self._watching:
            self._watching = False
            self._loop.remove_reader(self._inbox.fileno())

    def _on_loop(self) -> None:
        now = self._loop.time()
        busy = now - self._last < BUSY
        self._serve(now)
        if busy and self._inbox is not None:
            self._unwatch()
            self._empty_rounds = 0
            self._timer = self._loop.call_later(COALESCE, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        found = self._serve(self._loop.time())
        self._empty_rounds = 0 if found else self._empty_rounds + 1
        if self._inbox is None:
            return
        if self._empty_rounds < LINGER:
            self._timer = self._loop.call_later(COALESCE if found < MANY else COALESCE_MANY, self._on_timer)
        else:
            self._watch()

    def _serve(self, now: float) -> int:
        """Read what is there, up to the budget; gives how many reads there were."""
        self._last = now
        self.wakeups += 1
        done = 0
        while self._inbox is not None and done < self.budget:
            found = self._inbox.serve(now)
            if not found:
                break
            done += found
        self.reads += done
        return done
