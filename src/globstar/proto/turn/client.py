"""A client of a TURN server (RFC 8656), over UDP or a stream: one address there, through which peers are reached."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from globstar.proto.stun.message import Attr, Kind, StunMessage, StunParseError, is_stun, long_term_key, parse_stun
from globstar.proto.stun.transaction import HASTY, PATIENT, RELIABLE, Retries, StunTransaction
from globstar.proto.turn.stream import padded

Address = tuple[str, int]

#: The transport of a relayed address (section 18.8): UDP.
_UDP = b"\x11\0\0\0"
#: The family of a relayed address (section 18.9); without it, it is of IPv4.
_IPV6 = b"\x02\0\0\0"
#: Seconds after which a channel is bound again: its permission lasts for 300 (section 9).
CHANNEL_LIFE = 240.0
#: Seconds before the end of an allocation at which it is renewed.
MARGIN = 60.0
_FIRST_CHANNEL = 0x4000
#: Peers of one client; datagrams that wait for the channel of a peer.
MAX_PEERS = 64
MAX_WAITING = 4
#: How often a request may be refused for its nonce (401, 438) in a row.
_MAX_REFUSALS = 3
#: What a server may say that we do not send again because of (sections 7.4, 8.3 and 12.2, RFC 8489 section 14.8).
_REASONS = {
    300: "has sent us elsewhere",
    400: "takes the request for a bad one",
    401: "does not take the credentials",
    403: "forbids it",
    420: "does not understand an attribute",
    437: "has no such allocation",
    438: "takes no nonce that it has given",
    440: "has no address of this family",
    441: "takes the credentials for those of somebody else",
    442: "does not relay over UDP",
    486: "has no more allocations for this user",
    500: "has a fault",
    508: "has no more room",
}
_ANSWERS = {
    Kind.ALLOCATE: (Kind.ALLOCATE_RESPONSE, Kind.ALLOCATE_ERROR),
    Kind.REFRESH: (Kind.REFRESH_RESPONSE, Kind.REFRESH_ERROR),
    Kind.CHANNEL_BIND: (Kind.CHANNEL_BIND_RESPONSE, Kind.CHANNEL_BIND_ERROR),
}


class TurnState(Enum):
    """Where an allocation stands."""

    NEW = "new"
    ALLOCATING = "allocating"
    READY = "ready"
    FAILED = "failed"
    CLOSED = "closed"


@dataclass(slots=True)
class _Peer:
    """An address that is reached through the server."""

    address: Address
    channel: int
    is_bound: bool = False
    #: the server does not let us reach it, for now
    is_refused: bool = False
    rebind: float = 0.0
    waiting: list[bytes] = field(default_factory=list)


def is_channel_data(data: bytes) -> bool:
    """Whether a datagram is ChannelData (RFC 7983 section 7)."""
    return len(data) >= 4 and 64 <= data[0] < 80


class TurnClient:
    """The allocation of one local port. ``send`` gets what goes to the server, as bytes; ``identify`` makes transaction ids.

    Every peer gets a channel, which is its permission too. Change it by ``allocate``, ``receive``, ``send_to``, ``close`` and
    ``handle_timer``, which is due at ``deadline``. Over a stream (``is_stream``) nothing is sent again, and ``receive`` wants the
    messages that :class:`~globstar.proto.turn.stream.TurnStream` gives.
    """

    def __init__(
        self,
        username: str,
        password: str,
        *,
        send: Callable[[bytes], None],
        identify: Callable[[], bytes],
        software: str = "",
        is_stream: bool = False,
        wants_ipv6: bool = False,
        retries: Retries = HASTY,
    ) -> None:
        self._username = username
        self._password = password
        self._send = send
        self._identify = identify
        self._software = software
        self._is_stream = is_stream
        self._wants_ipv6 = wants_ipv6
        self._retries = retries
        self.state = TurnState.NEW
        #: our address at the server, and ours as the server sees it
        self.relayed: Address | None = None
        self.mapped: Address | None = None
        #: why there is none, and where we are to ask instead (300, RFC 8489 section 10)
        self.failure = ""
        self.alternate: Address | None = None
        self._realm = self._nonce = b""
        self._key = b""
        self._open: dict[bytes, StunTransaction] = {}
        self._peers: dict[Address, _Peer] = {}
        self._channels: dict[int, _Peer] = {}
        self._refresh = 0.0
        #: datagrams that could not go, and messages that were not the server's
        self.dropped = 0
        self.refused = 0

    def __repr__(self) -> str:
        return f"TurnClient({self.state.value}, {self.relayed}, peers={len(self._peers)}, deadline={self.deadline})"

    # -- what the owner tells ------------------------------------------------------------------------------------------

    def allocate(self, now: float) -> None:
        """Ask the server for an address."""
        self.state = TurnState.ALLOCATING
        wanted: dict[int, bytes] = {Attr.REQUESTED_TRANSPORT: _UDP}
        if self._wants_ipv6:
            wanted[Attr.REQUESTED_ADDRESS_FAMILY] = _IPV6
        self._request(Kind.ALLOCATE, wanted, now)

    def send_to(self, peer: Address, data: bytes, now: float) -> None:
        """Send a datagram to a peer; while its channel is being bound a few wait."""
        if self.state is not TurnState.READY:
            self.dropped += 1
            return
        known = self._peers.get(peer) or self._new_peer(peer, now)
        if known is None or known.is_refused:
            self.dropped += 1
        elif known.is_bound:
            self._send_data(known, data)
        else:
            known.waiting = [*known.waiting, data][-MAX_WAITING:]

    def _send_data(self, peer: _Peer, data: bytes) -> None:
        message = struct.pack("!HH", peer.channel, len(data)) + data
        self._send(padded(message) if self._is_stream else message)

    def channel_of(self, address: Address) -> int | None:
        """The channel by which a peer is reached; None while it has none, or is not reached."""
        peer = self._peers.get(address)
        return peer.channel if self.state is TurnState.READY and peer is not None and peer.is_bound else None

    def lose(self, reason: str) -> None:
        """The way to the server has gone, and the allocation with it (section 3.1: the connection is part of its name)."""
        if self.state not in (TurnState.FAILED, TurnState.CLOSED):
            self._end(reason)

    def close(self, now: float) -> None:
        """Give the address back; nothing is waited for."""
        if self.state is TurnState.READY:
            self._request(Kind.REFRESH, {Attr.LIFETIME: bytes(4)}, now)
        self.state = TurnState.CLOSED
        self._open.clear()

    def _new_peer(self, address: Address, now: float) -> _Peer | None:
        if len(self._peers) >= MAX_PEERS:
            return None
        peer = self._peers[address] = _Peer(address, _FIRST_CHANNEL + len(self._peers))
        self._channels[peer.channel] = peer
        self._bind(peer, now)
        return peer

    def _bind(self, peer: _Peer, now: float) -> None:
        peer.rebind = now + CHANNEL_LIFE
        self._request(Kind.CHANNEL_BIND, {Attr.CHANNEL_NUMBER: struct.pack("!HH", peer.channel, 0)}, now)

    # -- requests ------------------------------------------------------------------------------------------------------

    def _request(self, kind: Kind, attributes: dict[int, bytes], now: float) -> None:
        message = StunMessage(kind, b"")
        message.attributes.update(attributes)
        self._start(message, now)

    def _start(self, message: StunMessage, now: float, refusals: int = 0) -> None:
        message.transaction = self._identify()
        if message.kind is Kind.CHANNEL_BIND:
            message.set_address(self._peer_of(message).address, Attr.XOR_PEER_ADDRESS)
        for attribute in (Attr.USERNAME, Attr.REALM, Attr.NONCE, Attr.SOFTWARE):
            message.attributes.pop(attribute, None)
        if self._software:
            message.attributes[Attr.SOFTWARE] = self._software.encode()
        if self._key:
            message.attributes[Attr.USERNAME] = self._username.encode()
            message.attributes[Attr.REALM] = self._realm
            message.attributes[Attr.NONCE] = self._nonce
        data = message.build(self._key)
        patience = self._patience(message)
        self._open[message.transaction] = StunTransaction(message, data, now, patience, refusals=refusals)
        self._send(data)

    def _patience(self, request: StunMessage) -> Retries:
        if self._is_stream:
            return RELIABLE
        return self._retries if request.kind is Kind.ALLOCATE else PATIENT

    def _peer_of(self, request: StunMessage) -> _Peer:
        """Whose channel a request binds."""
        return self._channels[struct.unpack_from("!H", request.attributes[Attr.CHANNEL_NUMBER])[0]]

    @property
    def deadline(self) -> float | None:
        """When ``handle_timer`` is due; None for never."""
        times = [transaction.due for transaction in self._open.values()]
        if self.state is TurnState.READY:
            times.append(self._refresh)
            times += [peer.rebind for peer in self._peers.values()]
        return min(times, default=None)

    def handle_timer(self, now: float) -> None:
        """Send again, renew, give up."""
        for key, transaction in list(self._open.items()):
            is_due = transaction.handle_timer(now)
            if is_due:
                self._send(transaction.data)
            elif is_due is None and self._open.pop(key, None) is not None:
                self._end("the TURN server does not answer")
                return
        if self.state is not TurnState.READY:
            return
        if now >= self._refresh:
            self._refresh = now + MARGIN
            self._request(Kind.REFRESH, {}, now)
        for peer in self._peers.values():
            if now >= peer.rebind:
                self._bind(peer, now)

    # -- what comes ----------------------------------------------------------------------------------------------------

    def receive(self, data: bytes, now: float) -> tuple[Address, bytes] | None:
        """A datagram of the server; gives the peer's that was in it, if there was one."""
        if is_channel_data(data):
            return self._take_channel_data(data)
        if not is_stun(data):
            return None
        try:
            message = parse_stun(data)
        except StunParseError:
            self.refused += 1
            return None
        if message.kind is Kind.DATA:
            peer, inner = message.address(Attr.XOR_PEER_ADDRESS), message.attributes.get(Attr.DATA)
            return (peer, inner) if peer is not None and inner is not None else None
        transaction = self._open.get(message.transaction)
        if transaction is None:
            return None
        good, bad = _ANSWERS[transaction.request.kind]
        if message.kind is good and message.is_authentic(self._key):
            del self._open[message.transaction]
            self._take_answer(transaction.request, message, now)
        elif message.kind is bad:
            del self._open[message.transaction]
            self._take_error(transaction, message, now)
        else:
            self.refused += 1
        return None

    def _take_channel_data(self, data: bytes) -> tuple[Address, bytes] | None:
        channel, size = struct.unpack_from("!HH", data)
        peer = self._channels.get(channel)
        if peer is None or size > len(data) - 4:
            self.refused += 1
            return None
        return peer.address, data[4 : 4 + size]

    def _take_answer(self, request: StunMessage, answer: StunMessage, now: float) -> None:
        if request.kind is Kind.CHANNEL_BIND:
            peer = self._peer_of(request)
            peer.is_bound, peer.is_refused = True, False
            waiting, peer.waiting = peer.waiting, []
            for data in waiting:
                self._send_data(peer, data)
            return
        lifetime = answer.number(Attr.LIFETIME)
        if request.kind is Kind.ALLOCATE:
            self.relayed, self.mapped = answer.address(Attr.XOR_RELAYED_ADDRESS), answer.mapped
            if self.relayed is None:
                self._end("the TURN server names no address")
                return
            self.state = TurnState.READY
        self._refresh = now + max((lifetime or 600) - MARGIN, MARGIN / 2)

    def _take_error(self, transaction: StunTransaction, answer: StunMessage, now: float) -> None:
        code = answer.error
        realm, nonce = answer.attributes.get(Attr.REALM, self._realm), answer.attributes.get(Attr.NONCE)
        may_try = code == 438 or (code == 401 and not self._key)  # the nonce is stale, or the credentials are asked for
        refusals = transaction.refusals
        if may_try and nonce is not None and refusals < _MAX_REFUSALS and self._username:
            self._realm, self._nonce = realm, nonce
            self._key = long_term_key(self._username, realm.decode("utf-8", "replace"), self._password)
            self._start(transaction.request, now, refusals + 1)
        else:
            self._refused(transaction.request, answer)

    def _refused(self, request: StunMessage, answer: StunMessage) -> None:
        """A peer that is not to be reached is that peer's loss; without the allocation there is nothing (437, section 5)."""
        code = answer.error
        if request.kind is Kind.CHANNEL_BIND and code != 437:
            peer = self._peer_of(request)
            self.dropped += len(peer.waiting)
            peer.waiting = []
            peer.is_bound, peer.is_refused = False, True
            return
        if code == 300 and request.kind is Kind.ALLOCATE:
            self.alternate = answer.alternate
        self._end(f"the TURN server {_REASONS.get(code, 'refuses')} ({code})")

    def _end(self, reason: str) -> None:
        if self.state is not TurnState.CLOSED:
            self.state, self.failure = TurnState.FAILED, reason
            self._open.clear()
