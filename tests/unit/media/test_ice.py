"""ICE agents over a network in memory: ways are found, roles repaired, losses and strangers borne, consent asked for."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any, cast

import pytest

from globstar.media.ice import CONSENT_LOST, MAX_PAIRS, IceAgent
from globstar.proto.stun import Attr, Candidate, Kind, StunMessage, host_candidate, parse_stun, relayed_candidate

pytestmark = pytest.mark.virtual_time

Address = tuple[str, int]
A, B, NOWHERE = ("192.0.2.1", 4000), ("192.0.2.2", 5000), ("192.0.2.99", 9)


class Net:
    """Agents at addresses; ``loses`` says whether a datagram is lost."""

    def __init__(self, loses: Callable[[Address, Address], bool] = lambda source, to: False) -> None:
        self.loop = asyncio.get_running_loop()
        self.loses = loses
        self.agents: dict[Address, tuple[IceAgent, int]] = {}
        self.seen: list[tuple[Address, Address, StunMessage]] = []
        self.chosen: dict[Address, list[Address]] = {}
        self.lost: list[Address] = []

    def agent(self, address: Address, *, components: int = 1, translated: Address | None = None) -> IceAgent:
        """An agent, perhaps behind a NAT that shows it as ``translated``."""
        host, port = address
        shown = translated or address

        def send(component: int, data: bytes, to: Address) -> None:
            self.carry((shown[0], shown[1] + component - 1), to, data)

        agent = IceAgent(self.loop, send)
        agent.on_selected = lambda component, to: self.chosen.setdefault((host, port + component - 1), []).append(to)
        agent.on_lost = lambda component: self.lost.append((host, port + component - 1))
        for component in range(1, components + 1):
            agent.add(host_candidate(component, (host, port + component - 1)))
            self.agents[(shown[0], shown[1] + component - 1)] = (agent, component)
        return agent

    def carry(self, source: Address, to: Address, data: bytes) -> None:
        """One datagram."""
        self.seen.append((source, to, parse_stun(data)))
        found = self.agents.get(to)
        if found is not None and not self.loses(source, to):
            agent, component = found
            self.loop.call_later(0.01, agent.receive, component, data, source)

    def requests(self, since: int = 0) -> list[StunMessage]:
        return [message for _, _, message in self.seen[since:] if message.kind is Kind.REQUEST]


def candidates(address: Address, components: int = 1) -> list[Candidate]:
    return [host_candidate(number, (address[0], address[1] + number - 1)) for number in range(1, components + 1)]


def meet(one: IceAgent, two: IceAgent, ones: list[Candidate], twos: list[Candidate]) -> None:
    """Exchange descriptions; ``one`` has offered."""
    two.set_remote(one.ufrag, one.password, ones, is_controlling=False)
    one.set_remote(two.ufrag, two.password, twos, is_controlling=True)


@pytest.mark.parametrize("components", [1, 2])
async def test_rfc8445_7_a_way_is_found_and_nominated_for_each_component(components: int) -> None:
    net = Net()
    one, two = net.agent(A, components=components), net.agent(B, components=components)
    meet(one, two, candidates(A, components), candidates(B, components))
    await asyncio.sleep(1)
    for number in range(1, components + 1):
        assert one.target(number) == (B[0], B[1] + number - 1)
        assert two.target(number) == (A[0], A[1] + number - 1)
    assert any(Attr.USE_CANDIDATE in message.attributes for message in net.requests())
    quiet = len(net.seen)
    await asyncio.sleep(3)
    assert len(net.seen) == quiet, "checks go on after the end"
    one.close()
    two.close()


async def test_test_systems_hear_of_check_lists() -> None:
    """Once for each description of the peer, with whether there is anything to check."""
    net = Net()
    one, two = net.agent(A), net.agent(B)
    told: list[tuple[str, object]] = []
    one.tell = lambda state, **fields: told.append((state, fields["Result"]))
    one.set_remote(two.ufrag, two.password, [], is_controlling=True)
    assert told == [("ICECHECKLISTCREATE", "FAILURE")]
    one.set_remote(two.ufrag, two.password, candidates(B), is_controlling=True)
    assert len(told) == 1
    one.set_remote("other", "password", candidates(B), is_controlling=True)
    assert told[1:] == [("ICECHECKLISTCREATE", "SUCCESS")]
    one.close()
    two.close()


async def test_rfc8445_7_3_1_3_a_peer_without_candidates_is_found_by_its_checks() -> None:
    """As with candidates that come later (trickle) or behind a NAT: its address is peer-reflexive."""
    net = Net()
    outside = ("203.0.113.5", 6000)
    one, two = net.agent(A), net.agent(("10.0.0.5", 7000), translated=outside)
    meet(one, two, candidates(A), [])
    await asyncio.sleep(1)
    assert one.target(1) == outside
    assert two.target(1) == A
    assert one.is_checked(1, outside)
    assert not one.is_checked(1, NOWHERE)
    one.close()
    two.close()


async def test_checks_that_come_before_the_answer_are_answered_and_remembered() -> None:
    net = Net()
    one, two = net.agent(A), net.agent(B)
    two.set_remote(one.ufrag, one.password, candidates(A), is_controlling=False)
    await asyncio.sleep(0.3)
    assert two.target(1) == A, "our side answers as soon as it has offered"
    assert one.is_checked(1, B)
    one.set_remote(two.ufrag, two.password, [], is_controlling=True)
    await asyncio.sleep(1)
    assert one.target(1) == B
    one.close()
    two.close()


async def test_the_best_pair_that_works_is_taken() -> None:
    net = Net()
    one, two = net.agent(A), net.agent(B)
    dead = Candidate("x", 1, 2130706431, NOWHERE)
    meet(one, two, candidates(A), [dead, Candidate("y", 1, 100, B, "relay")])
    await asyncio.sleep(2)
    assert one.target(1) == B
    one.close()
    two.close()


@pytest.mark.parametrize("seed", range(5))
async def test_losses_only_delay(seed: int) -> None:
    chance = random.Random(seed)
    net = Net(lambda source, to: chance.random() < 0.4)
    one, two = net.agent(A), net.agent(B)
    meet(one, two, candidates(A), candidates(B))
    await asyncio.sleep(20)
    assert (one.target(1), two.target(1)) == (B, A)
    one.close()
    two.close()


@pytest.mark.parametrize("both", [True, False])
async def test_rfc8445_7_3_1_1_a_conflict_of_roles_is_repaired(both: bool) -> None:
    net = Net()
    one, two = net.agent(A), net.agent(B)
    two.set_remote(one.ufrag, one.password, candidates(A), is_controlling=both)
    one.set_remote(two.ufrag, two.password, candidates(B), is_controlling=both)
    await asyncio.sleep(5)
    assert one.is_controlling != two.is_controlling
    assert (one.target(1), two.target(1)) == (B, A)
    one.close()
    two.close()


async def test_strangers_are_refused() -> None:
    """No credentials, wrong ones, unknown attributes: 400, 401, 420; nothing is learnt."""
    net = Net()
    one, two = net.agent(A), net.agent(B)
    meet(one, two, candidates(A), candidates(B))
    await asyncio.sleep(1)
    good = {Attr.USERNAME: f"{one.ufrag}:x".encode(), Attr.PRIORITY: b"\0\0\0\1"}
    for attributes, password, code in (
        ({}, "", 400),
        (good, "wrong", 401),
        ({**good, Attr.USERNAME: b"other:x"}, one.password, 401),
        ({**good, 0x7777: b""}, one.password, 420),
    ):
        net.carry(NOWHERE, A, StunMessage(Kind.REQUEST, bytes(12), dict(attributes)).build(password))
        await asyncio.sleep(0.05)
        source, to, reply = net.seen[-1]
        assert (source, to, reply.error) == (A, NOWHERE, code)
    assert one.target(1) == B
    assert not one.is_checked(1, NOWHERE)
    forged = next(message for message in net.requests() if message.username.startswith(two.ufrag))
    reply = StunMessage(Kind.RESPONSE, forged.transaction)
    one.receive(1, reply.build("wrong"), B)
    assert one.refused == 2
    for number in range(MAX_PAIRS + 20):
        source = ("198.51.100.7", 1000 + number)
        check = StunMessage(Kind.REQUEST, number.to_bytes(12, "big"), dict(good))
        one.receive(1, check.build(one.password), source)
    assert sum(one.is_checked(1, ("198.51.100.7", 1000 + number)) for number in range(MAX_PAIRS + 20)) < MAX_PAIRS
    one.close()
    two.close()


async def test_rfc7675_5_1_consent_is_asked_for_and_its_loss_told() -> None:
    gone = False
    net = Net(lambda source, to: gone)
    one, two = net.agent(A), net.agent(B)
    meet(one, two, candidates(A), candidates(B))
    await asyncio.sleep(60)
    assert not net.lost
    assert 11 <= len([1 for source, _, message in net.seen if source == A and message.kind is Kind.REQUEST]) <= 18
    gone = True
    await asyncio.sleep(CONSENT_LOST + 12)
    assert sorted(net.lost) == [A, B]
    assert one.target(1) is None
    one.close()
    two.close()
    count = len(net.seen)
    await asyncio.sleep(10)
    assert len(net.seen) == count


async def test_where_one_way_is_lost_another_one_is_looked_for() -> None:
    blocked: set[Address] = set()
    net = Net(lambda source, to: source in blocked or to in blocked)
    second = ("192.0.2.2", 5050)
    one, two = net.agent(A), net.agent(B)
    net.agents[second] = (two, 1)  # a host with two addresses, of which it uses one at a time
    two._send = lambda component, data, to: net.carry(second if B in blocked else B, to, data)
    worse = Candidate("H2", 1, 5, second)
    meet(one, two, candidates(A), [*candidates(B), worse])
    await asyncio.sleep(1)
    assert one.target(1) == B
    blocked.add(B)
    await asyncio.sleep(CONSENT_LOST + 10)
    assert one.target(1) == second
    assert net.chosen[A] == [B, second]
    one.close()
    two.close()


async def test_when_the_turn_server_goes_the_pairs_through_it_go_and_others_are_tried_again() -> None:
    blocked = {(A, B)}
    net = Net(lambda source, to: (source, to) in blocked)
    relay = ("203.0.113.7", 9000)
    one, two = net.agent(A), net.agent(B)
    one.send_relayed = lambda component, data, to: net.carry(relay, to, data)
    one.add(relayed_candidate(1, relay, A))
    relayed: list[bytes] = []

    class Through:
        """What comes to our address at the server."""

        def receive(self, component: int, data: bytes, source: Address) -> None:
            relayed.append(data)
            one.receive(component, data, source, is_relayed=True)

    net.agents[relay] = cast("tuple[IceAgent, int]", (Through(), 1))
    meet(one, two, [*candidates(A), relayed_candidate(1, relay, A)], candidates(B))
    await asyncio.sleep(10)
    assert one.is_relayed(1)
    assert relayed
    blocked.clear()
    del net.agents[relay]
    one.lose_relayed(1)
    assert (one.target(1), net.lost) == (None, [A])
    one.lose_relayed(2)  # there is none
    await asyncio.sleep(1)
    assert (one.target(1), one.is_relayed(1)) == (B, False)
    one.close()
    two.close()


async def test_rfc8445_9_a_restart_finds_a_new_way_and_keeps_the_old_one_until_then() -> None:
    net = Net()
    one, two = net.agent(A), net.agent(B)
    meet(one, two, candidates(A), candidates(B))
    await asyncio.sleep(1)
    elsewhere = ("192.0.2.3", 5500)
    three = net.agent(elsewhere)
    one.renew()
    assert one.target(1) == B
    three.set_remote(one.ufrag, one.password, candidates(A), is_controlling=True)
    one.set_remote(three.ufrag, three.password, candidates(elsewhere), is_controlling=False)
    await asyncio.sleep(1)
    assert one.target(1) == elsewhere
    assert three.target(1) == A
    for agent in (one, two, three):
        agent.close()


class Scripted:
    """A peer that answers checks as it is told: None for a success, else the number of the error."""

    def __init__(self, net: Net, agent: IceAgent, answers: list[int | None], *addresses: Address) -> None:
        self.net, self.agent, self.answers = net, agent, answers
        self.checks: list[tuple[Address, StunMessage]] = []
        for address in addresses:
            net.agents[address] = cast("tuple[IceAgent, int]", (_At(self, address), 1))

    def receive(self, address: Address, data: bytes, source: Address) -> None:
        message = parse_stun(data)
        if message.kind is not Kind.REQUEST:
            return
        self.checks.append((address, message))
        error = self.answers.pop(0) if self.answers else None
        reply = StunMessage(Kind.RESPONSE if error is None else Kind.ERROR, message.transaction)
        if error is None:
            reply.set_address(source)
        else:
            reply.set_error(error, "told so")
        self.net.carry(address, source, reply.build("their password"))


class _At:
    """One address of a scripted peer."""

    def __init__(self, peer: Scripted, address: Address) -> None:
        self.peer, self.address = peer, address

    def receive(self, component: int, data: bytes, source: Address) -> None:
        self.peer.receive(self.address, data, source)


def controls(message: StunMessage) -> bool:
    return Attr.ICE_CONTROLLING in message.attributes


@pytest.mark.parametrize("error", [400, 500])
async def test_a_pair_that_fails_when_it_is_nominated_leaves_the_choice_to_the_next(error: int) -> None:
    net = Net()
    second = ("192.0.2.3", 5000)
    one = net.agent(A)
    peer = Scripted(net, one, [None, error], B, second)
    worse = Candidate("H2", 1, 5, second)
    one.set_remote("peer", "their password", [*candidates(B), worse], is_controlling=True)
    await asyncio.sleep(2)
    nominations = [to for to, message in peer.checks if Attr.USE_CANDIDATE in message.attributes]
    assert nominations == [B, second]
    assert one.target(1) == second
    one.close()


@pytest.mark.parametrize("more", [1, 2, 3, 4, 5])
async def test_rfc8445_7_2_5_1_conflicts_without_end_do_not_stop_the_agent(more: int) -> None:
    """A peer that refuses our nomination, and whatever role we take then: there is no pair left to nominate meanwhile."""
    net = Net()
    failures: list[dict[str, Any]] = []
    net.loop.set_exception_handler(lambda loop, context: failures.append(context))
    one = net.agent(A)
    peer = Scripted(net, one, [None, *[487] * more], B)
    one.set_remote("peer", "their password", candidates(B), is_controlling=True)
    await asyncio.sleep(3)
    roles = [controls(message) for _, message in peer.checks[1 : more + 2]]
    assert not failures
    assert roles == [number % 2 == 0 for number in range(more + 1)], "each refusal changes the role"
    assert one.target(1) == B
    assert one.is_controlling == (more % 2 == 0)
    one.close()


async def test_rfc8445_7_2_5_1_two_checks_refused_for_one_conflict_change_the_role_once() -> None:
    """Both were under way when the first refusal came."""
    net = Net()
    second = ("192.0.2.3", 5000)
    one = net.agent(A)
    peer = Scripted(net, one, [487, 487], B, second)
    net.loses = lambda source, to: False
    carry = net.carry
    held: list[tuple[Address, Address, bytes]] = []
    net.carry = lambda *datagram: held.append(datagram) if datagram[0] != A else carry(*datagram)  # type: ignore[method-assign]
    one.set_remote("peer", "their password", [*candidates(B), Candidate("H2", 1, 5, second)], is_controlling=True)
    await asyncio.sleep(0.1)
    assert len(held) == 2
    net.carry = carry  # type: ignore[method-assign]
    for datagram in held:
        net.carry(*datagram)
    await asyncio.sleep(1)
    assert not one.is_controlling
    assert [controls(message) for _, message in peer.checks[2:4]] == [False, False]
    one.close()


async def test_rfc8489_6_2_1_a_check_that_is_sent_again_is_the_same() -> None:
    net = Net(lambda source, to: True)
    one = net.agent(A)
    one.set_remote("peer", "their password", candidates(B), is_controlling=True)
    await asyncio.sleep(10)
    sent = [message for source, _, message in net.seen if source == A]
    assert len(sent) > 3
    assert len({message.build("") for message in sent}) == 1
    one.close()


async def test_rfc8445_9_a_restart_keeps_the_roles_and_answers_the_old_credentials_meanwhile() -> None:
    net = Net()
    one, two = net.agent(A), net.agent(B)
    meet(one, two, candidates(A), candidates(B))
    await asyncio.sleep(1)
    former = (two.ufrag, two.password)
    one.renew()  # one is about to offer a restart
    two.renew()  # and two to answer it
    two.set_remote(one.ufrag, one.password, candidates(A), is_controlling=True)
    check = StunMessage(Kind.REQUEST, bytes(12))
    check.attributes[Attr.USERNAME] = f"{former[0]}:whoever".encode()
    check.attributes[Attr.ICE_CONTROLLING] = bytes(8)
    before = len(net.seen)
    two.receive(1, check.build(former[1]), A)
    assert [message.kind for _, _, message in net.seen[before:]] == [Kind.RESPONSE], "consent, and no check in return"
    two.receive(1, check.build("wrong"), A)
    assert net.seen[-1][2].error == 401
    one.set_remote(two.ufrag, two.password, candidates(B), is_controlling=False)
    assert (one.is_controlling, two.is_controlling) == (True, False)
    assert (one.target(1), two.target(1)) == (B, A), "what is in use stays so"
    await asyncio.sleep(1)
    assert sum(message.error == 487 for _, _, message in net.seen) == 0
    assert net.chosen == {A: [B, B], B: [A, A]}
    one.close()
    two.close()


async def test_another_peer_that_answers_takes_the_place_of_the_first() -> None:
    """One offer, answers of two phones (forking): what was found of the first counts no more."""
    net = Net()
    other = ("192.0.2.3", 5500)
    one, two, three = net.agent(A), net.agent(B), net.agent(other)
    meet(one, two, candidates(A), candidates(B))
    await asyncio.sleep(1)
    assert one.target(1) == B
    meet(one, three, candidates(A), candidates(other))
    await asyncio.sleep(1)
    assert (one.target(1), three.target(1)) == (other, A)
    assert not one.is_checked(1, B)
    for agent in (one, two, three):
        agent.close()


async def test_a_peer_that_becomes_lite_leaves_the_control_to_us() -> None:
    net = Net()
    one, two = net.agent(A), net.agent(B)
    meet(two, one, candidates(B), candidates(A))
    assert not one.is_controlling
    one.renew()
    one.set_remote("other", "their password", candidates(B), is_controlling=False, is_lite=True)
    assert one.is_controlling
    one.close()
    two.close()


async def test_nothing_is_left_to_do_for_one_who_waits_to_be_nominated() -> None:
    """No timer runs in steps meanwhile."""
    net = Net()
    one = net.agent(A)
    Scripted(net, one, [], B)
    one.set_remote("peer", "their password", candidates(B), is_controlling=False)
    await asyncio.sleep(0.5)
    assert one.target(1) == B
    ticks = 0
    tick = one._tick

    def count() -> None:
        nonlocal ticks
        ticks += 1
        tick()

    one._tick = count  # type: ignore[method-assign]
    await asyncio.sleep(20)
    assert ticks <= 10
    one.close()


def test_a_timer_that_does_not_know_its_time() -> None:
    """uvloop gives a bare handle for what is due at once: the agent knows the time itself."""

    class BareLoop:
        """Gives handles that can only be cancelled."""

        def __init__(self) -> None:
            self.asked: list[float] = []
            self.cancelled = 0

        def time(self) -> float:
            return 100.0

        def call_later(self, delay: float, callback: object) -> BareLoop:
            self.asked.append(delay)
            return self

        def cancel(self) -> None:
            self.cancelled += 1

    loop = BareLoop()
    agent = IceAgent(cast(Any, loop), lambda component, data, address: None)
    for delay in (0.0, 1.0, 0.0):
        agent._schedule(delay)
    assert loop.asked == [0.0]
    sooner = BareLoop()
    agent = IceAgent(cast(Any, sooner), lambda component, data, address: None)
    agent._schedule(1.0)
    agent._schedule(0.5)
    assert (sooner.asked, sooner.cancelled) == ([1.0, 0.5], 1)
