"""A subscriber and a notifier on a network that loses, doubles and reorders, and any order of commands at both ends.

Invariants:

- when the subscriber has stopped and the notifier has ended what it served, neither end has a transaction, a dialog or a timer
  left;
- a subscription ends once;
- what the subscriber was told last is the notifier's state, as soon as every NOTIFY is answered and both know the subscription;
- no state is told that the notifier never had, and none that is older than one told before in the same dialog.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from globstar.proto.sip.flow import Flow
from globstar.proto.sip.headers import NameAddr
from globstar.proto.sip.message import Headers, Request
from globstar.proto.sip.notifier import Notifier, NotifierUser
from globstar.proto.sip.subscriber import Subscriber, SubscriberState, SubscriberUser
from globstar.proto.sip.transaction import ServerTransaction
from globstar.proto.sip.uri import SipUri
from tests.fuzz.sip_world import FOREVER, End, World

GRANTED = 120


class Served(NotifierUser):
    """The notifier's side: a number that grows, and the subscriptions to it."""

    def __init__(self, end: End) -> None:
        self.end = end
        self.number = 0
        self.subscriptions: list[Notifier] = []
        self.ended: dict[int, int] = {}

    def notification(self, subscription: Notifier) -> tuple[bytes, str, Headers]:
        return str(self.number).encode(), "text/plain", ()

    def subscription_ended(self, subscription: Notifier, reason: str) -> None:
        self.ended[id(subscription)] = self.ended.get(id(subscription), 0) + 1

    def subscribe_received(self, transaction: ServerTransaction) -> None:
        subscription = Notifier(self.end.core, self, "counter", longest=GRANTED)
        subscription.accept(
            transaction, f"<sip:127.0.0.1:{self.end.transport.port}>", min(transaction.request.expires or 0, GRANTED)
        )
        self.subscriptions.append(subscription)
        subscription.notify_now()


class Watcher(SubscriberUser):
    """The subscriber's side: what it was told, by dialog."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int]] = []

    def notified(self, subscription: Subscriber, request: Request) -> int:
        self.told.append((request.call_id, int(request.body)))
        return 200


class Pair:
    """Both sides on a network."""

    def __init__(self, world: World) -> None:
        self.world = world
        watching, serving = world.ends
        self.served = Served(serving)
        self.watcher = Watcher()
        plain = serving.request_received

        def request_received(transaction: ServerTransaction) -> None:
            if transaction.request.method == "SUBSCRIBE":
                self.served.subscribe_received(transaction)
            else:
                plain(transaction)

        serving.request_received = request_received  # type: ignore[method-assign]
        flow = Flow(watching.transport, *serving.address)
        self.subscriber = Subscriber(
            watching.core,
            self.watcher,
            uri=SipUri.parse(f"sip:counter@127.0.0.1:{serving.transport.port}"),
            from_=NameAddr.parse("<sip:watcher@127.0.0.1>"),
            flow=lambda: flow,
            contact=lambda _: f"<sip:127.0.0.1:{watching.transport.port}>",
            event="counter",
            accept="text/plain",
            expires=300,
        )

    def change(self) -> None:
        """The notifier's state changes, and everybody is told."""
        self.served.number += 1
        for subscription in self.served.subscriptions:
            subscription.notify_now()

    def settle(self) -> None:
        """Stop both sides, and let everything come to its end."""
        self.subscriber.stop()
        for _ in range(3):
            for subscription in self.served.subscriptions:
                subscription.terminate()
            self.world.run(FOREVER)

    def check_told(self) -> None:
        last: dict[str, int] = {}
        for dialog, number in self.watcher.told:
            assert 0 <= number <= self.served.number
            assert number >= last.get(dialog, 0), self.watcher.told
            last[dialog] = number

    def check_converged(self) -> None:
        """Once nothing is under way, who is subscribed knows the state of now."""
        for subscription in self.served.subscriptions:
            dialog = self.subscriber.dialog
            if (
                subscription.is_over
                or dialog is None
                or subscription.dialog is None
                or dialog.call_id != subscription.dialog.call_id
                or self.subscriber.state is not SubscriberState.ACTIVE
                or self.world.ends[1].core.layer.clients
                or self.world.flying
            ):
                continue
            told = [number for call_id, number in self.watcher.told if call_id == dialog.call_id]
            assert told, "an active subscription without a NOTIFY"
            assert told[-1] == self.served.number


class SubscriptionMachine(RuleBasedStateMachine):
    """Commands at both ends in any order."""

    pair: Pair

    @initialize(
        seed=st.integers(0, 2**32), loss=st.sampled_from([0.0, 0.1, 0.3, 0.6, 1.0]), doubling=st.sampled_from([0.0, 0.3]),
        delay=st.sampled_from([0.0, 0.05, 0.7, 5.0]),
    )  # fmt: skip
    def begin(self, seed: int, loss: float, doubling: float, delay: float) -> None:
        self.pair = Pair(World(seed, loss=loss, doubling=doubling, delay=delay))
        self.pair.subscriber.start()

    @rule()
    def change(self) -> None:
        self.pair.change()

    @rule()
    def stop(self) -> None:
        self.pair.subscriber.stop()

    @rule()
    def start(self) -> None:
        self.pair.subscriber.start()

    @rule(drop=st.booleans())
    def end(self, drop: bool) -> None:
        for subscription in self.pair.served.subscriptions[-1:]:
            if drop:
                subscription.drop("the notifier forgot it")
            else:
                subscription.terminate("the notifier ends it")

    @rule(seconds=st.sampled_from([0.0, 0.01, 0.4, 3.0, 33.0, 61.0, 200.0]))
    def wait(self, seconds: float) -> None:
        self.pair.world.run(seconds)

    @invariant()
    def told_rightly(self) -> None:
        if hasattr(self, "pair"):
            self.pair.check_told()
            self.pair.check_converged()
            assert all(count == 1 for count in self.pair.served.ended.values())

    def teardown(self) -> None:
        if hasattr(self, "pair"):
            self.pair.settle()
            self.pair.check_told()
            for end in self.pair.world.ends:
                assert end.is_idle(), end.left()


SubscriptionMachine.TestCase.settings = settings(
    max_examples=max(60, settings().max_examples // 10),
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestSubscriptionMachine = SubscriptionMachine.TestCase


def test_without_loss_every_message_goes_once() -> None:
    pair = Pair(World(1))
    pair.subscriber.start()
    pair.world.run(1)
    pair.change()
    pair.world.run(1)
    pair.subscriber.stop()
    pair.world.run(FOREVER)
    assert [line.split()[1] if line.startswith("SIP") else line.split()[0] for line in pair.world.sent] == [
        "SUBSCRIBE", "200", "NOTIFY", "200", "NOTIFY", "200", "SUBSCRIBE", "200", "NOTIFY", "200",
    ]  # fmt: skip
    assert [number for _, number in pair.watcher.told] == [0, 1, 1]
    assert all(end.is_idle() for end in pair.world.ends)


@pytest.mark.parametrize("seed", range(6))
def test_the_same_seed_gives_the_same_messages(seed: int) -> None:
    def run() -> list[str]:
        pair = Pair(World(seed, loss=0.3, doubling=0.3, delay=1.0))
        pair.subscriber.start()
        for _ in range(5):
            pair.world.run(20)
            pair.change()
        pair.settle()
        return pair.world.sent

    assert run() == run()
