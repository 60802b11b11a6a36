"""HTTP WebSocket Support: path ``ws`` of the HTTP server, one handler for each sub-protocol (RFC 6455)."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.base.tasks import TaskOwner
from globstar.core.loader import ModuleDeclined
from globstar.core.services import HttpRoute, HttpServer, WebSocketPeer
from globstar.core.system import System

if TYPE_CHECKING:
    from aiohttp import web

logger = Logger("res_http_websocket")

#: Longest message taken, bytes; a longer one ends the connection.
MAX_MESSAGE = 65536
#: Bytes that may wait for a slow client, then it is cut off.
WRITE_BUFFER = 1 << 20
#: Seconds between pings; a client that answers none within half of that is gone.
HEARTBEAT = 30.0
#: Seconds that a message may wait for the client to read, where the sub-protocol does not say otherwise.
WRITE_TIMEOUT = 5.0


class Peer:
    """One WebSocket; see WebSocketPeer."""

    def __init__(self, socket: web.WebSocketResponse, request: web.BaseRequest) -> None:
        self._socket = socket
        self.sub_protocol = socket.ws_protocol or ""
        transport = request.transport
        self.is_secure = transport is not None and transport.get_extra_info("sslcontext") is not None
        self.local_address = _address(transport.get_extra_info("sockname") if transport is not None else None)
        self.remote_address = _address(transport.get_extra_info("peername") if transport is not None else None)
        self.headers: Mapping[str, str] = request.headers
        self.write_timeout = WRITE_TIMEOUT
        self._queue: deque[tuple[bytes, bool]] = deque()
        self._queued = 0
        self._wake = asyncio.Event()
        self._is_closing = False
        self._transport = transport
        self.cut_off = ""

    @property
    def is_open(self) -> bool:
        """See WebSocketPeer."""
        return not self._is_closing and not self._socket.closed

    async def receive(self) -> bytes | None:
        """See WebSocketPeer."""
        from aiohttp import WSMsgType

        while not self._is_closing:
            message = await self._socket.receive()
            if message.type is WSMsgType.TEXT:
                data: bytes = message.data.encode()
                return data
            if message.type is WSMsgType.BINARY:
                return bytes(message.data)
            if message.type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR):
                break
        return None

    def send(self, message: bytes, *, is_text: bool = True) -> bool:
        """See WebSocketPeer."""
        if not self.is_open:
            return False
        if self._queued + len(message) > WRITE_BUFFER:
            self.abort("the client does not read")
            return False
        self._queue.append((message, is_text))
        self._queued += len(message)
        self._wake.set()
        return True

    def close(self) -> None:
        """See WebSocketPeer."""
        self._is_closing = True
        self._wake.set()

    async def write(self) -> None:
        """Send what is queued until the connection is closed; a task of its own."""
        while True:
            while self._queue:
                message, is_text = self._queue.popleft()
                self._queued -= len(message)
                try:
                    async with asyncio.timeout(self.write_timeout):
                        if is_text:
                            await self._socket.send_str(message.decode("utf-8", "surrogateescape"))
                        else:
                            await self._socket.send_bytes(message)
                except TimeoutError:
                    self.abort("the client does not read")
                    return
                except (ConnectionError, RuntimeError):  # it ended meanwhile
                    return
                except UnicodeEncodeError:  # no text can carry it
                    self._queue.appendleft((message, False))
                    self._queued += len(message)
            if self._is_closing:
                await self._socket.close()
                return
            self._wake.clear()
            await self._wake.wait()

    def abort(self, reason: str) -> None:
        """End the connection at once; what is queued is lost."""
        self.cut_off = reason
        self._is_closing = True
        self._queue.clear()
        logger.debug(1, f"the WebSocket from {self.remote_address[0]} is cut off: {reason}")
        if self._transport is not None:
            self._transport.abort()


class WebSockets:
    """Answers at path ``ws``."""

    def __init__(self, server: HttpServer) -> None:
        self._server = server
        self.tasks = TaskOwner("websockets")
        self.peers: set[Peer] = set()
        self.route = HttpRoute("ws", self.answer, "Asterisk HTTP WebSocket")

    async def close(self) -> None:
        """End every connection."""
        for peer in tuple(self.peers):
            peer.abort("the module is unloaded")
        await self.tasks.close()

    async def answer(self, request: web.BaseRequest, rest: str) -> web.StreamResponse:
        """Agree on a sub-protocol and give the connection to its handler."""
        from aiohttp import web

        protocols = self._server.websocket_protocols
        wanted = [name.strip() for name in request.headers.get("Sec-WebSocket-Protocol", "").split(",") if name.strip()]
        name = next((name for name in wanted if name.lower() in protocols), None)
        if request.headers.get("Upgrade", "").lower() != "websocket":
            raise web.HTTPBadRequest(text="not a WebSocket\n")
        if name is None:
            raise web.HTTPBadRequest(text="none of the sub-protocols is offered\n")
        socket = web.WebSocketResponse(
            protocols=(name,), heartbeat=HEARTBEAT, max_msg_size=MAX_MESSAGE, compress=False, timeout=2.0
        )
        await socket.prepare(request)
        peer = Peer(socket, request)
        self.peers.add(peer)
        writer = self.tasks.start(peer.write(), name=f"write {name} {peer.remote_address[0]}")
        try:
            await protocols[name.lower()](peer)
        finally:
            self.peers.discard(peer)
            peer.close()
            await asyncio.wait((writer,), timeout=peer.write_timeout)
            writer.cancel()
        return socket


async def echo(peer: WebSocketPeer) -> None:
    """Sub-protocol ``echo``: every message comes back."""
    while (message := await peer.receive()) is not None:
        peer.send(message)


def load(system: System) -> None:
    """Offer path ``ws`` and the sub-protocol echo."""
    server = _server(system)
    if server is None:
        raise ModuleDeclined("there is no HTTP server")
    sockets = WebSockets(server)
    server.add_route(sockets.route)
    server.add_websocket_protocol("echo", echo)
    system.services["websockets"] = sockets


async def unload(system: System) -> None:
    """Take them back and end the connections."""
    sockets = system.services.pop("websockets", None)
    server = _server(system)
    if sockets is not None and server is not None:
        server.remove_route(sockets.route)
        server.remove_websocket_protocol("echo")
        await sockets.close()


def _server(system: System) -> HttpServer | None:
    server: HttpServer | None = system.services.get("http")
    return server


def _address(name: object) -> tuple[str, int]:
    return (str(name[0]), int(name[1])) if isinstance(name, tuple) and len(name) >= 2 else ("", 0)
