"""RFC 3262 and RFC 3311: reliable provisional responses, PRACK, UPDATE."""

from __future__ import annotations

from tests.interop.support.batch import Call, scenario
from tests.interop.support.scenario import sdp
from tests.interop.support.script import Script
from tests.interop.support.sipp import Sipp

OFFER = sdp("[media_port]")
RTP = "[media_port]"
RELIABLE = "Supported: 100rel\n"


def early(script: Script, status: int = 180, extra: str = RELIABLE) -> Script:
    """INVITE, and a provisional response that is sent reliably."""
    script.ask("INVITE", body=OFFER, extra=extra).expect(100)
    return script.expect(status, routes=True, has={"Require": "100rel", "RSeq": "^ *[1-9][0-9]*", "Contact": "sip:"})


def prack(script: Script, rseq: str = "[$rseq]") -> Script:
    return script.within("PRACK", extra=f"RAck: {rseq} 1 INVITE\n")


def with_rseq(script: Script) -> Script:
    """Keep the RSeq of the response before."""
    script.steps[-1] = script.steps[-1].replace(
        "</action>", '<ereg regexp="[0-9]+" search_in="hdr" header="RSeq:" assign_to="rseq"/></action>'
    )
    return script


@scenario("udp tcp tls ws")
def test_3_a_ringing_response_is_acknowledged_by_prack(call: Call) -> None:
    script = with_rseq(early(call.caller("needsrel", "104")))
    prack(script).expect(200, has={"CSeq": "PRACK"}).expect(200, routes=True).within("ACK", cseq=1).within("BYE", cseq=3).expect(
        200
    )


@scenario()
def test_3_an_unacknowledged_response_is_repeated(call: Call) -> None:
    script = with_rseq(early(call.caller("needsrel", "102"))).until_repeated("SIP/2.0 180")
    prack(script).expect(200).within("BYE", cseq=3).expect(487, optional=True).expect(200)

    def check(parties: list[Sipp]) -> None:
        assert [message.status for message in parties[0].received()].count(180) >= 3  # at 0, T1, 3 T1

    call.check = check


@scenario()
def test_3_a_prack_that_fits_no_response_is_refused_and_the_response_still_waits(call: Call) -> None:
    script = with_rseq(early(call.caller("needsrel", "102")))
    prack(script, rseq="4711").expect(400)
    prack(script).expect(200).within("BYE", cseq=4).expect(487, optional=True).expect(200)


@scenario()
def test_3_early_media_is_sent_reliably_with_its_answer(call: Call) -> None:
    script = with_rseq(early(call.caller("needsrel", "103"), 183))
    prack(script).expect(200).within("BYE", cseq=3).expect(487, optional=True).expect(200)

    def check(parties: list[Sipp]) -> None:
        assert "m=audio" in next(message.body for message in parties[0].received() if message.status == 183)

    call.check = check


@scenario()
def test_100rel_required_refuses_who_does_not_support_it(call: Call) -> None:
    call.caller("needsrel", "102").ask("INVITE", body=OFFER).expect(100, optional=True).expect(
        421, has={"Require": "100rel"}
    ).failure_ack()


@scenario()
def test_100rel_no_refuses_who_requires_it(call: Call) -> None:
    call.caller("norel", "102").ask("INVITE", body=OFFER, extra="Require: 100rel\n").expect(100, optional=True).expect(
        420, has={"Unsupported": "100rel"}
    ).failure_ack()


@scenario()
def test_100rel_no_sends_nothing_reliably(call: Call) -> None:
    call.caller("norel", "102").ask("INVITE", body=OFFER, extra=RELIABLE).expect(100).expect(
        180, lacks=("RSeq", "Require")
    ).cancel()


@scenario()
def test_100rel_peer_supported_sends_reliably_to_who_supports_it(call: Call) -> None:
    script = with_rseq(early(call.caller("offersrel", "102")))
    prack(script).expect(200).within("BYE", cseq=3).expect(487, optional=True).expect(200)


@scenario()
def test_3_who_requires_it_gets_it(call: Call) -> None:
    script = with_rseq(early(call.caller("alice", "102"), extra="Require: 100rel\n"))
    prack(script).expect(200).within("BYE", cseq=3).expect(487, optional=True).expect(200)


@scenario("udp tcp tls ws")
def test_4_a_reliable_response_of_the_callee_is_acknowledged(call: Call) -> None:
    callee = call.callee().expect_request("INVITE", routes=True, has={"Supported": "100rel"})
    callee.invite_reply(180, "Ringing", extra="Require: 100rel\nRSeq: 77\n")
    callee.expect_request("PRACK", has={"RAck": "^ *77 [0-9]+ INVITE"}).answer_request()
    callee.invite_reply(200, "OK", body=OFFER).expect_request("ACK").expect_request("BYE").answer_request()
    call.caller(to=callee).invite(RTP).answered().bye()


@scenario()
def test_4_two_reliable_responses_in_order(call: Call) -> None:
    callee = call.callee().expect_request("INVITE", routes=True)
    callee.invite_reply(180, "Ringing", extra="Require: 100rel\nRSeq: 5\n")
    callee.expect_request("PRACK", has={"RAck": "^ *5 "}).answer_request()
    callee.invite_reply(183, "Session Progress", body=OFFER, extra="Require: 100rel\nRSeq: 6\n")
    callee.expect_request("PRACK", has={"RAck": "^ *6 "}).answer_request()
    callee.invite_reply(200, "OK").expect_request("ACK").expect_request("BYE").answer_request()
    call.caller(to=callee).invite(RTP).answered().bye()


@scenario()
def test_4_a_response_out_of_order_is_not_acknowledged(call: Call) -> None:
    callee = call.callee().expect_request("INVITE", routes=True)
    callee.invite_reply(180, "Ringing", extra="Require: 100rel\nRSeq: 5\n")
    callee.expect_request("PRACK").answer_request()
    callee.invite_reply(183, "Session Progress", body=OFFER, extra="Require: 100rel\nRSeq: 9\n").silence(300)
    callee.invite_reply(200, "OK", body=OFFER).expect_request("ACK").expect_request("BYE").answer_request()
    call.caller(to=callee).invite(RTP).answered().bye()


@scenario()
def test_rfc3311_5_2_update_without_sdp_is_200(call: Call) -> None:
    call.caller(number="101").invite(RTP).answered().within("UPDATE").expect(200).bye()


@scenario("udp tcp tls ws")
def test_rfc3311_5_2_update_with_an_offer_is_answered(call: Call) -> None:
    call.caller(number="101").invite(RTP).answered().within("UPDATE", body=sdp(RTP, direction="sendonly")).expect(
        200, has={"body": "a=recvonly"}
    ).bye()


@scenario()
def test_rfc3311_5_2_update_of_the_callee(call: Call) -> None:
    callee = call.callee().ringing().answer(RTP).pause(100)
    callee.called_request("UPDATE", 1, body=OFFER).expect(200, has={"body": "m=audio [1-9]"}).called_bye(2)
    call.caller(to=callee).invite(RTP).answered().hung_up()


@scenario()
def test_rfc3311_5_2_update_that_cannot_be_accepted_is_488_and_the_call_goes_on(call: Call) -> None:
    call.caller(number="101").invite(RTP).answered().within("UPDATE", body=sdp(RTP, ("ilbc",))).expect(488).within("INFO").expect(
        200
    ).bye()
