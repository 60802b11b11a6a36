"""Reading and sending of many datagram sockets at once: what the poller and the 20 ms tick use.

``_batch.pyx`` is the native twin, which makes the system calls of a batch without the interpreter's lock; ``new_inbox`` and
``new_outbox`` give what was chosen when the server started.
"""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from globstar.base.native import require_current, require_native

if TYPE_CHECKING:
    from typing import TypeAlias

#: Longest datagram read; longer ones are cut off. Linear of 192 kHz has 7,692 octets in 20 ms.
MAX_DATAGRAM = 8192
#: Sockets that one look finds.
BATCH = 256

#: ``on_readable(now)``: read at most a few packets; what is left brings another call.
Readable = Callable[[float], None]
#: ``on_datagram(data, now)``
Receiver = Callable[[bytes, float], None]
#: ``on_failure(descriptor, error)``: a callback has raised.
Failure = Callable[[int, Exception], None]


class PythonInbox:
    """Waits for descriptors, and reads those sockets whose user only wants datagrams.

    A user that is exchanged or taken away while a batch is treated gets nothing more of that batch.
    """

    __slots__ = ("_epoll", "_on_failure", "_readable", "_receivers")

    def __init__(self, on_failure: Failure) -> None:
        self._on_failure = on_failure
        self._epoll: select.epoll | None = select.epoll()
        self._readable: dict[int, Readable] = {}
        self._receivers: dict[int, Receiver] = {}

    def __len__(self) -> int:
        return len(self._readable) + len(self._receivers)

    def fileno(self) -> int:
        """Readable while any of the descriptors is."""
        return self._epoll.fileno() if self._epoll is not None else -1

    def add(self, descriptor: int, on_readable: Readable) -> None:
        """Have ``on_readable`` called while there is something to read."""
        self._register(descriptor)
        self._readable[descriptor] = on_readable

    def add_receiver(self, descriptor: int, on_datagram: Receiver) -> None:
        """Read datagrams from a non-blocking socket, and hand each over."""
        self._register(descriptor)
        self._receivers[descriptor] = on_datagram

    def _register(self, descriptor: int) -> None:
        if self._readable.pop(descriptor, None) is None and self._receivers.pop(descriptor, None) is None:
            if self._epoll is not None:
                self._epoll.register(descriptor, select.EPOLLIN)

    def remove(self, descriptor: int) -> bool:
        """Forget a descriptor, before it is closed; False when it is not known."""
        if self._readable.pop(descriptor, None) is None and self._receivers.pop(descriptor, None) is None:
            return False
        if self._epoll is not None:
            self._epoll.unregister(descriptor)
        return True

    def serve(self, now: float) -> int:
        """Look once what is readable, and read one datagram of each; gives how many sockets that were."""
        if self._epoll is None:
            return 0
        events = self._epoll.poll(0, BATCH)
        receivers, readable = self._receivers, self._readable
        for descriptor, _ in events:
            try:
                on_datagram = receivers.get(descriptor)
                if on_datagram is not None:
                    try:
                        data = os.read(descriptor, MAX_DATAGRAM)
                    except OSError:  # nothing there, or an ICMP error of an earlier packet
                        continue
                    on_datagram(data, now)
                else:
                    on_readable = readable.get(descriptor)
                    if on_readable is not None:  # else it was closed by a callback of this very batch
                        on_readable(now)
            except Exception as error:  # one call's bug must not stop the media of the others
                self._on_failure(descriptor, error)
        return len(events)

    def close(self) -> None:
        """Forget everything."""
        self._readable.clear()
        self._receivers.clear()
        if self._epoll is not None:
            self._epoll.close()
            self._epoll = None


class PythonSender:
    """Sends to the peer of one connected socket; ``lost`` counts what failed after ``send`` had returned: here nothing does."""

    __slots__ = ("lost", "send")

    def __init__(self, bound: socket.socket) -> None:
        self.send: Callable[[bytes], int] = bound.send
        self.lost = 0


class PythonOutbox:
    """Where datagrams of a tick are gathered. In Python there is nothing to gain: they go at once."""

    __slots__ = ()

    def sender(self, bound: socket.socket) -> PythonSender:
        """What sends on a connected, non-blocking socket; it must not outlive the socket."""
        return PythonSender(bound)

    def begin(self) -> None:
        """Datagrams may wait from now on."""

    def flush(self) -> None:
        """Send what waits."""

    def end(self) -> None:
        """Send what waits; then datagrams go at once again."""


try:
    require_native()
    from globstar.net import _batch

    require_current(_batch)
except ImportError:
    _batch = None  # type: ignore[assignment]

if TYPE_CHECKING:
    Inbox: TypeAlias = PythonInbox | _batch.Inbox
    Outbox: TypeAlias = PythonOutbox | _batch.Outbox
    Sender: TypeAlias = PythonSender | _batch.Sender


def is_native() -> bool:
    """Whether the native twin is in use."""
    return _batch is not None


def new_inbox(on_failure: Failure) -> Inbox:
    """The native one where it was built."""
    return _batch.Inbox(on_failure) if is_native() else PythonInbox(on_failure)


def new_outbox() -> Outbox:
    """The native one where it was built."""
    return _batch.Outbox() if is_native() else PythonOutbox()
