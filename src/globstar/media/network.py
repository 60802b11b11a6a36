"""MediaNetwork: media sockets in memory, with loss, reorder and delay by seed, for tests without sockets."""

from __future__ import annotations

import asyncio
import errno
import random
from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass

from globstar.media.sockets import MAX_DATAGRAM, Address, MediaSocket, Receiver

#: Most datagrams that wait unread at one socket; as in a kernel, more are dropped and counted.
QUEUE_LIMIT = 256


@dataclass(frozen=True, slots=True)
class Impairment:
    """What a path does to datagrams: shares from 0 to 1, delays in seconds, or exact places.

    ``drop``, ``double`` and ``hold`` name datagrams by their place on the path (the first is 0), so that tests can demand
    exact counts: lost, delivered twice, delivered only after the next one.
    """

    loss: float = 0.0
    duplicate: float = 0.0
    delay: float = 0.0
    jitter: float = 0.0
    drop: Collection[int] = ()
    double: Collection[int] = ()
    hold: Collection[int] = ()


class MediaNetwork:
    """A SocketFactory whose sockets reach each other in this process, driven by the loop's clock.

    Each ordered pair of addresses is a path with its own place count; the random choices follow ``seed``. The same
    seed and traffic give the same losses.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, *, seed: int = 1, impairment: Impairment | None = None) -> None:
        self.loop = loop
        self._chance = random.Random(seed)
        self._default = impairment or Impairment()
        self._impairments: dict[Address, Impairment] = {}
        self._sockets: dict[Address, MemorySocket] = {}
        #: TOS and priority of the open sockets
        self.marks: dict[Address, tuple[int, int]] = {}
        self._places: dict[tuple[Address, Address], int] = {}
        self._held: dict[tuple[Address, Address], bytes] = {}
        #: Totals: datagrams sent, lost on the way, sent to nobody, thrown away by a full socket.
        self.sent = 0
        self.lost = 0
        self.unreachable = 0
        self.overrun = 0

    def __len__(self) -> int:
        return len(self._sockets)

    def open(self, host: str, port: int, tos: int = 0, cos: int = 0, *, checksums: bool | None = None) -> MemorySocket:
        """Bind a socket; port 0 takes a free one; ``tos`` and ``cos`` are only noted, there are no checksums."""
        if port == 0:
            port = next(number for number in range(40000, 65536, 2) if (host, number) not in self._sockets)
        address = (host, port)
        if address in self._sockets:
            raise OSError(errno.EADDRINUSE, "address already in use")
        self._sockets[address] = MemorySocket(self, address)
        self.marks[address] = (tos, cos)
        return self._sockets[address]

    def taken(self, host: str) -> Collection[int]:
        """See SocketFactory."""
        return {port for address, port in self._sockets if address == host}

    def impair(self, source: Address, impairment: Impairment) -> None:
        """Give all paths that begin at ``source`` their own impairment, and begin to count places anew."""
        self._impairments[source] = impairment
        for path in [path for path in self._places if path[0] == source]:
            del self._places[path]

    def forget(self, address: Address) -> None:
        """A socket has closed."""
        self._sockets.pop(address, None)
        self.marks.pop(address, None)

    def carry(self, source: Address, target: Address, data: bytes) -> None:
        """Bring a datagram to its target, or lose it."""
        self.sent += 1
        path = (source, target)
        place = self._places.get(path, 0)
        self._places[path] = place + 1
        impairment = self._impairments.get(source, self._default)
        if place in impairment.drop or (impairment.loss and self._chance.random() < impairment.loss):
            self.lost += 1
            return
        if place in impairment.hold:
            self._held[path] = data
            return
        twice = place in impairment.double or (impairment.duplicate > 0 and self._chance.random() < impairment.duplicate)
        delay = impairment.delay
        if impairment.jitter:
            delay += self._chance.random() * impairment.jitter
        for _ in range(2 if twice else 1):
            self._schedule(delay, source, target, data)
        held = self._held.pop(path, None)
        if held is not None:
            self._schedule(delay, source, target, held)

    def _schedule(self, delay: float, source: Address, target: Address, data: bytes) -> None:
        if delay > 0:
            self.loop.call_later(delay, self._deliver, source, target, data)
        else:
            self.loop.call_soon(self._deliver, source, target, data)

    def _deliver(self, source: Address, target: Address, data: bytes) -> None:
        socket = self._sockets.get(target) or self._sockets.get(("0.0.0.0", target[1]))
        if socket is None:
            self.unreachable += 1
        elif not socket.take(data, source):
            self.overrun += 1


class MemorySocket(MediaSocket):
    """A socket of a MediaNetwork; behaves as a non-blocking UDP socket does."""

    def __init__(self, network: MediaNetwork, address: Address) -> None:
        self._network = network
        self._address = address
        self._peer: Address | None = None
        self._reader: Callable[[float], None] | None = None
        self._queue: deque[tuple[bytes, Address]] = deque()
        self.is_closed = False

    @property
    def address(self) -> Address:
        """See MediaSocket."""
        return self._address

    @property
    def descriptor(self) -> int | None:
        """See MediaSocket; there is none."""
        return None

    @property
    def lost(self) -> int:
        """See MediaSocket; nothing is sent later than at once."""
        return 0

    def set_reader(self, on_readable: Callable[[float], None]) -> None:
        """See MediaSocket."""
        self._reader = on_readable

    def set_receiver(self, on_datagram: Receiver) -> None:
        """See MediaSocket."""

        def on_readable(now: float) -> None:
            on_datagram(self.recv(MAX_DATAGRAM), now)

        self._reader = on_readable

    def pause_reader(self) -> None:
        """See MediaSocket."""
        self._reader = None

    def take(self, data: bytes, source: Address) -> bool:
        """A datagram has arrived; False when there is no room for it."""
        if self._peer is not None and source != self._peer:
            return True  # the kernel filters silently as well
        if len(self._queue) >= QUEUE_LIMIT:
            return False
        self._queue.append((data, source))
        while self._queue and self._reader is not None and not self.is_closed:
            waiting = len(self._queue)
            self._reader(self._network.loop.time())
            if len(self._queue) >= waiting:
                break
        return True

    def admit(self, data: bytes, source: Address, /) -> tuple[bytes, Address]:
        """See MediaSocket."""
        return data, source

    def recvfrom(self, size: int, /) -> tuple[bytes, Address]:
        """See MediaSocket."""
        if not self._queue:
            raise BlockingIOError(errno.EAGAIN, "nothing to read")
        data, source = self._queue.popleft()
        return data[:size], source

    def recv(self, size: int, /) -> bytes:
        """See MediaSocket."""
        return self.recvfrom(size)[0]

    def sendto(self, data: bytes, address: Address, /) -> int:
        """See MediaSocket."""
        if self.is_closed:
            raise OSError(errno.EBADF, "the socket is closed")
        self._network.carry(self._address, address, bytes(data))
        return len(data)

    def send(self, data: bytes, /) -> int:
        """See MediaSocket."""
        if self._peer is None:
            raise OSError(errno.EDESTADDRREQ, "not connected")
        return self.sendto(data, self._peer)

    def connect(self, address: Address, /) -> None:
        """See MediaSocket."""
        self._peer = address

    def disconnect(self) -> None:
        """See MediaSocket."""
        self._peer = None

    def close(self) -> None:
        """See MediaSocket."""
        self.is_closed = True
        self._reader = None
        self._queue.clear()
        self._network.forget(self._address)
