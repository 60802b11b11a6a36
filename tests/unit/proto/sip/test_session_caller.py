"""The calling side of a session as ladders: forks, CANCEL, PRACK, re-INVITE, challenges (RFC 3261 13.2, 9, 14, 22)."""

from __future__ import annotations

import pytest

from globstar.base.errors import LocalFault
from globstar.proto.sip.auth import ClientCredentials, Secret
from globstar.proto.sip.headers import NameAddr
from globstar.proto.sip.message import Request, Response
from globstar.proto.sip.session import InviteSession, SessionState
from tests.unit.proto.sip.ladder import BOB, SDP, TO_BOB, Ladder, Leg, bob_request, connected, outgoing, response, state_of

CHALLENGE = 'WWW-Authenticate: Digest realm="far",nonce="n1",algorithm=MD5,qop="auth"\n'
ME = ClientCredentials(Secret("me", "secret"))


def test_call_answered_and_ended_by_us() -> None:
    ladder = Ladder()
    session, leg, invite = outgoing(ladder)
    ladder.receive(response(invite, 100, tag="", contact=""), BOB)
    assert state_of(session) is SessionState.CALLING
    ladder.receive(response(invite, 180), BOB)
    assert state_of(session) is SessionState.EARLY
    ladder.receive(response(invite, 200, body=SDP), BOB)
    (ack,) = ladder.expect("ACK sip:bob@127.0.0.1:15072 SIP/2.0")
    assert ack.via.branch != invite.via.branch, "RFC 3261 13.2.2.4: a transaction of its own"
    assert ack.cseq.number == invite.cseq.number
    assert state_of(session) is SessionState.CONFIRMED
    session.bye(headers=[("Reason", "Q.850;cause=16")])
    (bye,) = ladder.expect("BYE sip:bob@127.0.0.1:15072 SIP/2.0")
    assert bye.cseq.number == invite.cseq.number + 1
    ladder.receive(response(bye, 200), BOB)
    assert leg.events == ["provisional 180", "accepted 200", "response BYE 200", "ended BYE_SENT"]
    ladder.after(33)
    assert ladder.is_idle()


def test_call_ended_by_the_other_side() -> None:
    ladder = Ladder()
    session, leg, invite = connected(ladder)
    ladder.receive(bob_request(invite, "BYE"), BOB)
    ladder.expect("SIP/2.0 200")
    assert leg.events[1:] == ["bye", "ended BYE_RECEIVED"]
    assert state_of(session) is SessionState.TERMINATED
    ladder.after(33)
    assert ladder.is_idle()


@pytest.mark.parametrize("who", ["us", "them"])
def test_a_session_that_is_over_keeps_nobody_alive_and_still_repeats_its_ack(who: str) -> None:
    ladder = Ladder()
    session, leg, invite = connected(ladder)
    if who == "us":
        session.bye()
        (bye,) = ladder.expect("BYE")
        ladder.receive(response(bye, 200), BOB)
    else:
        ladder.receive(bob_request(invite, "BYE"), BOB)
        ladder.expect("SIP/2.0 200")
    assert leg.events[-1].startswith("ended")
    ended = len(leg.events)
    assert session.user is not leg
    ladder.receive(response(invite, 200, body=SDP), BOB)
    ladder.expect("ACK")
    assert len(leg.events) == ended


def test_rfc3261_13_2_2_4_repeated_2xx_gets_the_same_ack() -> None:
    ladder = Ladder()
    _, leg, invite = connected(ladder)
    ladder.receive(response(invite, 200, body=SDP), BOB)
    ladder.expect("ACK")
    assert ladder.sent[-1][2] == ladder.sent[-2][2]
    assert leg.events == ["accepted 200"]


def test_delayed_ack_with_a_body() -> None:
    class Slow(Leg):
        def accepted(self, session: InviteSession, response: Response) -> None:
            session.hold_ack = True

    ladder = Ladder()
    session = ladder.core.invite(
        "sip:bob@h",
        Slow(),
        flow=TO_BOB,
        from_=NameAddr.parse("<sip:a@h>"),
        to=NameAddr.parse("<sip:bob@h>"),
        contact="<sip:a@h>",
    )
    (invite,) = ladder.expect("INVITE")
    ladder.receive(response(invite, 200, body=SDP), BOB)
    ladder.receive(response(invite, 200, body=SDP), BOB)
    ladder.expect()
    session.acknowledge(body=SDP)
    (ack,) = ladder.expect("ACK")
    assert ack.body == SDP
    assert state_of(session) is SessionState.CONFIRMED


def test_bye_before_a_held_ack_sends_the_ack_first() -> None:
    ladder = Ladder()
    session, _, invite = outgoing(ladder)
    session.hold_ack = True
    ladder.receive(response(invite, 200, body=SDP), BOB)
    ladder.expect()
    session.bye()
    ladder.expect("ACK", "BYE")


@pytest.mark.parametrize("status", [302, 404, 486, 503, 603])
def test_refused(status: int) -> None:
    ladder = Ladder()
    session, leg, invite = outgoing(ladder)
    ladder.receive(response(invite, 180), BOB)
    ladder.receive(response(invite, status), BOB)
    ladder.expect("ACK")
    assert leg.events == ["provisional 180", f"rejected {status}"]
    assert state_of(session) is SessionState.TERMINATED
    ladder.after(33)
    assert ladder.is_idle()


def test_no_answer_at_all_counts_as_408() -> None:
    ladder = Ladder()
    _, leg, _ = outgoing(ladder)
    ladder.after(33)
    assert leg.events == ["rejected 408"]
    assert ladder.is_idle()


# -- forks ---------------------------------------------------------------------------------------------------------


def test_rfc3261_13_2_2_4_forked_early_dialogs() -> None:
    ladder = Ladder()
    session, leg, invite = outgoing(ladder)
    ladder.receive(response(invite, 180, tag="one", contact="<sip:one@h>"), BOB)
    ladder.receive(response(invite, 183, tag="two", contact="<sip:two@h>"), BOB)
    assert ladder.core.dialogs == 2
    assert session.dialog is not None
    assert session.dialog.remote_tag == "two"
    ladder.receive(response(invite, 200, tag="one", contact="<sip:one@h>", body=SDP), BOB)
    ladder.expect("ACK sip:one@h")
    assert session.dialog.remote_tag == "one"
    assert ladder.core.dialogs == 1, "the other early dialog is over"
    assert leg.events == ["provisional 180", "provisional 183", "accepted 200"]


def test_rfc3261_13_2_2_4_second_2xx_gets_ack_and_bye() -> None:
    ladder = Ladder()
    session, leg, invite = connected(ladder)
    ladder.receive(response(invite, 200, tag="fork", contact="<sip:fork@h>", body=SDP), BOB)
    ack, bye = ladder.expect("ACK sip:fork@h", "BYE sip:fork@h")
    assert ack.to.tag == bye.to.tag == "fork"
    ladder.receive(response(invite, 200, tag="fork", contact="<sip:fork@h>", body=SDP), BOB)
    ladder.expect("ACK sip:fork@h")
    assert leg.events == ["accepted 200"]
    assert state_of(session) is SessionState.CONFIRMED


def test_forks_are_bounded() -> None:
    ladder = Ladder()
    _, _, invite = connected(ladder)
    for number in range(100):
        ladder.receive(response(invite, 200, tag=f"t{number}", body=SDP), BOB)
    assert len(ladder.times("BYE")) == 16


# -- CANCEL --------------------------------------------------------------------------------------------------------


def test_rfc3261_9_1_cancel_after_a_provisional() -> None:
    ladder = Ladder()
    session, leg, invite = outgoing(ladder)
    ladder.receive(response(invite, 180), BOB)
    session.cancel(headers=[("Reason", "Q.850;cause=127")])
    (cancel,) = ladder.expect("CANCEL sip:bob@127.0.0.1:15072 SIP/2.0")
    assert cancel.via == invite.via
    assert cancel.to.tag is None
    assert cancel.cseq.number == invite.cseq.number
    assert [name for name, _ in cancel.headers] == [
        "Via", "From", "To", "Call-ID", "CSeq", "Reason", "Max-Forwards", "User-Agent", "Content-Length",
    ]  # fmt: skip
    ladder.receive(response(cancel, 200), BOB)
    ladder.receive(response(invite, 487), BOB)
    ladder.expect("ACK")
    assert leg.events == ["provisional 180", "rejected 487"]
    ladder.after(33)
    assert ladder.is_idle()


def test_rfc3261_9_1_cancel_waits_for_a_provisional() -> None:
    ladder = Ladder()
    session, _, invite = outgoing(ladder)
    session.cancel()
    session.cancel()
    ladder.expect()
    ladder.receive(response(invite, 100, tag=""), BOB)
    ladder.receive(response(invite, 180), BOB)
    ladder.expect("CANCEL")


def test_rfc3261_9_1_cancel_crossing_with_200() -> None:
    ladder = Ladder()
    session, leg, invite = outgoing(ladder)
    ladder.receive(response(invite, 180), BOB)
    session.cancel()
    ladder.expect("CANCEL")
    ladder.receive(response(invite, 200, body=SDP), BOB)
    ladder.expect("ACK", "BYE")
    assert leg.events == ["provisional 180", "rejected 487"]
    assert state_of(session) is SessionState.TERMINATED


def test_rfc3261_9_1_no_final_response_after_cancel() -> None:
    ladder = Ladder()
    session, leg, invite = outgoing(ladder)
    ladder.receive(response(invite, 180), BOB)
    session.cancel()
    ladder.after(31.9)
    assert leg.events == ["provisional 180"]
    ladder.after(0.2)
    assert leg.events == ["provisional 180", "rejected 487"]
    ladder.after(10)
    assert ladder.is_idle()


def test_cancel_of_an_answered_call_is_a_local_fault() -> None:
    session, _, _ = connected(Ladder())
    with pytest.raises(LocalFault):
        session.cancel()


# -- RFC 3262 ------------------------------------------------------------------------------------------------------


def reliable(invite: Request, rseq: int, status: int = 183) -> bytes:
    return response(invite, status, extra=f"Require: 100rel\nRSeq: {rseq}\n")


def test_rfc3262_4_prack() -> None:
    ladder = Ladder()
    _, leg, invite = outgoing(ladder)
    ladder.receive(reliable(invite, 10), BOB)
    (prack,) = ladder.expect("PRACK sip:bob@127.0.0.1:15072")
    assert prack.get("RAck") == f"10 {invite.cseq.number} INVITE"
    assert prack.cseq.number == invite.cseq.number + 1
    ladder.receive(response(prack, 200), BOB)
    ladder.receive(reliable(invite, 10), BOB)
    ladder.receive(reliable(invite, 12), BOB)
    ladder.expect()
    ladder.receive(reliable(invite, 11, 180), BOB)
    ladder.expect("PRACK")
    assert leg.events == ["provisional 183", "provisional 180"]


def test_prack_by_the_user_with_a_body() -> None:
    class Offering(Leg):
        def provisional_received(self, session: InviteSession, response: Response) -> None:
            session.prack(response, body=SDP)

    ladder = Ladder()
    ladder.core.invite(
        "sip:bob@h",
        Offering(),
        flow=TO_BOB,
        from_=NameAddr.parse("<sip:a@h>"),
        to=NameAddr.parse("<sip:bob@h>"),
        contact="<sip:a@h>",
    )
    (invite,) = ladder.expect("INVITE")
    assert isinstance(invite, Request)
    ladder.receive(reliable(invite, 1), BOB)
    (prack,) = ladder.expect("PRACK")
    assert prack.body == SDP


@pytest.mark.parametrize("rseq", ["x", "", "99999999999", "-1"])
def test_unreadable_rseq_is_dropped(rseq: str) -> None:
    ladder = Ladder()
    _, leg, invite = outgoing(ladder)
    ladder.receive(response(invite, 183, extra=f"Require: 100rel\nRSeq: {rseq}\n"), BOB)
    ladder.expect()
    assert leg.events == []


# -- challenges ----------------------------------------------------------------------------------------------------


def test_rfc3261_22_2_challenge_is_answered_with_a_new_cseq() -> None:
    ladder = Ladder()
    session, leg, invite = outgoing(ladder, credentials=ME)
    ladder.receive(response(invite, 401, extra=CHALLENGE), BOB)
    _, again = ladder.expect("ACK", "INVITE")
    assert again.cseq.number == invite.cseq.number + 1
    assert (again.call_id, again.from_, again.get("To")) == (invite.call_id, invite.from_, invite.get("To"))
    assert again.via.branch != invite.via.branch
    assert (again.get("Authorization") or "").startswith('Digest username="me", realm="far", nonce="n1"')
    assert [name for name, _ in again.headers][-4:] == ["User-Agent", "Authorization", "Content-Type", "Content-Length"]
    assert again.body == SDP
    ladder.receive(response(again, 200, body=SDP), BOB)
    (ack,) = ladder.expect("ACK")
    assert ack.get("Authorization") is None, "as Asterisk"
    session.bye()
    (bye,) = ladder.expect("BYE")
    assert bye.cseq.number == invite.cseq.number + 2
    assert leg.events == ["accepted 200"]


def test_refused_credentials_are_not_repeated() -> None:
    ladder = Ladder()
    _, leg, invite = outgoing(ladder, credentials=ME)
    ladder.receive(response(invite, 401, extra=CHALLENGE), BOB)
    _, again = ladder.expect("ACK", "INVITE")
    ladder.receive(response(again, 401, extra=CHALLENGE.replace("n1", "n2")), BOB)
    ladder.expect("ACK")
    assert leg.events == ["rejected 401"]


def test_stale_nonce_is_answered_again() -> None:
    ladder = Ladder()
    _, _, invite = outgoing(ladder, credentials=ME)
    ladder.receive(response(invite, 401, extra=CHALLENGE), BOB)
    _, again = ladder.expect("ACK", "INVITE")
    stale = CHALLENGE.replace("n1", "n2").replace("Digest", "Digest stale=true,")
    ladder.receive(response(again, 401, extra=stale), BOB)
    _, third = ladder.expect("ACK", "INVITE")
    assert (third.get("Authorization") or "").count('nonce="n2"') == 1
    assert len(third.get_all("Authorization")) == 1


def test_challenge_of_a_request_in_the_dialog() -> None:
    ladder = Ladder()
    session, leg, _invite = connected(ladder, credentials=ME)
    session.send_request("INFO", body=b"x", content_type="text/plain")
    (info,) = ladder.expect("INFO")
    ladder.receive(response(info, 407, extra=CHALLENGE.replace("WWW-", "Proxy-")), BOB)
    (again,) = ladder.expect("INFO")
    assert again.cseq.number == info.cseq.number + 1
    assert again.get("Proxy-Authorization") is not None
    ladder.receive(response(again, 200), BOB)
    session.update()
    (update,) = ladder.expect("UPDATE")
    assert update.cseq.number == again.cseq.number + 1, "the dialog counts on"
    assert leg.events == ["accepted 200", "response INFO 200"]


def test_challenge_without_credentials_is_a_refusal() -> None:
    ladder = Ladder()
    _, leg, invite = outgoing(ladder)
    ladder.receive(response(invite, 401, extra=CHALLENGE), BOB)
    ladder.expect("ACK")
    assert leg.events == ["rejected 401"]


# -- re-INVITE -----------------------------------------------------------------------------------------------------


def test_rfc3261_14_1_reinvite() -> None:
    ladder = Ladder()
    session, leg, _invite = connected(ladder)
    session.reinvite(body=SDP)
    assert not session.can_reinvite
    with pytest.raises(LocalFault):
        session.reinvite(body=SDP)
    (again,) = ladder.expect("INVITE sip:bob@127.0.0.1:15072")
    assert again.to.tag == "bobtag"
    assert again.get("Contact") == "<sip:asterisk@127.0.0.1:15060>"
    ladder.receive(response(again, 200, contact="<sip:moved@127.0.0.1:15072>", body=SDP), BOB)
    (ack,) = ladder.expect("ACK sip:moved@127.0.0.1:15072")
    assert ack.cseq.number == again.cseq.number
    ladder.receive(response(again, 200, body=SDP), BOB)
    ladder.expect("ACK")
    assert leg.events == ["accepted 200", "accepted 200"]
    assert session.can_reinvite


def test_rfc3261_14_1_reinvite_refused_leaves_the_session() -> None:
    ladder = Ladder()
    session, leg, _ = connected(ladder)
    session.reinvite(body=SDP)
    (again,) = ladder.expect("INVITE")
    ladder.receive(response(again, 488), BOB)
    ladder.expect("ACK")
    assert leg.events == ["accepted 200", "reinvite rejected 488"]
    assert session.can_reinvite


def test_rfc3261_14_1_glare_is_tried_again_after_2_1_to_4_seconds() -> None:
    ladder = Ladder()
    session, _, _ = connected(ladder)
    session.reinvite(body=SDP)
    (again,) = ladder.expect("INVITE")
    ladder.receive(response(again, 491), BOB)
    ladder.expect("ACK")
    ladder.after(2.0)
    ladder.expect()
    ladder.after(2.1)
    (third,) = ladder.expect("INVITE")[:1]
    assert third.body == SDP
    assert third.cseq.number == again.cseq.number + 1


@pytest.mark.parametrize(("status", "bye"), [(481, False), (408, True)])
def test_rfc3261_12_2_1_2_dialog_gone(status: int, bye: bool) -> None:
    ladder = Ladder()
    session, leg, _ = connected(ladder)
    session.reinvite(body=SDP)
    (again,) = ladder.expect("INVITE")
    ladder.receive(response(again, status), BOB)
    ladder.expect("ACK", *(["BYE"] if bye else []))
    if bye:
        ladder.after(33)
    assert leg.events[1] == f"reinvite rejected {status}"
    assert leg.events[-1] == "ended DIALOG_GONE"
    assert state_of(session) is SessionState.TERMINATED


def test_update_answered_481_ends_the_session() -> None:
    ladder = Ladder()
    session, leg, _ = connected(ladder)
    session.update(body=SDP)
    (update,) = ladder.expect("UPDATE")
    ladder.receive(response(update, 481), BOB)
    assert leg.events == ["accepted 200", "response UPDATE 481", "ended DIALOG_GONE"]


def test_bye_that_nobody_answers() -> None:
    ladder = Ladder()
    session, leg, _ = connected(ladder)
    session.bye()
    ladder.after(33)
    assert leg.events == ["accepted 200", "response BYE 408", "ended BYE_SENT"]
    assert ladder.is_idle()


def test_a_finished_session_is_freed_without_the_garbage_collector() -> None:
    import gc
    import weakref

    class Weak(Leg):
        pass

    ladder = Ladder()
    session, leg, _invite = connected(ladder)
    session.bye()
    (bye,) = ladder.expect("BYE")
    ladder.receive(response(bye, 200), BOB)
    ladder.after(40)
    gc.disable()
    try:
        dialog = session.dialog
        assert dialog is not None
        reference = weakref.ref(leg)
        leg.session = None
        del session, leg, dialog
        assert reference() is None
    finally:
        gc.enable()


def test_2xx_to_a_reinvite_that_crosses_our_bye_is_acknowledged() -> None:
    ladder = Ladder()
    session, _, _ = connected(ladder)
    session.reinvite(body=SDP)
    session.bye()
    again, _ = ladder.expect("INVITE", "BYE")
    ladder.receive(response(again, 200, body=SDP), BOB)
    (ack,) = ladder.expect("ACK")
    assert ack.cseq.number == again.cseq.number
