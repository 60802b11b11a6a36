"""The carriers below SIP: what binds sockets for a transport of pjsip.conf and moves bytes."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol

from globstar.base.log import Logger
from globstar.base.tasks import TaskOwner
from globstar.net.flow import Address
from globstar.net.flow import Flow as NetFlow
from globstar.net.tcp import TcpFlow, TcpLimits, TcpTransport
from globstar.net.udp import DatagramSocket
from globstar.proto.sip.flow import Flow, Transport

logger = Logger("res_pjsip")

#: Messages that wait for one connection to be made; more are dropped and reported as failed.
WAITING_PER_CONNECTION = 64


class Receiver(Protocol):
    """Who gets what the carriers read."""

    def datagram_received(self, data: bytes, source: Address, transport: Transport) -> None:
        """A UDP datagram."""

    def bytes_received(self, data: bytes, flow: Flow) -> None:
        """A piece of a stream."""

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

    def disconnect(self, flow: Flow) -> None:
        """Close the connection of ``flow``, if it has one."""

    def describe(self) -> dict[str, object]:
        """Counters for the CLI."""

    async def close(self) -> None:
        """Give the socket back."""


class Network(Protocol):
    """Makes carriers: real ones, or those of a test."""

    async def open(self, transport: Transport, address: Address, receiver: Receiver) -> Carrier:
        """Bind; raises OSError."""

    def local_address_for(self, remote: Address) -> str | None:
        """Which of our addresses reaches ``remote``."""

    async def resolve(self, host: str, port: int) -> Address | None:
        """A numeric address for a host name."""


class UdpCarrier:
    """UDP."""

    __slots__ = ("_receiver", "_socket", "_transport")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, transport: Transport, address: Address, receiver: Receiver, tos: int = 0
    ) -> None:
        self._transport = transport
        self._receiver = receiver
        self._socket = DatagramSocket.bind(loop, address, self._received, tos=tos)

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

    def disconnect(self, flow: Flow) -> None:
        """See Carrier; there is no connection."""

    def describe(self) -> dict[str, object]:
        """See Carrier."""
        socket = self._socket
        return {"received": socket.received, "sent": socket.sent, "dropped": socket.dropped, "send errors": socket.send_errors}

    async def close(self) -> None:
        """See Carrier."""
        self._socket.close()


class TcpCarrier:
    """TCP: accepted connections are used for what goes back, others are made when first needed."""

    def __init__(self, loop: asyncio.AbstractEventLoop, transport: Transport, receiver: Receiver, idle: float) -> None:
        self._transport = transport
        self._receiver = receiver
        self._tasks = TaskOwner(f"sip/{transport.label or transport.name}")
        self._by_peer: dict[Address, TcpFlow] = {}
        self._flows: dict[NetFlow, Flow] = {}
        self._waiting: dict[Address, deque[tuple[Flow, bytes]]] = {}
        self._tcp = TcpTransport(
            loop, self._received, on_open=self._opened, on_close=self._closed, limits=TcpLimits(idle=idle)
        )  # fmt: skip

    async def listen(self, address: Address) -> None:
        """Bind; raises OSError."""
        await self._tcp.listen(address)

    @property
    def local_address(self) -> Address:
        """See Carrier."""
        return self._tcp.local_address

    def _opened(self, net: NetFlow) -> None:
        assert isinstance(net, TcpFlow)
        host, port = net.remote_address
        self._flows[net] = Flow(self._transport, host, port, net)
        self._by_peer[net.remote_address] = net

    def _received(self, net: NetFlow, data: bytes) -> None:
        flow = self._flows.get(net)
        if flow is not None:
            self._receiver.bytes_received(data, flow)

    def _closed(self, net: NetFlow, error: Exception | None) -> None:
        flow = self._flows.pop(net, None)
        if self._by_peer.get(net.remote_address) is net:
            del self._by_peer[net.remote_address]
        if flow is not None:
            self._receiver.connection_lost(flow)

    def send(self, flow: Flow, data: bytes, address: Address) -> None:
        """See Carrier."""
        net = flow.connection if isinstance(flow.connection, TcpFlow) and flow.connection.is_open else None
        net = net or self._by_peer.get(address)
        if net is not None and net.is_open:
            if not net.send(data):
                self._receiver.send_failed(flow, "connection closed")
            return
        peer = address
        waiting = self._waiting.get(peer)
        if waiting is None:
            waiting = self._waiting[peer] = deque()
            self._tasks.start(self._connect(peer), name=f"connect {peer[0]}:{peer[1]}")
        if len(waiting) >= WAITING_PER_CONNECTION:
            self._receiver.send_failed(flow, "too many messages wait for the connection")
        else:
            waiting.append((flow, data))

    async def _connect(self, peer: Address) -> None:
        try:
            net = await self._tcp.connect(peer)
        except OSError as error:
            logger.notice(f"{self._transport.name} connection to {peer[0]}:{peer[1]} failed: {error}")
            for flow, _ in self._waiting.pop(peer, ()):
                self._receiver.send_failed(flow, str(error) or "cannot connect")
            return
        for flow, data in self._waiting.pop(peer, ()):
            if not net.send(data):
                self._receiver.send_failed(flow, "connection closed")

    def disconnect(self, flow: Flow) -> None:
        """See Carrier."""
        if isinstance(flow.connection, TcpFlow):
            flow.connection.close()

    def describe(self) -> dict[str, object]:
        """See Carrier."""
        return self._tcp.describe()

    async def close(self) -> None:
        """See Carrier."""
        await self._tasks.close()
        await self._tcp.close()


class SocketNetwork:
    """Real sockets."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    async def open(self, transport: Transport, address: Address, receiver: Receiver) -> Carrier:
        """See Network."""
        if transport.name == "UDP":
            return UdpCarrier(self._loop, transport, address, receiver)
        carrier = TcpCarrier(self._loop, transport, receiver, idle=0)
        await carrier.listen(address)
        return carrier

    def local_address_for(self, remote: Address) -> str | None:
        """See Network."""
        from globstar.net.udp import local_address_for

        return local_address_for(remote)

    async def resolve(self, host: str, port: int) -> Address | None:
        """See Network. IPv4 comes first."""
        try:
            found = await self._loop.getaddrinfo(host, port)
        except OSError:
            return None
        found.sort(key=lambda entry: ":" in str(entry[4][0]))
        return (str(found[0][4][0]), port) if found else None


NetworkFactory = Callable[[asyncio.AbstractEventLoop], Network]
