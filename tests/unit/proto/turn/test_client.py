"""A client of TURN: RFC 8656 by clause, without a network."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Callable

import pytest

from globstar.proto.stun import Attr, Kind, StunMessage, long_term_key, parse_stun
from globstar.proto.stun.transaction import TRIES
from globstar.proto.turn import TurnClient, TurnState
from globstar.proto.turn.client import CHANNEL_LIFE, MAX_PEERS, MAX_WAITING

KEY = long_term_key("alice", "realm", "secret")
RELAYED, MAPPED, PEER = ("192.0.2.50", 50000), ("198.51.100.1", 4000), ("203.0.113.5", 6000)


class Desk:
    """A client, and what it has sent."""

    def __init__(self, *, username: str = "alice", password: str = "secret", is_stream: bool = False) -> None:
        self.sent: list[bytes] = []
        numbers = itertools.count()
        self.client = TurnClient(
            username,
            password,
            send=self.sent.append,
            identify=lambda: next(numbers).to_bytes(12, "big"),
            software="me",
            is_stream=is_stream,
        )

    def take(self) -> StunMessage:
        """The only message since the last look."""
        assert len(self.sent) == 1
        return parse_stun(self.sent.pop())

    def answer(
        self, request: StunMessage, kind: Kind, *, error: int = 0, nonce: bytes = b"n1", key: bytes | str = KEY,
        change: Callable[[StunMessage], None] = lambda message: None, now: float = 0.0,
    ) -> None:  # fmt: skip
        reply = StunMessage(kind, request.transaction)
        if error:
            reply.set_error(error, "no")
            reply.attributes |= {Attr.REALM: b"realm", Attr.NONCE: nonce}
            key = ""
        change(reply)
        self.client.receive(reply.build(key), now)

    def allocated(self, *, lifetime: int = 600) -> None:
        """Bring it to life at moment 0."""
        self.client.allocate(0)
        self.answer(self.take(), Kind.ALLOCATE_ERROR, error=401)

        def fill(reply: StunMessage) -> None:
            reply.set_address(RELAYED, Attr.XOR_RELAYED_ADDRESS)
            reply.set_address(MAPPED)
            reply.attributes[Attr.LIFETIME] = lifetime.to_bytes(4, "big")

        self.answer(self.take(), Kind.ALLOCATE_RESPONSE, change=fill)

    def bound(self, peer: tuple[str, int] = PEER) -> int:
        """Send something to a peer, and give it its channel; gives that."""
        self.client.send_to(peer, b"hello", 0)
        request = self.take()
        self.answer(request, Kind.CHANNEL_BIND_RESPONSE)
        self.sent.clear()
        return int(struct.unpack_from("!H", request.attributes[Attr.CHANNEL_NUMBER])[0])


def test_rfc8656_7_an_allocation_after_the_challenge() -> None:
    desk = Desk()
    desk.client.allocate(0)
    first = desk.take()
    assert first.attributes[Attr.REQUESTED_TRANSPORT] == b"\x11\0\0\0"
    assert Attr.USERNAME not in first.attributes
    desk.answer(first, Kind.ALLOCATE_ERROR, error=401)
    second = desk.take()
    assert (second.username, second.attributes[Attr.NONCE]) == ("alice", b"n1")
    assert second.is_authentic(KEY)
    assert second.attributes[Attr.SOFTWARE] == b"me"
    desk.answer(second, Kind.ALLOCATE_RESPONSE, change=lambda reply: reply.set_address(RELAYED, Attr.XOR_RELAYED_ADDRESS))
    assert (desk.client.state, desk.client.relayed) == (TurnState.READY, RELAYED)


def test_wrong_credentials_are_the_end() -> None:
    desk = Desk()
    desk.client.allocate(0)
    desk.answer(desk.take(), Kind.ALLOCATE_ERROR, error=401)
    desk.answer(desk.take(), Kind.ALLOCATE_ERROR, error=401)
    assert desk.client.state is TurnState.FAILED
    assert "401" in desk.client.failure
    assert desk.client.deadline is None


def test_without_credentials_a_challenge_is_the_end() -> None:
    desk = Desk(username="", password="")
    desk.client.allocate(0)
    desk.answer(desk.take(), Kind.ALLOCATE_ERROR, error=401)
    assert desk.client.state is TurnState.FAILED


def test_rfc8489_9_2_4_a_stale_nonce_is_exchanged_and_not_for_ever() -> None:
    desk = Desk()
    desk.allocated()
    desk.client.send_to(PEER, b"x", 0)
    for number in range(3):
        desk.answer(desk.take(), Kind.CHANNEL_BIND_ERROR, error=438, nonce=b"m%d" % number)
    desk.answer(desk.take(), Kind.CHANNEL_BIND_ERROR, error=438, nonce=b"last")
    assert not desk.sent
    assert desk.client.dropped == 1


def test_nonces_are_counted_by_request() -> None:
    """Many channels are bound at once when calls begin, each with the nonce that has just gone stale."""
    desk = Desk()
    desk.allocated()
    for number in range(5):
        desk.client.send_to(("203.0.113.5", 1000 + number), b"x", 0)
    first = [parse_stun(data) for data in desk.sent]
    desk.sent.clear()
    for request in first:
        desk.answer(request, Kind.CHANNEL_BIND_ERROR, error=438, nonce=b"n2")
    again = [parse_stun(data) for data in desk.sent]
    desk.sent.clear()
    assert [message.attributes[Attr.NONCE] for message in again] == [b"n2"] * 5
    for request in again:
        desk.answer(request, Kind.CHANNEL_BIND_RESPONSE)
    assert len(desk.sent) == 5
    assert desk.client.dropped == 0


@pytest.mark.parametrize(("error", "is_over"), [(400, False), (403, False), (441, False), (508, False), (437, True)])
def test_rfc8656_12_2_a_channel_that_is_refused(error: int, is_over: bool) -> None:
    desk = Desk()
    desk.allocated()
    desk.client.send_to(PEER, b"x", 0)
    desk.answer(desk.take(), Kind.CHANNEL_BIND_ERROR, error=error)
    assert (desk.client.state is TurnState.FAILED) == is_over
    assert desk.client.channel_of(PEER) is None
    before = desk.client.dropped
    desk.client.send_to(PEER, b"y", 1)
    assert (desk.sent, desk.client.dropped) == ([], before + 1)
    if not is_over:
        desk.client.handle_timer(CHANNEL_LIFE)  # it may have been a policy of that moment
        desk.answer(desk.take(), Kind.CHANNEL_BIND_RESPONSE)
        assert desk.client.channel_of(PEER) == 0x4000


def test_rfc8489_6_2_2_over_a_stream_nothing_is_sent_again_and_data_are_filled_up() -> None:
    sent: list[bytes] = []
    numbers = itertools.count()
    client = TurnClient(
        "alice", "secret", send=sent.append, identify=lambda: next(numbers).to_bytes(12, "big"), is_stream=True, wants_ipv6=True
    )
    client.allocate(0)
    assert parse_stun(sent[0]).attributes[Attr.REQUESTED_ADDRESS_FAMILY] == b"\x02\0\0\0"
    client.handle_timer(10)
    assert len(sent) == 1
    client.handle_timer(60)
    assert (client.state, client.failure) == (TurnState.FAILED, "the TURN server does not answer")
    desk = Desk(is_stream=True)
    desk.allocated()
    desk.client.send_to(PEER, b"abc", 0)
    desk.answer(desk.take(), Kind.CHANNEL_BIND_RESPONSE)
    assert desk.sent == [b"\x40\0\0\x03abc\0"]
    desk.client.lose("gone")
    assert (desk.client.state, desk.client.failure, desk.client.deadline) == (TurnState.FAILED, "gone", None)
    desk.client.lose("again")
    assert desk.client.failure == "gone"


def test_a_renewal_gets_more_patience_than_a_call_that_waits() -> None:
    desk = Desk()
    desk.allocated(lifetime=300)
    desk.client.handle_timer(240)
    while desk.client.state is TurnState.READY:
        assert desk.client.deadline is not None
        now = desk.client.deadline
        desk.client.handle_timer(now)
    assert 270 < now < 300
    assert len(desk.sent) == 6


def test_no_answer_is_the_end() -> None:
    desk = Desk()
    desk.client.allocate(0)
    for _ in range(TRIES):
        assert desk.client.deadline is not None
        desk.client.handle_timer(desk.client.deadline)
    assert len(desk.sent) == TRIES
    assert len(set(desk.sent)) == 1
    assert desk.client.state is TurnState.FAILED


def test_an_answer_that_nobody_has_signed_counts_for_nothing() -> None:
    desk = Desk()
    desk.client.allocate(0)
    desk.answer(desk.take(), Kind.ALLOCATE_ERROR, error=401)
    request = desk.take()
    desk.answer(
        request, Kind.ALLOCATE_RESPONSE, key="other", change=lambda reply: reply.set_address(PEER, Attr.XOR_RELAYED_ADDRESS)
    )
    assert (desk.client.state, desk.client.refused) == (TurnState.ALLOCATING, 1)


def test_rfc8656_12_data_in_both_ways_by_channel() -> None:
    desk = Desk()
    desk.allocated()
    desk.client.send_to(PEER, b"first", 0)
    request = desk.take()
    assert request.address(Attr.XOR_PEER_ADDRESS) == PEER
    for number in range(MAX_WAITING + 2):
        desk.client.send_to(PEER, b"%d" % number, 0)
    desk.answer(request, Kind.CHANNEL_BIND_RESPONSE)
    assert [data[4:] for data in desk.sent] == [b"%d" % number for number in range(2, MAX_WAITING + 2)]
    channel = struct.unpack_from("!H", desk.sent[0])[0]
    assert desk.client.receive(struct.pack("!HH", channel, 5) + b"hello", 0) == (PEER, b"hello")
    assert desk.client.receive(struct.pack("!HH", channel, 5) + b"hello\0\0\0", 0) == (PEER, b"hello")
    assert desk.client.receive(struct.pack("!HH", channel, 9) + b"hello", 0) is None
    assert desk.client.receive(struct.pack("!HH", channel + 1, 5) + b"hello", 0) is None


def test_rfc8656_11_data_of_a_peer_that_has_no_channel() -> None:
    desk = Desk()
    desk.allocated()
    message = StunMessage(Kind.DATA, bytes(12))
    message.set_address(PEER, Attr.XOR_PEER_ADDRESS)
    assert desk.client.receive(message.build(), 0) is None
    message.attributes[Attr.DATA] = b"hello"
    assert desk.client.receive(message.build(), 0) == (PEER, b"hello")


def test_rfc8656_8_the_allocation_is_renewed_in_time() -> None:
    desk = Desk()
    desk.allocated(lifetime=300)
    assert desk.client.deadline == 240
    desk.client.handle_timer(240)
    request = desk.take()
    assert request.kind is Kind.REFRESH
    desk.answer(
        request, Kind.REFRESH_RESPONSE, change=lambda reply: reply.attributes.update({Attr.LIFETIME: b"\0\0\x01\x2c"}), now=240
    )
    assert desk.client.deadline == 480
    desk.client.handle_timer(480)
    desk.answer(desk.take(), Kind.REFRESH_ERROR, error=437, now=480)
    assert desk.client.state is TurnState.FAILED


def test_rfc8656_12_a_channel_is_bound_again_before_its_permission_ends() -> None:
    desk = Desk()
    desk.allocated()
    channel = desk.bound()
    desk.client.handle_timer(CHANNEL_LIFE)
    again = desk.take()
    assert (again.kind, again.address(Attr.XOR_PEER_ADDRESS)) == (Kind.CHANNEL_BIND, PEER)
    assert struct.unpack_from("!H", again.attributes[Attr.CHANNEL_NUMBER])[0] == channel


def test_peers_are_bounded_and_have_channels_of_their_own() -> None:
    desk = Desk()
    desk.allocated()
    channels = {desk.bound(("203.0.113.5", 1000 + number)) for number in range(MAX_PEERS)}
    assert len(channels) == MAX_PEERS
    desk.client.send_to(PEER, b"x", 0)
    assert (desk.sent, desk.client.dropped) == ([], 1)


def test_the_address_is_given_back() -> None:
    desk = Desk()
    desk.allocated()
    desk.client.close(0)
    request = desk.take()
    assert (request.kind, request.number(Attr.LIFETIME)) == (Kind.REFRESH, 0)
    assert desk.client.deadline is None
    desk.client.send_to(PEER, b"x", 0)
    assert not desk.sent
    assert "secret" not in repr(desk.client)


@pytest.mark.parametrize("data", [b"", b"\0", b"\x40\0\0", b"\x80" * 20, b"\0\1\0\4\x21\x12\xa4\x42" + bytes(12)])
def test_what_is_nothing(data: bytes) -> None:
    desk = Desk()
    desk.allocated()
    assert desk.client.receive(data, 0) is None


def test_before_there_is_an_address_nothing_is_sent() -> None:
    desk = Desk()
    desk.client.send_to(PEER, b"x", 0)
    assert (desk.sent, desk.client.dropped) == ([], 1)
