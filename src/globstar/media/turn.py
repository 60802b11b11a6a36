"""Our address at a TURN server for one port: over UDP, TCP or TLS (RFC 8656 section 3.1), at the first that gives one."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Protocol

from globstar.media.sockets import Address
from globstar.proto.stun.transaction import HASTY, Retries
from globstar.proto.turn import TurnClient, TurnState, TurnStream, TurnStreamError

if TYPE_CHECKING:
    from globstar.media.gather import IceServers

#: Seconds that a stream gets until the server has given an address: a call waits meanwhile.
STREAM_PATIENCE = 2.5
#: Over UDP the next server is asked after 0.75 seconds without an answer, if there is one.
_BRIEF = Retries(HASTY.rto, 2)
#: How often a server may send us on to another one (300).
_MAX_ALTERNATES = 2


class TurnTransport(Enum):
    """How we talk to a TURN server; what it relays goes over UDP in any case."""

    UDP = "UDP"
    TCP = "TCP"
    TLS = "TLS"


@dataclass(frozen=True, slots=True)
class TurnServer:
    """One server and the way to it; ``name`` is whose certificate it has to show over TLS."""

    address: Address
    transport: TurnTransport = TurnTransport.UDP
    name: str = ""

    def __str__(self) -> str:
        host, port = self.address
        return f"{f'[{host}]' if ':' in host else host}:{port} ({self.transport.value})"


class Link(Protocol):
    """A connection to a server, from the moment when it is begun."""

    def send(self, data: bytes, *, may_drop: bool) -> bool:
        """Send a message; False where it is dropped, as what waits already would come too late."""

    def close(self) -> None:
        """End it; nothing more is told."""


class LinkUser(Protocol):
    """Who uses a link."""

    def link_opened(self) -> None:
        """The connection stands."""

    def link_received(self, data: bytes) -> None:
        """Octets have come."""

    def link_lost(self, reason: str) -> None:
        """There is no connection, or no more."""


#: Begins a connection.
OpenLink = Callable[[TurnServer, LinkUser], Link]


class Allocation:
    """The address of one port at a TURN server.

    ``send(data, address)`` sends a datagram from that port. ``on_inner(peer, data)`` hears of what peers have sent that came over
    a stream; what comes as datagrams is given to ``receive``. ``on_change`` is called when something else has happened than data.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        servers: IceServers,
        base: Address,
        send: Callable[[bytes, Address], None],
        on_inner: Callable[[Address, bytes], None],
        on_change: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._servers = servers
        self._is_ipv6 = ":" in base[0]
        self._send = send
        self._on_inner = on_inner
        self._on_change = on_change
        #: those that are still to be asked
        self._left = [server for server in servers.turns if self._fits(server) and servers.is_awake(server, loop.time())]
        self._alternates = 0
        self.server: TurnServer | None = None
        self._client: TurnClient | None = None
        self._link: Link | None = None
        self._stream = TurnStream()
        self._give_up = 0.0
        #: datagrams that a stream was too slow for
        self.dropped = 0

    def _fits(self, server: TurnServer) -> bool:
        """Datagrams go from the port itself, which is of one family."""
        return server.transport is not TurnTransport.UDP or (":" in server.address[0]) == self._is_ipv6

    # -- what the owner tells ------------------------------------------------------------------------------------------

    def start(self) -> bool:
        """Ask the first server; False when there is none to be asked."""
        if not self._left:
            return False
        self._ask(self._left.pop(0))
        return True

    def _ask(self, server: TurnServer) -> None:
        self.server = server
        now = self._loop.time()
        is_stream = server.transport is not TurnTransport.UDP
        self._client = TurnClient(
            self._servers.turn_username,
            self._servers.turn_password,
            send=self._send_stream if is_stream else partial(self._send_datagram, server.address),
            identify=partial(secrets.token_bytes, 12),
            software=self._servers.software,
            is_stream=is_stream,
            wants_ipv6=self._is_ipv6,
            retries=_BRIEF if self._left else HASTY,
        )
        self._servers.asked += 1
        if is_stream:
            self._give_up = now + STREAM_PATIENCE
            self._stream = TurnStream()
            self._client.state = TurnState.ALLOCATING
            self._link = self._servers.open_link(server, self)
        else:
            self._client.allocate(now)

    @property
    def is_pending(self) -> bool:
        """Whether a server is being asked."""
        return self._client is not None and self._client.state is TurnState.ALLOCATING

    @property
    def is_ready(self) -> bool:
        """Whether there is an address."""
        return self._client is not None and self._client.state is TurnState.READY

    @property
    def relayed(self) -> Address | None:
        """Our address at the server."""
        return self._client.relayed if self._client is not None and self.is_ready else None

    @property
    def mapped(self) -> Address | None:
        """Our port as a server sees it that was asked from there; None over a stream, which has a port of its own."""
        is_datagram = self.server is not None and self.server.transport is TurnTransport.UDP
        return self._client.mapped if self._client is not None and self.is_ready and is_datagram else None

    @property
    def source(self) -> Address | None:
        """Where the datagrams of the server come from; None over a stream."""
        server = self.server
        return server.address if server is not None and server.transport is TurnTransport.UDP else None

    def route(self, peer: Address) -> tuple[Address, int] | None:
        """For the native relay the server's address and the channel of a peer; None where the loop has to send."""
        source = self.source
        channel = self._client.channel_of(peer) if self._client is not None and source is not None else None
        return (source, channel) if source is not None and channel is not None else None

    def send_to(self, peer: Address, data: bytes) -> None:
        """Send a datagram to a peer through the server."""
        if self._client is not None:
            self._client.send_to(peer, data, self._loop.time())

    def close(self) -> None:
        """Give the address back."""
        if self._client is not None:
            self._client.close(self._loop.time())
        self._left.clear()
        self._unlink()

    # -- time ----------------------------------------------------------------------------------------------------------

    @property
    def deadline(self) -> float | None:
        """When ``handle_timer`` is due; None for never."""
        due = self._client.deadline if self._client is not None else None
        if self._link is not None and self.is_pending:
            return self._give_up if due is None else min(due, self._give_up)
        return due

    def handle_timer(self, now: float) -> None:
        """Send again, renew, give up."""
        client = self._client
        if client is None:
            return
        if self._link is not None and self.is_pending and now >= self._give_up:
            client.lose("the TURN server does not answer")
        else:
            client.handle_timer(now)
        self._look()

    # -- datagrams -------------------------------------------------------------------------------------------------------

    def _send_datagram(self, address: Address, data: bytes) -> None:
        self._servers.tell(True, address, data)
        self._send(data, address)

    def receive(self, data: bytes) -> tuple[Address, bytes] | None:
        """A datagram of the server; gives the peer's that was in it."""
        client = self._client
        if client is None:
            return None
        inner = client.receive(data, self._loop.time())
        if inner is None:
            if self.server is not None:
                self._servers.tell(False, self.server.address, data)
            self._look()
        return inner

    # -- a stream ----------------------------------------------------------------------------------------------------------

    def _send_stream(self, data: bytes) -> None:
        if self._link is None or self.server is None:
            return
        is_data = data[0] >= 64
        if not is_data:
            self._servers.tell(True, self.server.address, data)
        if not self._link.send(data, may_drop=is_data):
            self.dropped += 1

    def link_opened(self) -> None:
        """See LinkUser."""
        if self._client is not None:
            self._client.allocate(self._loop.time())
            self._look()

    def link_received(self, data: bytes) -> None:
        """See LinkUser."""
        try:
            messages = self._stream.feed(data)
        except TurnStreamError as error:
            self.link_lost(str(error))
            return
        for message in messages:
            inner = self.receive(message)
            if inner is not None:
                self._on_inner(*inner)

    def link_lost(self, reason: str) -> None:
        """See LinkUser."""
        if self._client is not None:
            self._client.lose(reason)
            self._look()

    def _unlink(self) -> None:
        if self._link is not None:
            link, self._link = self._link, None
            link.close()

    # -- what comes of it --------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        """After something has happened: ask the next server where one has failed."""
        client, server = self._client, self.server
        if client is not None and server is not None and client.state is TurnState.FAILED:
            self._unlink()
            self._client = None
            had_address = client.relayed is not None
            if client.alternate is not None and self._alternates < _MAX_ALTERNATES:
                self._alternates += 1
                self._left.insert(0, TurnServer(client.alternate, server.transport, server.name))
            else:
                self._servers.failed(server, client.failure, self._loop.time())
            if had_address:  # the call has told its peer of it, and of no other one
                self._left.clear()
            if self._left:
                self._ask(self._left.pop(0))
        self._on_change()
