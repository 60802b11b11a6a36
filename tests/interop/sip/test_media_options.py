"""Options of endpoints that change offers and answers, shown with SIPp."""

from __future__ import annotations

from tests.interop.support.batch import Call, scenario
from tests.interop.support.scenario import sdp
from tests.interop.support.sipp import Sipp

RTP = "[media_port]"
BOTH = sdp(RTP, ("ulaw", "alaw"))
VIDEO = "m=video 9 RTP/AVP 97\na=rtpmap:97 H264/90000\na=fmtp:97 profile-level-id=42e01f;packetization-mode=1"
TEXT = "m=text 9 RTP/AVP 98\na=rtpmap:98 t140/1000"
KEY = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
FAX = sdp(0).replace("a=sendrecv", "") + "m=image 9 udptl t38\na=T38FaxVersion:0\na=T38MaxBitRate:14400"


def answered(call: Call, user: str, offer: str, body: str) -> None:
    """A call whose answer matches ``body``."""
    call.caller(user, "101").ask("INVITE", body=offer).expect(100).expect(
        200, routes=True, has={"body": body}
    ).acknowledged().bye()


def refused(call: Call, user: str, offer: str) -> None:
    """A call that gets 488."""
    call.caller(user, "101").ask("INVITE", body=offer).expect(100).expect(488).failure_ack()


@scenario()
def test_incoming_call_offer_pref_local(call: Call) -> None:
    answered(call, "localprefs", BOTH, "RTP/AVP 8 0 101")


@scenario()
def test_incoming_call_offer_pref_remote(call: Call) -> None:
    answered(call, "remoteprefs", BOTH, "RTP/AVP 0 8 101")


@scenario()
def test_codec_prefs_incoming_offer_keep_first(call: Call) -> None:
    answered(call, "firstpref", BOTH, "RTP/AVP 0 101")


@scenario()
def test_use_avpf_declines_avp(call: Call) -> None:
    refused(call, "avpf", sdp(RTP))


@scenario()
def test_use_avpf_takes_avpf(call: Call) -> None:
    answered(call, "avpf", sdp(RTP).replace("RTP/AVP", "RTP/AVPF"), "RTP/AVPF 0 101")


@scenario()
def test_avpf_is_declined_without_use_avpf(call: Call) -> None:
    refused(call, "alice", sdp(RTP).replace("RTP/AVP", "RTP/AVPF"))


@scenario()
def test_media_use_received_transport_takes_both(call: Call) -> None:
    answered(call, "anyprofile", sdp(RTP).replace("RTP/AVP", "RTP/AVPF"), "RTP/AVPF 0 101")


@scenario()
def test_encrypted_media_are_declined(call: Call) -> None:
    refused(call, "alice", sdp(RTP).replace("RTP/AVP", "RTP/SAVP") + f"\n{KEY}")


@scenario()
def test_rfc4568_keys_on_rtp_avp_need_not_be_used(call: Call) -> None:
    answered(call, "alice", sdp(RTP) + f"\n{KEY}", "RTP/AVP 0 101")


@scenario()
def test_rfc6184_8_2_2_video_is_accepted_with_its_parameters(call: Call) -> None:
    answered(call, "viewer", f"{sdp(RTP)}\n{VIDEO}", "m=video [1-9].*a=fmtp:97 profile-level-id=42e01f")


@scenario()
def test_rfc4103_text_is_accepted(call: Call) -> None:
    answered(call, "texter", f"{sdp(RTP)}\n{TEXT}", "m=text [1-9].*T140/1000")


@scenario()
def test_use_ptime(call: Call) -> None:
    answered(call, "ptimer", sdp(RTP).replace("a=ptime:20", "a=ptime:40"), "a=ptime:40")


@scenario()
def test_dtmf_mode_inband_answers_without_telephone_event(call: Call) -> None:
    answered(call, "inbander", sdp(RTP), "RTP/AVP 0[^ ]")


@scenario()
def test_t38_is_refused_when_nobody_faxes(call: Call) -> None:
    script = call.caller("faxer", "101").invite(RTP).answered().within("INVITE", body=FAX)
    script.expect(100, optional=True).expect(488).failure_ack().bye()


@scenario()
def test_t38_is_refused_without_the_option(call: Call) -> None:
    script = call.caller("alice", "101").invite(RTP).answered().within("INVITE", body=FAX)
    script.expect(100, optional=True).expect(488).failure_ack().bye()


@scenario()
def test_direct_media_sends_each_side_to_the_other(call: Call) -> None:
    callee = call.callee("direct").ringing().answer(RTP)
    callee.expect_request("INVITE", routes=True, has={"body": "m=audio [1-9]"}).answer(RTP)
    callee.expect_request("INVITE", routes=True).answer(RTP).expect_request("BYE").reply(200, "OK")
    script = call.caller("direct", to=callee).invite(RTP).answered()
    script.expect_request("INVITE", routes=True, has={"body": "m=audio [1-9]"}).answer(RTP).until(callee, "^ACK ", 2).bye()

    def check(parties: list[Sipp]) -> None:
        ours, theirs = (
            [line for m in party.received() if m.method == "INVITE" for line in m.body.splitlines() if line.startswith("m=")]
            for party in parties
        )
        assert ours
        assert theirs

    call.check = check


def image(version: int) -> str:
    """Audio off, fax on."""
    return FAX.replace("[pid] 1 IN", f"[pid] {version} IN", 1)


@scenario("udp tcp")
def test_t38_is_passed_on_to_the_other_gateway(call: Call) -> None:
    callee = call.callee("faxer").ringing().answer(RTP).pause(200).called_request("INVITE", 1, body=image(2))
    callee.expect(100, optional=True).expect(200, routes=True, has={"body": "m=image [1-9][0-9]* udptl t38"})
    callee.called_request("ACK", 1).called_bye(2)
    script = call.caller("faxer", to=callee).invite(RTP).answered()
    script.expect_request("INVITE", routes=True, has={"body": "m=audio 0 .*m=image [1-9][0-9]* udptl t38"})
    script.reply(200, "OK", body=image(2)).expect_request("ACK").hung_up()


@scenario()
def test_moh_passthrough_tells_the_held_side(call: Call) -> None:
    callee = call.callee("passhold").ringing().answer(RTP)
    callee.expect_request("INVITE", routes=True, has={"body": "a=recvonly"}).answer(RTP)
    callee.expect_request("INVITE", routes=True, has={"body": "a=sendrecv"}).answer(RTP).expect_request("BYE").reply(200, "OK")
    script = call.caller(to=callee).invite(RTP).answered().reinvite("sendonly")
    script.expect(100, optional=True).expect(200, routes=True, has={"body": "a=recvonly"}).acknowledged().until(
        callee, "^ACK ", 2
    )
    script.reinvite(version=3).expect(100, optional=True).expect(200, routes=True).acknowledged()
    script.until(callee, "^ACK ", 3).bye()
