"""RFC 6086, RFC 3428, RFC 6665 and OPTIONS inside calls; digits in INFO; text."""

from __future__ import annotations

from tests.interop.support.batch import Call, scenario
from tests.interop.support.scenario import sdp
from tests.interop.support.script import Script

OFFER = sdp("[media_port]")
RTP = "[media_port]"


def digits(script: Script, *signals: str) -> Script:
    for signal in signals:
        script.within("INFO", body=f"Signal={signal}\nDuration=160", kind="application/dtmf-relay").expect(200)
    return script


@scenario("udp tcp tls ws")
def test_digits_in_info_are_read_by_the_dialplan(call: Call) -> None:
    script = digits(call.caller("infodtmf", "106").invite(RTP).answered().pause(100), "1", "2", "#")
    script.expect_request("MESSAGE", has={"body": "digits 12"}).answer_request().bye()


@scenario()
def test_digits_in_info_of_the_short_kind(call: Call) -> None:
    script = call.caller("infodtmf", "106").invite(RTP).answered().pause(100)
    for signal in ("7", "8", "9"):
        script.within("INFO", body=signal, kind="application/dtmf").expect(200)
    script.expect_request("MESSAGE", has={"body": "digits 789"}).answer_request().bye()


@scenario()
def test_digits_in_info_pass_to_a_callee_that_takes_info(call: Call) -> None:
    callee = call.callee("infodtmf").ringing().answer(RTP)
    callee.expect_request("INFO", has={"Content-Type": "application/dtmf-relay", "body": "Signal *= *5"}).answer_request()
    callee.expect_request("BYE").answer_request()
    digits(call.caller("infodtmf", to=callee).invite(RTP).answered().pause(200), "5").until(callee, "^INFO ").bye()


@scenario()
def test_rfc6086_an_info_without_a_body_is_200(call: Call) -> None:
    call.caller(number="101").invite(RTP).answered().within("INFO").expect(200).bye()


@scenario()
def test_rfc6086_an_info_of_an_unknown_kind_is_refused(call: Call) -> None:
    call.caller(number="101").invite(RTP).answered().within("INFO", body="tea", kind="application/x-tea").expect(415).bye()


@scenario("udp tcp tls ws")
def test_rfc3428_a_text_in_a_call_is_accepted(call: Call) -> None:
    call.caller(number="101").invite(RTP).answered().within("MESSAGE", body="hello", kind="text/plain").expect(202).bye()


@scenario()
def test_rfc3428_a_text_passes_to_the_other_side_of_the_call(call: Call) -> None:
    callee = call.callee().ringing().answer(RTP).expect_request("MESSAGE", has={"body": "good news"}).answer_request()
    callee.expect_request("BYE").answer_request()
    script = call.caller(to=callee).invite(RTP).answered().pause(200)
    script.within("MESSAGE", body="good news", kind="text/plain").expect(202).until(callee, "^MESSAGE ").bye()


@scenario()
def test_rfc3428_a_text_of_another_kind_is_415(call: Call) -> None:
    call.caller(number="101").invite(RTP).answered().within("MESSAGE", body="x", kind="image/png").expect(415).bye()


@scenario("udp tcp tls ws")
def test_sendtext_sends_a_message(call: Call) -> None:
    call.caller(number="107").invite(RTP).answered().expect_request(
        "MESSAGE", has={"body": "hello there", "Content-Type": "text/plain", "CSeq": "MESSAGE"}
    ).answer_request().bye()


@scenario("udp tcp tls ws")
def test_rfc3428_7_a_text_outside_of_calls_is_202(call: Call) -> None:
    call.caller("texts", "inbox").ask("MESSAGE", body="hello", kind="text/plain", contact="").expect(202)


@scenario()
def test_rfc3428_7_a_text_for_nobody_is_404(call: Call) -> None:
    call.caller("texts", "nobody").ask("MESSAGE", body="hello", kind="text/plain", contact="").expect(404)


@scenario()
def test_rfc3428_7_a_text_outside_of_calls_of_another_kind_is_415(call: Call) -> None:
    call.caller("texts", "inbox").ask("MESSAGE", body="x", kind="image/png", contact="").expect(415)


@scenario()
def test_rfc3261_11_options_inside_a_call_are_200(call: Call) -> None:
    call.caller(number="101").invite(RTP).answered().within("OPTIONS").expect(200).bye()


@scenario()
def test_rfc3261_12_2_2_an_unknown_method_inside_a_call_is_refused_and_the_call_goes_on(call: Call) -> None:
    call.caller(number="101").invite(RTP).answered().within("DANCE").expect(501).within("INFO").expect(200).bye()


@scenario()
def test_rfc6665_4_1_1_subscribe_to_an_unknown_package_is_489(call: Call) -> None:
    call.caller().ask("SUBSCRIBE", extra="Event: weather\nExpires: 60\n").expect(489)


@scenario()
def test_rfc3903_6_publish_of_an_unknown_package_is_489(call: Call) -> None:
    call.caller().ask("PUBLISH", extra="Event: weather\nExpires: 60\n").expect(489)


@scenario()
def test_rfc6665_8_2_1_a_notify_outside_of_a_subscription_is_481(call: Call) -> None:
    call.caller().ask("NOTIFY", extra="Event: weather\nSubscription-State: active\n").expect(481)


@scenario()
def test_inband_progress_sends_early_media_instead_of_ringing(call: Call) -> None:
    call.caller("inbandring", "102").ask("INVITE", body=OFFER).expect(100).expect(183, has={"body": "m=audio [1-9]"}).cancel()


@scenario()
def test_progress_sends_early_media(call: Call) -> None:
    call.caller(number="113").invite(RTP).expect(100).expect(183, has={"body": "m=audio"}).expect(
        200, routes=True
    ).acknowledged().bye()


@scenario()
def test_rfc4733_rtp_timeout_ends_a_call_without_media(call: Call) -> None:
    call.caller("hasty", "101").invite(RTP).answered().pause(500).hung_up()
