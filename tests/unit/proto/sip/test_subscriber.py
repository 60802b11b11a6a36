"""Subscriber and notifier against each other over a seeded network that loses, repeats and reorders (RFC 6665)."""

from __future__ import annotations

import random
from heapq import heappop, heappush

import pytest

from globstar.proto.sip.endpoint import SipEndpoint
from globstar.proto.sip.flow import Flow, Transport
from globstar.proto.sip.headers.address import NameAddr
from globstar.proto.sip.message import Headers, Request
from globstar.proto.sip.notifier import Notifier, NotifierUser, event_of
from globstar.proto.sip.subscriber import Subscriber, SubscriberState, SubscriberUser
from globstar.proto.sip.transaction import ServerTransaction
from globstar.proto.sip.uri import SipUri
from globstar.proto.sip.user import SipHandler

HERE, THERE = ("192.0.2.1", 5060), ("192.0.2.2", 5060)


class Side(SipHandler):
    """One end: an endpoint with its address."""

    def __init__(self, network: Network, address: tuple[str, int], seed: int) -> None:
        self.transport = Transport("UDP", *address)
        self.address = address
        self.sip = SipEndpoint(self, clock=lambda: network.now, rng=random.Random(seed))


class Server(Side, NotifierUser):
    """Serves one value to everybody."""

    def __init__(self, network: Network, seed: int, *, expires: int = 600, shortest: int = 0) -> None:
        super().__init__(network, THERE, seed)
        self.value = 0
        self.expires = expires
        self.shortest = shortest
        self.notifiers: list[Notifier] = []
        self.ended: list[str] = []

    def request_received(self, transaction: ServerTransaction) -> None:
        request = transaction.request
        asked = request.expires or 0
        if asked < self.shortest:
            transaction.respond(423, headers=[("Min-Expires", str(self.shortest))])
            return
        notifier = Notifier(self.sip, self, *event_of(request.get("Event") or ""), shortest=self.shortest)
        notifier.accept(transaction, "<sip:192.0.2.2:5060>", min(asked, self.expires))
        self.notifiers.append(notifier)
        notifier.notify_now()

    def change(self, value: int) -> None:
        self.value = value
        for notifier in self.notifiers:
            notifier.notify_now()

    def notification(self, subscription: Notifier) -> tuple[bytes, str, Headers]:
        return str(self.value).encode(), "text/plain", ()

    def subscription_ended(self, subscription: Notifier, reason: str) -> None:
        self.notifiers.remove(subscription)
        self.ended.append(reason)


class Client(Side, SubscriberUser):
    """Follows the value."""

    def __init__(self, network: Network, seed: int, *, expires: int = 600) -> None:
        super().__init__(network, HERE, seed)
        self.seen: list[int] = []
        self.order: list[tuple[str, int]] = []
        self.failures: list[tuple[int, str]] = []
        target = SipUri.parse("sip:value@192.0.2.2")
        self.subscriber = Subscriber(
            self.sip, self, uri=target, from_=NameAddr(SipUri.parse("sip:me@192.0.2.1")),
            flow=lambda: Flow(self.transport, *THERE), contact=lambda flow: "<sip:me@192.0.2.1:5060>", event="value",
            accept="text/plain", expires=expires, retry=60,
        )  # fmt: skip

    def notified(self, subscription: Subscriber, request: Request) -> int:
        self.seen.append(int(request.body))
        self.order.append((request.from_.tag or "", request.cseq.number))
        return 200

    def subscription_failed(self, subscription: Subscriber, status: int, reason: str) -> None:
        self.failures.append((status, reason))


class Network:
    """Carries datagrams between the two on its own clock."""

    def __init__(self, seed: int = 0, loss: float = 0.0, again: float = 0.0, jitter: float = 0.0) -> None:
        self.now = 1000.0
        self.rng = random.Random(seed)
        self.loss, self.again, self.jitter = loss, again, jitter
        self.sides: dict[tuple[str, int], Side] = {}
        self.queue: list[tuple[float, int, bytes, Side, Side]] = []
        self.sent = 0
        self.is_cut = False

    def join(self, *sides: Side) -> None:
        self.sides.update({side.address: side for side in sides})

    def _collect(self) -> None:
        for side in self.sides.values():
            for flow, data in side.sip.take_output():
                self.sent += 1
                target = self.sides[flow.host, flow.port]
                for _ in range(1 + (self.rng.random() < self.again)):
                    if not self.is_cut and self.rng.random() >= self.loss:
                        due = self.now + 0.01 + self.rng.random() * self.jitter
                        heappush(self.queue, (due, self.sent, data, side, target))

    def run(self, seconds: float) -> None:
        """Let time pass."""
        end = self.now + seconds
        while True:
            self._collect()
            deadlines = [deadline for side in self.sides.values() if (deadline := side.sip.next_deadline()) is not None]
            deadlines += [self.queue[0][0]] if self.queue else []
            if not deadlines or min(deadlines) > end:
                self.now = end
                return
            self.now = max(min(deadlines), self.now)
            while self.queue and self.queue[0][0] <= self.now:
                _, _, data, source, target = heappop(self.queue)
                target.sip.receive_datagram(data, source.address, target.transport, self.now)
            for side in self.sides.values():
                side.sip.handle_timer(self.now)


def pair(network: Network, **options: int) -> tuple[Client, Server]:
    client, server = Client(network, 1, expires=options.pop("asked", 600)), Server(network, 2, **options)
    network.join(client, server)
    client.subscriber.start()
    return client, server


def nothing_is_left(network: Network, *sides: Side) -> None:
    network.run(200)
    for side in sides:
        assert side.sip.dialogs == 0
        assert not side.sip.layer.clients
        assert not side.sip.layer.servers
        assert not side.sip._expected
        assert len(side.sip.layer.timers) == 0


def test_rfc6665_4_1_a_whole_life_on_a_clean_network() -> None:
    network = Network()
    client, server = pair(network)
    network.run(1)
    assert (client.seen, client.subscriber.state, client.subscriber.remaining) == ([0], SubscriberState.ACTIVE, 599)
    server.change(1)
    network.run(1)
    network.run(600)  # refreshed 30 s before its end
    assert client.seen == [0, 1, 1]
    assert len(server.notifiers) == 1
    client.subscriber.stop()
    network.run(1)
    assert server.ended == ["unsubscribed"]
    assert network.sent == 4 + 2 + 4 + 4  # SUBSCRIBE, NOTIFY and their answers; NOTIFY; both; both
    nothing_is_left(network, client, server)


def test_rfc6665_4_1_2_423_and_a_shorter_grant() -> None:
    network = Network()
    client, server = pair(network, asked=60, shortest=90, expires=120)
    network.run(100)
    assert len(client.seen) == 2  # at the start, and at the refresh 30 s before the end of 90
    client.subscriber.stop()
    nothing_is_left(network, client, server)


def test_rfc6665_4_4_3_a_server_that_forgot_is_asked_anew_at_the_refresh() -> None:
    network = Network()
    client, server = pair(network)
    network.run(1)
    first = client.subscriber.call_id
    server.notifiers[0].drop("restart")
    server.value = 7
    network.run(600)
    assert client.subscriber.call_id != first
    assert client.seen == [0, 7]
    client.subscriber.stop()
    nothing_is_left(network, client, server)


@pytest.mark.parametrize(("says", "seconds"), [("deactivated", 2), ("giveup", 61), ("rejected", 3601)])
def test_rfc6665_4_1_3_reasons_say_when_to_ask_again(says: str, seconds: int) -> None:
    network = Network()
    client, server = pair(network)
    network.run(1)
    server.notifiers[0].terminate("told", says=says)
    network.run(seconds - 1.5)
    assert (client.failures, server.notifiers) == ([(0, says)], [])
    network.run(2)
    assert len(server.notifiers) == 1
    client.subscriber.stop()
    nothing_is_left(network, client, server)


def test_a_pause_in_digits_of_no_number_is_as_if_not_said() -> None:
    network = Network()
    client, server = pair(network)
    network.run(1)
    server.notifiers[0].terminate("told", says="probation;retry-after=\u00b2")
    network.run(61)
    assert client.failures == [(0, "probation")]
    assert len(server.notifiers) == 1
    client.subscriber.stop()
    nothing_is_left(network, client, server)


def test_a_dead_server_is_asked_again_and_again() -> None:
    network = Network()
    network.is_cut = True
    client, server = pair(network)
    network.run(64 * 0.5 + 60 + 64 * 0.5 + 1)
    assert [status for status, _ in client.failures] == [408, 408]
    network.is_cut = False
    network.run(60)
    assert client.seen == [0]
    client.subscriber.stop()
    nothing_is_left(network, client, server)


@pytest.mark.parametrize("seed", range(25))
def test_whatever_the_network_does_nothing_hangs_and_the_last_state_is_known(seed: int) -> None:
    """A third lost, some twice and out of order: every NOTIFY is taken once and in order, and in the end all is gone."""
    network = Network(seed, loss=0.3, again=0.1, jitter=0.2)
    client, server = pair(network, asked=120, expires=120)
    rng = random.Random(seed)
    for value in range(1, 12):
        network.run(rng.random() * 30)
        server.change(value)
    network.loss = 0.0
    network.run(400)
    assert client.subscriber.state is SubscriberState.ACTIVE
    assert client.seen[-1] == 11
    for tag in {tag for tag, _ in client.order}:
        numbers = [number for other, number in client.order if other == tag]
        assert numbers == sorted(set(numbers))
    client.subscriber.stop()
    network.run(60)
    assert server.notifiers == []
    nothing_is_left(network, client, server)
