"""Two SIP endpoints on a network of virtual time that loses, doubles and reorders datagrams, all from one seed."""

from __future__ import annotations

import heapq
import itertools
import random
from dataclasses import dataclass, field

from globstar.proto.sip.endpoint import SipEndpoint
from globstar.proto.sip.flow import Flow, Transport
from globstar.proto.sip.headers import NameAddr
from globstar.proto.sip.message import Request, Response
from globstar.proto.sip.session import InviteSession, SessionState
from globstar.proto.sip.settings import SipSettings
from globstar.proto.sip.transaction import ClientTransaction, ServerTransaction
from globstar.proto.sip.user import EndReason, RequestUser, SessionUser, SipHandler

SDP = b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
PORTS = (15061, 15062)
FOREVER = 600.0
"""Seconds after which nothing may be left: more than every timer of RFC 3261 one after another."""


@dataclass
class Question(RequestUser):
    """A request outside of dialogs: how often it ended, and the transaction that sent it."""

    finals: list[int] = field(default_factory=list)

    def response_received(self, transaction: ClientTransaction, response: Response) -> None:
        self.finals.append(response.status)

    def request_failed(self, transaction: ClientTransaction, status: int, reason: str) -> None:
        self.finals.append(status)


@dataclass
class Party(SessionUser):
    """One side of a call: what it was told."""

    session: InviteSession | None = None
    is_caller: bool = False
    accepted_initially: int = 0
    rejected_count: int = 0
    ends: list[EndReason] = field(default_factory=list)
    open_requests: list[ServerTransaction] = field(default_factory=list)
    outcomes: dict[int, int] = field(default_factory=dict)
    asked: list[ClientTransaction] = field(default_factory=list)

    def accepted(self, session: InviteSession, response: Response) -> None:
        if response.cseq.number == session.request.cseq.number:
            self.accepted_initially += 1

    def rejected(self, session: InviteSession, response: Response) -> None:
        self.rejected_count += 1

    def reinvite_received(self, session: InviteSession, transaction: ServerTransaction) -> None:
        self.open_requests.append(transaction)

    def update_received(self, session: InviteSession, transaction: ServerTransaction) -> None:
        self.open_requests.append(transaction)

    def request_received(self, session: InviteSession, transaction: ServerTransaction) -> None:
        self.open_requests.append(transaction)

    def response_received(self, session: InviteSession, transaction: ClientTransaction, response: Response) -> None:
        self.asked.append(transaction)  # kept alive, so that its identity is its own
        self.outcomes[id(transaction)] = self.outcomes.get(id(transaction), 0) + 1

    def ended(self, session: InviteSession, reason: EndReason, message: Request | Response | None) -> None:
        self.ends.append(reason)


class End(SipHandler):
    """One endpoint, its address, and everything that it was asked."""

    def __init__(self, world: World, index: int, seed: int) -> None:
        self.world = world
        self.transport = Transport("UDP", "127.0.0.1", PORTS[index])
        self.core = SipEndpoint(self, clock=lambda: world.now, rng=random.Random(seed), settings=SipSettings(user_agent="x"))
        self.open: list[ServerTransaction] = []
        self.calls: list[Party] = []
        self.questions: list[Question] = []
        self.seen: dict[tuple[str, str, int], int] = {}

    @property
    def address(self) -> tuple[str, int]:
        return (self.transport.host, self.transport.port)

    def request_received(self, transaction: ServerTransaction) -> None:
        request = transaction.request
        key = (request.method, request.call_id, request.cseq.number)
        self.seen[key] = self.seen.get(key, 0) + 1
        if request.method == "INVITE":
            party = Party()
            party.session = self.core.accept_invite(transaction, party, contact=f"<sip:127.0.0.1:{self.transport.port}>")
            self.calls.append(party)
        else:
            self.open.append(transaction)

    def ask(self, method: str) -> Question:
        """A request outside of dialogs to the other end."""
        other = self.world.other(self)
        question = Question()
        request = self.core.new_request(
            method,
            f"sip:x@127.0.0.1:{other.transport.port}",
            from_=NameAddr.parse("<sip:a@127.0.0.1>"),
            to=NameAddr.parse("<sip:b@127.0.0.1>"),
        )
        self.core.send_request(request, Flow(self.transport, *other.address), question)
        self.questions.append(question)
        return question

    def call(self) -> Party:
        """INVITE to the other end."""
        other = self.world.other(self)
        party = Party(is_caller=True)
        party.session = self.core.invite(
            f"sip:x@127.0.0.1:{other.transport.port}",
            party,
            flow=Flow(self.transport, *other.address),
            from_=NameAddr.parse("<sip:a@127.0.0.1>"),
            to=NameAddr.parse("<sip:b@127.0.0.1>"),
            contact=f"<sip:127.0.0.1:{self.transport.port}>",
            body=SDP,
        )
        self.calls.append(party)
        return party

    def is_idle(self) -> bool:
        """No dialog, transaction or timer is left."""
        layer = self.core.layer
        return not (self.core.dialogs or layer.servers or layer.clients or len(layer.timers))

    def left(self) -> str:
        """What is left, for a failed test."""
        layer = self.core.layer
        return (
            f"dialogs {self.core.dialogs}, servers {list(layer.servers)}, clients {list(layer.clients)}, "
            f"timers {layer.timers.describe()}"
        )


class World:
    """Both ends and what flies between them. ``loss`` and ``doubling`` are probabilities, ``delay`` the longest in seconds."""

    def __init__(self, seed: int, *, loss: float = 0.0, doubling: float = 0.0, delay: float = 0.0) -> None:
        self.now = 1000.0
        self.loss, self.doubling, self.delay = loss, doubling, delay
        self.chance = random.Random(seed)
        self.ends = (End(self, 0, seed + 1), End(self, 1, seed + 2))
        self.flying: list[tuple[float, int, int, bytes]] = []
        self.sent: list[str] = []
        self._order = itertools.count()

    def other(self, end: End) -> End:
        return self.ends[1] if end is self.ends[0] else self.ends[0]

    def drain(self) -> None:
        """Hand what both ends have to say to the network."""
        for index, end in enumerate(self.ends):
            for _, data in end.core.take_output():
                self.sent.append(data.split(b"\r\n", 1)[0].decode())
                copies = 0 if self.chance.random() < self.loss else 2 if self.chance.random() < self.doubling else 1
                for _ in range(copies):
                    due = self.now + 0.001 + self.chance.random() * self.delay
                    heapq.heappush(self.flying, (due, next(self._order), 1 - index, data))

    def run(self, seconds: float) -> None:
        """Let time pass, from one delivery or deadline to the next."""
        end_of_time = self.now + seconds
        self.drain()
        for _ in range(1_000_000):
            deadlines = [d for end in self.ends if (d := end.core.next_deadline()) is not None]
            due = min([*deadlines, *(self.flying[0][:1] if self.flying else ())], default=end_of_time + 1)
            if due > end_of_time:
                self.now = end_of_time
                return
            self.now = max(self.now, due)
            if self.flying and self.flying[0][0] <= self.now:
                _, _, index, data = heapq.heappop(self.flying)
                source = self.ends[1 - index].address
                self.ends[index].core.receive_datagram(data, source, self.ends[index].transport, self.now)
            for end in self.ends:
                deadline = end.core.next_deadline()
                if deadline is not None and deadline <= self.now:
                    end.core.handle_timer(self.now)
            self.drain()
        raise AssertionError("no end of messages and timers")

    def settle(self) -> None:
        """Answer and end everything that is open, and let time pass until nothing can be left."""
        for _ in range(3):  # what crosses the network meanwhile is answered the next time
            for end in self.ends:
                for transaction in end.open:
                    if not transaction.is_answered:
                        transaction.respond(480)
                for party in end.calls:
                    assert party.session is not None
                    for transaction in party.open_requests:
                        if not transaction.is_answered:
                            party.session.respond(transaction, 488)
                    party.session.terminate(480)
            self.run(FOREVER)

    def check_outcomes(self) -> None:
        """Every request ended exactly once, every call at most once in every way, no request was seen twice."""
        for end in self.ends:
            for question in end.questions:
                assert len(question.finals) == 1, question
            for key, count in end.seen.items():
                assert count == 1, (key, count)
            for party in end.calls:
                assert party.accepted_initially + party.rejected_count <= 1, party
                assert len(party.ends) <= 1, party
                assert all(count == 1 for count in party.outcomes.values()), party

    def check_idle(self) -> None:
        """Nothing is left at either end."""
        for end in self.ends:
            assert end.is_idle(), end.left()
        for end in self.ends:
            for party in end.calls:
                assert party.session is not None
                assert party.session.state is SessionState.TERMINATED
                if party.is_caller:
                    assert party.accepted_initially + party.rejected_count + len(party.ends) >= 1, party
