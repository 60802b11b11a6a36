"""RFC 3263: where a call goes whose URI has a name, asked of the test's own name server."""

from __future__ import annotations

from tests.interop.support.batch import Call, scenario
from tests.interop.support.script import Script
from tests.interop.support.sipp import Sipp

RTP = "[media_port]"


def answered(callee: Script) -> Script:
    return callee.expect_request("INVITE", routes=True).answer(RTP).expect_request("BYE").reply(200, "OK")


@scenario("udp tcp")
def test_4_2_srv_tells_host_and_port(call: Call) -> None:
    callee = answered(call.callee())
    call.caller(number=f"site*p{callee.port}*{call.transport}").invite(RTP).answered().bye()

    def check(parties: list[Sipp]) -> None:
        assert parties[0].received()[0].start_line.startswith(f"INVITE sip:callee@p{callee.port}.test")

    call.check = check


@scenario()
def test_4_3_the_next_server_is_tried_when_the_first_says_503(call: Call) -> None:
    first = call.callee().expect_request("INVITE").reply(503, "Service Unavailable", tag=True).expect_request("ACK")
    second = answered(call.callee())
    call.caller(number=f"site*p{first.port}-p{second.port}*udp").invite(RTP).answered().bye()

    def check(parties: list[Sipp]) -> None:
        invites = [party.received()[0] for party in parties[:2]]
        assert invites[0].header("Via") != invites[1].header("Via")  # a new transaction

    call.check = check


@scenario("tcp")
def test_4_3_the_next_server_is_tried_when_nobody_listens_at_the_first(call: Call) -> None:
    second = answered(call.callee())
    call.caller(number=f"site*p1-p{second.port}*tcp").invite(RTP).answered().bye()


@scenario("tcp")
def test_4_1_naptr_tells_the_transport(call: Call) -> None:
    callee = answered(call.callee())
    call.caller(number=f"site*n{callee.port}*").invite(RTP).answered().bye()

    def check(parties: list[Sipp]) -> None:
        assert parties[0].received()[0].header("Via").startswith("SIP/2.0/TCP")

    call.check = check


@scenario()
def test_4_2_with_a_port_there_is_no_srv(call: Call) -> None:
    callee = answered(call.callee())
    call.caller(number=f"port*{callee.port}").invite(RTP).answered().bye()


@scenario()
def test_4_a_name_that_does_not_exist_ends_the_call(call: Call) -> None:
    call.caller(number="site*nosuch*udp").invite(RTP).refused(503)
