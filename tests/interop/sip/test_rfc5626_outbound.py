"""RFC 5626 and RFC 5627: flows, instances and GRUUs at the registrar; RFC 7044 and others beside them."""

from __future__ import annotations

from tests.interop.sip.test_rfc3261_registrar import register
from tests.interop.support.batch import Call, scenario
from tests.interop.support.sipp import Sipp

INSTANCE = '+sip.instance="<urn:uuid:00000000-0000-1000-8000-{:012d}>"'
CONTACT = "<sip:[user]@[local_ip]:[local_port]>"


@scenario("udp tcp")
def test_rfc5626_6_a_flow_is_accepted_with_require_outbound(call: Call) -> None:
    user = {"udp": "flowudp", "tcp": "flowtcp"}[call.transport]
    register(
        call.caller(user), user, contact=f"{CONTACT};reg-id=1;{INSTANCE.format(1)}", extra="Supported: outbound, path\n"
    ).expect(200, has={"Require": "outbound", "Contact": "reg-id=1"})


@scenario()
def test_rfc5626_6_the_same_instance_and_flow_replace_the_contact(call: Call) -> None:
    script = call.caller("flowagain")
    for port in (9, 10):
        contact = f"<sip:x@127.0.0.1:{port}>;reg-id=1;{INSTANCE.format(2)}"
        register(script, "flowagain", contact=contact, extra="Supported: outbound, path\n").expect(200)

    def check(parties: list[Sipp]) -> None:
        text = parties[0].received()[-1].text
        assert "127.0.0.1:10" in text
        assert "127.0.0.1:9>" not in text

    call.check = check


@scenario()
def test_rfc5626_6_two_flows_of_an_instance_are_two_contacts(call: Call) -> None:
    script = call.caller("flowtwo")
    for number in (1, 2):
        contact = f"<sip:x@127.0.0.1:{number}>;reg-id={number};{INSTANCE.format(3)}"
        register(script, "flowtwo", contact=contact, extra="Supported: outbound, path\n").expect(200)

    def check(parties: list[Sipp]) -> None:
        text = parties[0].received()[-1].text
        assert "reg-id=1" in text
        assert "reg-id=2" in text

    call.check = check


@scenario()
def test_rfc5627_5_1_an_instance_gets_gruus(call: Call) -> None:
    register(call.caller("gruu"), "gruu", contact=f"{CONTACT};{INSTANCE.format(4)}", extra="Supported: gruu\n").expect(
        200, has={"Contact": 'pub-gruu="sip:gruu@.*;gr='}
    )


@scenario()
def test_rfc5627_5_1_no_gruu_for_who_does_not_ask(call: Call) -> None:
    register(call.caller("gruu"), "gruu", contact=f"{CONTACT};{INSTANCE.format(5)}").expect(200)

    def check(parties: list[Sipp]) -> None:
        assert "gruu=" not in parties[0].received()[-1].header("Contact")

    call.check = check


@scenario()
def test_rfc7044_a_redirected_call_goes_out_with_history_info(call: Call) -> None:
    callee = call.callee("history").expect_request("INVITE", has={"History-Info": "index="})
    callee.reply(486, "Busy Here", tag=True).expect_request("ACK")
    script = call.caller(to=callee)
    script.number = script.number.replace("to*", "away*")
    script.invite("[media_port]").expect(100).expect(181).expect(486).failure_ack()
