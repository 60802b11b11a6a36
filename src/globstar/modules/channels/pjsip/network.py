"""The carriers below SIP: what binds sockets for a transport of pjsip.conf and moves bytes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from globstar.base.log import Logger
from globstar.core.services import HttpServer
from globstar.modules.channels.pjsip.objects import TransportObject
from globstar.modules.channels.pjsip.transport_options import load_tls, socket_options
from globstar.net.dns import DnsOptions, Resolver
from globstar.net.flow import Address
from globstar.net.sockopts import SocketOptions
from globstar.net.udp import DatagramSocket
from globstar.proto.sip.flow import Flow, Transport
from globstar.proto.sip.locate import Naptr, Query, Records, Srv

logger = Logger("res_pjsip")


class Receiver(Protocol):
    """Who gets what the carriers read."""

    def datagram_received(self, data: bytes, source: Address, transport: Transport) -> None:
        """A UDP datagram."""

    def bytes_received(self, data: bytes, flow: Flow) -> None:
        """A piece of a stream."""

    def message_received(self, data: bytes, flow: Flow) -> None:
        """A whole message of a connection that keeps them apart (WebSocket)."""

    def connection_opened(self, flow: Flow) -> None:
        """A connection stands, whoever made it."""

    def connection_lost(self, flow: Flow) -> None:
        """A connection is gone."""

    def send_failed(self, flow: Flow, reason: str) -> None:
        """A message could not be sent."""


class Carrier(Protocol):
    """One bound transport."""

    @property
    def local_address(self) -> Address:
        """Where it is bound."""

    def send(self, flow: Flow, data: bytes, address: Address) -> None:
        """Send a message to a numeric address, or over the connection of ``flow``."""

    def disconnect(self, flow: Flow, *, at_once: bool = False) -> None:
        """Close the connection of ``flow``, if it has one; ``at_once`` without sending what waits."""

    def keep_alive(self) -> None:
        """Send a keep-alive (RFC 5626 3.5.1) on every connection."""

    def flows(self) -> list[Flow]:
        """The connections that stand."""

    def describe(self) -> dict[str, object]:
        """Counters for the CLI."""

    async def reconfigure(self, config: TransportObject) -> None:
        """Take over what can change while connections live; certificates are read again. Raises TlsError and changes nothing."""

    async def close(self) -> None:
        """Give the socket back."""


class Network(Protocol):
    """Makes carriers: real ones, or those of a test."""

    async def open(self, transport: Transport, address: Address, receiver: Receiver, config: TransportObject) -> Carrier:
        """Bind; raises OSError, and TlsError when a certificate or option cannot be used."""

    def local_address_for(self, remote: Address) -> str | None:
        """Which of our addresses reaches ``remote``."""

    def cached(self, query: Query) -> Records | None:
        """What is known about a name; None where it must be asked for."""

    async def query(self, query: Query) -> Records:
        """Records of a name; none when there are none, or no answer."""

    async def close(self) -> None:
        """End what is left of it, when its carriers are closed."""


class UdpCarrier:
    """UDP."""

    __slots__ = ("_receiver", "_socket", "_transport")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        transport: Transport,
        address: Address,
        receiver: Receiver,
        options: SocketOptions | None = None,
    ) -> None:
        self._transport = transport
        self._receiver = receiver
        self._socket = DatagramSocket.bind(loop, address, self._received, options=options)

    @property
    def local_address(self) -> Address:
        """See Carrier."""
        return self._socket.address

    def _received(self, data: bytes, source: Address) -> None:
        self._receiver.datagram_received(data, source, self._transport)

    def send(self, flow: Flow, data: bytes, address: Address) -> None:
        """See Carrier. What the kernel refuses is reported; what is dropped here is repeated by SIP's timers."""
        socket = self._socket
        if not socket.send(data, address) and not socket.waiting:
            self._receiver.send_failed(flow, "not sent")

    def disconnect(self, flow: Flow, *, at_once: bool = False) -> None:
        """See Carrier; there is no connection."""

    def flows(self) -> list[Flow]:
        """See Carrier; there are none."""
        return []

    def describe(self) -> dict[str, object]:
        """See Carrier."""
        socket = self._socket
        return {"received": socket.received, "sent": socket.sent, "dropped": socket.dropped, "send errors": socket.send_errors}

    def keep_alive(self) -> None:
        """See Carrier; there are no connections."""

    async def reconfigure(self, config: TransportObject) -> None:
        """See Carrier."""
        self._socket.apply(socket_options(config))

    async def close(self) -> None:
        """See Carrier."""
        self._socket.close()


class SocketNetwork:
    """Real sockets."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        find_http: Callable[[], HttpServer | None] = lambda: None,
        find_resolver: Callable[[], Resolver | None] = lambda: None,
    ) -> None:
        self._loop = loop
        self._find_resolver = find_resolver
        self._own: Resolver | None = None
        from globstar.modules.channels.pjsip.websocket import WebSocketHub

        self._websockets = WebSocketHub(find_http)

    async def open(self, transport: Transport, address: Address, receiver: Receiver, config: TransportObject) -> Carrier:
        """See Network."""
        if transport.name == "UDP":
            return UdpCarrier(self._loop, transport, address, receiver, socket_options(config))
        if transport.name in ("WS", "WSS"):
            return await self._websockets.open(transport, address, receiver, config)
        from globstar.modules.channels.pjsip.connections import ConnectionCarrier

        tls = await load_tls(config) if transport.name == "TLS" else None
        carrier = ConnectionCarrier(self._loop, transport, receiver, options=socket_options(config), tls=tls)
        if tls is None or tls.server is not None:
            await carrier.listen(address)
        else:
            logger.warning(f"transport '{config.name}' has no cert_file: it makes connections, and accepts none")
        return carrier

    def local_address_for(self, remote: Address) -> str | None:
        """See Network."""
        from globstar.net.udp import local_address_for

        return local_address_for(remote)

    def cached(self, query: Query) -> Records | None:
        """See Network."""
        records = self._resolver().cached(*query)
        return _as_records(query.kind, records) if records is not None else None

    async def query(self, query: Query) -> Records:
        """See Network."""
        return _as_records(query.kind, await self._resolver().query(*query))

    def _resolver(self) -> Resolver:
        found = self._find_resolver()
        if found is not None:
            return found
        if self._own is None:
            self._own = Resolver(self._loop, DnsOptions(system_only=True))
        return self._own

    async def close(self) -> None:
        """See Network."""
        if self._own is not None:
            await self._own.close()


def _as_records(kind: str, records: Sequence[Any]) -> Records:
    if kind == "SRV":
        return [Srv(*record) for record in records]
    return [Naptr(*record) for record in records] if kind == "NAPTR" else records


NetworkFactory = Callable[[asyncio.AbstractEventLoop], Network]
