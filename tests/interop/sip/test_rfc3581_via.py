"""RFC 3581 and RFC 3261 18.2: where responses go, and what Via tells."""

from __future__ import annotations

from tests.interop.support.batch import Call, scenario
from tests.interop.support.scenario import sdp

OFFER = sdp("[media_port]")


@scenario()
def test_4_rport_is_filled_in_with_the_port_and_received_with_the_address(call: Call) -> None:
    call.caller().ask("OPTIONS").expect(200, has={"Via": "rport=[1-9][0-9]*.*"}).ask("OPTIONS").expect(
        200, has={"Via": "received=127.0.0.1"}
    )


@scenario()
def test_4_the_response_goes_to_where_the_request_came_from(call: Call) -> None:
    via = "Via: SIP/2.0/UDP 192.0.2.44:5099;branch=[branch];rport"
    call.caller().ask("OPTIONS", via=via).expect(200, has={"Via": "192.0.2.44:5099.*received=127.0.0.1"})


@scenario()
def test_force_rport_does_so_without_rport_too(call: Call) -> None:
    call.caller("nat").ask("OPTIONS", via="Via: SIP/2.0/UDP 192.0.2.44:9;branch=[branch]").expect(200)


@scenario()
def test_rfc3261_18_2_2_without_rport_the_port_of_via_counts(call: Call) -> None:
    call.caller("norport").ask("OPTIONS", via="Via: SIP/2.0/UDP 192.0.2.44:[local_port];branch=[branch]").expect(
        200, has={"Via": "received=127.0.0.1"}
    )


@scenario()
def test_rewrite_contact_sends_requests_to_where_the_invite_came_from(call: Call) -> None:
    call.caller("nat", "105").ask("INVITE", contact="<sip:nat@192.0.2.1:9>", body=OFFER).answered().expect_request("BYE").reply(
        200, "OK"
    )


@scenario("tcp")
def test_rfc3261_18_2_2_on_a_stream_the_response_comes_by_the_same_connection(call: Call) -> None:
    call.caller().ask("OPTIONS", via="Via: SIP/2.0/TCP 192.0.2.44:9;branch=[branch]").expect(200)


@scenario("tcp")
def test_rewrite_contact_keeps_to_the_connection(call: Call) -> None:
    call.caller("nat", "105").ask("INVITE", contact="<sip:nat@192.0.2.1:9>", body=OFFER).answered().expect_request("BYE").reply(
        200, "OK"
    )
