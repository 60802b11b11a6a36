"""Connections to TURN servers: TCP and TLS."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import cast

from globstar.base.log import Logger
from globstar.base.tasks import TaskOwner
from globstar.media.turn import LinkUser, TurnServer, TurnTransport

logger = Logger("media.turn")

#: Octets that may wait here, and in the kernel, before media are dropped: what waits for longer is of no use to a call.
_MOST_WAITING = 8192
#: Seconds for the end of TLS.
_SHUTDOWN = 1.0


class StreamLink(asyncio.Protocol):
    """One connection; it is being made until ``link_opened`` of the user is called. ``link_lost`` is called once."""

    def __init__(self, server: TurnServer, user: LinkUser, context: Callable[[], ssl.SSLContext]) -> None:
        self._server = server
        self._user: LinkUser | None = user
        self._transport: asyncio.Transport | None = None
        self._tasks = TaskOwner(f"TURN server {server.address[0]}")
        self._tasks.start(self._connect(context), name="connection")

    async def _connect(self, context: Callable[[], ssl.SSLContext]) -> None:
        server = self._server
        tls = None
        try:
            if server.transport is TurnTransport.TLS:
                tls = await asyncio.to_thread(context)  # reads files
            await asyncio.get_running_loop().create_connection(
                lambda: self,
                *server.address,
                ssl=tls,
                server_hostname=(server.name or server.address[0]) if tls is not None else None,
                ssl_shutdown_timeout=_SHUTDOWN if tls is not None else None,
            )
        except OSError as error:  # TLS' errors are among them
            self._lose(f"no connection: {error.strerror or error}")

    def send(self, data: bytes, *, may_drop: bool) -> bool:
        """See Link."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return False
        if may_drop and transport.get_write_buffer_size() > _MOST_WAITING:
            return False
        transport.write(data)
        return True

    def close(self) -> None:
        """See Link."""
        self._user = None
        if self._transport is not None:
            self._transport.close()
        else:
            self._tasks.cancel()

    def _lose(self, reason: str) -> None:
        if self._user is not None:
            user, self._user = self._user, None
            user.link_lost(reason)

    # -- asyncio.Protocol ------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's transports are no subclass of it
        bare: socket.socket | None = transport.get_extra_info("socket")
        if bare is not None:
            bare.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            bare.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _MOST_WAITING)
        if self._user is not None:
            self._user.link_opened()
        else:
            transport.close()

    def data_received(self, data: bytes) -> None:
        """Octets have come."""
        if self._user is None:
            return
        try:
            self._user.link_received(data)
        except Exception as error:  # a bug in one call's media ends its connection only
            logger.error(f"what came of the TURN server {self._server} could not be handled", exception=error)
            self._lose("what came could not be handled")

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended."""
        self._transport = None
        self._lose(f"the connection is lost: {exc}" if exc is not None else "the TURN server has closed the connection")


class LinkMaker:
    """Begins connections. With ``authorities``, a PEM file, those are trusted instead of the system's."""

    def __init__(self, authorities: str = "") -> None:
        self._authorities = authorities
        self._context: ssl.SSLContext | None = None

    def context(self) -> ssl.SSLContext:
        """The settings of TLS; reads files the first time. Raises OSError."""
        if self._context is None:
            self._context = ssl.create_default_context(cafile=self._authorities or None)
        return self._context

    def __call__(self, server: TurnServer, user: LinkUser) -> StreamLink:
        """See OpenLink."""
        return StreamLink(server, user, self.context)
