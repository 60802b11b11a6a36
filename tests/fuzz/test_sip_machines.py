"""Two endpoints, a network that loses, doubles and reorders, and any order of commands at both ends.

Invariants:

- never a stuck transaction: when both ends have ended their calls and answered what they were asked, and the longest chain of
  timers has run out, neither end has a transaction, a dialog or a timer left;
- never two final responses: a request ends exactly once, an INVITE is accepted or rejected once, a call ends once;
- a request is given to its user once, however often its datagram comes;
- the messages that a given seed leads to are always the same.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from globstar.proto.sip.session import SessionState
from globstar.proto.sip.session_base import ANSWERED, UNANSWERED
from tests.fuzz.sip_world import SDP, End, Party, World

ENDS = st.integers(0, 1)
PICK = st.integers(0, 1000)


class SipMachine(RuleBasedStateMachine):
    """Commands at both ends in any order."""

    world: World

    @initialize(
        seed=st.integers(0, 2**32), loss=st.sampled_from([0.0, 0.1, 0.3, 0.6, 1.0]), doubling=st.sampled_from([0.0, 0.2, 0.5]),
        delay=st.sampled_from([0.0, 0.05, 0.7, 5.0]),
    )  # fmt: skip
    def begin(self, seed: int, loss: float, doubling: float, delay: float) -> None:
        self.world = World(seed, loss=loss, doubling=doubling, delay=delay)

    def _end(self, index: int) -> End:
        return self.world.ends[index]

    def _party(self, index: int, pick: int, *states: SessionState) -> Party | None:
        found = [party for party in self._end(index).calls if party.session is not None and party.session.state in states]
        return found[pick % len(found)] if found else None

    @rule(end=ENDS, method=st.sampled_from(["OPTIONS", "MESSAGE", "REGISTER", "X"]))
    def ask(self, end: int, method: str) -> None:
        self._end(end).ask(method)

    @rule(end=ENDS, pick=PICK, status=st.sampled_from([100, 183, 200, 404, 503, 603]))
    def answer(self, end: int, pick: int, status: int) -> None:
        waiting = [transaction for transaction in self._end(end).open if not transaction.is_answered]
        if waiting:
            waiting[pick % len(waiting)].respond(status)

    @precondition(lambda self: sum(len(end.calls) for end in self.world.ends) < 8)
    @rule(end=ENDS)
    def call(self, end: int) -> None:
        self._end(end).call()

    @precondition(lambda self: sum(len(end.calls) for end in self.world.ends) < 8)
    @rule(end=ENDS)
    def connect(self, end: int) -> None:
        """A call that is answered, as far as the network lets it."""
        self._end(end).call()
        self.world.run(0.7)
        for party in self._end(1 - end).calls:
            if party.session is not None and not party.is_caller and party.session.state is SessionState.INCOMING:
                party.session.accept(body=SDP)
        self.world.run(0.7)

    @rule(end=ENDS, pick=PICK, status=st.sampled_from([180, 183, 200, 202, 302, 404, 486, 503, 600]))
    def answer_call(self, end: int, pick: int, status: int) -> None:
        party = self._party(end, pick, SessionState.INCOMING, SessionState.EARLY)
        if party is None or party.is_caller:
            return
        assert party.session is not None
        if status < 200:
            party.session.provisional(status)
        elif status < 300:
            party.session.accept(body=SDP)
        else:
            party.session.reject(status)

    @rule(end=ENDS, pick=PICK)
    def give_up(self, end: int, pick: int) -> None:
        party = self._party(end, pick, *UNANSWERED)
        if party is not None and party.is_caller:
            assert party.session is not None
            party.session.cancel()

    @rule(end=ENDS, pick=PICK)
    def hang_up(self, end: int, pick: int) -> None:
        party = self._party(end, pick, *ANSWERED)
        if party is not None:
            assert party.session is not None
            party.session.bye()

    @rule(end=ENDS, pick=PICK, method=st.sampled_from(["INVITE", "UPDATE", "INFO", "MESSAGE"]))
    def ask_in_call(self, end: int, pick: int, method: str) -> None:
        party = self._party(end, pick, SessionState.CONFIRMED)
        if party is None:
            return
        session = party.session
        assert session is not None
        if method == "INVITE":
            if session.can_reinvite:
                session.reinvite(body=SDP)
        elif method == "UPDATE":
            if session.can_update:
                session.update(body=SDP)
        else:
            session.send_request(method)

    @rule(end=ENDS, pick=PICK, status=st.sampled_from([200, 488, 500]))
    def answer_in_call(self, end: int, pick: int, status: int) -> None:
        waiting = [(p, t) for p in self._end(end).calls for t in p.open_requests if not t.is_answered]
        if waiting:
            party, transaction = waiting[pick % len(waiting)]
            assert party.session is not None
            body = SDP if status == 200 and transaction.request.method in ("INVITE", "UPDATE") else b""
            party.session.respond(transaction, status, body=body)

    @rule(seconds=st.sampled_from([0.0, 0.01, 0.4, 0.6, 3.0, 33.0, 100.0]))
    def wait(self, seconds: float) -> None:
        self.world.run(seconds)

    @invariant()
    def nothing_ends_twice(self) -> None:
        if not hasattr(self, "world"):
            return
        for end in self.world.ends:
            assert all(len(question.finals) <= 1 for question in end.questions)
            assert all(count == 1 for count in end.seen.values())
            assert all(len(party.ends) <= 1 for party in end.calls)
            assert all(party.accepted_initially + party.rejected_count <= 1 for party in end.calls)

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.world.settle()
            self.world.check_outcomes()
            self.world.check_idle()


SipMachine.TestCase.settings = settings(
    max_examples=max(60, settings().max_examples // 10),
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestSipMachine = SipMachine.TestCase


def one_of_everything(world: World) -> list[str]:
    """A question and a call that is answered, changed and ended; the start lines of all that was sent."""
    caller, called = world.ends
    caller.ask("OPTIONS")
    party = caller.call()
    world.run(0.2)
    for transaction in called.open:
        transaction.respond(200)
    for other in called.calls:
        if other.session is not None and other.session.state in UNANSWERED:
            other.session.provisional(180)
            world.run(0.2)
            if other.session.state in UNANSWERED:
                other.session.accept(body=SDP)
    world.run(5.0)
    assert party.session is not None
    if party.session.state is SessionState.CONFIRMED:
        party.session.reinvite(body=SDP)
        world.run(0.2)
        for other in called.calls:
            assert other.session is not None
            for transaction in other.open_requests:
                other.session.respond(transaction, 200, body=SDP)
        world.run(5.0)
    world.settle()
    world.check_outcomes()
    world.check_idle()
    return world.sent


def test_without_loss_every_message_goes_once() -> None:
    sent = one_of_everything(World(1))
    assert [line.split()[0] if not line.startswith("SIP") else line.split()[1] for line in sent] == [
        "OPTIONS", "INVITE", "200", "180", "200", "ACK", "INVITE", "200", "ACK", "BYE", "BYE", "200", "200",
    ]  # fmt: skip


@pytest.mark.parametrize("seed", range(8))
def test_the_same_seed_gives_the_same_messages(seed: int) -> None:
    first = one_of_everything(World(seed, loss=0.3, doubling=0.3, delay=1.0))
    assert first == one_of_everything(World(seed, loss=0.3, doubling=0.3, delay=1.0))


COUNTS = {0: 13, 1: 13, 2: 11, 3: 15, 4: 12, 5: 15, 6: 15, 7: 24, 8: 44, 9: 18, 10: 14, 11: 15}


@pytest.mark.parametrize(("seed", "count"), COUNTS.items())
def test_exact_counts_of_messages(seed: int, count: int) -> None:
    """With three in ten datagrams lost, three in ten doubled, and up to a second of delay."""
    assert len(one_of_everything(World(seed, loss=0.3, doubling=0.3, delay=1.0))) == count


def test_nobody_there_invite_is_sent_seven_times_and_others_eleven_times() -> None:
    """RFC 3261 17.1.1.2 and 17.1.2.2 with T1 500 ms: at 0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5 s; and every 4 s at last."""
    world = World(1, loss=1.0)
    question, party = world.ends[0].ask("OPTIONS"), world.ends[0].call()
    world.run(40)
    assert question.finals == [408]
    assert party.rejected_count == 1
    assert sum(line.startswith("INVITE") for line in world.sent) == 7
    assert sum(line.startswith("OPTIONS") for line in world.sent) == 11
    world.run(600)
    world.check_idle()
