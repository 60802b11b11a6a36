"""SIP over WebSocket (RFC 7118): transports ws and wss, fed by the HTTP server with sub-protocol ``sip``."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core.services import HttpServer, WebSocketPeer
from globstar.modules.channels.pjsip.network import Receiver
from globstar.net.flow import Address
from globstar.proto.sip.flow import Flow, Transport

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.objects import TransportObject

logger = Logger("res_pjsip_transport_websocket")

SUB_PROTOCOL = "sip"
#: Other names of one client that are told when it ends.
ALIASES = 256
PING, PONG = b"\r\n\r\n", b"\r\n"


class _Connection:
    """What a SIP flow holds of a WebSocket."""

    __slots__ = ("aliases", "flow", "peer")

    def __init__(self, transport: Transport, peer: WebSocketPeer) -> None:
        self.peer = peer
        self.flow = Flow(transport, *peer.remote_address, self)
        #: the flows without a connection whose messages went over this one
        self.aliases: set[Flow] = set()

    @property
    def is_open(self) -> bool:
        """Whether it stands."""
        return self.peer.is_open


class WebSocketCarrier:
    """The WebSockets of one transport. It makes no connections: who wants to be called has to come (RFC 7118 5.1)."""

    def __init__(self, hub: WebSocketHub, transport: Transport, address: Address, receiver: Receiver) -> None:
        self._hub = hub
        self._transport = transport
        self._receiver = receiver
        self.local_address = address
        self.write_timeout = 0.1
        self._connections: set[_Connection] = set()
        self._by_peer: dict[Address, _Connection] = {}
        self.accepted = 0
        self.keep_alives = 0

    async def serve(self, peer: WebSocketPeer) -> None:
        """Read one WebSocket to its end."""
        connection = _Connection(self._transport, peer)
        self._connections.add(connection)
        self._by_peer[peer.remote_address] = connection
        peer.write_timeout = self.write_timeout
        self.accepted += 1
        self._receiver.connection_opened(connection.flow)
        try:
            while (message := await peer.receive()) is not None:
                if message == PING:
                    peer.send(PONG)
                else:
                    self._receiver.message_received(message, connection.flow)
        finally:
            self._connections.discard(connection)
            if self._by_peer.get(peer.remote_address) is connection:
                del self._by_peer[peer.remote_address]
            self._receiver.connection_lost(connection.flow)
            for flow in connection.aliases:
                self._receiver.send_failed(flow, "the WebSocket was closed")

    def send(self, flow: Flow, data: bytes, address: Address) -> None:
        """See Carrier."""
        connection = flow.connection if flow.connection in self._connections else self._by_peer.get(address)
        if not isinstance(connection, _Connection) or not connection.peer.send(data):
            self._receiver.send_failed(flow, "there is no such WebSocket")
        elif flow.connection is not connection and len(connection.aliases) < ALIASES:
            connection.aliases.add(flow)

    def disconnect(self, flow: Flow, *, at_once: bool = False) -> None:
        """See Carrier."""
        if isinstance(flow.connection, _Connection):
            flow.connection.peer.close()

    def keep_alive(self) -> None:
        """See Carrier."""
        for connection in tuple(self._connections):
            self.keep_alives += 1
            connection.peer.send(PING)

    def flows(self) -> list[Flow]:
        """See Carrier."""
        return [connection.flow for connection in self._connections]

    def describe(self) -> dict[str, object]:
        """See Carrier."""
        return {"connections": len(self._connections), "accepted": self.accepted, "keep_alives": self.keep_alives}

    async def reconfigure(self, config: TransportObject) -> None:
        """See Carrier."""
        self.write_timeout = config.websocket_write_timeout / 1000
        for connection in self._connections:
            connection.peer.write_timeout = self.write_timeout

    async def close(self) -> None:
        """See Carrier."""
        self._hub.remove(self)
        for connection in tuple(self._connections):
            connection.peer.close()

    @property
    def name(self) -> str:
        """WS or WSS."""
        return self._transport.name


class WebSocketHub:
    """Gives new WebSockets to the transport of their kind; a lone transport takes both (TLS may end in a proxy before us)."""

    def __init__(self, find_server: Callable[[], HttpServer | None]) -> None:
        self._find_server = find_server
        self._carriers: dict[str, list[WebSocketCarrier]] = {}
        self._server: HttpServer | None = None

    async def open(self, transport: Transport, address: Address, receiver: Receiver, config: TransportObject) -> WebSocketCarrier:
        """Make the carrier of a ws or wss transport; raises OSError without an HTTP server."""
        if self._server is None:
            server = self._find_server()
            if server is None:
                raise OSError(errno.EADDRNOTAVAIL, "there is no HTTP server")
            server.add_websocket_protocol(SUB_PROTOCOL, self._serve)
            self._server = server
        if not self._server.is_enabled:
            logger.warning(f"transport '{config.name}' gets no connections: the HTTP server is not enabled in http.conf")
        carrier = WebSocketCarrier(self, transport, address, receiver)
        await carrier.reconfigure(config)
        self._carriers.setdefault(transport.name, []).append(carrier)
        return carrier

    def remove(self, carrier: WebSocketCarrier) -> None:
        """A transport ends; with the last one goes the sub-protocol."""
        known = self._carriers.get(carrier.name, [])
        if carrier in known:
            known.remove(carrier)
            if not known:
                del self._carriers[carrier.name]
        if not self._carriers and self._server is not None:
            self._server.remove_websocket_protocol(SUB_PROTOCOL)
            self._server = None

    async def _serve(self, peer: WebSocketPeer) -> None:
        carriers = self._carriers.get("WSS" if peer.is_secure else "WS") or next(iter(self._carriers.values()), None)
        if carriers:
            await carriers[0].serve(peer)
