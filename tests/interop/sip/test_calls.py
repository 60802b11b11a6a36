"""Calls through Dial with each leg scripted: what passes from one side to the other."""

from __future__ import annotations

from tests.interop.support.batch import Call, scenario
from tests.interop.support.scenario import sdp
from tests.interop.support.script import Script
from tests.interop.support.sipp import Sipp

OFFER = sdp("[media_port]")
RTP = "[media_port]"


def ended_by_caller(callee: Script) -> Script:
    return callee.expect_request("BYE").reply(200, "OK")


@scenario("udp tcp tls ws")
def test_rfc3261_13_a_call_that_the_caller_ends(call: Call) -> None:
    callee = ended_by_caller(call.callee().ringing().answer(RTP))
    call.caller(to=callee).invite(RTP).expect(100).expect(180, has={"To": "tag="}).expect(200, routes=True).acknowledged().bye()


@scenario("udp tcp tls ws")
def test_rfc3261_15_a_call_that_the_callee_ends(call: Call) -> None:
    callee = call.callee().ringing().answer(RTP).pause(100).called_bye()
    call.caller(to=callee).invite(RTP).answered().hung_up()


@scenario("udp tcp tls ws")
def test_rfc3261_8_1_1_our_invite_has_what_a_request_needs(call: Call) -> None:
    callee = call.callee()
    callee.expect_request(
        "INVITE",
        routes=True,
        has={
            "Via": "SIP/2.0/(UDP|TCP) 127.0.0.1.*branch=z9hG4bK",
            "From": "tag=",
            "Contact": "<sip:.*127.0.0.1",
            "Max-Forwards": "^ *70",
            "Allow": "INVITE",
            "Supported": "100rel",
            "Content-Type": "application/sdp",
            "body": "m=audio [1-9][0-9]* RTP/AVP 0 101",
        },
        lacks=("Record-Route", "Route", "Require"),
    )
    callee.reply(180, "Ringing", tag=True)
    ended_by_caller(callee.answer(RTP))
    call.caller(to=callee).invite(RTP).answered().bye()

    def check(parties: list[Sipp]) -> None:
        invite = parties[0].received()[0]
        assert ";tag=" not in invite.header("To")
        assert "rport" in invite.header("Via")

    call.check = check


@scenario()
def test_rfc3261_13_2_2_a_call_that_is_answered_without_ringing(call: Call) -> None:
    callee = ended_by_caller(call.callee().expect_request("INVITE", routes=True).answer(RTP))
    call.caller(to=callee).invite(RTP).answered().bye()


@scenario()
def test_rfc3960_early_media_of_the_callee_reaches_the_caller(call: Call) -> None:
    callee = call.callee().expect_request("INVITE", routes=True).reply(183, "Session Progress", body=OFFER, tag=True).pause(200)
    ended_by_caller(callee.answer(RTP))
    call.caller(to=callee).invite(RTP).expect(100).expect(183, has={"body": "m=audio [1-9]"}).expect(
        200, routes=True
    ).acknowledged().bye()


@scenario()
def test_rfc3960_ringing_then_early_media(call: Call) -> None:
    callee = call.callee().ringing().pause(100).reply(183, "Session Progress", body=OFFER, tag=True).pause(100)
    ended_by_caller(callee.answer(RTP))
    call.caller(to=callee).invite(RTP).expect(100).expect(180).expect(183).expect(200, routes=True).acknowledged().bye()


@scenario("udp tcp tls ws")
def test_rfc3261_9_1_cancel_reaches_the_callee(call: Call) -> None:
    callee = call.callee().ringing().cancelled()
    call.caller(to=callee).invite(RTP).expect(100).expect(180).pause(50).cancel()


@scenario()
def test_rfc3326_cancel_tells_that_the_call_was_given_up(call: Call) -> None:
    callee = call.callee().ringing().expect_request("CANCEL", has={"Reason": "cause="})
    callee.reply(200, "OK").send(
        "SIP/2.0 487 Request Terminated\n[last_Via:]\n[last_From:]\n[last_To:];tag=[pid]SIPpTag[call_number]\n[last_Call-ID:]\n"
        "CSeq: [last_cseq_number] INVITE\nContent-Length: 0\n",
        retransmitted=True,
    ).expect_request("ACK")
    call.caller(to=callee).invite(RTP).expect(100).expect(180).pause(50).cancel()


@scenario()
def test_rfc3261_9_1_an_answer_that_crosses_the_cancel_is_ended_by_bye(call: Call) -> None:
    callee = call.callee().ringing().expect_request("CANCEL").reply(200, "OK")
    callee.send(
        "SIP/2.0 200 OK\n[last_Via:]\n[last_From:]\n[last_To:];tag=[pid]SIPpTag[call_number]\n[last_Call-ID:]\n"
        "CSeq: [last_cseq_number] INVITE\nContact: <sip:[local_ip]:[local_port]>\nContent-Type: application/sdp\n"
        f"Content-Length: [len]\n\n{OFFER}",
        retransmitted=True,
    ).expect_request("ACK").expect_request("BYE").reply(200, "OK")
    call.caller(to=callee).invite(RTP).expect(100).expect(180).pause(50).cancel()


@scenario()
def test_rfc3261_17_1_1_2_our_invite_is_repeated_until_a_response(call: Call) -> None:
    callee = call.callee()
    callee.expect_request("INVITE", routes=True).until_repeated("INVITE").reply(180, "Ringing", tag=True)
    ended_by_caller(callee.answer(RTP))
    call.caller(to=callee).invite(RTP).answered().bye()

    def check(parties: list[Sipp]) -> None:
        invites = [message.text for message in parties[0].received() if message.text.startswith("INVITE ")]
        assert len(invites) >= 3  # at 0, T1, 3 T1
        assert len(set(invites)) == 1

    call.check = check


@scenario("tcp")
def test_rfc3261_17_1_1_2_our_invite_is_not_repeated_on_a_stream(call: Call) -> None:
    callee = call.callee().expect_request("INVITE", routes=True).pause(900).reply(180, "Ringing", tag=True)
    ended_by_caller(callee.answer(RTP))
    call.caller(to=callee).invite(RTP).answered().bye()

    def check(parties: list[Sipp]) -> None:
        assert sum(message.text.startswith("INVITE ") for message in parties[0].received()) == 1

    call.check = check


@scenario()
def test_rfc3261_12_1_2_the_callees_route_set_is_used(call: Call) -> None:
    callee = call.callee().expect_request("INVITE", routes=True)
    route = "Record-Route: <sip:127.0.0.1:[local_port];lr;z=9>\n"
    callee.reply(200, "OK", body=OFFER, tag=True, extra=route)
    callee.expect_request("ACK", has={"Route": "z=9"}).expect_request("BYE", has={"Route": "z=9"}).reply(200, "OK")
    call.caller(to=callee).invite(RTP).answered().bye()


@scenario()
def test_rfc3261_13_2_2_4_ack_and_bye_go_to_the_callees_contact(call: Call) -> None:
    callee = ended_by_caller(call.callee().ringing().answer(RTP))
    call.caller(to=callee).invite(RTP).answered().bye()

    def check(parties: list[Sipp]) -> None:
        lines = {m.method: m.start_line for m in parties[0].received() if m.method in ("ACK", "BYE")}
        contact = f"sip:127.0.0.1:{parties[0].port};transport=UDP"
        assert lines == {"ACK": f"ACK {contact} SIP/2.0", "BYE": f"BYE {contact} SIP/2.0"}

    call.check = check


@scenario("udp tcp tls ws")
def test_rfc3261_13_3_1_3_busy_reaches_the_caller(call: Call) -> None:
    callee = call.callee().expect_request("INVITE").reply(486, "Busy Here", tag=True).expect_request("ACK")
    call.caller(to=callee).invite(RTP).refused(486)


@scenario()
def test_rfc3261_17_1_1_3_the_ack_of_a_refusal_has_the_invites_branch_and_the_responses_tag(call: Call) -> None:
    callee = call.callee().expect_request("INVITE").reply(600, "Busy Everywhere", tag=True)
    callee.expect_request("ACK", has={"To": "tag=", "CSeq": "ACK"})
    call.caller(to=callee).invite(RTP).refused(486)

    def check(parties: list[Sipp]) -> None:
        invite, ack = parties[0].received()[0], parties[0].received()[-1]
        assert invite.header("Via") == ack.header("Via")
        assert invite.header("CSeq").split()[0] == ack.header("CSeq").split()[0]

    call.check = check


@scenario()
def test_rfc3326_the_reason_of_the_callee_reaches_the_caller(call: Call) -> None:
    callee = call.callee().ringing().answer(RTP).pause(100)
    callee.called_request("BYE", extra="Reason: Q.850;cause=31\n").expect(200)
    call.caller(to=callee).invite(RTP).answered().expect_request("BYE", has={"Reason": "Q.850;cause="}).reply(200, "OK")


@scenario()
def test_suppress_q850_reason_headers(call: Call) -> None:
    call.caller("quiet", "105").invite(RTP).answered().expect_request("BYE", lacks=("Reason",)).reply(200, "OK")


@scenario()
def test_rfc3261_8_2_no_codec_in_common_with_the_callee_still_connects_by_translation(call: Call) -> None:
    callee = call.callee("bob").expect_request("INVITE", routes=True, has={"body": "PCMA"})
    callee.reply(180, "Ringing", tag=True)
    ended_by_caller(callee.answer(RTP, ("alaw",)))
    call.caller(to=callee).invite(RTP).answered().bye()


@scenario()
def test_rfc3261_8_1_1_6_max_forwards_counts_down_over_the_server(call: Call) -> None:
    callee = call.callee().expect_request("INVITE").reply(486, "Busy Here", tag=True).expect_request("ACK")
    call.caller(to=callee).invite(RTP).refused(486)

    def check(parties: list[Sipp]) -> None:
        assert int(parties[0].received()[0].header("Max-Forwards")) <= 70

    call.check = check


@scenario()
def test_pjsip_header_adds_a_header_to_the_outgoing_invite(call: Call) -> None:
    callee = (
        call.callee().expect_request("INVITE", has={"X-Colour": "red"}).reply(486, "Busy Here", tag=True).expect_request("ACK")
    )
    call.caller(number=f"hdr*{callee.port}").invite(RTP).refused(486)


@scenario()
def test_pjsip_header_reads_a_header_of_the_incoming_invite(call: Call) -> None:
    call.caller(number="110").ask("INVITE", body=OFFER, extra="X-Colour: green\n").answered().expect_request(
        "MESSAGE", has={"body": "green"}
    ).answer_request().bye()


@scenario()
def test_two_devices_ring_and_the_first_to_answer_has_the_call(call: Call) -> None:
    slow = call.callee().ringing().cancelled()
    fast = call.callee().ringing().pause(200)
    ended_by_caller(fast.answer(RTP))
    call.caller(number=f"both*{slow.port}*{fast.port}").invite(RTP).answered().bye()


@scenario()
def test_the_loser_of_two_devices_is_told_that_the_call_was_answered_elsewhere(call: Call) -> None:
    slow = call.callee().ringing().expect_request("CANCEL", has={"Reason": "cause=26|Call completed elsewhere"})
    slow.reply(200, "OK").send(
        "SIP/2.0 487 Request Terminated\n[last_Via:]\n[last_From:]\n[last_To:];tag=[pid]SIPpTag[call_number]\n[last_Call-ID:]\n"
        "CSeq: [last_cseq_number] INVITE\nContent-Length: 0\n",
        retransmitted=True,
    ).expect_request("ACK")
    fast = call.callee().ringing().pause(200)
    ended_by_caller(fast.answer(RTP))
    call.caller(number=f"both*{slow.port}*{fast.port}").invite(RTP).answered().bye()


@scenario()
def test_dial_time_ends_with_cancel(call: Call) -> None:
    callee = call.callee().ringing().cancelled()
    call.caller(number=f"short*{callee.port}").invite(RTP).refused(603)


@scenario()
def test_rfc3261_22_2_a_challenge_of_the_callee_is_answered(call: Call) -> None:
    callee = call.callee("outward").expect_request("INVITE", lacks=("Authorization",))
    callee.reply(
        401, "Unauthorized", tag=True, extra='WWW-Authenticate: Digest realm="there",nonce="n1",algorithm=MD5,qop="auth"\n'
    )
    callee.expect_request("ACK").expect_request(
        "INVITE",
        routes=True,
        has={"Authorization": 'username="me".*realm="there".*nonce="n1".*response="[0-9a-f]{32}".*qop=auth'},
    )
    callee.reply(180, "Ringing", tag=True)
    ended_by_caller(callee.answer(RTP))
    call.caller(to=callee).invite(RTP).answered().bye()


@scenario()
def test_rfc3261_22_3_a_challenge_of_a_proxy_is_answered(call: Call) -> None:
    callee = call.callee("outward").expect_request("INVITE")
    callee.reply(407, "Proxy Authentication Required", tag=True, extra='Proxy-Authenticate: Digest realm="there",nonce="n2"\n')
    callee.expect_request("ACK").expect_request("INVITE", routes=True, has={"Proxy-Authorization": 'nonce="n2"'})
    callee.reply(486, "Busy Here", tag=True).expect_request("ACK")
    call.caller(to=callee).invite(RTP).refused(486)


@scenario()
def test_rfc8760_2_4_the_strongest_known_algorithm_is_answered(call: Call) -> None:
    callee = call.callee("outward").expect_request("INVITE")
    callee.reply(
        401,
        "Unauthorized",
        tag=True,
        extra='WWW-Authenticate: Digest realm="there",nonce="n3",algorithm=SHA-256\n'
        'WWW-Authenticate: Digest realm="there",nonce="n3",algorithm=MD5\n',
    )
    callee.expect_request("ACK").expect_request("INVITE", routes=True, has={"Authorization": "algorithm=(SHA-256|MD5)"})
    callee.reply(486, "Busy Here", tag=True).expect_request("ACK")
    call.caller(to=callee).invite(RTP).refused(486)


@scenario()
def test_rfc3261_8_1_3_3_a_callee_that_refuses_the_password_ends_the_call(call: Call) -> None:
    callee = call.callee("outward")
    for nonce in ("a", "b"):
        callee.expect_request("INVITE")
        callee.reply(401, "Unauthorized", tag=True, extra=f'WWW-Authenticate: Digest realm="there",nonce="{nonce}"\n')
        callee.expect_request("ACK")
    call.caller(to=callee).invite(RTP).refused(503)
