"""Pickup between phones of a group, and calls to what is busy, held or has too many channels."""

from __future__ import annotations

from tests.interop.support.batch import Call, scenario

RTP = "[media_port]"


@scenario("udp tcp tls ws")
def test_a_call_of_the_group_is_picked_up(call: Call) -> None:
    ringing = call.callee("groupie").ringing().cancelled()
    call.caller(to=ringing).invite(RTP).expect(100).expect(180).expect(200, routes=True).acknowledged().bye()
    picker = call.caller("picker", "pick")
    picker.pause(900).invite(RTP).answered().hung_up()


@scenario()
def test_who_is_in_no_group_picks_up_nothing(call: Call) -> None:
    call.caller("alice", "pick").invite(RTP).refused(603, provisional=False)


@scenario()
def test_device_state_busy_at_makes_an_endpoint_busy(call: Call) -> None:
    call.caller("onecall", "101").invite(RTP).answered().pause(2500).bye()
    call.caller("alice", "state*onecall").pause(1200).invite(RTP).answered().expect_request(
        "MESSAGE", has={"body": "BUSY"}
    ).answer_request().bye()
