"""A STUN and TURN server on a network in memory, for one user, over datagrams and streams.

It shares only the reading of messages with the product.
"""

from __future__ import annotations

import struct

from globstar.media.network import MediaNetwork, MemorySocket
from globstar.media.turn import LinkUser
from globstar.media.turn import TurnServer as ServerName
from globstar.proto.stun import Attr, Kind, StunMessage, is_stun, long_term_key, parse_stun

Address = tuple[str, int]
REALM, USER, PASSWORD = "example.com", "alice", "secret"


class TurnServer:
    """Answers Binding and relays for ``USER``; ``mapped`` is what it says of a client's address (None: the truth)."""

    def __init__(self, network: MediaNetwork, address: Address = ("192.0.2.50", 3478), *, mapped: str | None = None) -> None:
        self.network = network
        self.address = address
        self.mapped = mapped
        self.nonce = b"one"
        self.socket: MemorySocket = network.open(*address)
        self.socket.set_reader(self._read)
        self.relays: dict[Address, MemorySocket] = {}
        self.channels: dict[Address, dict[int, Address]] = {}
        self.seen: list[Kind] = []
        self.lifetime = 600
        #: datagrams that it has relayed for clients
        self.relayed = 0
        self.is_silent = False
        #: answers each request of a kind with this error, and its reason is no nonce
        self.errors: dict[Kind, int] = {}
        self.alternate: Address | None = None
        #: connections that stand, by the name that they have as clients; those that are begun, and what they were begun with
        self.links: dict[Address, MemoryLink] = {}
        self.connections: list[ServerName] = []
        self.refuses_connections = False

    def _read(self, _now: float) -> None:
        data, client = self.socket.recvfrom(2048)
        self.take(data, client)

    def open_link(self, name: ServerName, user: LinkUser) -> MemoryLink:
        """A connection to us; see ``globstar.media.turn.OpenLink``."""
        self.connections.append(name)
        link = MemoryLink(self, user, ("192.0.2.200", len(self.connections)))
        if self.refuses_connections:
            self.network.loop.call_soon(link.lose, "no connection: refused")
        elif not self.is_silent:
            self.links[link.client] = link
            self.network.loop.call_soon(link.opened)
        return link

    def take(self, data: bytes, client: Address) -> None:
        """A message of a client."""
        if self.is_silent:
            return
        if not is_stun(data):
            channel, size = struct.unpack_from("!HH", data)
            self.relayed += 1
            if client in self.relays:
                self.relays[client].sendto(data[4 : 4 + size], self.channels[client][channel])
            return
        message = parse_stun(data)
        self.seen.append(message.kind)
        if message.kind is Kind.REQUEST:
            self._reply(message, client, Kind.RESPONSE, {}, "")
            return
        key = long_term_key(USER, REALM, PASSWORD)
        code = self.errors.get(message.kind, 0)
        if message.attributes.get(Attr.NONCE) != self.nonce or not message.is_authentic(key):
            code = 438 if Attr.NONCE in message.attributes and message.is_authentic(key) else 401
        if code:
            answer = StunMessage(Kind(message.kind | 0x110), message.transaction)
            answer.set_error(code, "no")
            answer.attributes |= {Attr.REALM: REALM.encode(), Attr.NONCE: self.nonce}
            if code == 300 and self.alternate is not None:
                host = bytes(map(int, self.alternate[0].split(".")))
                answer.attributes[Attr.ALTERNATE_SERVER] = struct.pack("!HH", 1, self.alternate[1]) + host
            self.send(answer.build(), client)
            return
        self._serve(message, client, key)

    def send(self, data: bytes, client: Address) -> None:
        """Send to a client, by its way."""
        if client in self.links:
            self.links[client].deliver(data)
        else:
            self.socket.sendto(data, client)

    def end(self, client: Address) -> None:
        """A connection is over, and what was allocated over it."""
        self.links.pop(client, None)
        if client in self.relays:
            self.relays.pop(client).close()
            del self.channels[client]

    def go_away(self) -> None:
        """All connections end, and nothing is answered any more."""
        for link in list(self.links.values()):
            link.lose("the connection is lost")
        self.is_silent = True

    def _serve(self, message: StunMessage, client: Address, key: bytes) -> None:
        extra: dict[int, bytes] = {}
        if message.kind is Kind.ALLOCATE:
            relay = self.relays[client] = self.network.open(self.address[0], 0)
            relay.set_reader(lambda now: self._relay(client, relay))
            self.channels[client] = {}
            extra = {Attr.LIFETIME: self.lifetime.to_bytes(4, "big")}
        elif message.kind is Kind.REFRESH:
            wanted = message.number(Attr.LIFETIME)
            if wanted == 0:
                if client in self.relays:  # else it has gone with its connection
                    self.relays.pop(client).close()
                    del self.channels[client]
            extra = {Attr.LIFETIME: (self.lifetime if wanted is None else wanted).to_bytes(4, "big")}
        elif message.kind is Kind.CHANNEL_BIND:
            peer = message.address(Attr.XOR_PEER_ADDRESS)
            assert peer is not None
            self.channels[client][struct.unpack_from("!H", message.attributes[Attr.CHANNEL_NUMBER])[0]] = peer
        self._reply(message, client, Kind(message.kind | 0x100), extra, key)

    def _reply(self, request: StunMessage, client: Address, kind: Kind, extra: dict[int, bytes], key: bytes | str) -> None:
        answer = StunMessage(kind, request.transaction, dict(extra))
        answer.set_address((self.mapped, client[1]) if self.mapped else client)
        if kind is Kind.ALLOCATE_RESPONSE:
            answer.set_address(self.relays[client].address, Attr.XOR_RELAYED_ADDRESS)
        self.send(answer.build(key), client)

    def _relay(self, client: Address, relay: MemorySocket) -> None:
        data, peer = relay.recvfrom(2048)
        number = next((number for number, address in self.channels[client].items() if address == peer), None)
        if number is None:  # no permission, or one for another port of the peer
            if any(address[0] == peer[0] for address in self.channels[client].values()):
                indication = StunMessage(Kind.DATA, b"d" * 12)
                indication.set_address(peer, Attr.XOR_PEER_ADDRESS)
                indication.attributes[Attr.DATA] = data
                self.send(indication.build(), client)
            return
        message = struct.pack("!HH", number, len(data)) + data
        self.send(message + bytes(-len(data) % 4) if client in self.links else message, client)


class MemoryLink:
    """A connection to a server, with its messages cut where streams may cut them."""

    def __init__(self, server: TurnServer, user: LinkUser, client: Address) -> None:
        self._server = server
        self._user: LinkUser | None = user
        self.client = client

    def opened(self) -> None:
        """The connection stands."""
        if self._user is not None:
            self._user.link_opened()

    def send(self, data: bytes, *, may_drop: bool) -> bool:
        """See Link; a message that ends within a word would take what follows with it."""
        assert len(data) % 4 == 0
        self._server.network.loop.call_soon(self._server.take, data, self.client)
        return True

    def deliver(self, data: bytes) -> None:
        """Octets to the client: all but three of a message, then what is left."""
        for part in (data[:-3], data[-3:]):
            self._server.network.loop.call_soon(self._receive, part)

    def _receive(self, data: bytes) -> None:
        if self._user is not None:
            self._user.link_received(data)

    def lose(self, reason: str) -> None:
        """The connection has ended."""
        user, self._user = self._user, None
        self._server.end(self.client)
        if user is not None:
            user.link_lost(reason)

    def close(self) -> None:
        """See Link."""
        self._user = None
        self._server.end(self.client)
