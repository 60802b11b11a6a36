"""TCP, and TLS as TCP with contexts: a listener and its connections; slow, idle and half-open peers are cut off."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from typing import cast

from globstar.base.log import Logger
from globstar.net.flow import Address, CloseCallback, DataCallback, OpenCallback
from globstar.net.listener import TLS_SHUTDOWN, Listener, TcpLimits, address_of
from globstar.net.sockopts import SocketOptions, bound_socket
from globstar.net.tls import TlsContexts

logger = Logger("net.tcp")


class TcpFlow(asyncio.Protocol):
    """One connection, accepted or made by us; the protocol object of its asyncio transport."""

    is_reliable = True

    def __init__(self, owner: TcpTransport, source: str = "") -> None:
        self._owner = owner
        #: the host of a peer that made the connection; empty where we did
        self.source = source
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._last_data = 0.0
        self._was_heard = False
        self._error: Exception | None = None
        self.local_address: Address = ("", 0)
        self.remote_address: Address = ("", 0)
        self.received = 0
        self.sent = 0

    @property
    def transport_name(self) -> str:
        """See Flow."""
        return self._owner.transport_name

    @property
    def is_secure(self) -> bool:
        """See Flow."""
        return self._owner.is_secure

    @property
    def is_open(self) -> bool:
        """See Flow."""
        return self._transport is not None and not self._transport.is_closing()

    @property
    def ssl_object(self) -> ssl.SSLObject | None:
        """The TLS state, for the peer's certificate; None for plain TCP."""
        return self._transport.get_extra_info("ssl_object") if self._transport is not None else None

    def send(self, data: bytes) -> bool:
        """See Flow."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return False
        if transport.get_write_buffer_size() + len(data) > self._owner.limits.write_buffer:
            self._cut_off(TimeoutError("the peer does not read"))
            return False
        transport.write(data)
        self.sent += 1
        return True

    def close(self) -> None:
        """See Flow; what was sent is still written."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """End at once; what waits is lost."""
        if self._transport is not None:
            self._transport.abort()

    # -- asyncio.Protocol ---------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A connection stands."""
        stream = cast("asyncio.Transport", transport)  # uvloop's transports are no subclass of it
        self._transport = stream
        self.local_address = address_of(transport.get_extra_info("sockname"))
        self.remote_address = address_of(transport.get_extra_info("peername"))
        self._last_data = self._owner.loop.time()
        self._owner.opened(self)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Bytes have come."""
        self.received += len(data)
        self._last_data = self._owner.loop.time()
        if not self._was_heard:
            self._was_heard = True
            self._watch()
        try:
            self._owner.on_data(self, data)
        except Exception as error:  # a bug in handling one peer's bytes ends this connection only
            self._owner.failures += 1
            self._error = error
            logger.error(f"handling bytes of {self!r} failed; it is closed", exception=error)
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._transport = None
        self._owner.closed(self, exc or self._error)

    def _watch(self) -> None:
        """Look again when the peer would have been silent for too long."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        limits = self._owner.limits
        limit = limits.idle if self._was_heard else limits.first_byte
        if limit <= 0:
            return
        due = self._last_data + limit
        if due <= self._owner.loop.time():
            self._cut_off(TimeoutError("the peer is silent"))
        else:
            self._timer = self._owner.loop.call_at(due, self._watch)

    def _cut_off(self, reason: Exception) -> None:
        self._owner.cut_off += 1
        self._error = reason
        logger.debug(1, f"{self!r} is cut off: {reason}")
        self.abort()

    def __repr__(self) -> str:
        return f"TcpFlow({self.transport_name} {self.remote_address[0]}:{self.remote_address[1]})"


class TcpTransport:
    """A TCP (or TLS) endpoint: listens, connects, and hands bytes of all connections to ``on_data``."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        on_data: DataCallback,
        *,
        on_open: OpenCallback | None = None,
        on_close: CloseCallback | None = None,
        limits: TcpLimits | None = None,
        tls: TlsContexts | None = None,
        options: SocketOptions | None = None,
    ) -> None:
        self.loop = loop
        self.on_data = on_data
        self.on_open = on_open
        self.on_close = on_close
        self.limits = limits or TcpLimits()
        self.tls = tls
        self.options = options or SocketOptions()
        self.is_secure = tls is not None
        self._listener: Listener | None = None
        self._flows: set[TcpFlow] = set()
        self._local: Address = ("", 0)
        self._source: str | None = None
        self._is_closing = False
        self._drained: asyncio.Future[None] | None = None
        self.made = 0
        self.cut_off = 0
        self.failures = 0

    @property
    def transport_name(self) -> str:
        """See Transport."""
        return "tls" if self.is_secure else "tcp"

    @property
    def local_address(self) -> Address:
        """Where it listens; an empty host before ``listen``."""
        return self._local

    @property
    def flows(self) -> tuple[TcpFlow, ...]:
        """The open connections."""
        return tuple(self._flows)

    async def listen(self, address: Address, *, backlog: int = 512) -> None:
        """Listen on a numeric address; an IPv6 socket takes IPv6 only. Connections that are made come from it, too.

        Raises:
            OSError: the address is taken or not ours.
        """
        self._listener = Listener(
            self.loop,
            address,
            lambda _, source: TcpFlow(self, source),
            limits=self.limits,
            options=self.options,
            tls=self.tls,
            backlog=backlog,
        )
        self._local = self._listener.local_address
        self._source = None if address[0] in ("0.0.0.0", "::") else address[0]

    def reconfigure(self, tls: TlsContexts | None, options: SocketOptions) -> None:
        """Use other certificates and options from the next connection on."""
        self.tls, self.options = tls, options
        if self._listener is not None:
            self._listener.tls, self._listener.options = tls, options

    async def connect(self, address: Address, *, server_name: str | None = None, timeout: float = 10.0) -> TcpFlow:
        """A connection to a numeric address; ``server_name`` is whom we want to reach, told and checked with TLS.

        Raises:
            OSError: refused, unreachable, or (TimeoutError) not answered in ``timeout`` seconds; ssl.SSLError and PeerRefused.
        """
        if self._is_closing:
            raise OSError(errno.ESHUTDOWN, "the transport is closing")
        if len(self._flows) >= self.limits.connections:
            raise OSError(errno.EMFILE, "too many connections")
        tls = self.tls
        name = server_name or address[0]
        flow = TcpFlow(self)
        source = self._source if self._source is not None and (":" in self._source) == (":" in address[0]) else None
        bare = bound_socket(socket.SOCK_STREAM, (source or ("::" if ":" in address[0] else "0.0.0.0"), 0), self.options)
        try:
            async with asyncio.timeout(timeout):
                await self.loop.sock_connect(bare, address)
                await self.loop.create_connection(
                    lambda: flow,
                    sock=bare,
                    ssl=tls.client if tls is not None else None,
                    server_hostname=name if tls is not None else None,
                    ssl_shutdown_timeout=TLS_SHUTDOWN if tls is not None else None,
                )
            if tls is not None:
                shown = flow.ssl_object
                tls.check_server(shown.getpeercert() if shown is not None else None, name)
        except BaseException:
            flow.abort()
            bare.close()
            raise
        return flow

    def opened(self, flow: TcpFlow) -> None:
        """A connection stands; called by the flow."""
        if self._is_closing:
            flow.abort()
            return
        if not flow.source:
            self.made += 1
        self._flows.add(flow)
        if self.on_open is not None:
            self.on_open(flow)

    def closed(self, flow: TcpFlow, error: Exception | None) -> None:
        """A connection has ended; called by the flow."""
        if flow.source and self._listener is not None:
            self._listener.gone(flow.source)
        if flow in self._flows:
            self._flows.remove(flow)
            if self._drained is not None and not self._flows and not self._drained.done():
                self._drained.set_result(None)
            if self.on_close is not None:
                self.on_close(flow, error)

    def describe(self) -> dict[str, object]:
        """See Transport."""
        return {
            "connections": len(self._flows),
            "made": self.made,
            "cut_off": self.cut_off,
            "failures": self.failures,
            **(self._listener.describe() if self._listener is not None else {}),
        }

    async def close(self) -> None:
        """Stop listening and end every connection; what was sent is still written, for a second at most."""
        self._is_closing = True
        if self._listener is not None:
            await self._listener.close()
        for flow in tuple(self._flows):
            flow.close()
        if self._flows:
            self._drained = self.loop.create_future()
            await asyncio.wait((self._drained,), timeout=1.0)
        for flow in tuple(self._flows):
            flow.abort()
        await asyncio.sleep(0)


__all__ = ["TcpFlow", "TcpLimits", "TcpTransport"]
