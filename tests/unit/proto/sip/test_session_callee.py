"""The called side of a session as ladders (RFC 3261 13.3, 15, RFC 3262)."""

from __future__ import annotations

import pytest

from globstar.base.errors import LocalFault
from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.message import Request
from globstar.proto.sip.session import InviteSession, SessionState
from tests.unit.proto.sip.ladder import SDP, Ladder, Leg, answered, incoming, request, state_of

ALLOW = ("Allow", "INVITE, ACK")
SUPPORTED = ("Supported", "timer")


def names(ladder: Ladder) -> list[str]:
    """Return the header names after CSeq of the last message sent."""
    ladder.drain()
    head = ladder.sent[-1][2].split(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
    all_names = [line.split(":")[0] for line in head]
    return all_names[all_names.index("CSeq") + 1 :]


def test_call_answered_and_ended_by_the_caller() -> None:
    ladder = Ladder()
    session, leg = incoming(ladder)
    session.provisional(100)
    session.provisional(180, headers=[ALLOW])
    session.accept(headers=[ALLOW, SUPPORTED], body=SDP)
    trying, ringing, ok = ladder.expect("SIP/2.0 100", "SIP/2.0 180", "SIP/2.0 200")
    assert trying.to.tag is None
    assert ringing.to.tag == ok.to.tag
    assert state_of(session) is SessionState.CONNECTING
    tag = ok.to.tag or ""
    ladder.receive(request("ACK", branch="z9hG4bKack", to_tag=tag))
    assert state_of(session) is SessionState.CONFIRMED
    ladder.receive(request("BYE", branch="z9hG4bKbye", to_tag=tag, cseq=2))
    ladder.expect("SIP/2.0 200")
    assert leg.events == ["acknowledged", "bye", "ended BYE_RECEIVED"]
    assert state_of(session) is SessionState.TERMINATED
    ladder.after(33)
    assert ladder.is_idle()


def test_rfc3261_13_3_1_4_2xx_is_repeated_until_the_ack() -> None:
    ladder = Ladder()
    session, leg = incoming(ladder)
    session.accept(body=SDP)
    ladder.after(10)
    assert ladder.times("SIP/2.0 200") == [0.0, 0.5, 1.5, 3.5, 7.5]
    tag = ladder.take()[0].to.tag or ""
    ladder.receive(request("ACK", branch="z9hG4bKack", to_tag=tag))
    ladder.receive(request("ACK", branch="z9hG4bKack", to_tag=tag))
    ladder.after(30)
    assert len(ladder.times("SIP/2.0 200")) == 5
    assert leg.events == ["acknowledged"]


def test_rfc3261_13_3_1_4_without_ack_the_session_ends_with_bye() -> None:
    ladder = Ladder()
    session, leg = incoming(ladder)
    session.accept(body=SDP)
    ladder.after(32.1)
    assert ladder.times("SIP/2.0 200") == [0.0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert ladder.times("BYE") == [32.0]
    assert state_of(session) is SessionState.TERMINATED
    ladder.after(33)
    assert leg.events == ["response BYE 408", "ended NO_ACK"]
    assert ladder.is_idle()


def test_ack_with_the_branch_of_the_invite() -> None:
    """Some phones reuse the branch; the tags decide."""
    ladder = Ladder()
    session, leg = incoming(ladder)
    session.accept(body=SDP)
    (ok,) = ladder.expect("SIP/2.0 200")
    ladder.receive(request("ACK", to_tag=ok.to.tag or ""))
    assert leg.events == ["acknowledged"]


def test_rfc3261_15_bye_waits_for_the_ack() -> None:
    ladder = Ladder()
    session, leg = incoming(ladder)
    session.accept(body=SDP)
    (ok,) = ladder.expect("SIP/2.0 200")
    session.bye(headers=[("Reason", "Q.850;cause=16")])
    ladder.expect()
    ladder.receive(request("ACK", branch="z9hG4bKack", to_tag=ok.to.tag or ""))
    (bye,) = ladder.expect("BYE sip:alice@127.0.0.1:15071")
    assert bye.get("Reason") == "Q.850;cause=16"
    assert leg.events == []


def test_reject() -> None:
    ladder = Ladder()
    session, leg = incoming(ladder)
    session.reject(486, headers=[("Reason", "Q.850;cause=17")])
    (busy,) = ladder.expect("SIP/2.0 486 Busy Here")
    assert names(ladder) == ["Server", "Reason", "Content-Length"]
    ladder.receive(request("ACK", to_tag=busy.to.tag or ""))
    ladder.after(6)
    assert ladder.is_idle()
    assert leg.events == []


def test_rfc3261_15_1_2_cancel() -> None:
    ladder = Ladder()
    session, leg = incoming(ladder)
    session.provisional(180)
    ladder.expect("SIP/2.0 180")
    ladder.receive(request("CANCEL"))
    ok, terminated = ladder.expect("SIP/2.0 200", "SIP/2.0 487 Request Terminated")
    assert ok.to.tag == terminated.to.tag
    assert ok.cseq.method == "CANCEL"
    assert leg.events == ["cancelled"]
    assert state_of(session) is SessionState.TERMINATED


def test_cancel_answered_by_the_user_with_its_own_headers() -> None:
    class Polite(Leg):
        def cancelled(self, session: InviteSession, request: Request) -> None:
            session.reject(487, headers=[("Reason", "Q.850;cause=0")])

    ladder = Ladder()
    transaction = ladder.receive(request())
    assert transaction is not None
    ladder.core.accept_invite(transaction, Polite(), contact="<sip:x@h>")
    ladder.receive(request("CANCEL"))
    _, terminated = ladder.expect("SIP/2.0 200", "SIP/2.0 487")
    assert terminated.get("Reason") == "Q.850;cause=0"


def test_cancel_after_the_answer_is_too_late() -> None:
    ladder = Ladder()
    session, leg = incoming(ladder)
    session.accept(body=SDP)
    ladder.receive(request("CANCEL"))
    ladder.expect("SIP/2.0 200", "SIP/2.0 200")
    assert leg.events == []
    assert state_of(session) is SessionState.CONNECTING


def test_bye_in_an_early_dialog_ends_the_call_like_cancel() -> None:
    ladder = Ladder()
    session, leg = incoming(ladder)
    session.provisional(180)
    (ringing,) = ladder.expect("SIP/2.0 180")
    ladder.receive(request("BYE", branch="z9hG4bKbye", cseq=2, to_tag=ringing.to.tag or ""))
    ladder.expect("SIP/2.0 200", "SIP/2.0 487")
    assert leg.events == ["cancelled"]
    assert state_of(session) is SessionState.TERMINATED


def test_asterisk_header_order_first_response() -> None:
    ladder = Ladder()
    session, _ = incoming(ladder)
    session.provisional(180, headers=[ALLOW])
    assert names(ladder) == ["Server", "Contact", "Allow", "Content-Length"]


def test_asterisk_header_order_2xx_after_provisional() -> None:
    """What an earlier response carried stays in front; Contact comes after it."""
    ladder = Ladder()
    session, _ = incoming(ladder)
    session.provisional(180, headers=[ALLOW])
    session.provisional(181, headers=[ALLOW, ("Supported", "histinfo"), ("Diversion", "<sip:x>")])
    assert names(ladder) == ["Server", "Allow", "Contact", "Supported", "Diversion", "Content-Length"]
    session.accept(headers=[ALLOW, SUPPORTED], body=SDP)
    assert names(ladder) == [
        "Server", "Allow", "Supported", "Diversion", "Contact", "Content-Type", "Content-Length",
    ]  # fmt: skip
    assert ladder.take()[-1].get("Supported") == "histinfo"


def test_asterisk_header_order_refusal_after_provisional() -> None:
    ladder = Ladder()
    session, _ = incoming(ladder)
    session.provisional(180, headers=[ALLOW])
    session.reject(486, headers=[("Reason", "Q.850;cause=17")])
    assert names(ladder) == ["Server", "Allow", "Reason", "Content-Length"]


def test_later_value_of_a_header_wins() -> None:
    ladder = Ladder()
    session, _ = incoming(ladder)
    session.provisional(180, headers=[("P-Asserted-Identity", "<sip:1@h>")])
    session.accept(headers=[("P-Asserted-Identity", "<sip:2@h>")], body=SDP)
    last = ladder.take()[-1]
    assert last.get_all("P-Asserted-Identity") == ["<sip:2@h>"]
    assert last.get_all("Contact") == ["<sip:127.0.0.1:15060>"]


def test_asterisk_missing_contact_header() -> None:
    class Strict(Ladder):
        def request_received(self, transaction: object) -> None:
            self.core.accept_invite(transaction, Leg(), contact="<sip:x@h>")  # type: ignore[arg-type]

    ladder = Strict()
    ladder.receive(request(contact=""))
    ladder.expect("SIP/2.0 400 Missing Contact header")
    assert ladder.core.dialogs == 0


def test_commands_in_the_wrong_state_are_local_faults() -> None:
    ladder = Ladder()
    session, _ = incoming(ladder)
    for wrong in (session.bye, session.cancel, session.acknowledge, session.reinvite):
        with pytest.raises(LocalFault):
            wrong()
    with pytest.raises(LocalFault):
        session.provisional(200)
    with pytest.raises(LocalFault):
        session.reject(200)
    session.reject(404)
    for wrong in (session.accept, session.bye):
        with pytest.raises(LocalFault):
            wrong()
    with pytest.raises(LocalFault):
        session.provisional(180)
    with pytest.raises(LocalFault):
        session.send_request("INFO")
    session.terminate()


# -- RFC 3262 ------------------------------------------------------------------------------------------------------

RELIABLE = request(extra="Supported: 100rel\n", body=SDP)


def prack(ladder: Ladder, rseq: str, tag: str, cseq: int = 2) -> None:
    ladder.receive(request("PRACK", branch=f"z9hG4bKprack{cseq}", to_tag=tag, cseq=cseq, extra=f"RAck: {rseq} 1 INVITE\n"))


def test_rfc3262_3_reliable_provisional_is_repeated_until_prack() -> None:
    ladder = Ladder()
    session, leg = incoming(ladder, RELIABLE)
    session.provisional(183, body=SDP, reliable=True)
    ladder.after(4)
    assert ladder.times("SIP/2.0 183") == [0.0, 0.5, 1.5, 3.5]
    progress = ladder.take()[0]
    assert progress.get("Require") == "100rel"
    prack(ladder, progress.get("RSeq") or "", progress.to.tag or "")
    ladder.expect("SIP/2.0 200")
    ladder.after(20)
    ladder.expect()
    assert leg.events == ["prack"]


def test_rfc3262_3_next_reliable_waits_and_counts_up() -> None:
    ladder = Ladder()
    session, _ = incoming(ladder, RELIABLE)
    session.provisional(183, reliable=True)
    session.provisional(180, reliable=True)
    (first,) = ladder.expect("SIP/2.0 183")
    tag = first.to.tag or ""
    prack(ladder, first.get("RSeq") or "", tag)
    _, second = ladder.expect("SIP/2.0 200", "SIP/2.0 180")
    assert int(second.get("RSeq") or 0) == int(first.get("RSeq") or 0) + 1


def test_rfc3262_3_2xx_waits_for_the_prack_of_a_session_description() -> None:
    ladder = Ladder()
    session, _ = incoming(ladder, RELIABLE)
    session.provisional(183, body=SDP, reliable=True)
    session.accept(body=SDP)
    (progress,) = ladder.expect("SIP/2.0 183")
    prack(ladder, progress.get("RSeq") or "", progress.to.tag or "")
    ladder.expect("SIP/2.0 200 OK", "SIP/2.0 200 OK")
    assert state_of(session) is SessionState.CONNECTING


def test_rfc3262_3_2xx_need_not_wait_without_one() -> None:
    ladder = Ladder()
    session, _ = incoming(ladder, RELIABLE)
    session.provisional(180, reliable=True)
    session.accept(body=SDP)
    ladder.expect("SIP/2.0 180", "SIP/2.0 200")
    ladder.after(3)
    assert len(ladder.times("SIP/2.0 180")) == 1


def test_rfc3262_3_no_prack_refuses_the_invite() -> None:
    ladder = Ladder()
    session, leg = incoming(ladder, RELIABLE)
    session.provisional(183, reliable=True)
    ladder.after(32.1)
    assert ladder.times("SIP/2.0 504") == [32.0]
    assert leg.events == ["ended NO_PRACK"]
    assert state_of(session) is SessionState.TERMINATED


def test_unexpected_prack_goes_to_the_user() -> None:
    ladder = Ladder()
    session, leg = incoming(ladder, RELIABLE)
    session.provisional(180)
    (ringing,) = ladder.expect("SIP/2.0 180")
    prack(ladder, "99", ringing.to.tag or "")
    assert leg.events == ["request PRACK"]
    session.respond(leg.transactions[0], 400, "Unexpected PRACK")  # type: ignore[arg-type]
    ladder.expect("SIP/2.0 400 Unexpected PRACK")


def test_reliable_needs_a_caller_that_supports_it() -> None:
    session, _ = incoming(Ladder())
    assert not session.supports_100rel
    with pytest.raises(LocalFault):
        session.provisional(183, reliable=True)


def test_bad_contact_is_refused_at_the_door() -> None:
    ladder = Ladder()
    transaction = ladder.receive(request(contact="Contact: <sip:\n"))
    assert transaction is not None
    with pytest.raises(SipParseError):
        ladder.core.accept_invite(transaction, Leg(), contact="<sip:x@h>")


def test_requests_after_the_end_are_481_but_another_bye_is_200_while_the_first_may_be_repeated() -> None:
    ladder = Ladder()
    session, _, tag = answered(ladder)
    ladder.receive(request("BYE", branch="z9hG4bKb1", to_tag=tag, cseq=2))
    ladder.receive(request("INFO", branch="z9hG4bKi", to_tag=tag, cseq=3))
    ladder.receive(request("BYE", branch="z9hG4bKb2", to_tag=tag, cseq=4))
    ladder.expect("SIP/2.0 200", "SIP/2.0 481", "SIP/2.0 200")
    ladder.receive(request("BYE", branch="z9hG4bKb3", to_tag=tag, cseq=5, from_tag="stranger"))
    ladder.expect("SIP/2.0 481")
    ladder.after(32)
    ladder.receive(request("BYE", branch="z9hG4bKb4", to_tag=tag, cseq=6))
    ladder.expect("SIP/2.0 481")
    assert state_of(session) is SessionState.TERMINATED
