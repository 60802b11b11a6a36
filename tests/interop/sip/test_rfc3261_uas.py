"""RFC 3261 8.2: how the server answers requests outside of dialogs."""

from __future__ import annotations

from tests.interop.support.batch import Call, scenario
from tests.interop.support.scenario import sdp

OFFER = sdp("[media_port]")


@scenario("udp tcp tls ws")
def test_11_2_options_for_an_extension_is_200_with_what_the_server_can(call: Call) -> None:
    call.caller().ask("OPTIONS").expect(
        200, has={"Allow": "INVITE", "Accept": "application/sdp", "Supported": "100rel", "To": "tag="}
    )


@scenario()
def test_11_2_options_for_an_extension_that_does_not_exist_is_404(call: Call) -> None:
    call.caller(number="nowhere").ask("OPTIONS").expect(404)


@scenario()
def test_8_2_2_1_an_unknown_uri_scheme_is_416(call: Call) -> None:
    call.caller().ask("INVITE", uri="mailto:someone@example.org", body=OFFER).refused(416, provisional=False)


@scenario("udp tcp tls ws")
def test_8_2_2_3_a_required_extension_that_is_unknown_is_420(call: Call) -> None:
    call.caller().ask("INVITE", extra="Require: telepathy\n", body=OFFER).expect(100, optional=True).expect(
        420, has={"Unsupported": "telepathy"}
    ).failure_ack()


@scenario()
def test_8_2_3_a_body_of_an_unknown_type_is_415(call: Call) -> None:
    call.caller().ask("INVITE", body="tea, please", kind="text/plain").expect(100, optional=True).expect(
        415, has={"Accept": "application/sdp"}
    ).failure_ack()


@scenario()
def test_8_2_3_an_encoded_body_is_415(call: Call) -> None:
    call.caller().ask("INVITE", extra="Content-Encoding: zip\n", body=OFFER).expect(100, optional=True).expect(415).failure_ack()


@scenario()
def test_21_4_6_bye_outside_of_a_dialog_is_481(call: Call) -> None:
    call.caller().ask("BYE", to="<sip:100@127.0.0.1>;tag=unknown").expect(481)


@scenario()
def test_9_2_cancel_of_nothing_is_481(call: Call) -> None:
    call.caller().ask("CANCEL", cseq=1).expect(481)


@scenario()
def test_21_4_5_an_extension_that_does_not_exist_is_404(call: Call) -> None:
    call.caller(number="nowhere").ask("INVITE", body=OFFER).refused(404, provisional=False)


@scenario()
def test_21_4_26_no_common_codec_is_488(call: Call) -> None:
    call.caller("gsmonly").ask("INVITE", body=OFFER).refused(488)


@scenario("udp tcp tls ws")
def test_13_3_1_4_an_answer_is_200_with_contact_and_sdp(call: Call) -> None:
    call.caller(number="101").ask("INVITE", body=OFFER).expect(100, has={"Via": "branch="}, lacks=("Contact",)).expect(
        200, routes=True, has={"Contact": "sip:", "To": "tag=", "Content-Type": "application/sdp", "body": "m=audio [1-9]"}
    ).acknowledged().bye()


@scenario()
def test_13_2_1_without_an_offer_the_answer_holds_one(call: Call) -> None:
    call.caller(number="101").ask("INVITE").expect(100, optional=True).expect(200, routes=True, has={"body": "PCMU"}).within(
        "ACK", body=OFFER, cseq=1
    ).bye()


@scenario()
def test_8_2_2_3_what_is_only_supported_is_ignored(call: Call) -> None:
    call.caller(number="101").ask("INVITE", extra="Supported: telepathy\n", body=OFFER).answered().bye()


@scenario()
def test_8_2_6_2_a_response_repeats_via_from_call_id_and_cseq(call: Call) -> None:
    call.caller().ask(
        "OPTIONS",
        via="Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch];rport\nVia: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKsecond;x=1",
        extra="X-Unknown: ignored\n",
    ).expect(200, has={"From": "<sip:alice@.*>;tag=", "CSeq": "^ *1 OPTIONS"}, lacks=("X-Unknown",))
    call.check = lambda parties: _has(parties[0].received()[0].text, "192.0.2.7;branch=z9hG4bKsecond;x=1")


def _has(text: str, part: str) -> None:
    assert part in text


@scenario()
def test_21_5_2_an_unknown_method_is_501(call: Call) -> None:
    call.caller().ask("DANCE").expect(501)


@scenario()
def test_8_1_1_6_a_request_without_max_forwards_is_accepted(call: Call) -> None:
    call.caller().ask("OPTIONS", forwards="").expect(200)


@scenario()
def test_11_max_forwards_0_reaches_its_last_element(call: Call) -> None:
    call.caller().ask("OPTIONS", forwards="Max-Forwards: 0\n").expect(200)


@scenario()
def test_8_2_2_2_a_request_that_came_by_two_ways_is_two_calls_as_recorded(call: Call) -> None:
    script = call.caller(number="102").ask("INVITE", body=OFFER).expect(100).expect(180)
    script.ask("INVITE", body=OFFER, cseq=1).expect(100).expect(180).cancel()
    script._invite_step = 0
    script.cancel()


@scenario()
def test_12_1_1_invite_without_contact_is_400(call: Call) -> None:
    call.caller(number="101").ask("INVITE", contact="", body=OFFER).expect(400).failure_ack()


@scenario()
def test_7_3_3_compact_forms(call: Call) -> None:
    call.caller(number="101").send(
        "INVITE sip:[service]@[remote_ip]:[remote_port] SIP/2.0\nv: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch];rport\n"
        "Max-Forwards: 70\nf: <sip:[user]@[local_ip]>;tag=[pid]SIPp[call_number]\nt: <sip:[service]@[remote_ip]:[remote_port]>\n"
        "i: [call_id]\nCSeq: 1 INVITE\nm: <sip:[user]@[local_ip]:[local_port]>\nk: timer\n"
        f"c: application/sdp\nl: [len]\n\n{OFFER}"
    ).expect(100, optional=True).expect(200, routes=True).within("ACK", cseq=1).within("BYE", cseq=2).expect(200)


@scenario("udp tcp tls ws")
def test_7_3_1_oddly_spelt_headers(call: Call) -> None:
    call.caller().send(
        "OPTIONS sip:[service]@[remote_ip]:[remote_port] SIP/2.0\n"
        "VIA : SIP/2.0/[transport]     [local_ip]:[local_port];branch=[branch];rport\nmax-forwards:    70\n"
        'FROM: "One \\" Two" <sip:[user]@[local_ip]>  ;  tag=[pid]SIPp[call_number]\nto:<sip:[service]@[remote_ip]>\n'
        "Call-ID: [call_id]\nCSeq: 1 OPTIONS\nContent-Length: 0\n"
    ).expect(200)


@scenario()
def test_19_1_4_an_escaped_user_is_the_same_user(call: Call) -> None:
    call.caller().ask("OPTIONS", uri="sip:%31%300@[remote_ip]:[remote_port]").expect(200)


@scenario()
def test_19_1_1_parameters_of_the_request_uri_do_not_matter(call: Call) -> None:
    call.caller(number="101").ask(
        "INVITE", uri="sip:[service]@[remote_ip]:[remote_port];user=phone;x=y", body=OFFER
    ).answered().bye()


@scenario()
def test_21_4_22_a_number_that_may_become_longer_is_484(call: Call) -> None:
    call.caller(number="700").ask("INVITE", body=OFFER).expect(100, optional=True).expect(484).failure_ack()


@scenario()
def test_allow_overlap_no_makes_it_404(call: Call) -> None:
    call.caller("nooverlap", "700").ask("INVITE", body=OFFER).expect(100, optional=True).expect(404).failure_ack()


@scenario()
def test_20_11_a_body_that_may_be_ignored_is_ignored(call: Call) -> None:
    call.caller(number="101").ask(
        "INVITE", body="tea, please", kind="text/plain", extra="Content-Disposition: render;handling=optional\n"
    ).expect(100, optional=True).expect(200, routes=True, has={"body": "m=audio"}).within("ACK", body=OFFER, cseq=1).bye()


@scenario()
def test_13_3_1_3_sdp_that_cannot_be_read_is_400(call: Call) -> None:
    call.caller().ask("INVITE", body="v=0\nnonsense").expect(100, optional=True).expect(400).failure_ack()


@scenario("udp tcp")
def test_16_4_a_route_to_the_server_itself_is_taken_off(call: Call) -> None:
    call.caller(number="101").ask("INVITE", extra="Route: <sip:[remote_ip]:[remote_port];lr>\n", body=OFFER).answered().bye()


@scenario()
def test_8_2_an_unidentified_user_is_challenged(call: Call) -> None:
    call.caller("stranger").ask("INVITE", body=OFFER).expect(401, has={"WWW-Authenticate": "Digest .*nonce="}).failure_ack()


@scenario()
def test_8_1_3_ack_outside_of_a_dialog_is_not_answered(call: Call) -> None:
    call.caller().ask("ACK", cseq=1, to="<sip:100@127.0.0.1>;tag=none").silence()


@scenario()
def test_8_2_7_a_refusal_keeps_the_tag_that_it_gave(call: Call) -> None:
    call.caller(number="nowhere").ask("INVITE", body=OFFER).expect(404, has={"To": "tag="}).failure_ack()
