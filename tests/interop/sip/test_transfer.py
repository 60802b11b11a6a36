"""RFC 3515, RFC 3891, RFC 3892, RFC 4488, RFC 5589: transfers."""

from __future__ import annotations

from tests.interop.support.batch import Call, scenario
from tests.interop.support.scenario import sdp
from tests.interop.support.script import Script

OFFER = sdp("[media_port]")
RTP = "[media_port]"


def refer(script: Script, target: str, extra: str = "") -> Script:
    return script.within("REFER", extra=f"Refer-To: <{target}>\nReferred-By: <sip:[user]@127.0.0.1>\n{extra}")


def to(target: Script) -> str:
    """The extension that calls ``target``."""
    return f"sip:to*{target.user}*{target.port}*{'tcp' if target.transport == 'tcp' else 'udp'}@127.0.0.1"


def notified(script: Script, status: str, state: str) -> Script:
    return script.expect_request(
        "NOTIFY",
        has={
            "Event": "refer",
            "Subscription-State": state,
            "Content-Type": "message/sipfrag",
            "body": f"SIP/2.0 {status}",
        },
    ).answer_request()


@scenario()
def test_rfc3515_2_4_a_blind_transfer_of_the_caller_is_reported_to_its_end(call: Call) -> None:
    target = call.callee().ringing().pause(100).answer(RTP).expect_request("BYE").reply(200, "OK")
    callee = call.callee().ringing().answer(RTP)
    script = refer(call.caller(to=callee).invite(RTP).answered().pause(100), to(target)).expect(202)
    notified(script, "100", "active")
    notified(script, "180", "active")
    notified(script, "200", "terminated").bye()
    callee.until(target, "^ACK ").called_bye()


@scenario()
def test_rfc3515_2_4_2_a_refer_without_refer_to_is_400(call: Call) -> None:
    callee = call.callee().ringing().answer(RTP).expect_request("BYE").reply(200, "OK")
    call.caller(to=callee).invite(RTP).answered().pause(100).within("REFER").expect(400).bye()


@scenario()
def test_allow_transfer_no_refuses_and_the_call_goes_on(call: Call) -> None:
    callee = call.callee().ringing().answer(RTP).expect_request("BYE").reply(200, "OK")
    refer(call.caller("notransfer", to=callee).invite(RTP).answered().pause(100), "sip:105@127.0.0.1").expect(603).bye()


@scenario()
def test_a_blind_transfer_to_nobody_is_refused_and_the_call_goes_on(call: Call) -> None:
    callee = call.callee().ringing().answer(RTP).expect_request("BYE").reply(200, "OK")
    script = refer(call.caller(to=callee).invite(RTP).answered().pause(100), "sip:nowhere@127.0.0.1").expect(202)
    notified(notified(script, "100", "active"), "404", "terminated").bye()


@scenario()
def test_rfc4488_4_refer_sub_false_makes_no_subscription(call: Call) -> None:
    callee = call.callee().ringing().answer(RTP)
    script = refer(call.caller(to=callee).invite(RTP).answered().pause(100), "sip:101@127.0.0.1", "Refer-Sub: false\n").expect(
        200, has={"Refer-Sub": "false"}
    )
    script.silence(300).within("BYE").expect(200)
    callee.until(script, "^BYE ").called_bye()


@scenario()
def test_rfc3515_a_blind_transfer_of_the_callee(call: Call) -> None:
    target = call.callee().ringing().pause(100).answer(RTP).expect_request("BYE").reply(200, "OK")
    callee = call.callee().ringing().answer(RTP).pause(150)
    callee.called_request("REFER", 1, extra=f"Refer-To: <{to(target)}>\nReferred-By: <sip:callee@127.0.0.1>\n").expect(202)
    notified(callee, "100", "active")
    notified(callee, "180", "active")
    notified(callee, "200", "terminated").called_bye(2)
    call.caller(to=callee).invite(RTP).answered().until(target, "^ACK ").bye()


@scenario()
def test_rfc3891_3_an_invite_that_replaces_an_unknown_dialog_is_481(call: Call) -> None:
    call.caller(number="101").ask(
        "INVITE", body=OFFER, extra="Require: replaces\nReplaces: nosuch@call;to-tag=1;from-tag=2\n"
    ).expect(100, optional=True).expect(481).failure_ack()


@scenario()
def test_rfc3891_3_two_replaces_are_400(call: Call) -> None:
    call.caller(number="101").ask(
        "INVITE", body=OFFER, extra="Replaces: a;to-tag=1;from-tag=2\nReplaces: b;to-tag=1;from-tag=2\n"
    ).expect(100, optional=True).expect(400).failure_ack()
