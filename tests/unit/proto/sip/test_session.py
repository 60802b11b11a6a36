"""What both sides of a session do: requests in the dialog, glare, BYE both ways (RFC 3261 14.2, 15, RFC 3311)."""

from __future__ import annotations

import pytest

from globstar.base.errors import LocalFault
from globstar.proto.sip.session import SessionState
from globstar.proto.sip.transaction import ServerTransaction
from tests.unit.proto.sip.ladder import (
    BOB,
    SDP,
    Ladder,
    answered,
    bob_request,
    connected,
    incoming,
    outgoing,
    request,
    response,
)


def reinvite(tag: str, cseq: int = 2) -> bytes:
    return request(branch=f"z9hG4bKre{cseq}", to_tag=tag, cseq=cseq, body=SDP)


def test_rfc3261_14_2_reinvite_and_its_ack() -> None:
    ladder = Ladder()
    session, leg, tag = answered(ladder)
    ladder.receive(reinvite(tag))
    assert leg.events == ["acknowledged", "reinvite"]
    assert not session.can_reinvite
    transaction = leg.transactions[0]
    assert isinstance(transaction, ServerTransaction)
    session.respond(transaction, 200, headers=[("Allow", "INVITE"), ("Supported", "timer")], body=SDP)
    ladder.after(2)
    assert [len(ladder.times("SIP/2.0 200"))] == [1 + 3]
    again = ladder.take()[0]
    assert [name for name, _ in again.headers][5:] == [
        "Allow", "Supported", "Contact", "Server", "Content-Type", "Content-Length",
    ]  # fmt: skip
    ladder.receive(request("ACK", branch="z9hG4bKack2", to_tag=tag, cseq=2))
    assert leg.events == ["acknowledged", "reinvite", "acknowledged"]
    ladder.after(40)
    ladder.expect()
    assert session.can_reinvite


def test_rfc3261_14_2_reinvite_without_ack_ends_the_session() -> None:
    ladder = Ladder()
    session, leg, tag = answered(ladder)
    ladder.receive(reinvite(tag))
    session.respond(leg.transactions[0], 200, body=SDP)  # type: ignore[arg-type]
    ladder.after(32.1)
    assert ladder.times("BYE") == [32.0]


def test_rfc3261_14_2_reinvite_while_ours_is_pending_is_491() -> None:
    ladder = Ladder()
    session, leg, tag = answered(ladder)
    session.reinvite(body=SDP)
    ladder.expect("INVITE")
    ladder.receive(reinvite(tag))
    ladder.expect("SIP/2.0 491 Request Pending")
    assert leg.events == ["acknowledged"]


def test_rfc3261_14_2_second_reinvite_while_the_first_is_open_is_500() -> None:
    ladder = Ladder()
    _, leg, tag = answered(ladder)
    ladder.receive(reinvite(tag, 2))
    ladder.receive(reinvite(tag, 3))
    (refused,) = ladder.expect("SIP/2.0 500")
    assert 0 <= int(refused.get("Retry-After") or -1) <= 10
    assert leg.events == ["acknowledged", "reinvite"]


def test_we_did_not_choose_the_call_id_so_glare_waits_0_to_2_seconds() -> None:
    ladder = Ladder()
    session, _, _ = answered(ladder)
    session.reinvite(body=SDP)
    (ours,) = ladder.expect("INVITE")
    ladder.receive(response(ours, 491))
    ladder.expect("ACK")
    ladder.after(2.1)
    assert ladder.take()[0].start_line.startswith("INVITE")


def test_reinvite_cancelled_by_its_sender() -> None:
    ladder = Ladder()
    session, _, tag = answered(ladder)
    ladder.receive(reinvite(tag))
    ladder.receive(request("CANCEL", branch="z9hG4bKre2", to_tag=tag, cseq=2))
    ladder.expect("SIP/2.0 200", "SIP/2.0 487")
    assert session.state is SessionState.CONFIRMED
    assert session.can_reinvite


def test_rfc3311_update() -> None:
    ladder = Ladder()
    session, leg, tag = answered(ladder)
    ladder.receive(request("UPDATE", branch="z9hG4bKup", to_tag=tag, cseq=2, body=SDP))
    session.respond(leg.transactions[0], 200, headers=[("Allow", "X")], body=SDP)  # type: ignore[arg-type]
    (ok,) = ladder.expect("SIP/2.0 200")
    assert [name for name, _ in ok.headers][5:] == ["Contact", "Allow", "Server", "Content-Type", "Content-Length"]
    ladder.after(3)
    ladder.expect()


def test_rfc3311_5_2_update_glare() -> None:
    ladder = Ladder()
    session, _, tag = answered(ladder)
    session.reinvite(body=SDP)
    ladder.receive(request("UPDATE", branch="z9hG4bKup", to_tag=tag, cseq=2, body=SDP))
    ladder.expect("INVITE", "SIP/2.0 491")
    other = Ladder()
    _, _, tag = answered(other)
    other.receive(reinvite(tag))
    other.receive(request("UPDATE", branch="z9hG4bKup", to_tag=tag, cseq=3, body=SDP))
    other.expect("SIP/2.0 500")


@pytest.mark.parametrize("method", ["INFO", "MESSAGE", "REFER", "NOTIFY", "OPTIONS", "SUBSCRIBE"])
def test_other_requests_reach_the_user(method: str) -> None:
    ladder = Ladder()
    session, leg, tag = answered(ladder)
    ladder.receive(request(method, branch="z9hG4bKx", to_tag=tag, cseq=2))
    assert leg.events == ["acknowledged", f"request {method}"]
    session.respond(leg.transactions[0], 202)  # type: ignore[arg-type]
    ladder.expect("SIP/2.0 202")


@pytest.mark.parametrize("method", ["INFO", "MESSAGE", "REFER", "NOTIFY", "OPTIONS", "UPDATE"])
def test_our_requests_in_the_dialog(method: str) -> None:
    ladder = Ladder()
    session, leg, _ = connected(ladder)
    session.send_request(method, headers=[("X", "1")])
    (ours,) = ladder.expect(f"{method} sip:bob@127.0.0.1:15072")
    ladder.receive(response(ours, 200), BOB)
    assert leg.events == ["accepted 200", f"response {method} 200"]


def test_our_request_that_nobody_answers() -> None:
    ladder = Ladder()
    session, leg, _ = connected(ladder)
    session.send_request("INFO")
    ladder.after(33)
    assert leg.events == ["accepted 200", "response INFO 408"]
    assert session.state is SessionState.CONFIRMED


def test_rfc3261_15_bye_glare() -> None:
    ladder = Ladder()
    session, leg, invite = connected(ladder)
    session.bye()
    (ours,) = ladder.expect("BYE")
    ladder.receive(bob_request(invite, "BYE"), BOB)
    ladder.expect("SIP/2.0 200")
    ladder.receive(response(ours, 200), BOB)
    assert leg.events == ["accepted 200", "bye", "ended BYE_SENT"], "ended once"
    ladder.after(40)
    assert ladder.is_idle()


def test_rfc3261_15_1_2_open_reinvite_at_bye_is_487() -> None:
    ladder = Ladder()
    _, leg, tag = answered(ladder)
    ladder.receive(reinvite(tag, 2))
    ladder.receive(request("BYE", branch="z9hG4bKbye", to_tag=tag, cseq=3))
    ladder.expect("SIP/2.0 200", "SIP/2.0 487")
    assert leg.events[-1] == "ended BYE_RECEIVED"


def test_while_our_bye_is_out_other_requests_are_481() -> None:
    ladder = Ladder()
    session, _, invite = connected(ladder)
    session.bye()
    ladder.expect("BYE")
    ladder.receive(bob_request(invite, "INFO"), BOB)
    ladder.expect("SIP/2.0 481")
    with pytest.raises(LocalFault):
        session.bye()


def test_terminate_does_what_fits() -> None:
    ladder = Ladder()
    session, _ = incoming(ladder)
    session.terminate(404)
    ladder.expect("SIP/2.0 404")
    ladder = Ladder()
    session, _, invite = outgoing(ladder)
    ladder.receive(response(invite, 180), BOB)
    session.terminate()
    ladder.expect("CANCEL")
    ladder = Ladder()
    session, _, _ = connected(ladder)
    session.terminate()
    session.terminate()
    ladder.expect("BYE")


def test_requests_in_an_early_dialog_of_ours() -> None:
    ladder = Ladder()
    session, leg, invite = outgoing(ladder)
    ladder.receive(response(invite, 183), BOB)
    ladder.receive(bob_request(invite, "UPDATE"), BOB)
    assert leg.events == ["provisional 183", "update"]
    assert session.state is SessionState.EARLY


def test_default_answers_of_the_base_class() -> None:
    from globstar.proto.sip.user import SessionUser

    ladder = Ladder()
    transaction = ladder.receive(request(body=SDP))
    assert transaction is not None
    session = ladder.core.accept_invite(transaction, SessionUser(), contact="<sip:x@h>")
    session.accept(body=SDP)
    (ok,) = ladder.expect("SIP/2.0 200")
    tag = ok.to.tag or ""
    ladder.receive(request("ACK", branch="z9hG4bKa", to_tag=tag))
    ladder.receive(reinvite(tag, 2))
    ladder.receive(request("UPDATE", branch="z9hG4bKu", to_tag=tag, cseq=3))
    ladder.receive(request("INFO", branch="z9hG4bKi", to_tag=tag, cseq=4))
    ladder.receive(request("BYE", branch="z9hG4bKb", to_tag=tag, cseq=5))
    ladder.expect("SIP/2.0 488", "SIP/2.0 200", "SIP/2.0 501", "SIP/2.0 200")
