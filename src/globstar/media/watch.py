"""Looking at the RTP packets of sessions (``rtp set debug``), and losing some of them on purpose (``rtp drop``).

Sessions that are not watched keep their bare sockets: nothing is asked per packet then.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from globstar.media.engine import RtpEngine
from globstar.media.session import RtpSession
from globstar.media.sockets import Address, MediaSocket, Receiver, admitted

#: ``see(is_sent, peer, packet)``
See = Callable[[bool, Address, bytes], None]
#: ``lose(peer)``: whether the packet that has just come is to be dropped
Lose = Callable[[Address], bool]


class WatchedSocket:
    """A media socket whose packets are seen, and some of which may be lost, on their way."""

    __slots__ = ("_lose", "_peer", "_see", "inner")

    def __init__(self, inner: MediaSocket, see: See | None, lose: Lose | None, peer: Address) -> None:
        self.inner = inner
        self._see = see
        self._lose = lose
        #: whom a connected socket talks to
        self._peer = peer

    @property
    def address(self) -> Address:
        """See MediaSocket."""
        return self.inner.address

    @property
    def descriptor(self) -> int | None:
        """None: the native relay would pass us by."""
        return None

    def route(self, address: Address, /) -> tuple[Address, int] | None:
        """See MediaSocket: there is none past us."""
        return None

    @property
    def lost(self) -> int:
        """See MediaSocket."""
        return self.inner.lost

    def set_reader(self, on_readable: Callable[[float], None]) -> None:
        """See MediaSocket."""
        self.inner.set_reader(on_readable)

    def set_receiver(self, on_datagram: Receiver) -> None:
        """See MediaSocket."""
        self.inner.set_receiver(admitted(self._seen, on_datagram))

    def pause_reader(self) -> None:
        """See MediaSocket."""
        self.inner.pause_reader()

    def _received(self, data: bytes, source: Address) -> None:
        if self._see is not None:
            self._see(False, source, data)
        if self._lose is not None and self._lose(source):
            raise BlockingIOError("dropped on purpose")

    def recvfrom(self, size: int, /) -> tuple[bytes, Address]:
        """See MediaSocket."""
        data, source = self.inner.recvfrom(size)
        self._peer = source
        self._received(data, source)
        return data, source

    def recv(self, size: int, /) -> bytes:
        """See MediaSocket."""
        return self._seen(self.inner.recv(size))

    def admit(self, data: bytes, source: Address, /) -> tuple[bytes, Address]:
        """See MediaSocket."""
        data, source = self.inner.admit(data, source)
        self._received(data, source)
        return data, source

    def _seen(self, data: bytes) -> bytes:
        self._received(data, self._peer)
        return data

    def sendto(self, data: bytes, address: Address, /) -> int:
        """See MediaSocket."""
        if self._see is not None:
            self._see(True, address, data)
        return self.inner.sendto(data, address)

    def send(self, data: bytes, /) -> int:
        """See MediaSocket."""
        if self._see is not None:
            self._see(True, self._peer, data)
        return self.inner.send(data)

    def connect(self, address: Address, /) -> None:
        """See MediaSocket."""
        self._peer = address
        self.inner.connect(address)

    def disconnect(self) -> None:
        """See MediaSocket."""
        self.inner.disconnect()

    def close(self) -> None:
        """See MediaSocket."""
        self.inner.close()


@dataclass(slots=True)
class Drops:
    """Which packets are dropped: ``count`` in a row (or that many and fewer, by chance), once or every ``interval`` seconds.

    ``interval`` 0 is once; with ``is_random_interval`` the pause is of any length up to it. ``host`` and ``port`` (0: any)
    name the peer whose packets are meant, None everybody's.
    """

    count: int
    is_random_count: bool = False
    interval: float = 0.0
    is_random_interval: bool = False
    host: str | None = None
    port: int = 0


class Dropper:
    """Carries :class:`Drops` out; ``dropped`` counts."""

    def __init__(self, drops: Drops, clock: Callable[[], float], chance: random.Random) -> None:
        self.drops = drops
        self.dropped = 0
        self._clock = clock
        self._chance = chance
        self._left = 0
        self._next: float | None = clock()

    def __call__(self, source: Address) -> bool:
        """Whether the packet from ``source`` that has just come is dropped."""
        drops = self.drops
        if drops.host is not None and (source[0] != drops.host or drops.port not in (0, source[1])):
            return False
        if self._left == 0 and self._next is not None and (now := self._clock()) >= self._next:
            self._left = self._chance.randint(1, drops.count) if drops.is_random_count else drops.count
            if not drops.interval:
                self._next = None
            else:
                self._next = now + (self._chance.uniform(0, drops.interval) if drops.is_random_interval else drops.interval)
        if self._left == 0:
            return False
        self._left -= 1
        self.dropped += 1
        return True

    @property
    def is_over(self) -> bool:
        """Whether nothing will be dropped any more."""
        return self._left == 0 and self._next is None


class Watch:
    """What the sessions of an engine are watched for; no session has anything in its way while it is empty."""

    def __init__(self, engine: RtpEngine) -> None:
        self._engine = engine
        self._see: See | None = None
        self._lose: Lose | None = None

    def set(self, *, see: See | None, lose: Lose | None) -> None:
        """Watch all sessions, those to come too; with nothing wanted they get their bare sockets back."""
        self._see, self._lose = see, lose
        self._engine.on_open = self._apply if see is not None or lose is not None else None
        for session in self._engine.sessions:
            self._apply(session)

    @property
    def chance(self) -> random.Random:
        """The engine's source of chance."""
        return self._engine.chance

    @property
    def see(self) -> See | None:
        """What looks at packets now."""
        return self._see

    @property
    def lose(self) -> Lose | None:
        """What drops packets now."""
        return self._lose

    def _apply(self, session: RtpSession) -> None:
        session.exchange_socket(lambda socket: self._wrap(session, socket))

    def _wrap(self, session: RtpSession, socket: MediaSocket) -> MediaSocket:
        bare = socket.inner if isinstance(socket, WatchedSocket) else socket
        if self._see is None and self._lose is None:
            return bare
        return WatchedSocket(bare, self._see, self._lose, session.remote_address or ("", 0))
