"""A SIP network in memory: the driver's transports without sockets, with scripted peers at addresses."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable

from globstar.modules.channels.pjsip.network import Receiver
from globstar.modules.channels.pjsip.objects import TransportObject
from globstar.net.flow import Address
from globstar.proto.sip.flow import Flow, Transport
from globstar.proto.sip.locate import Query, Records

#: ``peer(data, source)``: a message for a scripted peer.
Peer = Callable[[bytes, Address], None]


class MemoryCarrier:
    """One bound transport in memory."""

    def __init__(self, network: MemorySipNetwork, transport: Transport, address: Address, receiver: Receiver) -> None:
        self.network = network
        self.transport = transport
        self.local_address = address
        self.receiver = receiver
        self.sent = 0
        self.keep_alives = 0
        self.reconfigured: list[TransportObject] = []

    def send(self, flow: Flow, data: bytes, address: Address) -> None:
        """See Carrier."""
        self.sent += 1
        self.network.deliver(self.transport.name, self.local_address, address, data)

    def disconnect(self, flow: Flow, *, at_once: bool = False) -> None:
        """See Carrier."""
        self.network.disconnected.append(flow)

    def flows(self) -> list[Flow]:
        """See Carrier."""
        return []

    def describe(self) -> dict[str, object]:
        """See Carrier."""
        return {"sent": self.sent}

    def keep_alive(self) -> None:
        """See Carrier."""
        self.keep_alives += 1

    async def reconfigure(self, config: TransportObject) -> None:
        """See Carrier."""
        self.reconfigured.append(config)

    async def close(self) -> None:
        """See Carrier."""
        self.network.carriers.pop((self.transport.name, self.local_address), None)


class MemorySipNetwork:
    """Carries messages between the driver and peers through the loop's queue of callbacks, in order."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.carriers: dict[tuple[str, Address], MemoryCarrier] = {}
        self.peers: dict[Address, Peer] = {}
        self.names: dict[str, str] = {}
        self.records: dict[Query, Records] = {}
        #: whether ``records`` are answered from memory
        self.is_cached = False
        self.queries: list[Query] = []
        self.lost: list[tuple[Address, bytes]] = []
        self.disconnected: list[Flow] = []
        #: other names of bound addresses (127.0.0.1 for a wildcard)
        self.aliases: dict[Address, Address] = {}

    async def open(self, transport: Transport, address: Address, receiver: Receiver, config: TransportObject) -> MemoryCarrier:
        """See Network."""
        key = (transport.name, address)
        if key in self.carriers:
            raise OSError(errno.EADDRINUSE, "address already in use")
        carrier = self.carriers[key] = MemoryCarrier(self, transport, address, receiver)
        return carrier

    def local_address_for(self, remote: Address) -> str | None:
        """See Network."""
        return "127.0.0.1"

    def cached(self, query: Query) -> Records | None:
        """See Network."""
        return self.records.get(query) if self.is_cached else None

    async def query(self, query: Query) -> Records:
        """See Network: ``records``, and ``names`` for addresses."""
        await asyncio.sleep(0)
        self.queries.append(query)
        found = self.records.get(query)
        if found is None and query.kind == "A" and query.name in self.names:
            found = (self.names[query.name],)
        return found or ()

    async def close(self) -> None:
        """See Network."""

    def deliver(self, protocol: str, source: Address, target: Address, data: bytes) -> None:
        """A message of the driver for a peer; without one it is lost."""
        peer = self.peers.get(target)
        if peer is None:
            self.lost.append((target, data))
        else:
            self.loop.call_soon(peer, data, source)

    def send(self, data: bytes, source: Address, target: Address, protocol: str = "UDP") -> None:
        """A message of a peer for the driver."""
        carrier = self.carriers.get((protocol, self.aliases.get(target, target)))
        if carrier is None:
            self.lost.append((target, data))
        elif protocol == "UDP":
            self.loop.call_soon(carrier.receiver.datagram_received, data, source, carrier.transport)
        else:
            flow = Flow(carrier.transport, source[0], source[1], source)
            self.loop.call_soon(carrier.receiver.bytes_received, data, flow)
