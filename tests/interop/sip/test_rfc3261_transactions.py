"""RFC 3261 17 and RFC 6026: repetitions, CANCEL, final responses, seen from the calling side."""

from __future__ import annotations

from tests.interop.support.batch import Call, scenario
from tests.interop.support.scenario import sdp
from tests.interop.support.sipp import Sipp

OFFER = sdp("[media_port]")


def count(sipp: Sipp, status: int, method: str = "INVITE") -> int:
    """How often a response came."""
    return sum(message.status == status and message.method == method for message in sipp.received())


@scenario()
def test_17_2_1_a_refusal_is_repeated_until_ack(call: Call) -> None:
    script = call.caller(number="busy").ask("INVITE", body=OFFER).expect(100).expect(486)
    script.until_repeated("SIP/2.0 486").failure_ack().silence(700)

    def check(parties: list[Sipp]) -> None:
        assert count(parties[0], 486) >= 3  # at 0, T1, 3 T1

    call.check = check


@scenario()
def test_13_3_1_4_an_answer_is_repeated_until_ack(call: Call) -> None:
    script = call.caller(number="101").ask("INVITE", body=OFFER).expect(100).expect(200, routes=True)
    script.until_repeated("SIP/2.0 200").acknowledged().silence(600).bye()

    def check(parties: list[Sipp]) -> None:
        assert count(parties[0], 200) >= 3

    call.check = check


@scenario("tcp")
def test_13_3_1_4_an_answer_is_repeated_on_a_stream_too(call: Call) -> None:
    call.caller(number="101").ask("INVITE", body=OFFER).expect(100).expect(200, routes=True).expect(
        200, routes=True
    ).acknowledged().bye()


@scenario("tcp")
def test_17_2_1_a_refusal_is_not_repeated_on_a_stream(call: Call) -> None:
    call.caller(number="busy").ask("INVITE", body=OFFER).expect(100).expect(486).pause(1200).failure_ack()

    def check(parties: list[Sipp]) -> None:
        assert count(parties[0], 486) == 1

    call.check = check


@scenario()
def test_17_2_2_a_repeated_options_gets_the_same_response(call: Call) -> None:
    script = call.caller().ask("OPTIONS", repeated=False).expect(200)
    script.steps.append(script.steps[0].replace("[branch]", "[branch-2]"))
    script.until(script, "^SIP/2.0 200", 2, copies=True)

    def check(parties: list[Sipp]) -> None:
        tags = [message.header("To") for message in parties[0].received() if message.status]
        assert len(tags) >= 2
        assert len(set(tags)) == 1

    call.check = check


@scenario()
def test_rfc6026_7_1_a_repeated_invite_after_the_answer_makes_no_second_call(call: Call) -> None:
    script = call.caller(number="101").ask("INVITE", body=OFFER, repeated=False).expect(100).expect(200, routes=True)
    script.acknowledged()
    script.steps.append(script.steps[0].replace("[branch]", "[branch-4]"))
    script.silence(300).bye()

    def check(parties: list[Sipp]) -> None:
        assert len({message.header("To") for message in parties[0].received() if message.status == 200}) == 1

    call.check = check


@scenario("udp tcp tls ws")
def test_9_2_cancel_is_200_and_the_invite_487(call: Call) -> None:
    call.caller(number="102").ask("INVITE", body=OFFER).expect(100).expect(180).cancel()


@scenario()
def test_9_2_cancel_while_only_trying(call: Call) -> None:
    call.caller(number="109").ask("INVITE", body=OFFER).expect(100).pause(100).cancel()


@scenario()
def test_9_2_cancel_after_the_answer_changes_nothing(call: Call) -> None:
    script = call.caller(number="101").ask("INVITE", body=OFFER).expect(100).expect(200, routes=True).acknowledged()
    script.send(script._with_invite("CANCEL", "To: <sip:[service]@[remote_ip]:[remote_port]>")).expect(200).silence(200).bye()


@scenario()
def test_9_2_the_answer_to_cancel_has_the_tag_of_the_invites_response(call: Call) -> None:
    call.caller(number="102").ask("INVITE", body=OFFER).expect(100).expect(180).cancel()

    def check(parties: list[Sipp]) -> None:
        tags = {message.header("To").partition("tag=")[2] for message in parties[0].received() if message.status > 100}
        assert len(tags) == 1

    call.check = check


@scenario("udp tcp tls ws")
def test_15_1_2_bye_is_200_and_a_second_one_too_as_recorded(call: Call) -> None:
    call.caller(number="101").ask("INVITE", body=OFFER).answered().bye().within("BYE").expect(200)


@scenario()
def test_15_1_2_bye_before_ack_ends_the_call(call: Call) -> None:
    call.caller(number="101").ask("INVITE", body=OFFER).expect(100).expect(200, routes=True).within("BYE").expect(200).silence(
        700
    )

    def check(parties: list[Sipp]) -> None:
        methods = [message.method for message in parties[0].received()]
        assert "INVITE" not in methods[methods.index("BYE") :]

    call.check = check


@scenario()
def test_15_bye_in_an_early_dialog_ends_it(call: Call) -> None:
    call.caller(number="102").ask("INVITE", body=OFFER).expect(100).expect(180, routes=True).within("BYE").expect(200).expect(
        487
    ).send(
        "ACK sip:[service]@[remote_ip]:[remote_port] SIP/2.0\n"
        "Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch-5];rport\nMax-Forwards: 70\n[last_From:]\n[last_To:]\n"
        "[last_Call-ID:]\n"
        "CSeq: 1 ACK\nContent-Length: 0\n"
    )


@scenario()
def test_12_2_2_a_request_of_an_unknown_dialog_is_481(call: Call) -> None:
    for method in ("BYE", "INFO", "UPDATE", "NOTIFY"):
        call.caller().ask(method, to="<sip:100@127.0.0.1>;tag=nosuch", extra="Event: x\n").expect(481)


@scenario()
def test_12_2_2_an_invite_of_an_unknown_dialog_is_481(call: Call) -> None:
    call.caller().ask("INVITE", to="<sip:100@127.0.0.1>;tag=nosuch", body=OFFER).expect(481).failure_ack()


@scenario()
def test_14_2_an_invite_before_the_first_is_answered_is_500_with_retry_after(call: Call) -> None:
    call.caller(number="102").ask("INVITE", body=OFFER).expect(100).expect(180, routes=True).reinvite().expect(
        500, has={"Retry-After": "^ *[0-9]"}
    ).within("ACK", cseq=2).within("BYE", cseq=3).expect(487, optional=True).expect(200)


@scenario()
def test_12_1_1_route_set_of_the_caller_is_used_for_our_bye(call: Call) -> None:
    route = "<sip:[local_ip]:[local_port];lr;x=1>"
    call.caller(number="105").ask("INVITE", extra=f"Record-Route: {route}\n", body=OFFER).expect(100).expect(
        200, routes=True, has={"Record-Route": "x=1"}
    ).acknowledged().expect_request("BYE", has={"Route": "lr;x=1"}).reply(200, "OK")


@scenario()
def test_12_1_1_a_provisional_response_repeats_record_route(call: Call) -> None:
    call.caller(number="102").ask(
        "INVITE", extra="Record-Route: <sip:[local_ip]:[local_port];lr;y=2>, <sip:192.0.2.5;lr>\n", body=OFFER
    ).expect(100).expect(180, has={"Record-Route": "y=2.*192.0.2.5"}).cancel()


@scenario("udp tcp tls ws")
def test_15_1_1_the_server_hangs_up_with_bye(call: Call) -> None:
    call.caller(number="105").ask("INVITE", body=OFFER).answered().expect_request(
        "BYE", has={"Reason": "Q.850;cause=16", "Max-Forwards": "70", "Via": "branch=z9hG4bK"}
    ).reply(200, "OK")


@scenario()
def test_17_1_2_2_bye_is_repeated_until_it_is_answered(call: Call) -> None:
    script = call.caller(number="105").ask("INVITE", body=OFFER).answered().expect_request("BYE")
    script.until_repeated("BYE").reply(200, "OK")

    def check(parties: list[Sipp]) -> None:
        byes = [message.text for message in parties[0].received() if message.text.startswith("BYE ")]
        assert len(byes) >= 3
        assert len(set(byes)) == 1

    call.check = check
