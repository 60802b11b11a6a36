"""CPU cost of the SIP stack alone: parsing, a bridged call (two legs, 14 messages), a REGISTER with digest.

python bench/bench_sip_stack.py [calls]
"""

from __future__ import annotations

import random
import statistics
import sys
import time
from collections.abc import Callable

from globstar.proto.sip.auth import ClientCredentials, Secret, ServerAuthenticator, Verdict
from globstar.proto.sip.endpoint import SipEndpoint
from globstar.proto.sip.flow import Flow, Transport
from globstar.proto.sip.headers import NameAddr
from globstar.proto.sip.message import Response
from globstar.proto.sip.parser import parse
from globstar.proto.sip.session import InviteSession
from globstar.proto.sip.transaction import ServerTransaction
from globstar.proto.sip.uri import SipUri
from globstar.proto.sip.user import RequestUser, SessionUser, SipHandler

SDP = (
    b"v=0\r\no=- 1000 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 21000 RTP/AVP 0 101\r\n"
    b"a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n"
)
ALLOW = ("Allow", "OPTIONS, REGISTER, SUBSCRIBE, NOTIFY, PUBLISH, INVITE, ACK, BYE, CANCEL, UPDATE, PRACK, MESSAGE, INFO")
SUPPORTED = ("Supported", "100rel, timer, replaces, norefersub")
INVITE = (
    b"INVITE sip:201@127.0.0.1:15060 SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 127.0.0.1:15071;branch=z9hG4bK%d;rport\r\nMax-Forwards: 70\r\n"
    b"From: <sip:alice@127.0.0.1>;tag=a%d\r\nTo: <sip:201@127.0.0.1:15060>\r\nCall-ID: call-%d\r\nCSeq: 1 INVITE\r\n"
    b"Contact: <sip:alice@127.0.0.1:15071>\r\n"
    b"Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE, REFER, NOTIFY, MESSAGE\r\n"
    b"Supported: replaces, timer\r\nUser-Agent: bench\r\nContent-Type: application/sdp\r\nContent-Length: 193\r\n\r\n"
) + SDP


class Clock:
    """Virtual time."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class B2bua(SipHandler):
    """Calls bob for every INVITE and bridges the signalling."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.transport = Transport("UDP", "127.0.0.1", 15060)
        self.bob = Flow(self.transport, "127.0.0.1", 15072)
        self.core = SipEndpoint(self, clock=self.clock, rng=random.Random(1))
        self.auth = ServerAuthenticator("asterisk", b"k" * 32, random.Random(2).getrandbits)
        self.secret = Secret("alice", password="secret")

    def request_received(self, transaction: ServerTransaction) -> None:
        if transaction.request.method == "REGISTER":
            self.register(transaction)
            return
        leg = Leg()
        session = self.core.accept_invite(transaction, leg, contact="<sip:127.0.0.1:15060>")
        session.provisional(100)
        out = Leg()
        leg.peer = self.core.invite(
            "sip:bob@127.0.0.1:15072",
            out,
            flow=self.bob,
            from_=NameAddr(SipUri.parse("sip:100@127.0.0.1"), "Alice Example"),
            to=NameAddr(SipUri.parse("sip:bob@127.0.0.1")),
            contact="<sip:asterisk@127.0.0.1:15060>",
            headers=[ALLOW, SUPPORTED],
            body=SDP,
        )
        out.peer = session

    def register(self, transaction: ServerTransaction) -> None:
        verdict = self.auth.verify(transaction.request, self.secret, self.clock.now)
        if verdict is Verdict.OK:
            contact = transaction.request.contacts[0]
            transaction.respond(200, headers=[("Contact", f"<{contact.uri}>;expires=600")])
        else:
            transaction.respond(401, headers=self.auth.challenge_headers(self.clock.now))


class Leg(SessionUser):
    """One leg; forwards what happens to its peer."""

    peer: InviteSession

    def provisional_received(self, session: InviteSession, response: Response) -> None:
        self.peer.provisional(response.status, headers=[ALLOW])

    def accepted(self, session: InviteSession, response: Response) -> None:
        session.acknowledge()
        self.peer.accept(headers=[ALLOW, SUPPORTED], body=SDP)

    def bye_received(self, session: InviteSession, transaction: ServerTransaction) -> None:
        transaction.respond(200)
        self.peer.bye(headers=[("Reason", "Q.850;cause=16")])


def answer(data: bytes, start: bytes, extra: bytes) -> bytes:
    """Make bob's response out of our request, by text."""
    head = data.split(b"\r\n\r\n", 1)[0].split(b"\r\n")
    kept = [line for line in head[1:] if line.split(b":")[0] in (b"Via", b"From", b"Call-ID", b"CSeq")]
    to = next(line for line in head if line.startswith(b"To:"))
    if b"tag=" not in to:
        to += b";tag=bob"
    return b"\r\n".join([start, *kept, to, extra])


def one_call(b2bua: B2bua, number: int, spent: list[float]) -> int:
    """Run a call; the peers' work is not counted. Returns how many messages went through the stack."""
    core, clock = b2bua.core, b2bua.clock
    alice, bob = ("127.0.0.1", 15071), ("127.0.0.1", 15072)
    count = 0

    def feed(data: bytes, source: tuple[str, int]) -> list[tuple[Flow, bytes]]:
        nonlocal count
        begin = time.process_time_ns()
        core.receive_datagram(data, source, b2bua.transport, clock.now)
        out = core.take_output()
        core.next_deadline()
        spent.append(time.process_time_ns() - begin)
        count += 1 + len(out)
        return out

    out = feed(INVITE % (number, number, number), alice)
    invite = out[1][1]
    feed(answer(invite, b"SIP/2.0 180 Ringing", b"Contact: <sip:bob@127.0.0.1:15072>\r\nContent-Length: 0\r\n\r\n"), bob)
    ok = b"Contact: <sip:bob@127.0.0.1:15072>\r\nContent-Type: application/sdp\r\nContent-Length: 193\r\n\r\n" + SDP
    out = feed(answer(invite, b"SIP/2.0 200 OK", ok), bob)
    to_tag = out[1][1].split(b"\r\nTo: ")[1].split(b"\r\n")[0]
    base = (
        b"Via: SIP/2.0/UDP 127.0.0.1:15071;branch=z9hG4bK%s%d;rport\r\nMax-Forwards: 70\r\n"
        b"From: <sip:alice@127.0.0.1>;tag=a%d\r\nTo: %s\r\nCall-ID: call-%d\r\nCSeq: %d %s\r\nContent-Length: 0\r\n\r\n"
    )
    ack = b"ACK sip:127.0.0.1:15060 SIP/2.0\r\n" + base % (b"k", number, number, to_tag, number, 1, b"ACK")
    feed(ack, alice)
    clock.now += 0.01
    bye = b"BYE sip:127.0.0.1:15060 SIP/2.0\r\n" + base % (b"b", number, number, to_tag, number, 2, b"BYE")
    out = feed(bye, alice)
    feed(answer(out[1][1], b"SIP/2.0 200 OK", b"Content-Length: 0\r\n\r\n"), bob)
    begin = time.process_time_ns()
    core.handle_timer(clock.now)
    spent.append(time.process_time_ns() - begin)
    return count


class Registering(SipHandler):
    """The phone's side of the REGISTER benchmark."""


class Registered(RequestUser):
    """Notes the outcome."""

    status = 0

    def response_received(self, transaction: object, response: Response) -> None:
        self.status = response.status


def one_register(b2bua: B2bua, phone: SipEndpoint, phone_flow: Flow, spent: list[float]) -> None:
    """Register once, with challenge."""
    uri = SipUri.parse("sip:alice@127.0.0.1")
    user = Registered()
    request = phone.new_request(
        "REGISTER",
        "sip:127.0.0.1:15060",
        from_=NameAddr(uri),
        to=NameAddr(uri),
        headers=[("Contact", "<sip:alice@127.0.0.1:15071>"), ("Expires", "600")],
    )
    phone.send_request(request, phone_flow, user, ClientCredentials(b2bua.secret))
    out = phone.take_output()
    while out:
        begin = time.process_time_ns()
        for _, data in out:
            b2bua.core.receive_datagram(data, ("127.0.0.1", 15071), b2bua.transport, b2bua.clock.now)
        replies = b2bua.core.take_output()
        b2bua.core.next_deadline()
        spent.append(time.process_time_ns() - begin)
        for _, data in replies:
            phone.receive_datagram(data, ("127.0.0.1", 15060), phone_flow.transport, b2bua.clock.now)
        out = phone.take_output()
    b2bua.clock.now += 0.01
    b2bua.core.handle_timer(b2bua.clock.now)
    if user.status != 200:
        raise SystemExit(f"REGISTER failed: {user.status}")


def per_unit(work: Callable[[], object], count: int) -> float:
    """Return microseconds per call of ``work``, the best of five runs."""
    runs = []
    for _ in range(5):
        begin = time.process_time_ns()
        for _ in range(count):
            work()
        runs.append((time.process_time_ns() - begin) / count / 1000)
    return min(runs)


def main() -> None:
    """Print the figures."""
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    invite = INVITE % (1, 1, 1)
    message = parse(invite)
    print(f"parse INVITE                 {per_unit(lambda: parse(invite), 3000):8.1f} us")
    print(f"serialise INVITE             {per_unit(message.to_bytes, 3000):8.1f} us")
    b2bua = B2bua()
    totals, messages = [], 0
    for number in range(calls):
        spent: list[float] = []
        messages = one_call(b2bua, number, spent)
        totals.append(sum(spent) / 1000)
    print(f"bridged call, {messages} messages    {statistics.median(totals):8.1f} us (budget of the whole server: 1000)")
    b2bua.clock.now += 100
    b2bua.core.handle_timer(b2bua.clock.now)
    left = (b2bua.core.dialogs, len(b2bua.core.layer.servers), len(b2bua.core.layer.clients))
    print(f"left after 100 s: dialogs, server and client transactions {left}, timers {len(b2bua.core.layer.timers)}")
    b2bua = B2bua()
    phone = SipEndpoint(Registering(), clock=b2bua.clock, rng=random.Random(3))
    flow = Flow(Transport("UDP", "127.0.0.1", 15071), "127.0.0.1", 15060)
    totals = []
    for _ in range(calls):
        spent = []
        one_register(b2bua, phone, flow, spent)
        totals.append(sum(spent) / 1000)
    print(f"REGISTER, challenged         {statistics.median(totals):8.1f} us (budget of the whole server: 250)")


if __name__ == "__main__":
    main()
