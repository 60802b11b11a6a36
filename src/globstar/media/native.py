"""The native relay as the engine uses it: which paths run in its threads, and what these hand over.

``globstar.media._native`` is built where there is a compiler. Without it, and on sockets that are no real ones, every packet
takes the way through Python, with the same result.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.base.native import require_current, require_native

if TYPE_CHECKING:
    from globstar.media._native import KeptPackets, NativePath, RelayThread
    from globstar.media.relay import RelayPath

logger = Logger("media.native")

try:
    require_native()
    from globstar.media import _native

    require_current(_native)
except ImportError:
    _native = None  # type: ignore[assignment]


def is_available() -> bool:
    """Whether the native module was built."""
    return _native is not None


def new_kept() -> KeptPackets | None:
    """What threads put packets into that are to be repeated if somebody asks; None where the module was not built."""
    return _native.KeptPackets() if is_available() else None


class NativeRelay:
    """The threads for all relays of an engine; each starts when it gets its first path and ends with ``close``.

    ``longest_wait_ms`` is for how long a thread gathers packets at the most, see ``relay_pause`` in ``_relay.h``. With
    ``wants_ring`` they receive and send by io_uring where the kernel permits it.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, threads: int = 1, longest_wait_ms: float = 4, *, wants_ring: bool = True
    ) -> None:
        self._loop = loop
        self._most = threads
        self._longest_wait = longest_wait_ms / 1000
        self._wants_ring = wants_ring
        self._threads: list[tuple[RelayThread, threading.Thread]] = []
        #: paths whose numbers :meth:`refresh` has just brought
        self.fresh: frozenset[RelayPath] = frozenset()
        #: datagrams that the threads have handed over
        self.parked = 0

    def __len__(self) -> int:
        return sum(len(thread) for thread, _ in self._threads)

    @property
    def threads(self) -> int:
        """Threads that run."""
        return len(self._threads)

    @property
    def rings(self) -> int:
        """Threads that receive and send by io_uring."""
        return sum(thread.uses_ring for thread, _ in self._threads)

    @property
    def packets(self) -> int:
        """Packets that the threads have sent on."""
        return sum(thread.packets for thread, _ in self._threads)

    def thread(self) -> RelayThread:
        """The thread with the fewest paths; one more is started as long as all have some."""
        least = min((thread for thread, _ in self._threads), key=len, default=None)
        if least is None or (len(least) and len(self._threads) < self._most):
            least = self._start_thread()
        return least

    def _start_thread(self) -> RelayThread:
        thread = _native.RelayThread(self._longest_wait, self._wants_ring)
        if self._wants_ring and not thread.uses_ring:
            self._wants_ring = False  # a kernel that refuses once does so always
            logger.debug(1, f"io_uring cannot be used: {os.strerror(thread.ring_refusal)}; each packet takes two system calls")
        body = threading.Thread(target=thread.run, name=f"rtp relay {len(self._threads) + 1}", daemon=True)
        body.start()
        self._loop.add_reader(thread.notify_descriptor, self._on_news, thread)
        self._threads.append((thread, body))
        return thread

    def new_path(self, owner: RelayPath) -> NativePath:
        """The thread's half of a relay's direction."""
        path = _native.NativePath()
        path.owner = owner
        return path

    def refresh(self, paths: Iterable[RelayPath]) -> None:
        """Bring the numbers of these paths up to date, all of a thread at once; they count as fresh until the next call."""
        self.fresh = frozenset()
        by_thread: dict[RelayThread, list[NativePath]] = {}
        for path in paths:
            running = path.running
            if running is not None:
                by_thread.setdefault(running[0], []).append(running[1])
        for thread, natives in by_thread.items():
            for native, numbers in zip(natives, thread.get(natives), strict=True):
                native.owner.update(numbers)
        self.fresh = frozenset(native.owner for natives in by_thread.values() for native in natives)

    def close(self) -> None:
        """End the threads. No path runs any more."""
        for thread, body in self._threads:
            self._loop.remove_reader(thread.notify_descriptor)
            thread.stop()
            body.join()
        self._threads.clear()

    def _on_news(self, thread: RelayThread) -> None:
        """Treat what the thread does not know as if it had come to the loop; then its path goes on."""
        digits, parked, due = thread.take()
        for native, numbers in zip(due, thread.get(due) if due else (), strict=True):
            try:
                native.owner.tell_arrivals(numbers)
            except Exception as error:  # as below
                logger.error("the arrival of a relayed call's packets could not be told", exception=error)
        for digit in digits:
            path: RelayPath = digit[0].owner
            try:
                path.receive_digit(digit)
            except Exception as error:  # one call's bug must not stop the media of the others
                logger.error("a digit of a relayed call failed", exception=error)
        for native, data, now, source in parked:
            self.parked += 1
            path = native.owner
            try:
                path.receive_parked(data, now, source)
            except Exception as error:  # as above
                logger.error("a packet of a relayed call failed", exception=error)
                path.withdraw()
