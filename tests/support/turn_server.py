"""A STUN and TURN server on a network in memory, for one user; it shares only the reading of messages with the product."""

from __future__ import annotations

import struct

from globstar.media.network import MediaNetwork, MemorySocket
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

    def _read(self, _now: float) -> None:
        data, client = self.socket.recvfrom(2048)
        if self.is_silent:
            return
        if not is_stun(data):
            channel, size = struct.unpack_from("!HH", data)
            self.relayed += 1
            self.relays[client].sendto(data[4 : 4 + size], self.channels[client][channel])
            return
        message = parse_stun(data)
        self.seen.append(message.kind)
        if message.kind is Kind.REQUEST:
            self._reply(message, client, Kind.RESPONSE, {}, "")
            return
        key = long_term_key(USER, REALM, PASSWORD)
        if message.attributes.get(Attr.NONCE) != self.nonce or not message.is_authentic(key):
            code = 438 if Attr.NONCE in message.attributes and message.is_authentic(key) else 401
            answer = StunMessage(Kind(message.kind | 0x110), message.transaction)
            answer.set_error(code, "no")
            answer.attributes |= {Attr.REALM: REALM.encode(), Attr.NONCE: self.nonce}
            self.socket.sendto(answer.build(), client)
            return
        self._serve(message, client, key)

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
        self.socket.sendto(answer.build(key), client)

    def _relay(self, client: Address, relay: MemorySocket) -> None:
        data, peer = relay.recvfrom(2048)
        number = next((number for number, address in self.channels[client].items() if address == peer), None)
        if number is None:  # no permission, or one for another port of the peer
            if any(address[0] == peer[0] for address in self.channels[client].values()):
                indication = StunMessage(Kind.DATA, b"d" * 12)
                indication.set_address(peer, Attr.XOR_PEER_ADDRESS)
                indication.attributes[Attr.DATA] = data
                self.socket.sendto(indication.build(), client)
            return
        self.socket.sendto(struct.pack("!HH", number, len(data)) + data, client)
