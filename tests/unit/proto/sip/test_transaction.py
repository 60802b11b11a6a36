"""The four transactions on virtual time: RFC 3261 17 with RFC 6026."""

from __future__ import annotations

import pytest

from globstar.base.errors import LocalFault
from globstar.proto.sip.flow import Flow
from globstar.proto.sip.headers import NameAddr
from globstar.proto.sip.message import Request
from globstar.proto.sip.tables import State
from globstar.proto.sip.transaction import ClientTransaction, ServerTransaction
from tests.unit.proto.sip.ladder import BOB, TCP, TO_BOB, UDP, Asker, Ladder, request, response

OVER_TCP = Flow(TCP, *BOB, "connection 1")


def ask(ladder: Ladder, flow: Flow = TO_BOB, method: str = "OPTIONS") -> tuple[ClientTransaction, Asker, Request]:
    asker = Asker()
    party = NameAddr.parse("<sip:a@127.0.0.1>")
    message = ladder.core.new_request(method, "sip:bob@127.0.0.1", from_=party, to=party)
    transaction = ladder.core.send_request(message, flow, asker)
    (sent,) = ladder.expect(method)
    assert isinstance(sent, Request)
    return transaction, asker, sent


def client_invite(ladder: Ladder, flow: Flow = TO_BOB) -> tuple[ClientTransaction, Asker, Request]:
    """A bare INVITE client transaction, without a session above it."""
    return ask(ladder, flow, "INVITE")


def arrived(ladder: Ladder, data: bytes) -> ServerTransaction:
    transaction = ladder.receive(data)
    assert transaction is not None
    return transaction


# -- INVITE client -------------------------------------------------------------------------------------------------


def test_rfc3261_17_1_1_2_timers_a_and_b() -> None:
    ladder = Ladder()
    _, asker, _ = client_invite(ladder)
    ladder.after(31.9)
    assert ladder.times("INVITE") == [0.0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    assert asker.events == []
    ladder.after(0.2)
    assert asker.events == ["failed 408"]
    assert ladder.is_idle()


def test_rfc3261_17_1_1_2_reliable_transport_has_no_timer_a() -> None:
    ladder = Ladder()
    _, asker, _ = client_invite(ladder, OVER_TCP)
    ladder.after(40)
    assert ladder.times("INVITE") == [0.0]
    assert asker.events == ["failed 408"]


def test_rfc3261_17_1_1_2_provisional_stops_retransmission_and_timer_b() -> None:
    ladder = Ladder()
    transaction, asker, invite = client_invite(ladder)
    ladder.after(1)
    ladder.receive(response(invite, 100, tag=""), BOB)
    ladder.receive(response(invite, 180), BOB)
    ladder.after(600)
    assert ladder.times("INVITE") == [0.0, 0.5]
    assert asker.events == ["provisional 100", "provisional 180"]
    assert transaction.state is State.PROCEEDING


def test_rfc3261_17_1_1_3_failure_is_acknowledged_and_absorbed_for_timer_d() -> None:
    ladder = Ladder()
    _, asker, invite = client_invite(ladder)
    ladder.receive(response(invite, 486, "Busy Here"), BOB)
    (ack,) = ladder.expect("ACK sip:bob@127.0.0.1 SIP/2.0")
    assert ack.via == invite.via
    assert (ack.cseq.number, ack.cseq.method) == (invite.cseq.number, "ACK")
    assert ack.get("To") == "<sip:a@127.0.0.1>;tag=bobtag"
    assert [name for name, _ in ack.headers] == [
        "Via", "From", "To", "Call-ID", "CSeq", "Max-Forwards", "User-Agent", "Content-Length",
    ]  # fmt: skip
    ladder.after(31)
    ladder.receive(response(invite, 486, "Busy Here"), BOB)
    ladder.expect("ACK")
    assert asker.events == ["response 486"], "passed up once"
    ladder.after(1.1)
    assert ladder.is_idle()
    ladder.receive(response(invite, 486), BOB)
    ladder.expect()
    assert len(ladder.unmatched) == 1


def test_rfc3261_17_1_1_2_reliable_transport_has_no_timer_d() -> None:
    ladder = Ladder()
    _, _, invite = client_invite(ladder, OVER_TCP)
    ladder.core.receive_message(response(invite, 503), OVER_TCP, ladder.now)
    ladder.expect("ACK")
    assert ladder.is_idle()


def test_rfc3261_17_1_1_3_ack_carries_the_routes_of_the_invite() -> None:
    ladder = Ladder()
    party = NameAddr.parse("<sip:a@h>")
    message = ladder.core.new_request(
        "INVITE", "sip:b@h", from_=party, to=party, routes=[NameAddr.parse("<sip:p1;lr>"), NameAddr.parse("<sip:p2;lr>")]
    )
    ladder.core.send_request(message, TO_BOB, Asker())
    (invite,) = ladder.expect("INVITE")
    ladder.receive(response(invite, 404), BOB)
    (ack,) = ladder.expect("ACK")
    assert ack.get_all("Route") == ["<sip:p1;lr>", "<sip:p2;lr>"]


def test_rfc6026_7_2_every_2xx_goes_up_until_timer_m() -> None:
    ladder = Ladder()
    transaction, asker, invite = client_invite(ladder)
    ladder.receive(response(invite, 200, tag="one"), BOB)
    ladder.after(10)
    ladder.receive(response(invite, 200, tag="two"), BOB)
    assert asker.events == ["response 200", "response 200"]
    assert transaction.state is State.ACCEPTED
    ladder.expect()
    ladder.receive(response(invite, 486), BOB)
    ladder.expect()
    ladder.after(23)
    assert ladder.is_idle()
    ladder.receive(response(invite, 200, tag="late"), BOB)
    assert len(ladder.unmatched) == 1


# -- non-INVITE client ---------------------------------------------------------------------------------------------


def test_rfc3261_17_1_2_2_timers_e_and_f() -> None:
    ladder = Ladder()
    _, asker, _ = ask(ladder)
    ladder.after(31.9)
    assert ladder.times("OPTIONS") == [0.0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    ladder.after(0.2)
    assert asker.events == ["failed 408"]
    assert ladder.is_idle()


def test_rfc3261_17_1_2_2_proceeding_repeats_every_t2() -> None:
    ladder = Ladder()
    _, asker, options = ask(ladder)
    ladder.after(0.6)
    ladder.receive(response(options, 100), BOB)
    ladder.after(12)
    assert ladder.times("OPTIONS") == [0.0, 0.5, 1.5, 5.5, 9.5]
    assert asker.events == ["provisional 100"]
    ladder.after(20)
    assert asker.events == ["provisional 100", "failed 408"]


@pytest.mark.parametrize("status", [200, 302, 404, 503, 603])
def test_rfc3261_17_1_2_2_final_and_timer_k(status: int) -> None:
    ladder = Ladder()
    _, asker, options = ask(ladder)
    ladder.receive(response(options, status), BOB)
    ladder.after(4.9)
    ladder.receive(response(options, status), BOB)
    assert asker.events == [f"response {status}"]
    assert ladder.unmatched == [], "absorbed"
    ladder.after(0.2)
    assert ladder.is_idle()
    ladder.expect()


def test_rfc3261_17_1_2_2_reliable_has_neither_e_nor_k() -> None:
    ladder = Ladder()
    _, _, options = ask(ladder, OVER_TCP)
    ladder.after(10)
    assert ladder.times("OPTIONS") == [0.0]
    ladder.core.receive_message(response(options, 200), OVER_TCP, ladder.now)
    assert ladder.is_idle()


def test_rfc3261_8_1_3_1_transport_failure_counts_as_503() -> None:
    ladder = Ladder()
    _, asker, _ = ask(ladder, OVER_TCP)
    _, other, _ = ask(ladder)
    ladder.core.connection_closed(OVER_TCP, ladder.now)
    assert asker.events == ["failed 503"]
    assert other.events == []


def test_response_of_another_method_does_not_match() -> None:
    ladder = Ladder()
    _, asker, options = ask(ladder)
    ladder.receive(response(options, 200).replace(b" OPTIONS", b" INVITE"), BOB)
    assert asker.events == []
    assert len(ladder.unmatched) == 1


# -- INVITE server -------------------------------------------------------------------------------------------------


def test_rfc3261_17_2_1_retransmission_gets_the_last_provisional() -> None:
    ladder = Ladder()
    transaction = arrived(ladder, request())
    ladder.receive(request())
    ladder.expect()
    transaction.respond(100)
    ladder.receive(request())
    transaction.respond(180)
    ladder.receive(request())
    ladder.expect("SIP/2.0 100", "SIP/2.0 100", "SIP/2.0 180", "SIP/2.0 180")
    assert len(ladder.requests) == 1


def test_rfc3261_17_2_1_timers_g_and_h() -> None:
    ladder = Ladder()
    transaction = arrived(ladder, request())
    transaction.respond(486)
    ladder.after(31.9)
    assert ladder.times("SIP/2.0 486") == [0.0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    ladder.after(0.2)
    assert ladder.is_idle()


def test_rfc3261_17_2_1_ack_and_timer_i() -> None:
    ladder = Ladder()
    transaction = arrived(ladder, request())
    transaction.respond(486)
    (busy,) = ladder.expect("SIP/2.0 486")
    ladder.receive(request("ACK", to_tag=busy.to.tag or ""))
    assert transaction.state is State.CONFIRMED
    ladder.after(4.9)
    ladder.receive(request("ACK", to_tag=busy.to.tag or ""))
    ladder.receive(request())
    ladder.expect()
    assert ladder.core.counters.stray_acks == 0
    ladder.after(0.2)
    assert ladder.is_idle()


def test_rfc3261_17_2_1_reliable_has_no_timer_g_and_no_timer_i() -> None:
    ladder = Ladder()
    flow = Flow(TCP, "127.0.0.1", 40000, 1)
    ladder.core.receive_message(request(), flow, ladder.now)
    ladder.requests[0].respond(486)
    ladder.after(10)
    (busy,) = ladder.expect("SIP/2.0 486")
    ladder.core.receive_message(request("ACK", to_tag=busy.to.tag or ""), flow, ladder.now)
    assert ladder.is_idle()


def test_rfc6026_7_1_accepted_absorbs_the_invite_until_timer_l() -> None:
    ladder = Ladder()
    transaction = arrived(ladder, request())
    transaction.respond(200)
    ladder.expect("SIP/2.0 200")
    ladder.after(31)
    ladder.receive(request())
    ladder.expect()
    assert len(ladder.requests) == 1
    ladder.after(1.1)
    assert ladder.is_idle()


# -- non-INVITE server ---------------------------------------------------------------------------------------------


def test_rfc3261_17_2_2_timer_j_repeats_the_answer() -> None:
    ladder = Ladder()
    transaction = arrived(ladder, request("OPTIONS"))
    ladder.receive(request("OPTIONS"))
    ladder.expect()
    transaction.respond(100)
    ladder.receive(request("OPTIONS"))
    ladder.expect("SIP/2.0 100", "SIP/2.0 100")
    transaction.respond(200)
    ladder.after(31.9)
    ladder.receive(request("OPTIONS"))
    ladder.expect("SIP/2.0 200", "SIP/2.0 200")
    assert ladder.sent[-1][2] == ladder.sent[-2][2]
    ladder.after(0.2)
    assert ladder.is_idle()


def test_rfc3261_17_2_2_reliable_has_no_timer_j() -> None:
    ladder = Ladder()
    ladder.core.receive_message(request("OPTIONS"), Flow(TCP, "127.0.0.1", 40000, 1), ladder.now)
    ladder.requests[0].respond(200)
    assert ladder.is_idle()


def test_a_finished_transaction_keeps_its_key_and_bytes_only() -> None:
    ladder = Ladder()
    transaction = arrived(ladder, request("OPTIONS"))
    transaction.respond(200)
    (left,) = ladder.core.layer.servers.values()
    assert left is not transaction
    assert left.data.startswith(b"SIP/2.0 200")  # type: ignore[union-attr]
    assert not hasattr(left, "request")


def test_answering_twice_is_a_local_fault() -> None:
    transaction = arrived(Ladder(), request("OPTIONS"))
    transaction.respond(200)
    with pytest.raises(LocalFault):
        transaction.respond(404)


def test_describe_names_the_timers() -> None:
    ladder = Ladder()
    transaction, _, _ = client_invite(ladder)
    assert "calling" in transaction.describe()
    assert "Timer A at 1000.500" in transaction.describe()
    assert ladder.core.layer.timers.describe() == {"Timer A": 1, "Timer B": 1}


def test_thousands_of_finished_transactions_cost_one_queue_each_step() -> None:
    """The number of idle timers does not change what is looked at: only the heads of the queues."""
    ladder = Ladder()
    for number in range(2000):
        transaction = arrived(ladder, request("OPTIONS", branch=f"z9hG4bK{number}", call_id=f"c{number}"))
        transaction.respond(200)
    assert len(ladder.core.layer.timers) == 2000
    assert ladder.core.next_deadline() == ladder.now + 32
    ladder.after(33)
    assert ladder.is_idle()
    assert UDP.reliable is False


def test_rfc3261_8_2_7_a_stateless_answer_leaves_nothing() -> None:
    ladder = Ladder()
    tags = set()
    for _ in range(2):  # the copy is answered like the first
        invite = arrived(ladder, request("INVITE"))
        ladder.core.answer_statelessly(invite, 401, [("WWW-Authenticate", "Digest realm=x")])
        (response,) = ladder.expect("SIP/2.0 401")
        assert response.get("WWW-Authenticate") == "Digest realm=x"
        tags.add(response.to.tag)
        assert ladder.is_idle()
        with pytest.raises(LocalFault):
            invite.respond(200)
    (tag,) = tags
    ladder.receive(request("ACK", to_tag=tag or ""))
    assert ladder.core.counters.stray_acks == 0
    ladder.receive(request("ACK", to_tag="other"))
    assert ladder.core.counters.stray_acks == 1
    ladder.expect()
