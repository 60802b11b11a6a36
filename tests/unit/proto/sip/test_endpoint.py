"""The user agent core: dispatch, malformed input, streams, dialogs, output (RFC 3261 8.2, 18)."""

from __future__ import annotations

import random

import pytest

from globstar.proto.sip.auth import ClientCredentials, Secret
from globstar.proto.sip.dialog import Dialog
from globstar.proto.sip.endpoint import SipEndpoint
from globstar.proto.sip.flow import Flow
from globstar.proto.sip.headers import NameAddr
from globstar.proto.sip.message import Request
from globstar.proto.sip.settings import SipSettings
from globstar.proto.sip.transaction import ServerTransaction
from globstar.proto.sip.uri import SipUri
from globstar.proto.sip.user import DialogUser, SipHandler
from tests.unit.proto.sip.ladder import (
    ALICE,
    BOB,
    SDP,
    TCP,
    TO_BOB,
    UDP,
    Asker,
    Ladder,
    answered,
    connected,
    request,
    response,
    wire,
)

ME = NameAddr.parse('"Me" <sip:me@127.0.0.1:5060>')


def options(ladder: Ladder, **changes: object) -> Request:
    fields: dict[str, object] = {"from_": ME, "to": NameAddr.parse("<sip:bob@h>"), "contact": "<sip:me@h>"}
    return ladder.core.new_request("OPTIONS", "sip:bob@h", **{**fields, **changes})  # type: ignore[arg-type]


def test_asterisk_request_layout() -> None:
    ladder = Ladder()
    ladder.core.send_request(options(ladder, headers=[("X-Own", "1")], body=b"b", content_type="a/b"), TO_BOB, Asker())
    (sent,) = ladder.expect("OPTIONS sip:bob@h SIP/2.0")
    assert [name for name, _ in sent.headers] == [
        "Via", "From", "To", "Contact", "Call-ID", "CSeq", "X-Own", "Max-Forwards", "User-Agent", "Content-Type",
        "Content-Length",
    ]  # fmt: skip
    assert (sent.get("Via") or "").startswith("SIP/2.0/UDP 127.0.0.1:15060;rport;branch=z9hG4bK")
    assert (sent.get("From") or "").startswith('"Me" <sip:me@127.0.0.1>;tag='), "without the port"
    assert sent.get("Max-Forwards") == "70"


def test_asterisk_register_has_its_contact_after_cseq() -> None:
    ladder = Ladder()
    message = ladder.core.new_request(
        "REGISTER", "sip:h", from_=ME, to=ME, headers=[("Contact", "<sip:me@h>"), ("Expires", "60")]
    )
    assert [name for name, _ in message.headers] == [
        "From", "To", "Call-ID", "CSeq", "Contact", "Expires", "Max-Forwards", "User-Agent",
    ]  # fmt: skip


def test_request_uri_loses_headers_and_method() -> None:
    message = Ladder().core.new_request("OPTIONS", SipUri.parse("sip:a@h;method=X?Y=1"), from_=ME, to=ME)
    assert message.start_line == "OPTIONS sip:a@h SIP/2.0"


def test_challenge_of_a_request_outside_dialogs() -> None:
    ladder = Ladder()
    asker = Asker()
    ladder.core.send_request(options(ladder), TO_BOB, asker, ClientCredentials(Secret("me", "x")))
    (first,) = ladder.expect("OPTIONS")
    ladder.receive(response(first, 401, extra='WWW-Authenticate: Digest realm="r",nonce="n"\n'), BOB)
    (second,) = ladder.expect("OPTIONS")
    assert second.cseq.number == first.cseq.number + 1
    assert second.get("Authorization") is not None
    ladder.receive(response(second, 200), BOB)
    assert asker.events == ["response 200"]


# -- dispatch ------------------------------------------------------------------------------------------------------


def test_asterisk_unknown_method_is_501() -> None:
    ladder = Ladder()
    assert ladder.receive(request("FROBNICATE")) is None
    (answer,) = ladder.expect("SIP/2.0 501 Not Implemented")
    assert [name for name, _ in answer.headers] == [
        "Via", "Call-ID", "From", "To", "CSeq", "Server", "Content-Length",
    ]  # fmt: skip


@pytest.mark.parametrize("method", ["BYE", "INVITE", "OPTIONS", "UPDATE", "PRACK", "INFO", "SUBSCRIBE"])
def test_asterisk_unknown_dialog_is_481(method: str) -> None:
    ladder = Ladder()
    assert ladder.receive(request(method, to_tag="nobody")) is None
    ladder.expect("SIP/2.0 481 Call/Transaction Does Not Exist")


def test_register_with_a_to_tag_is_no_dialog_matter() -> None:
    assert Ladder().receive(request("REGISTER", to_tag="left-over")) is not None


def test_dialog_needs_both_tags() -> None:
    ladder = Ladder()
    _, leg, tag = answered(ladder)
    ladder.receive(request("INFO", branch="z9hG4bKi", to_tag=tag, cseq=2, from_tag="stranger"))
    ladder.expect("SIP/2.0 481")
    assert leg.events == ["acknowledged"]


def test_stray_ack_is_dropped_and_counted() -> None:
    ladder = Ladder()
    ladder.receive(request("ACK", to_tag="nobody"))
    ladder.expect()
    assert ladder.core.counters.stray_acks == 1


def test_bug_in_a_handler_is_answered_500_and_raised() -> None:
    class Broken(Ladder):
        def request_received(self, transaction: ServerTransaction) -> None:
            raise ZeroDivisionError

    ladder = Broken()
    with pytest.raises(ZeroDivisionError):
        ladder.core.receive_datagram(request("OPTIONS"), ALICE, UDP, ladder.now)
    ladder.expect("SIP/2.0 500")
    with pytest.raises(ZeroDivisionError):
        ladder.core.receive_datagram(request("OPTIONS", branch="z9hG4bK2", call_id="2"), ALICE, UDP, ladder.now)
    ladder.expect("SIP/2.0 500")


def test_default_handler_answers_501() -> None:
    core = SipEndpoint(SipHandler(), clock=lambda: 0.0, rng=random.Random(1))
    core.receive_datagram(request("OPTIONS"), ALICE, UDP, 0.0)
    ((_, data),) = core.take_output()
    assert data.startswith(b"SIP/2.0 501 ")


def test_force_rport_is_set_before_the_first_response() -> None:
    ladder = Ladder()
    via = "SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bKnat"
    transaction = ladder.receive(request("OPTIONS", via=via))
    assert transaction is not None
    transaction.force_rport = False
    transaction.respond(200)
    ladder.drain()
    assert ladder.sent[-1][1] == Flow(UDP, "127.0.0.1", 5070)
    assert b"rport" not in ladder.sent[-1][2]
    assert b";received=127.0.0.1;" in ladder.sent[-1][2]


# -- malformed input -----------------------------------------------------------------------------------------------

NO_FROM = wire("OPTIONS sip:a@h SIP/2.0\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\nTo: <sip:a@h>\nCall-ID: c\nCSeq: 1 OPTIONS\n\n")


def test_asterisk_drops_what_cannot_be_parsed() -> None:
    ladder = Ladder()
    ladder.receive(NO_FROM)
    ladder.expect()
    assert ladder.discarded[0].answered == 0
    assert ladder.core.counters.discarded == 1


def test_rfc3261_16_3_malformed_requests_can_be_answered() -> None:
    ladder = Ladder(SipSettings(answer_malformed=True))
    ladder.receive(NO_FROM)
    ladder.receive(NO_FROM)
    assert ladder.sent[0][2].startswith(b"SIP/2.0 400 Bad Request\r\nVia: SIP/2.0/UDP h;rport=15071;")
    assert ladder.sent[0][2] == ladder.sent[1][2], "RFC 3261 8.2.7: the same tag for the same request"
    assert ladder.discarded[0].answered == 400


@pytest.mark.parametrize("data", [b"", b"\r\n", b"\r\n\r\n", b"\0", b"\0\0\0\0", b"\n"])
def test_keepalive_datagrams_are_nothing_to_complain_about(data: bytes) -> None:
    ladder = Ladder()
    ladder.receive(data)
    ladder.expect()
    assert ladder.discarded == []
    assert ladder.core.counters.keepalives == 1


def test_malformed_response_is_dropped() -> None:
    ladder = Ladder(SipSettings(answer_malformed=True))
    ladder.receive(b"SIP/2.0 200 OK\r\nVia: x\r\n\r\n")
    ladder.expect()
    assert len(ladder.discarded) == 1


def test_calls_go_on_during_a_flood_of_garbage() -> None:
    ladder = Ladder()
    session, leg, tag = answered(ladder)
    noise = random.Random(5)
    good = request("INVITE", body=SDP)
    for _ in range(500):
        cut = bytearray(good)
        for _ in range(noise.randrange(1, 30)):
            cut[noise.randrange(len(cut))] = noise.randrange(256)
        ladder.receive(bytes(cut[: noise.randrange(len(cut))]))
    ladder.take()
    ladder.receive(request("INFO", branch="z9hG4bKprobe", to_tag=tag, cseq=2))
    assert leg.events == ["acknowledged", "request INFO"]
    assert session.can_reinvite


# -- streams -------------------------------------------------------------------------------------------------------

FLOW = Flow(TCP, "127.0.0.1", 40001, "c1")


def test_tcp_answers_go_back_on_the_connection() -> None:
    ladder = Ladder()
    data = request("OPTIONS", via="SIP/2.0/TCP 127.0.0.1:15071;branch=z9hG4bKt;rport")
    for at in range(0, len(data), 10):
        ladder.core.receive_stream_data(FLOW, data[at : at + 10], ladder.now)
    ladder.requests[0].respond(200)
    ladder.drain()
    assert ladder.sent[-1][1] == FLOW
    assert b"Via: SIP/2.0/TCP 127.0.0.1:15071;rport=40001;received=127.0.0.1;branch=z9hG4bKt\r\n" in ladder.sent[-1][2]


def test_rfc5626_4_4_1_ping_is_answered() -> None:
    ladder = Ladder()
    ladder.core.receive_stream_data(FLOW, b"\r\n\r\n" + request("OPTIONS"), ladder.now)
    assert ladder.core.take_output() == [(FLOW, b"\r\n")]
    assert len(ladder.requests) == 1


def test_stream_that_cannot_be_framed_is_closed() -> None:
    ladder = Ladder()
    bad = request("OPTIONS").replace(b"Content-Length: 0", b"Content-Length: -1")
    ladder.core.receive_stream_data(FLOW, bad, ladder.now)
    assert ladder.closed == ["Content-Length: Content-Length cannot be used to frame"]
    ladder.core.receive_stream_data(FLOW, request("OPTIONS"), ladder.now)
    assert ladder.requests == []
    ladder.core.connection_closed(FLOW, ladder.now)
    ladder.core.receive_stream_data(FLOW, request("OPTIONS"), ladder.now)
    assert len(ladder.requests) == 1, "a new connection starts afresh"


def test_bad_message_on_a_stream_does_not_end_it() -> None:
    ladder = Ladder()
    broken = request("OPTIONS").replace(b"Call-ID: call-1\r\n", b"")
    ladder.core.receive_stream_data(FLOW, broken + request("OPTIONS"), ladder.now)
    assert len(ladder.discarded) == 1
    assert len(ladder.requests) == 1


def test_connections_do_not_mix() -> None:
    ladder = Ladder()
    other = Flow(TCP, "127.0.0.1", 40002, "c2")
    data = request("OPTIONS")
    ladder.core.receive_stream_data(FLOW, data[:50], ladder.now)
    ladder.core.receive_stream_data(other, data, ladder.now)
    assert len(ladder.requests) == 1


def test_call_fails_when_its_connection_closes() -> None:
    from tests.unit.proto.sip.ladder import Leg

    ladder = Ladder()
    leg = Leg()
    ladder.core.invite("sip:b@h", leg, flow=FLOW, from_=ME, to=ME, contact="<sip:x@h>")
    ladder.core.connection_closed(FLOW, ladder.now)
    assert leg.events == ["rejected 503"]
    assert ladder.is_idle()


# -- transports ----------------------------------------------------------------------------------------------------


def test_rfc3261_18_1_1_large_request_moves_to_tcp() -> None:
    class Careful(Ladder):
        def large_request(self, request: Request, size: int, flow: Flow) -> Flow:
            return Flow(TCP, flow.host, flow.port)

    ladder = Careful()
    ladder.core.send_request(options(ladder, body=b"x" * 1300, content_type="a/b"), TO_BOB, Asker())
    ladder.drain()
    ((_, flow, data),) = ladder.sent
    assert flow.transport is TCP
    assert b"\r\nVia: SIP/2.0/TCP " in data
    assert data.count(b"\r\nVia:") == 1
    ladder.after(5)
    assert len(ladder.sent) == 1, "no retransmission on a reliable transport"


def test_select_flow_decides_where_requests_in_a_dialog_go() -> None:
    class Routing(Ladder):
        asked: list[str]

        def select_flow(self, uri: SipUri, current: Flow) -> Flow:
            self.asked.append(str(uri))
            return Flow(UDP, uri.bare_host, uri.port or 5060)

    ladder = Routing()
    ladder.asked = []
    session, _, invite = connected(ladder)
    session.bye()
    ladder.drain()
    assert ladder.asked == ["sip:bob@127.0.0.1:15072"] * 2
    assert {flow.port for _, flow, _ in ladder.sent} == {15072}
    assert invite.uri.port == 15072


def test_default_flow_is_where_the_last_request_came_from() -> None:
    ladder = Ladder()
    session, _, tag = answered(ladder)
    ladder.receive(request("INFO", branch="z9hG4bKi", to_tag=tag, cseq=2), ("192.0.2.77", 9))
    session.bye()
    ladder.drain()
    assert ladder.sent[-1][1] == Flow(UDP, "192.0.2.77", 9)


# -- dialogs -------------------------------------------------------------------------------------------------------


class Subscription(DialogUser):
    def __init__(self) -> None:
        self.events: list[str] = []

    def dialog_request_received(self, dialog: Dialog, transaction: ServerTransaction) -> None:
        self.events.append(transaction.request.method)
        transaction.respond(200)


def test_subscription_dialog() -> None:
    ladder = Ladder()
    transaction = ladder.receive(request("SUBSCRIBE", extra="Event: presence\n"))
    assert transaction is not None
    user = Subscription()
    dialog = ladder.core.create_dialog(transaction, user, contact="<sip:me@h>")
    transaction.respond(200, headers=[("Expires", "60")])
    (ok,) = ladder.expect("SIP/2.0 200")
    assert ok.to.tag == dialog.local_tag
    asker = Asker()
    ladder.core.send_in_dialog(dialog, "NOTIFY", asker, [("Event", "presence")], b"x", "text/plain")
    (notify,) = ladder.expect("NOTIFY sip:alice@127.0.0.1:15071")
    assert [name for name, _ in notify.headers] == [
        "Via", "From", "To", "Contact", "Call-ID", "CSeq", "Event", "Max-Forwards", "User-Agent", "Content-Type",
        "Content-Length",
    ]  # fmt: skip
    ladder.receive(response(notify, 200, contact=""))
    assert asker.events == ["response 200"]
    ladder.receive(request("SUBSCRIBE", branch="z9hG4bKs2", to_tag=dialog.local_tag, cseq=2))
    ladder.expect("SIP/2.0 200")
    assert user.events == ["SUBSCRIBE"]
    ladder.core.remove_dialog(dialog)
    ladder.receive(request("SUBSCRIBE", branch="z9hG4bKs3", to_tag=dialog.local_tag, cseq=3))
    ladder.expect("SIP/2.0 481")


def test_rfc3891_find_session_by_its_tags() -> None:
    ladder = Ladder()
    session, _, tag = answered(ladder)
    assert ladder.core.find_session("call-1", tag, "alicetag") is session
    assert ladder.core.find_session("call-1", "alicetag", tag) is None
    assert ladder.core.find_dialog("call-1", tag, "alicetag") is session.dialog


def test_two_endpoints_call_each_other() -> None:
    """No text is written by hand here: both ends are the stack."""
    from tests.unit.proto.sip.ladder import Leg

    class Callee(Ladder):
        leg: Leg

        def request_received(self, transaction: ServerTransaction) -> None:
            self.leg = Leg()
            self.leg.session = self.core.accept_invite(transaction, self.leg, contact="<sip:callee@127.0.0.1:15072>")
            self.leg.session.provisional(180)
            self.leg.session.accept(body=SDP)

    caller, callee = Ladder(seed=1), Callee(seed=2)

    def carry() -> None:
        for _ in range(10):
            for _, data in caller.core.take_output():
                callee.core.receive_datagram(data, ALICE, UDP, callee.now)
            for _, data in callee.core.take_output():
                caller.core.receive_datagram(data, BOB, UDP, caller.now)

    leg = Leg()
    session = caller.core.invite(
        "sip:bob@127.0.0.1:15072", leg, flow=TO_BOB, from_=ME, to=ME, contact="<sip:me@127.0.0.1>", body=SDP
    )
    carry()
    assert leg.events == ["provisional 180", "accepted 200"]
    assert callee.leg.events == ["acknowledged"]
    session.reinvite(body=SDP)
    carry()
    assert callee.leg.events == ["acknowledged", "reinvite"]
    assert callee.leg.session is not None
    callee.leg.session.respond(callee.leg.transactions[0], 200, body=SDP)  # type: ignore[arg-type]
    carry()
    callee.leg.session.bye()
    carry()
    assert leg.events[2:] == ["accepted 200", "bye", "ended BYE_RECEIVED"]
    assert callee.leg.events[2:] == ["acknowledged", "response BYE 200", "ended BYE_SENT"]
    caller.after(40)
    callee.after(40)
    assert caller.is_idle()
    assert callee.is_idle()
