"""RFC 4028: session timers."""

from __future__ import annotations

from tests.interop.support.batch import Call, scenario
from tests.interop.support.scenario import sdp

OFFER = sdp("[media_port]")
RTP = "[media_port]"


@scenario("udp tcp tls ws")
def test_9_an_interval_that_is_asked_for_is_granted(call: Call) -> None:
    call.caller(number="101").ask("INVITE", body=OFFER, extra="Supported: timer\nSession-Expires: 600;refresher=uac\n").expect(
        100
    ).expect(200, routes=True, has={"Session-Expires": "600;refresher=uac", "Require": "timer"}).acknowledged().bye()


@scenario()
def test_9_the_server_refreshes_when_asked(call: Call) -> None:
    call.caller(number="101").ask("INVITE", body=OFFER, extra="Supported: timer\nSession-Expires: 600;refresher=uas\n").expect(
        100
    ).expect(200, routes=True, has={"Session-Expires": "600;refresher=uas"}).acknowledged().bye()


@scenario()
def test_6_an_interval_below_the_minimum_is_422_with_min_se(call: Call) -> None:
    call.caller(number="101").ask("INVITE", body=OFFER, extra="Supported: timer\nSession-Expires: 60\n").expect(
        100, optional=True
    ).expect(422, has={"Min-SE": "90"}).failure_ack()


@scenario()
def test_timers_required_refuses_who_does_not_support_them(call: Call) -> None:
    call.caller("needstimer", "101").ask("INVITE", body=OFFER).expect(100, optional=True).expect(
        421, has={"Require": "timer"}
    ).failure_ack()


@scenario()
def test_timers_no_refuses_who_requires_them(call: Call) -> None:
    call.caller("notimer", "101").ask("INVITE", body=OFFER, extra="Require: timer\n").expect(100, optional=True).expect(
        420, has={"Unsupported": "timer"}
    ).failure_ack()


@scenario()
def test_timers_no_grants_none(call: Call) -> None:
    call.caller("notimer", "101").ask("INVITE", body=OFFER, extra="Supported: timer\nSession-Expires: 600\n").expect(100).expect(
        200, routes=True, lacks=("Session-Expires",)
    ).acknowledged().bye()


@scenario()
def test_timers_always_asks_for_one_of_who_did_not(call: Call) -> None:
    call.caller("shorttimer", "101").ask("INVITE", body=OFFER).expect(100).expect(
        200, routes=True, has={"Session-Expires": "90;refresher=uas"}
    ).acknowledged().bye()


@scenario()
def test_7_1_our_invite_offers_a_session_timer(call: Call) -> None:
    callee = call.callee().expect_request("INVITE", has={"Supported": "timer", "Session-Expires": "1800", "Min-SE": "90"})
    callee.reply(486, "Busy Here", tag=True).expect_request("ACK")
    call.caller(to=callee).invite(RTP).refused(486)


@scenario()
def test_7_1_our_invite_without_timers(call: Call) -> None:
    callee = call.callee("notimer").expect_request("INVITE", lacks=("Session-Expires", "Min-SE"))
    callee.reply(486, "Busy Here", tag=True).expect_request("ACK")
    call.caller(to=callee).invite(RTP).refused(486)


@scenario()
def test_7_3_a_422_is_tried_again_with_the_callees_minimum(call: Call) -> None:
    callee = call.callee().expect_request("INVITE").reply(422, "Session Interval Too Small", tag=True, extra="Min-SE: 2000\n")
    callee.expect_request("ACK").expect_request("INVITE", routes=True, has={"Min-SE": "2000", "Session-Expires": "[2-9][0-9]{3}"})
    callee.reply(486, "Busy Here", tag=True).expect_request("ACK")
    call.caller(to=callee).invite(RTP).refused(486)


@scenario()
def test_10_a_refresh_of_the_caller_by_reinvite_keeps_the_interval(call: Call) -> None:
    timer = "Supported: timer\nSession-Expires: 600;refresher=uac\n"
    script = call.caller(number="101").ask("INVITE", body=OFFER, extra=timer).expect(100).expect(200, routes=True).acknowledged()
    script.reinvite(extra=timer).expect(100, optional=True).expect(
        200, routes=True, has={"Session-Expires": "600;refresher=uac"}
    ).acknowledged().bye()


@scenario()
def test_10_a_refresh_by_update(call: Call) -> None:
    timer = "Supported: timer\nSession-Expires: 600;refresher=uac\n"
    script = call.caller(number="101").ask("INVITE", body=OFFER, extra=timer).expect(100).expect(200, routes=True).acknowledged()
    script.within("UPDATE", extra=timer).expect(200, has={"Session-Expires": "600;refresher=uac"}).bye()
