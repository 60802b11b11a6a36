"""Pickup between phones of a group, and calls to what is busy, held or has too many channels."""

from __future__ import annotations

from tests.interop.support.batch import Call, scenario

RTP = "[media_port]"


@scenario("udp tcp tls ws")
def test_a_call_of_the_group_is_picked_up(call: Call) -> None:
    ringing = call.callee("groupie").ringing().cancelled()
    caller = call.caller(to=ringing).invite(RTP).expect(100)
    caller.expect(180).expect(200, routes=True).acknowledged().bye()
    call.caller("picker", "pick").after(caller, "^SIP/2.0 180").invite(RTP).answered().hung_up()


@scenario()
def test_who_is_in_no_group_picks_up_nothing(call: Call) -> None:
    call.caller("alice", "pick").invite(RTP).refused(603, provisional=False)


@scenario()
def test_device_state_busy_at_makes_an_endpoint_busy(call: Call) -> None:
    busy = call.caller("onecall", "101").invite(RTP).answered()
    asking = call.caller("alice", "state*onecall").after(busy, "^ACK ").invite(RTP).answered()
    asking.expect_request("MESSAGE", has={"body": "BUSY"}).answer_request().bye()
    busy.until(asking, "^MESSAGE ").bye()
