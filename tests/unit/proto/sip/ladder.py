"""A call ladder on virtual time: one endpoint under test, its far ends written as text."""

from __future__ import annotations

import random

from globstar.proto.sip.endpoint import SipEndpoint
from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.flow import Flow, Transport
from globstar.proto.sip.headers import NameAddr
from globstar.proto.sip.message import Request, Response
from globstar.proto.sip.parser import parse
from globstar.proto.sip.session import InviteSession, SessionState
from globstar.proto.sip.settings import SipSettings
from globstar.proto.sip.transaction import ClientTransaction, ServerTransaction
from globstar.proto.sip.user import EndReason, RequestUser, SessionUser, SipHandler

UDP = Transport("UDP", "127.0.0.1", 15060)
TCP = Transport("TCP", "127.0.0.1", 15060, reliable=True)
ALICE = ("127.0.0.1", 15071)
BOB = ("127.0.0.1", 15072)
TO_BOB = Flow(UDP, *BOB)
SDP = b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
START = 1000.0


class Ladder(SipHandler):
    """Drives an endpoint and keeps what it sends, with the time it left.

    ``after`` moves virtual time from deadline to deadline, so repetitions can be counted exactly.
    """

    def __init__(self, settings: SipSettings | None = None, *, seed: int = 7) -> None:
        self.now = START
        self.settings = settings or SipSettings(user_agent="Golden PBX")
        self.core = SipEndpoint(self, clock=lambda: self.now, rng=random.Random(seed), settings=self.settings)
        self.sent: list[tuple[float, Flow, bytes]] = []
        self.requests: list[ServerTransaction] = []
        self.discarded: list[SipParseError] = []
        self.unmatched: list[Response] = []
        self.closed: list[str] = []
        self.wakes = 0
        self._seen = 0

    # -- handler -------------------------------------------------------------------------------------------------
    def request_received(self, transaction: ServerTransaction) -> None:
        self.requests.append(transaction)

    def response_unmatched(self, response: Response, flow: Flow) -> None:
        self.unmatched.append(response)

    def message_discarded(self, error: SipParseError, data: bytes, flow: Flow) -> None:
        self.discarded.append(error)

    def close_connection(self, flow: Flow, reason: str) -> None:
        self.closed.append(reason)

    def output_pending(self) -> None:
        self.wakes += 1

    # -- ladder --------------------------------------------------------------------------------------------------
    def drain(self) -> None:
        """Take the endpoint's output."""
        self.sent += [(self.now, flow, data) for flow, data in self.core.take_output()]

    def receive(self, data: str | bytes, source: tuple[str, int] = ALICE, transport: Transport = UDP) -> ServerTransaction | None:
        """Deliver a datagram (text gets CRLF line ends); returns the transaction that reached the handler, if one did."""
        before = len(self.requests)
        raw = wire(data) if isinstance(data, str) else data
        self.core.receive_datagram(raw, source, transport, self.now)
        self.drain()
        return self.requests[-1] if len(self.requests) > before else None

    def after(self, seconds: float) -> None:
        """Let virtual time pass, firing each deadline at its moment."""
        self.drain()
        end = self.now + seconds
        while True:
            deadline = self.core.next_deadline()
            if deadline is None or deadline > end:
                break
            self.now = max(self.now, deadline)
            self.core.handle_timer(self.now)
            self.drain()
        self.now = end

    def take(self) -> list[Request | Response]:
        """Return what was sent since the last look."""
        self.drain()
        new = self.sent[self._seen :]
        self._seen = len(self.sent)
        return [parse(data) for _, _, data in new]

    def expect(self, *starts: str) -> list[Request | Response]:
        """Assert that exactly these messages were sent since the last look, by the beginning of their start line."""
        new = self.take()
        lines = [message.start_line for message in new]
        assert len(lines) == len(starts), f"sent {lines}, expected {list(starts)}"
        for line, start in zip(lines, starts, strict=True):
            assert line.startswith(start), f"sent {lines}, expected {list(starts)}"
        return new

    def times(self, start: str) -> list[float]:
        """Return when messages with this start line left, relative to the beginning, to the millisecond."""
        return [round(when - START, 3) for when, _, data in self.sent if data.startswith(start.encode())]

    def is_idle(self) -> bool:
        """True when no dialog, transaction or timer is left."""
        layer = self.core.layer
        return not (self.core.dialogs or layer.servers or layer.clients or len(layer.timers))


def wire(text: str) -> bytes:
    """Return text as it goes over the wire."""
    return text.replace("\r\n", "\n").replace("\n", "\r\n").encode("utf-8", "surrogateescape")


def request(
    method: str = "INVITE",
    *,
    uri: str = "sip:100@127.0.0.1:15060",
    branch: str = "z9hG4bKalice1",
    to_tag: str = "",
    cseq: int = 1,
    call_id: str = "call-1",
    from_tag: str = "alicetag",
    extra: str = "",
    body: bytes = b"",
    contact: str = "Contact: <sip:alice@127.0.0.1:15071>\n",
    via: str = "",
) -> bytes:
    """Return a request of alice's."""
    to = f";tag={to_tag}" if to_tag else ""
    kind = "Content-Type: application/sdp\n" if body else ""
    via = via or f"SIP/2.0/UDP 127.0.0.1:15071;branch={branch};rport"
    return (
        wire(
            f"{method} {uri} SIP/2.0\nVia: {via}\nMax-Forwards: 70\n"
            f"From: <sip:alice@127.0.0.1>;tag={from_tag}\nTo: <sip:100@127.0.0.1:15060>{to}\nCall-ID: {call_id}\n"
            f"CSeq: {cseq} {method}\n{contact}{extra}{kind}Content-Length: {len(body)}\n\n"
        )
        + body
    )


def response(
    to: Request | Response,
    status: int,
    reason: str = "X",
    *,
    tag: str = "bobtag",
    extra: str = "",
    body: bytes = b"",
    contact: str = "<sip:bob@127.0.0.1:15072>",
) -> bytes:
    """Return bob's response to a request of ours."""
    names = ("Via", "From", "Call-ID", "CSeq")
    copied = "".join(f"{name}: {value}\n" for name, value in to.headers if name in names)
    to_value = to.get("To") or ""
    if tag and "tag=" not in to_value:
        to_value += f";tag={tag}"
    kind = "Content-Type: application/sdp\n" if body else ""
    contact = f"Contact: {contact}\n" if contact else ""
    return (
        wire(f"SIP/2.0 {status} {reason}\n{copied}To: {to_value}\n{contact}{extra}{kind}Content-Length: {len(body)}\n\n") + body
    )


def bob_request(
    ours: Request | Response, method: str, cseq: int = 1, *, tag: str = "bobtag", extra: str = "", body: bytes = b""
) -> bytes:
    """Return a request of bob's inside the dialog that our INVITE ``ours`` began."""
    kind = "Content-Type: application/sdp\n" if body else ""
    return (
        wire(
            f"{method} sip:asterisk@127.0.0.1:15060 SIP/2.0\n"
            f"Via: SIP/2.0/UDP 127.0.0.1:15072;branch=z9hG4bKbob{method}{cseq};rport\nMax-Forwards: 70\n"
            f"From: <sip:bob@127.0.0.1>;tag={tag}\nTo: {ours.get('From')}\nCall-ID: {ours.call_id}\n"
            f"CSeq: {cseq} {method}\nContact: <sip:bob@127.0.0.1:15072>\n{extra}{kind}Content-Length: {len(body)}\n\n"
        )
        + body
    )


class Leg(SessionUser):
    """A session user that writes down what it is told. ``on`` maps a callback name to what to do then."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.messages: list[Request | Response | None] = []
        self.transactions: list[ServerTransaction | ClientTransaction] = []
        self.session: InviteSession | None = None

    def note(self, event: str, message: Request | Response | None = None) -> None:
        self.events.append(event)
        self.messages.append(message)

    def provisional_received(self, session: InviteSession, response: Response) -> None:
        self.note(f"provisional {response.status}", response)

    def accepted(self, session: InviteSession, response: Response) -> None:
        self.note(f"accepted {response.status}", response)

    def rejected(self, session: InviteSession, response: Response) -> None:
        self.note(f"rejected {response.status}", response)

    def reinvite_rejected(self, session: InviteSession, response: Response) -> None:
        self.note(f"reinvite rejected {response.status}", response)

    def cancelled(self, session: InviteSession, request: Request) -> None:
        self.note("cancelled", request)

    def prack_received(self, session: InviteSession, transaction: ServerTransaction) -> None:
        self.note("prack", transaction.request)

    def acknowledged(self, session: InviteSession, request: Request) -> None:
        self.note("acknowledged", request)

    def reinvite_received(self, session: InviteSession, transaction: ServerTransaction) -> None:
        self.note("reinvite", transaction.request)
        self.transactions.append(transaction)

    def update_received(self, session: InviteSession, transaction: ServerTransaction) -> None:
        self.note("update", transaction.request)
        self.transactions.append(transaction)

    def request_received(self, session: InviteSession, transaction: ServerTransaction) -> None:
        self.note(f"request {transaction.request.method}", transaction.request)
        self.transactions.append(transaction)

    def bye_received(self, session: InviteSession, transaction: ServerTransaction) -> None:
        self.note("bye", transaction.request)

    def response_received(self, session: InviteSession, transaction: ClientTransaction, response: Response) -> None:
        self.note(f"response {transaction.request.method} {response.status}", response)

    def refresh_due(self, session: InviteSession) -> None:
        self.note("refresh due")

    def ended(self, session: InviteSession, reason: EndReason, message: Request | Response | None) -> None:
        self.note(f"ended {reason.name}", message)


class Asker(RequestUser):
    """A request user that writes down what it is told."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def provisional_received(self, transaction: ClientTransaction, response: Response) -> None:
        self.events.append(f"provisional {response.status}")

    def response_received(self, transaction: ClientTransaction, response: Response) -> None:
        self.events.append(f"response {response.status}")

    def request_failed(self, transaction: ClientTransaction, status: int, reason: str) -> None:
        self.events.append(f"failed {status}")


def state_of(session: InviteSession) -> SessionState:
    """Return the state in a way that the type checker does not take for constant."""
    return session.state


def incoming(ladder: Ladder, data: bytes | None = None, *, rewrite_contact: bool = False) -> tuple[InviteSession, Leg]:
    """Deliver alice's INVITE and make a session of it."""
    transaction = ladder.receive(data if data is not None else request(body=SDP))
    assert transaction is not None
    leg = Leg()
    session = ladder.core.accept_invite(transaction, leg, contact="<sip:127.0.0.1:15060>", rewrite_contact=rewrite_contact)
    leg.session = session
    return session, leg


def answered(ladder: Ladder) -> tuple[InviteSession, Leg, str]:
    """Return alice's call, answered and acknowledged, and our tag."""
    session, leg = incoming(ladder)
    session.accept(body=SDP)
    (ok,) = ladder.expect("SIP/2.0 200")
    tag = ok.to.tag
    assert tag is not None
    ladder.receive(request("ACK", branch="z9hG4bKack1", to_tag=tag))
    ladder.expect()
    return session, leg, tag


def outgoing(ladder: Ladder, **options: object) -> tuple[InviteSession, Leg, Request]:
    """Call bob."""
    leg = Leg()
    session = ladder.core.invite(
        "sip:bob@127.0.0.1:15072",
        leg,
        flow=TO_BOB,
        from_=NameAddr.parse('"Alice Example" <sip:100@127.0.0.1>'),
        to=NameAddr.parse("<sip:bob@127.0.0.1>"),
        contact="<sip:asterisk@127.0.0.1:15060>",
        body=SDP,
        **options,  # type: ignore[arg-type]
    )
    leg.session = session
    (invite,) = ladder.expect("INVITE sip:bob@127.0.0.1:15072")
    assert isinstance(invite, Request)
    return session, leg, invite


def connected(ladder: Ladder, **options: object) -> tuple[InviteSession, Leg, Request]:
    """Return a call to bob that he answered; our ACK has left."""
    session, leg, invite = outgoing(ladder, **options)
    ladder.receive(response(invite, 200, "OK", body=SDP), BOB)
    ladder.expect("ACK")
    return session, leg, invite
