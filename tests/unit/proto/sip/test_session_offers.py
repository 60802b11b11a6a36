"""Offers that cross, and requests that are sent again: UPDATE, glare, 422, redirects, forks (RFC 3311, 3262, 4028, 6228)."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from globstar.base.errors import LocalFault
from globstar.proto.sip.flow import Flow
from globstar.proto.sip.message import Request, Response
from globstar.proto.sip.session import InviteSession, SessionState
from globstar.proto.sip.uri import SipUri
from tests.unit.proto.sip.ladder import (
    BOB,
    SDP,
    TO_BOB,
    Ladder,
    Leg,
    answered,
    bob_request,
    connected,
    incoming,
    outgoing,
    request,
    response,
    state_of,
)

RELIABLE = "Require: 100rel\nRSeq: {}\n"


class Redirected(Leg):
    """Follows redirects to whatever contacts they name."""

    def redirect_received(self, session: InviteSession, response: Response) -> Sequence[tuple[SipUri, Flow]]:
        self.note(f"redirect {response.status}", response)
        contacts = sorted(response.contacts, key=lambda contact: -contact.q)
        return [(contact.uri, TO_BOB) for contact in contacts]

    def settled(self, session: InviteSession) -> None:
        self.note("settled")


def follower(ladder: Ladder) -> tuple[InviteSession, Redirected, Request]:
    session, _, invite = outgoing(ladder)
    leg = Redirected()
    session.user = leg
    return session, leg, invite


# -- UPDATE --------------------------------------------------------------------------------------------------------


def test_rfc3311_5_1_update_in_an_early_dialog_waits_for_the_reliable_answer() -> None:
    ladder = Ladder()
    session, leg, invite = outgoing(ladder)
    assert not session.can_update, "there is no dialog yet"
    ladder.receive(response(invite, 180), BOB)
    assert not session.can_update, "our offer has no answer"
    with pytest.raises(LocalFault):
        session.update(body=SDP)
    ladder.receive(response(invite, 183, extra=RELIABLE.format(7) + "Allow: INVITE, UPDATE\n", body=SDP), BOB)
    (prack,) = ladder.expect("PRACK")
    ladder.receive(response(prack, 200), BOB)
    assert session.can_update
    assert session.allows("UPDATE")
    assert not session.allows("REFER")
    session.update(body=SDP)
    (update,) = ladder.expect("UPDATE sip:bob@127.0.0.1:15072")
    with pytest.raises(LocalFault):
        session.update()
    ladder.receive(response(update, 200, body=SDP, contact="<sip:moved@127.0.0.1:15072>"), BOB)
    assert leg.events[-1] == "response UPDATE 200"
    assert session.dialog is not None
    assert str(session.dialog.remote_target) == "sip:moved@127.0.0.1:15072"


def test_rfc3311_5_2_an_offer_while_ours_in_the_invite_is_open_is_491() -> None:
    ladder = Ladder()
    _, leg, invite = outgoing(ladder)
    ladder.receive(response(invite, 180), BOB)
    ladder.receive(bob_request(invite, "UPDATE", body=SDP), BOB)
    ladder.expect("SIP/2.0 491")
    ladder.receive(bob_request(invite, "UPDATE", 2), BOB)
    assert leg.events == ["provisional 180", "update"], "without an offer there is nothing to cross"


def test_rfc3311_5_2_an_offer_before_the_answer_to_the_invite_is_500_with_retry_after() -> None:
    ladder = Ladder()
    session, _leg = incoming(ladder)
    session.provisional(180)
    (ringing,) = ladder.expect("SIP/2.0 180")
    ladder.receive(request("UPDATE", branch="z9hG4bKup", to_tag=ringing.to.tag or "", cseq=2, body=SDP))
    (refused,) = ladder.expect("SIP/2.0 500")
    assert 0 <= int(refused.get("Retry-After") or "99") <= 10


def test_rfc3311_5_2_after_a_reliable_answer_the_caller_may_update() -> None:
    ladder = Ladder()
    session, leg = incoming(ladder, request(extra="Supported: 100rel\n", body=SDP))
    session.provisional(183, body=SDP, reliable=True)
    (progress,) = ladder.expect("SIP/2.0 183")
    tag = progress.to.tag or ""
    ladder.receive(request("PRACK", branch="z9hG4bKp", to_tag=tag, cseq=2, extra=f"RAck: {progress.get('RSeq')} 1 INVITE\n"))
    ladder.expect("SIP/2.0 200")
    assert session.can_update
    ladder.receive(request("UPDATE", branch="z9hG4bKup", to_tag=tag, cseq=3, body=SDP))
    assert leg.events == ["prack", "update"]


def test_rfc3311_5_2_a_second_update_before_the_first_is_answered_is_500() -> None:
    ladder = Ladder()
    session, leg, tag = answered(ladder)
    ladder.receive(request("UPDATE", branch="z9hG4bKu1", to_tag=tag, cseq=2, body=SDP))
    ladder.receive(request("UPDATE", branch="z9hG4bKu2", to_tag=tag, cseq=3, body=SDP))
    ladder.expect("SIP/2.0 500")
    assert not session.can_reinvite
    session.respond(leg.transactions[0], 200, body=SDP)  # type: ignore[arg-type]
    ladder.expect("SIP/2.0 200")
    assert session.can_reinvite


@pytest.mark.parametrize("theirs", ["UPDATE", "INVITE"])
def test_rfc3261_14_2_their_offer_while_our_update_is_open_is_491(theirs: str) -> None:
    ladder = Ladder()
    session, leg, invite = connected(ladder)
    session.update(body=SDP)
    (update,) = ladder.expect("UPDATE")
    assert not session.can_reinvite
    ladder.receive(bob_request(invite, theirs, body=SDP), BOB)
    ladder.expect("SIP/2.0 491")
    ladder.receive(response(update, 200, body=SDP), BOB)
    assert session.can_reinvite
    assert leg.events == ["accepted 200", "response UPDATE 200"]


def test_rfc3261_14_2_an_offer_while_the_ack_owes_us_an_answer_is_491() -> None:
    ladder = Ladder()
    session, _leg = incoming(ladder, request())
    session.accept(body=SDP)
    (ok,) = ladder.expect("SIP/2.0 200")
    tag = ok.to.tag or ""
    ladder.receive(request("UPDATE", branch="z9hG4bKup", to_tag=tag, cseq=2, body=SDP))
    ladder.expect("SIP/2.0 491")
    ladder.receive(request("ACK", branch="z9hG4bKack", to_tag=tag, body=SDP))
    assert session.can_update


@pytest.mark.parametrize(("caller", "least", "most"), [(True, 2.1, 4.0), (False, 0.0, 2.0)])
def test_rfc3311_5_3_update_is_sent_again_after_491(caller: bool, least: float, most: float) -> None:
    ladder = Ladder()
    if caller:
        session, leg, _ = connected(ladder)
    else:
        session, leg, _ = answered(ladder)
    session.update(body=SDP)
    (update,) = ladder.expect("UPDATE")
    source = BOB if caller else ("127.0.0.1", 15071)
    ladder.receive(response(update, 491), source)
    ladder.after(least - 0.01) if least else None
    ladder.expect()
    ladder.after(most - least + 0.02)
    (again,) = [message for message in ladder.take() if isinstance(message, Request)][:1]
    assert again.method == "UPDATE"
    assert again.cseq.number == update.cseq.number + 1
    sent = ladder.times("UPDATE")
    assert least <= sent[1] - sent[0] <= most
    ladder.receive(response(again, 200, body=SDP), source)
    assert leg.events[-1] == "response UPDATE 200"


def test_rfc4028_10_update_answered_481_ends_the_dialog() -> None:
    ladder = Ladder()
    session, leg, _ = connected(ladder)
    session.update()
    (update,) = ladder.expect("UPDATE")
    ladder.receive(response(update, 481), BOB)
    assert leg.events[-2:] == ["response UPDATE 481", "ended DIALOG_GONE"]
    assert state_of(session) is SessionState.TERMINATED


def test_rfc4028_10_update_that_nobody_answers_ends_with_bye() -> None:
    ladder = Ladder()
    session, leg, _ = connected(ladder)
    session.update()
    ladder.after(33)
    assert [type(message) for message in ladder.take() if isinstance(message, Request) and message.method == "BYE"]
    assert leg.events[1] == "response UPDATE 408"


# -- 422 -----------------------------------------------------------------------------------------------------------


def test_rfc4028_7_4_a_longer_interval_after_422() -> None:
    ladder = Ladder()
    _, leg, invite = outgoing(ladder, headers=[("Session-Expires", "120"), ("Min-SE", "90")])
    ladder.receive(response(invite, 422, extra="Min-SE: 600\n"), BOB)
    ack, again = ladder.expect("ACK", "INVITE")
    assert ack.cseq.number == invite.cseq.number
    assert (again.get("Session-Expires"), again.get("Min-SE")) == ("600", "600")
    assert again.call_id == invite.call_id
    assert again.from_.tag == invite.from_.tag
    assert again.cseq.number == invite.cseq.number + 1
    ladder.receive(response(again, 200, body=SDP), BOB)
    ladder.expect("ACK")
    assert leg.events == ["accepted 200"]


@pytest.mark.parametrize("extra", ["", "Min-SE: 100\n", "Min-SE: x\n", "Min-SE: 4000000000\n"])
def test_rfc4028_7_4_a_422_that_says_nothing_new_is_the_end(extra: str) -> None:
    ladder = Ladder()
    _, leg, invite = outgoing(ladder, headers=[("Session-Expires", "120")])
    ladder.receive(response(invite, 422, extra=extra), BOB)
    ladder.expect("ACK")
    assert leg.events == ["rejected 422"]


def test_rfc4028_7_4_a_peer_that_asks_for_ever_more_is_given_up() -> None:
    ladder = Ladder()
    _, leg, invite = outgoing(ladder, headers=[("Session-Expires", "120")])
    for step in range(1, 5):
        ladder.receive(response(invite, 422, extra=f"Min-SE: {120 + step}\n"), BOB)
        sent = [message for message in ladder.take() if isinstance(message, Request) and message.method == "INVITE"]
        if sent:
            invite = sent[0]
    assert ladder.times("INVITE").__len__() == 4
    assert leg.events == ["rejected 422"]


# -- redirects -----------------------------------------------------------------------------------------------------


def test_rfc3261_8_1_3_4_targets_are_tried_by_q_until_one_answers() -> None:
    ladder = Ladder()
    session, leg, invite = follower(ladder)
    moved = "<sip:two@127.0.0.1:15072>;q=0.2, <sip:one@127.0.0.1:15072>;q=0.9"
    ladder.receive(response(invite, 302, contact=moved), BOB)
    _, first = ladder.expect("ACK", "INVITE sip:one@127.0.0.1:15072")
    assert first.call_id == invite.call_id
    assert first.from_.tag == invite.from_.tag
    ladder.receive(response(first, 486), BOB)
    _, second = ladder.expect("ACK", "INVITE sip:two@127.0.0.1:15072")
    assert second.cseq.number == invite.cseq.number + 2
    ladder.receive(response(second, 200, body=SDP), BOB)
    ladder.expect("ACK")
    assert leg.events == ["redirect 302", "accepted 200", "settled"]
    assert state_of(session) is SessionState.CONFIRMED


def test_rfc3261_8_1_3_4_redirects_in_a_circle_end() -> None:
    ladder = Ladder()
    _, leg, invite = follower(ladder)
    for _ in range(3):
        ladder.receive(response(invite, 302, contact="<sip:there@127.0.0.1:15072>"), BOB)
        sent = [message for message in ladder.take() if isinstance(message, Request) and message.method == "INVITE"]
        if not sent:
            break
        invite = sent[0]
    assert leg.events == ["redirect 302", "redirect 302", "rejected 302"]


def test_rfc3261_8_1_3_4_a_6xx_ends_the_search() -> None:
    ladder = Ladder()
    _, leg, invite = follower(ladder)
    ladder.receive(response(invite, 300, contact="<sip:a@127.0.0.1:15072>, <sip:b@127.0.0.1:15072>"), BOB)
    _, first = ladder.expect("ACK", "INVITE sip:a@")
    ladder.receive(response(first, 603), BOB)
    ladder.expect("ACK")
    assert leg.events == ["redirect 300", "rejected 603"]


def test_the_number_of_redirects_is_bounded() -> None:
    ladder = Ladder()
    _, leg, invite = follower(ladder)
    for number in range(20):
        ladder.receive(response(invite, 302, contact=f"<sip:n{number}@127.0.0.1:15072>"), BOB)
        sent = [message for message in ladder.take() if isinstance(message, Request) and message.method == "INVITE"]
        if not sent:
            break
        invite = sent[0]
    assert len(ladder.times("INVITE")) == 11
    assert leg.events[-1] == "rejected 302"


def test_a_cancelled_call_follows_no_redirect() -> None:
    ladder = Ladder()
    session, leg, invite = follower(ladder)
    ladder.receive(response(invite, 180), BOB)
    session.cancel()
    ladder.expect("CANCEL")
    ladder.receive(response(invite, 302, contact="<sip:there@127.0.0.1:15072>"), BOB)
    ladder.expect("ACK")
    assert leg.events == ["provisional 180", "rejected 302"]


# -- forks ---------------------------------------------------------------------------------------------------------


def test_rfc3262_4_each_fork_gets_its_own_prack() -> None:
    ladder = Ladder()
    _, leg, invite = outgoing(ladder)
    pracks = []
    for tag, rseq in (("a", 5), ("b", 900), ("a", 6)):
        contact = f"<sip:{tag}@127.0.0.1:15072>"
        ladder.receive(response(invite, 183, tag=tag, contact=contact, extra=RELIABLE.format(rseq), body=SDP), BOB)
        (prack,) = ladder.expect(f"PRACK sip:{tag}@127.0.0.1:15072")
        assert prack.to.tag == tag
        assert prack.get("RAck") == f"{rseq} {invite.cseq.number} INVITE"
        pracks.append(prack)
    assert leg.events == ["provisional 183"] * 3
    assert pracks[2].cseq.number == pracks[0].cseq.number + 1, "CSeq counts for each dialog"
    ladder.receive(response(invite, 183, tag="b", extra=RELIABLE.format(902), body=SDP), BOB)
    ladder.expect()
    assert len(leg.events) == 3, "RFC 3262 4: one out of order is dropped"


def test_rfc6228_199_ends_one_early_dialog() -> None:
    ladder = Ladder()
    session, leg, invite = outgoing(ladder)
    for tag in ("a", "b"):
        ladder.receive(response(invite, 180, tag=tag, contact=f"<sip:{tag}@127.0.0.1:15072>"), BOB)
    assert ladder.core.dialogs == 2
    ladder.receive(response(invite, 199, tag="b"), BOB)
    assert ladder.core.dialogs == 1
    assert session.dialog is not None
    assert session.dialog.remote_tag == "a"
    assert leg.events == ["provisional 180"] * 2


def test_early_dialogs_are_bounded() -> None:
    ladder = Ladder()
    _, leg, invite = outgoing(ladder)
    for number in range(30):
        ladder.receive(response(invite, 180, tag=f"t{number}"), BOB)
    assert ladder.core.dialogs == 16
    assert len(leg.events) == 16


# -- races ---------------------------------------------------------------------------------------------------------


def test_our_bye_while_our_reinvite_is_pending() -> None:
    ladder = Ladder()
    session, leg, _ = connected(ladder)
    session.reinvite(body=SDP)
    (reinvite,) = ladder.expect("INVITE")
    session.bye()
    (bye,) = ladder.expect("BYE")
    ladder.receive(response(reinvite, 200, body=SDP), BOB)
    (ack,) = ladder.expect("ACK")
    assert ack.cseq.number == reinvite.cseq.number
    ladder.receive(response(bye, 200), BOB)
    assert leg.events == ["accepted 200", "response BYE 200", "ended BYE_SENT"]
    ladder.after(33)
    assert ladder.is_idle()


def test_their_bye_while_our_update_is_pending() -> None:
    ladder = Ladder()
    session, leg, invite = connected(ladder)
    session.update(body=SDP)
    (update,) = ladder.expect("UPDATE")
    ladder.receive(bob_request(invite, "BYE"), BOB)
    ladder.expect("SIP/2.0 200")
    ladder.receive(response(update, 481), BOB)
    assert leg.events == ["accepted 200", "bye", "ended BYE_RECEIVED"]
    ladder.after(33)
    assert ladder.is_idle()


def test_what_waits_for_a_pending_request_is_told_when_it_is_over() -> None:
    ladder = Ladder()
    session, leg, invite = follower(ladder)
    ladder.receive(response(invite, 200, body=SDP), BOB)
    ladder.expect("ACK")
    session.reinvite(body=SDP)
    (reinvite,) = ladder.expect("INVITE")
    ladder.receive(response(reinvite, 488), BOB)
    assert leg.events == ["accepted 200", "settled", "reinvite rejected 488", "settled"]
