"""TCP and TLS below SIP: connections that peers make and that we make, used in both directions (RFC 3261 18)."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.base.tasks import TaskOwner
from globstar.modules.channels.pjsip.network import Receiver
from globstar.modules.channels.pjsip.transport_options import load_tls, socket_options
from globstar.net.flow import Address
from globstar.net.flow import Flow as NetFlow
from globstar.net.sockopts import SocketOptions
from globstar.net.tcp import TcpFlow, TcpLimits, TcpTransport
from globstar.net.tls import TlsContexts
from globstar.proto.sip.flow import Flow, Transport

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.objects import TransportObject

logger = Logger("res_pjsip")

#: Messages that wait for one connection to be made; more are reported as failed.
WAITING_PER_CONNECTION = 64
#: Connections that are being made at a time.
CONNECTING = 1024
#: Other names of one connection's peer that are told when it ends.
ALIASES = 256
#: A keep-alive of ours: the peer answers with one line end (RFC 5626 3.5.1).
PING = b"\r\n\r\n"

#: A peer: its address, and whom it must prove to be where certificates are checked (else empty).
Key = tuple[Address, str]


class _Connection:
    """One connection with what SIP calls it."""

    __slots__ = ("aliases", "flow", "key", "net")

    def __init__(self, net: TcpFlow, flow: Flow) -> None:
        self.net = net
        self.flow = flow
        self.key: Key = (net.remote_address, "")
        #: the flows without a connection whose messages went over this one
        self.aliases: set[Flow] = set()


class ConnectionCarrier:
    """TCP or TLS: connections are kept, and used again for every message to the same peer."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        transport: Transport,
        receiver: Receiver,
        *,
        options: SocketOptions | None = None,
        tls: TlsContexts | None = None,
        limits: TcpLimits | None = None,
    ) -> None:
        self._transport = transport
        self._receiver = receiver
        self._tasks = TaskOwner(f"sip/{transport.label or transport.name}")
        self._by_peer: dict[Key, _Connection] = {}
        self._connections: dict[NetFlow, _Connection] = {}
        self._waiting: dict[Key, deque[tuple[Flow, bytes]]] = {}
        self._tcp = TcpTransport(
            loop, self._received, on_open=self._opened, on_close=self._closed, limits=limits, tls=tls, options=options
        )
        self.keep_alives = 0
        self.failed = 0
        self.last_failure = ""

    async def listen(self, address: Address) -> None:
        """Bind; raises OSError."""
        await self._tcp.listen(address)

    @property
    def local_address(self) -> Address:
        """See Carrier."""
        return self._tcp.local_address

    # -- from below --------------------------------------------------------------------------------------------------

    def _opened(self, net: NetFlow) -> None:
        assert isinstance(net, TcpFlow)
        host, port = net.remote_address
        connection = self._connections[net] = _Connection(net, Flow(self._transport, host, port, net))
        if net.source:  # one that we make is found by its peer's name after that was checked
            self._by_peer[connection.key] = connection
        self._receiver.connection_opened(connection.flow)

    def _received(self, net: NetFlow, data: bytes) -> None:
        connection = self._connections.get(net)
        if connection is not None:
            self._receiver.bytes_received(data, connection.flow)

    def _closed(self, net: NetFlow, error: Exception | None) -> None:
        connection = self._connections.pop(net, None)
        if connection is None:
            return
        if self._by_peer.get(connection.key) is connection:
            del self._by_peer[connection.key]
        self._receiver.connection_lost(connection.flow)
        for flow in connection.aliases:
            self._receiver.send_failed(flow, str(error or "connection closed"))

    # -- sending -----------------------------------------------------------------------------------------------------

    def send(self, flow: Flow, data: bytes, address: Address) -> None:
        """See Carrier."""
        net = flow.connection
        if isinstance(net, TcpFlow) and net.is_open:
            if not net.send(data):
                self._receiver.send_failed(flow, "connection closed")
            return
        key = self._key(flow, address)
        connection = self._by_peer.get(key)
        if connection is None and flow.host == address[0]:
            connection = self._by_peer.get((address, ""))  # a peer that came to us, at the address it came from
        if connection is not None and connection.net.is_open:
            self._send_over(connection, flow, data)
            return
        waiting = self._waiting.get(key)
        if waiting is None:
            if len(self._waiting) >= CONNECTING:
                self._receiver.send_failed(flow, "too many connections are being made")
                return
            waiting = self._waiting[key] = deque()
            self._tasks.start(self._connect(key, flow.name or flow.host), name=f"connect {address[0]}:{address[1]}")
        if len(waiting) >= WAITING_PER_CONNECTION:
            self._receiver.send_failed(flow, "too many messages wait for the connection")
        else:
            waiting.append((flow, data))

    def _key(self, flow: Flow, address: Address) -> Key:
        tls = self._tcp.tls
        return (address, (flow.name or flow.host).lower() if tls is not None and tls.verify_server else "")

    def _send_over(self, connection: _Connection, flow: Flow, data: bytes) -> None:
        if not connection.net.send(data):
            self._receiver.send_failed(flow, "connection closed")
        elif len(connection.aliases) < ALIASES:
            connection.aliases.add(flow)

    async def _connect(self, key: Key, host: str) -> None:
        address = key[0]
        try:
            net = await self._tcp.connect(address, server_name=host)
        except OSError as error:
            self.failed += 1
            self.last_failure = f"{address[0]}:{address[1]}: {str(error) or type(error).__name__}"
            logger.notice(f"{self._transport.name} connection to {host} ({address[0]}:{address[1]}) failed: {error}")
            for flow, _ in self._waiting.pop(key, ()):
                self._receiver.send_failed(flow, str(error) or "cannot connect")
            return
        waiting = self._waiting.pop(key, ())
        connection = self._connections.get(net)
        if connection is None:  # it ended at once
            for flow, _ in waiting:
                self._receiver.send_failed(flow, "connection closed")
            return
        connection.key = key
        self._by_peer[key] = connection
        for flow, data in waiting:
            self._send_over(connection, flow, data)

    def keep_alive(self) -> None:
        """See Carrier."""
        for net in tuple(self._connections):
            self.keep_alives += 1
            net.send(PING)

    def disconnect(self, flow: Flow, *, at_once: bool = False) -> None:
        """See Carrier."""
        if isinstance(flow.connection, TcpFlow):
            if at_once:
                flow.connection.abort()
            else:
                flow.connection.close()

    # -- life --------------------------------------------------------------------------------------------------------

    def flows(self) -> list[Flow]:
        """See Carrier."""
        return [connection.flow for connection in self._connections.values()]

    def describe(self) -> dict[str, object]:
        """See Carrier."""
        counters = self._tcp.describe()
        counters |= {"connecting": len(self._waiting), "failed": self.failed, "keep_alives": self.keep_alives}
        if self.last_failure:
            counters["last_failure"] = self.last_failure
        return counters

    async def reconfigure(self, config: TransportObject) -> None:
        """See Carrier."""
        tls = await load_tls(config) if self._tcp.is_secure else None
        self._tcp.reconfigure(tls, socket_options(config))

    async def close(self) -> None:
        """See Carrier."""
        await self._tasks.close()
        await self._tcp.close()
