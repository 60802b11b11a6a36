"""RFC 3261 8.1.3.4 and 16.7: a callee that sends the call elsewhere, and one that rings in several places."""

from __future__ import annotations

from tests.interop.support.batch import Call, scenario
from tests.interop.support.scenario import sdp
from tests.interop.support.script import Script
from tests.interop.support.sipp import Sipp

OFFER = sdp("[media_port]")
RTP = "[media_port]"


def moved(call: Call, name: str, contact: str, status: int = 302) -> Script:
    callee = call.callee(name).expect_request("INVITE").reply(status, "Moved", tag=True)
    callee.steps[-1] = callee.steps[-1].replace(
        "Contact: <sip:[local_ip]:[local_port];transport=[transport]>", f"Contact: {contact}"
    )
    return callee.expect_request("ACK")


@scenario("udp tcp")
def test_8_1_3_4_a_302_leads_to_its_contact(call: Call) -> None:
    target = call.callee("follower").expect_request("INVITE", routes=True, has={"To": "sip:"}).reply(180, "Ringing", tag=True)
    target.answer(RTP).expect_request("BYE").reply(200, "OK")
    first = moved(call, "follower", f"<sip:follower@127.0.0.1:{target.port};transport={call.transport}>")
    call.caller(to=first).invite(RTP).expect(100).expect(181, optional=True).expect(180, optional=True).expect(
        200, routes=True
    ).acknowledged().bye()


@scenario()
def test_redirect_method_user_dials_the_new_number_in_the_dialplan(call: Call) -> None:
    first = moved(call, "userfollower", "<sip:101@192.0.2.1>")
    call.caller(to=first).invite(RTP).expect(100).expect(181, optional=True).expect(200, routes=True).acknowledged().bye()


@scenario()
def test_8_1_3_4_redirect_method_uri_pjsip_goes_on_in_the_same_call(call: Call) -> None:
    target = call.callee("sipfollower").expect_request("INVITE", routes=True).reply(180, "Ringing", tag=True)
    target.answer(RTP).expect_request("BYE").reply(200, "OK")
    first = moved(call, "sipfollower", f"<sip:sipfollower@127.0.0.1:{target.port}>")
    call.caller(to=first).invite(RTP).answered().bye()

    def check(parties: list[Sipp]) -> None:
        second, one = parties[0].received()[0], parties[1].received()[0]
        assert second.header("Call-ID") == one.header("Call-ID")
        assert int(second.header("CSeq").split()[0]) > int(one.header("CSeq").split()[0])

    call.check = check


@scenario()
def test_16_7_a_300_leads_to_its_first_contact(call: Call) -> None:
    target = call.callee("sipfollower").expect_request("INVITE", routes=True)
    target.answer(RTP).expect_request("BYE").reply(200, "OK")
    first = moved(call, "sipfollower", f"<sip:x@127.0.0.1:{target.port}>;q=0.9", 300)
    call.caller(to=first).invite(RTP).answered().bye()


@scenario()
def test_12_1_2_two_forks_ring_and_the_second_answers(call: Call) -> None:
    callee = call.callee().expect_request("INVITE", routes=True).invite_reply(180, "Ringing", tag="forkA")
    callee.invite_reply(180, "Ringing", tag="forkB").invite_reply(200, "OK", tag="forkB", body=OFFER)
    callee.expect_request("ACK", has={"To": "forkB"}).expect_request("BYE", has={"To": "forkB"}).answer_request()
    call.caller(to=callee).invite(RTP).answered().bye()


@scenario()
def test_13_2_2_4_a_second_answer_of_another_fork_is_acknowledged_and_ended(call: Call) -> None:
    callee = call.callee().expect_request("INVITE", routes=True).invite_reply(180, "Ringing", tag="forkA")
    callee.invite_reply(200, "OK", tag="forkA", body=OFFER).expect_request("ACK", has={"To": "forkA"}).pause(100)
    callee.invite_reply(200, "OK", tag="forkB", body=OFFER).expect_request("ACK", has={"To": "forkB"})
    callee.expect_request("BYE", has={"To": "forkB"}).answer_request()
    callee.expect_request("BYE", has={"To": "forkA"}).answer_request()
    call.caller(to=callee).invite(RTP).answered().until(callee, "^BYE .*forkB").bye()


@scenario()
def test_13_2_2_4_early_media_of_one_fork_and_the_answer_of_another(call: Call) -> None:
    callee = call.callee().expect_request("INVITE", routes=True).invite_reply(183, "Progress", tag="forkA", body=OFFER).pause(100)
    callee.invite_reply(200, "OK", tag="forkB", body=OFFER).expect_request("ACK", has={"To": "forkB"})
    callee.expect_request("BYE", has={"To": "forkB"}).answer_request()
    call.caller(to=callee).invite(RTP).answered().bye()


@scenario()
def test_13_2_2_3_a_183_without_sdp_is_passed_on_or_not(call: Call) -> None:
    callee = call.callee("no183").expect_request("INVITE", routes=True).reply(183, "Session Progress", tag=True).pause(200)
    callee.answer(RTP).expect_request("BYE").reply(200, "OK")
    call.caller(to=callee).invite(RTP).expect(100).expect(200, routes=True).acknowledged().bye()
