"""RFC 3264: offers and answers, in the first INVITE and later."""

from __future__ import annotations

from tests.interop.support.batch import Call, scenario
from tests.interop.support.scenario import sdp
from tests.interop.support.sipp import Sipp

OFFER = sdp("[media_port]")
RTP = "[media_port]"
VIDEO = "m=video 9 RTP/AVP 99\na=rtpmap:99 H264/90000"
DATA = "m=application 9 TCP/BFCP *"


def answers(sipp: Sipp) -> list[str]:
    """The bodies of the answers to INVITEs, each once."""
    return list(dict.fromkeys(m.body for m in sipp.received() if m.status == 200 and m.method == "INVITE"))


@scenario()
def test_6_a_stream_that_cannot_be_taken_has_port_0(call: Call) -> None:
    call.caller(number="101").ask("INVITE", body=f"{OFFER}\n{VIDEO}").expect(100).expect(
        200, routes=True, has={"body": "m=video 0 "}
    ).acknowledged().bye()


@scenario()
def test_6_the_streams_of_the_answer_stand_in_the_order_of_the_offer(call: Call) -> None:
    head, _, audio = OFFER.partition("m=audio")
    call.caller(number="101").ask("INVITE", body=f"{head}{VIDEO}\nm=audio{audio}\n{DATA}").expect(100).expect(
        200, routes=True
    ).acknowledged().bye()

    def check(parties: list[Sipp]) -> None:
        lines = [line.split()[0] for line in answers(parties[0])[0].splitlines() if line.startswith("m=")]
        assert lines == ["m=video", "m=audio", "m=application"]

    call.check = check


@scenario()
def test_6_1_sendonly_is_answered_recvonly(call: Call) -> None:
    call.caller(number="101").ask("INVITE", body=sdp(RTP, direction="sendonly")).expect(100).expect(
        200, routes=True, has={"body": "a=recvonly"}
    ).acknowledged().bye()


@scenario()
def test_6_1_recvonly_is_answered_sendonly(call: Call) -> None:
    call.caller(number="101").ask("INVITE", body=sdp(RTP, direction="recvonly")).expect(100).expect(
        200, routes=True, has={"body": "a=sendonly"}
    ).acknowledged().bye()


@scenario()
def test_6_1_inactive_is_answered_inactive(call: Call) -> None:
    call.caller(number="101").ask("INVITE", body=sdp(RTP, direction="inactive")).expect(100).expect(
        200, routes=True, has={"body": "a=inactive"}
    ).acknowledged().bye()


@scenario("udp tcp tls ws")
def test_8_4_hold_by_sendonly_and_back(call: Call) -> None:
    script = call.caller(number="101").invite(RTP).answered().reinvite("sendonly")
    script.expect(100, optional=True).expect(200, routes=True, has={"body": "a=recvonly"}).acknowledged()
    script.reinvite(version=3).expect(100, optional=True).expect(
        200, routes=True, has={"body": "a=sendrecv"}
    ).acknowledged().bye()


@scenario()
def test_8_4_hold_by_inactive(call: Call) -> None:
    script = call.caller(number="101").invite(RTP).answered().reinvite("inactive")
    script.expect(100, optional=True).expect(200, routes=True, has={"body": "a=inactive"}).acknowledged().bye()


@scenario()
def test_8_4_hold_by_address_0(call: Call) -> None:
    old = sdp(RTP).replace("c=IN IP[local_ip_type] [local_ip]", "c=IN IP4 0.0.0.0").replace("[pid] 1 IN", "[pid] 2 IN", 1)
    script = call.caller(number="101").invite(RTP).answered().within("INVITE", body=old)
    script.expect(100, optional=True).expect(200, routes=True, has={"body": "m=audio [1-9]"}).acknowledged().bye()


@scenario()
def test_8_the_version_of_our_sdp_grows_by_one_when_it_changes(call: Call) -> None:
    script = call.caller(number="101").invite(RTP).answered().reinvite("sendonly")
    script.expect(100, optional=True).expect(200, routes=True).acknowledged().bye()

    def check(parties: list[Sipp]) -> None:
        origins = [next(line for line in body.splitlines() if line.startswith("o=")).split() for body in answers(parties[0])]
        assert origins[0][1] == origins[1][1]
        assert int(origins[1][2]) == int(origins[0][2]) + 1

    call.check = check


@scenario()
def test_8_3_2_the_codec_may_change(call: Call) -> None:
    script = call.caller("onecodec", "101").invite(RTP).answered().reinvite(codecs=("alaw",))
    script.expect(100, optional=True).expect(200, routes=True, has={"body": "m=audio [0-9]+ RTP/AVP 8"}).acknowledged().bye()


@scenario()
def test_rfc3261_14_2_a_reinvite_that_cannot_be_accepted_is_488_and_the_call_goes_on(call: Call) -> None:
    script = call.caller(number="101").invite(RTP).answered().reinvite(codecs=("ilbc",))
    script.expect(100, optional=True).expect(488).failure_ack().within("INFO", cseq=3).expect(200).bye()


@scenario()
def test_rfc3261_14_2_a_reinvite_without_an_offer_is_answered_with_one(call: Call) -> None:
    script = call.caller(number="101").invite(RTP).answered().within("INVITE")
    script.expect(100, optional=True).expect(200, routes=True, has={"body": "m=audio [1-9].*PCMU"}).within(
        "ACK", cseq=2, body=OFFER
    )
    script.bye()


@scenario("udp tcp tls ws")
def test_rfc3261_14_1_a_reinvite_of_the_callee(call: Call) -> None:
    callee = call.callee().ringing().answer(RTP).pause(100).called_request("INVITE", 1, body=sdp(RTP, direction="sendonly"))
    callee.expect(100, optional=True).expect(200, routes=True, has={"body": "a=recvonly"}).called_request("ACK", 1).called_bye(2)
    call.caller(to=callee).invite(RTP).answered().hung_up()


@scenario()
def test_5_1_dynamic_payload_types_are_those_of_the_offer(call: Call) -> None:
    offer = OFFER.replace("101", "119")
    call.caller(number="101").ask("INVITE", body=offer).expect(100).expect(
        200, routes=True, has={"body": "rtpmap:119 telephone-event"}
    ).acknowledged().bye()


@scenario()
def test_5_1_static_payload_types_need_no_rtpmap(call: Call) -> None:
    offer = "\n".join(line for line in OFFER.splitlines() if "PCMU" not in line)
    call.caller(number="101").ask("INVITE", body=offer).expect(100).expect(200, routes=True).acknowledged().bye()


@scenario()
def test_6_digits_are_not_answered_when_not_offered(call: Call) -> None:
    call.caller(number="101").ask("INVITE", body=sdp(RTP, digits=False)).expect(100).expect(200, routes=True).acknowledged().bye()

    def check(parties: list[Sipp]) -> None:
        assert "telephone-event" not in answers(parties[0])[0]

    call.check = check


@scenario()
def test_preferred_codec_only_answers_with_one_codec(call: Call) -> None:
    call.caller("onecodec", "101").ask("INVITE", body=sdp(RTP, ("alaw", "ulaw"))).expect(100).expect(
        200, routes=True
    ).acknowledged().bye()

    def check(parties: list[Sipp]) -> None:
        assert len([line for line in answers(parties[0])[0].splitlines() if "PCM" in line]) == 1

    call.check = check


@scenario()
def test_rfc4566_5_7_connection_data_may_stand_at_the_stream(call: Call) -> None:
    offer = OFFER.replace("c=IN IP[local_ip_type] [local_ip]\n", "") + "\nc=IN IP4 127.0.0.1"
    offer = offer.replace("\nc=IN IP4 127.0.0.1", "").replace("\na=rtpmap:0", "\nc=IN IP4 127.0.0.1\na=rtpmap:0", 1)
    call.caller(number="101").ask("INVITE", body=offer).expect(100).expect(200, routes=True).acknowledged().bye()


@scenario()
def test_5_an_offer_without_streams_is_answered_without_streams(call: Call) -> None:
    offer = OFFER.partition("m=audio")[0].rstrip()
    call.caller(number="101").ask("INVITE", body=offer).expect(100).expect(
        200, routes=True, has={"body": "v=0"}
    ).acknowledged().bye()

    def check(parties: list[Sipp]) -> None:
        assert "m=" not in answers(parties[0])[0]

    call.check = check


@scenario()
def test_6_a_stream_with_port_0_is_answered_with_port_0(call: Call) -> None:
    call.caller(number="101").ask("INVITE", body=sdp(0)).expect(100).expect(
        200, routes=True, has={"body": "m=audio 0 "}
    ).acknowledged().bye()


@scenario()
def test_13_2_1_an_answer_in_ack_to_our_offer_ends_the_negotiation(call: Call) -> None:
    call.caller(number="101").ask("INVITE").expect(100).expect(200, routes=True, has={"body": "a=sendrecv"}).within(
        "ACK", cseq=1, body=sdp(RTP, direction="sendrecv")
    ).pause(200).bye()
