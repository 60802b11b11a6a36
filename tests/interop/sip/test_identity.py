"""RFC 3323, RFC 3325, RFC 5806 and Remote-Party-ID: who is calling."""

from __future__ import annotations

from tests.interop.support.batch import Call, scenario
from tests.interop.support.scenario import sdp
from tests.interop.support.script import Script

OFFER = sdp("[media_port]")
RTP = "[media_port]"


def told(script: Script, text: str) -> Script:
    """The dialplan tells what it knows by MESSAGE."""
    return script.expect_request("MESSAGE", has={"body": text}).answer_request().bye()


def busy(call: Call, name: str, has: dict[str, str], lacks: tuple[str, ...] = ()) -> Script:
    return (
        call.callee(name).expect_request("INVITE", has=has, lacks=lacks).reply(486, "Busy Here", tag=True).expect_request("ACK")
    )


@scenario()
def test_the_name_and_number_of_from_are_the_caller_id(call: Call) -> None:
    told(
        call.caller(number="111").invite(RTP).answered(),  # From: "SIPp" <sip:alice@...>
        "SIPp/alice/allowed",
    )


@scenario()
def test_rfc3325_9_1_the_asserted_identity_of_a_trusted_peer_counts(call: Call) -> None:
    told(
        call.caller("trusted", "111")
        .ask("INVITE", body=OFFER, extra='P-Asserted-Identity: "Boss" <sip:007@x.example>\n')
        .answered(),
        "Boss/007/allowed",
    )


@scenario()
def test_rfc3325_9_1_that_of_others_does_not(call: Call) -> None:
    told(
        call.caller("numbered", "111").ask("INVITE", body=OFFER, extra='P-Asserted-Identity: "Boss" <sip:007@x>\n').answered(),
        "Numbered/4713/",
    )


@scenario()
def test_remote_party_id_of_a_trusted_peer_counts(call: Call) -> None:
    told(
        call.caller("trusted", "111")
        .ask("INVITE", body=OFFER, extra='Remote-Party-ID: "Chief" <sip:008@x>;party=calling;privacy=off;screen=yes\n')
        .answered(),
        "Chief/008/allowed",
    )


@scenario()
def test_rfc3323_privacy_id_of_a_trusted_peer_makes_the_number_private(call: Call) -> None:
    told(
        call.caller("trusted", "111")
        .ask("INVITE", body=OFFER, extra='P-Asserted-Identity: "Boss" <sip:007@x>\nPrivacy: id\n')
        .answered(),
        "Boss/007/prohib",
    )


@scenario()
def test_callerid_of_the_endpoint_stands_in_from(call: Call) -> None:
    callee = busy(call, "callee", {"From": '"Numbered" <sip:4713@'}, ("P-Asserted-Identity", "Remote-Party-ID"))
    call.caller("numbered", to=callee).invite(RTP).refused(486)


@scenario()
def test_send_pai(call: Call) -> None:
    callee = busy(call, "showpai", {"P-Asserted-Identity": '"Numbered" <sip:4713@'}, ("Remote-Party-ID",))
    call.caller("numbered", to=callee).invite(RTP).refused(486)


@scenario()
def test_send_rpid(call: Call) -> None:
    callee = busy(
        call, "showrpid", {"Remote-Party-ID": '"Numbered" <sip:4713@.*party=calling.*privacy=off'}, ("P-Asserted-Identity",)
    )
    call.caller("numbered", to=callee).invite(RTP).refused(486)


@scenario()
def test_rfc3323_4_1_a_private_number_is_not_told_to_who_is_not_trusted(call: Call) -> None:
    callee = busy(call, "showpai", {"From": "[Aa]nonymous"}, ("P-Asserted-Identity",))
    call.caller("private", to=callee).invite(RTP).refused(486)


@scenario()
def test_rfc3325_9_3_a_private_number_is_told_to_who_is_trusted_with_privacy(call: Call) -> None:
    callee = busy(call, "trusted", {"P-Asserted-Identity": "<sip:4712@", "Privacy": "id"})
    call.caller("private", to=callee).invite(RTP).refused(486)


@scenario()
def test_from_user_and_from_domain(call: Call) -> None:
    callee = busy(call, "fromsomeone", {"From": "<sip:someone@example.org>"})
    call.caller("numbered", to=callee).invite(RTP).refused(486)


@scenario()
def test_contact_user(call: Call) -> None:
    callee = busy(call, "contactuser", {"Contact": "<sip:reachme@127.0.0.1"})
    call.caller("numbered", to=callee).invite(RTP).refused(486)


@scenario()
def test_user_eq_phone(call: Call) -> None:
    callee = busy(call, "phoneuri", {"From": "sip:4713@.*;user=phone"})
    call.caller("numbered", to=callee).invite(RTP).refused(486)


@scenario()
def test_rfc5806_diversion_tells_who_redirected_the_call(call: Call) -> None:
    told(
        call.caller(number="112").ask("INVITE", body=OFFER, extra="Diversion: <sip:555@x>;reason=no-answer\n").answered(),
        "555/noanswer|555/no_answer|555/no-answer|555/cfnr",
    )


@scenario()
def test_rfc5806_a_redirected_call_is_181_and_goes_out_with_diversion(call: Call) -> None:
    callee = busy(call, "diverted", {"Diversion": "<sip:555@.*reason="})
    script = call.caller(to=callee)
    script.number = script.number.replace("to*", "away*")
    script.invite(RTP).expect(100).expect(181).expect(486).failure_ack()
