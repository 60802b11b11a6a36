"""Accepting connections: bounded in number, per source, and while they shake hands."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass

from globstar.base.log import Logger
from globstar.base.tasks import TaskOwner
from globstar.net.flow import Address
from globstar.net.sockopts import SocketOptions, bound_socket
from globstar.net.tls import TlsContexts

logger = Logger("net.listener")

#: Most connections taken in one wake-up; the loop then serves others before it comes back.
ACCEPT_BUDGET = 32
#: How long accepting rests when the process has no descriptor left, seconds.
ACCEPT_PAUSE = 1.0
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
#: How long a peer may take to answer our goodbye of TLS, seconds.
TLS_SHUTDOWN = 5.0


@dataclass(frozen=True, slots=True)
class TcpLimits:
    """Bounds of every connection.

    ``write_buffer`` bytes may wait for a slow peer, then it is cut off; ``first_byte`` and ``idle`` are the seconds without
    any byte from the peer after which it is cut off (0: never); a TLS handshake takes ``handshake`` seconds at most. No more than
    ``connections`` may be open at a time, ``per_source`` of them from one address, and ``handshakes`` may be under way.
    """

    write_buffer: int = 1 << 20
    first_byte: float = 30.0
    idle: float = 0.0
    handshake: float = 10.0
    connections: int = 4096
    per_source: int = 512
    handshakes: int = 256


class Listener:
    """Listens on a numeric address and makes a protocol for each connection that the limits let in.

    ``make_protocol(listener, source)`` gets the host of the peer; whoever owns the protocol calls ``gone(source)`` when its
    connection has ended. ``tls``, ``options`` and ``limits`` may be exchanged at any time and count from the next connection on.

    Raises:
        OSError: the address is taken or not ours.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        address: Address,
        make_protocol: Callable[[Listener, str], asyncio.Protocol],
        *,
        limits: TcpLimits,
        options: SocketOptions | None = None,
        tls: TlsContexts | None = None,
        backlog: int = 512,
    ) -> None:
        self._loop = loop
        self._make_protocol = make_protocol
        self.limits = limits
        self.options = options or SocketOptions()
        self.is_secure = tls is not None
        self.tls = tls
        self._tasks = TaskOwner(f"net/accept {address[0]}:{address[1]}")
        self._pause: asyncio.TimerHandle | None = None
        self._sources: dict[str, int] = {}
        self._pending = 0
        #: connections that stand or are about to
        self.open = 0
        self.accepted = 0
        self.refused = 0
        #: TLS handshakes that came to nothing, and why the last one did
        self.failed_handshakes = 0
        self.last_handshake_error = ""
        listener = bound_socket(socket.SOCK_STREAM, address, self.options)
        try:
            listener.listen(backlog)
        except OSError:
            listener.close()
            raise
        self._socket: socket.socket | None = listener
        self.local_address = address_of(listener.getsockname())
        loop.add_reader(listener.fileno(), self._acceptable)

    def describe(self) -> dict[str, object]:
        """Counters for the CLI."""
        counters: dict[str, object] = {"accepted": self.accepted, "refused": self.refused, "half_open": self._pending}
        if self.is_secure:
            counters["failed_handshakes"] = self.failed_handshakes
            if self.last_handshake_error:
                counters["last_handshake_error"] = self.last_handshake_error
        return counters

    def gone(self, source: str) -> None:
        """A connection from ``source`` has ended."""
        self.open -= 1
        left = self._sources.get(source, 0) - 1
        if left > 0:
            self._sources[source] = left
        else:
            self._sources.pop(source, None)

    async def close(self) -> None:
        """Accept nothing more; connections that stand are their owner's."""
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None
        if self._socket is not None:
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()
            self._socket = None
        await self._tasks.close()

    def _acceptable(self) -> None:
        for _ in range(ACCEPT_BUDGET):
            if self._socket is None:
                return
            try:
                bare, peer = self._socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno in _EXHAUSTED:
                    logger.warning(f"cannot accept connections for a second: {error}")
                    self._rest()
                    return
                continue  # the connection is gone before we looked (accept(2) passes network errors on)
            source = str(peer[0])
            limits = self.limits
            if (
                self._pending >= limits.handshakes
                or self._sources.get(source, 0) >= limits.per_source
                or self.open >= limits.connections
            ):
                self.refused += 1
                bare.close()
                continue
            bare.setblocking(False)
            self._sources[source] = self._sources.get(source, 0) + 1
            self._pending += 1
            self.open += 1
            self._tasks.start(self._accept(bare, source), name=f"accept {source}")

    def _rest(self) -> None:
        if self._socket is not None:
            self._loop.remove_reader(self._socket.fileno())
            self._pause = self._loop.call_later(ACCEPT_PAUSE, self._wake)

    def _wake(self) -> None:
        self._pause = None
        if self._socket is not None:
            self._loop.add_reader(self._socket.fileno(), self._acceptable)

    async def _accept(self, bare: socket.socket, source: str) -> None:
        context = self.tls.server if self.tls is not None else None
        is_made = False
        try:
            self.options.apply(bare)
            if self.is_secure and context is None:
                raise ssl.SSLError("there is no certificate")
            await self._loop.connect_accepted_socket(
                lambda: self._make_protocol(self, source),
                bare,
                ssl=context,
                ssl_handshake_timeout=self.limits.handshake if context is not None else None,
                ssl_shutdown_timeout=TLS_SHUTDOWN if context is not None else None,
            )
            is_made = True
            self.accepted += 1
        except (OSError, EOFError) as error:
            self.failed_handshakes += 1
            self.last_handshake_error = f"{source}: {str(error) or type(error).__name__}"
            logger.debug(1, f"no connection with {source}: {error}")
            bare.close()
        finally:
            self._pending -= 1
            if not is_made:
                self.gone(source)


def address_of(name: object) -> Address:
    """Host and port of a socket's name; empty for anything else."""
    if isinstance(name, tuple) and len(name) >= 2:
        return str(name[0]), int(name[1])
    return "", 0
