"""Blind transfers and redirecting two channels at once."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from globstar.core import events
from globstar.core.bridge import Bridge, BridgeMember, LeaveReason
from globstar.core.transfer import blind_transfer, redirect_both, transfer_context
from tests.support.dialling import went_on
from tests.support.testtech import NO_RECORDS, Leg, World

pytestmark = pytest.mark.virtual_time

PLAN = """[default]
exten => 200,1,Dial(Test/bob,,g)
same => n,UserEvent(after)
exten => 300,1,UserEvent(three hundred,By: ${BLINDTRANSFER})
same => n,Wait(5)
[other]
exten => 7,1,UserEvent(seven)
same => n,Wait(5)
"""


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    async with await World.start(PLAN, files=NO_RECORDS) as world:
        for name in ("alice", "bob", "carol"):
            world.phone(name)
        yield world


async def talking(world: World) -> tuple[Leg, Leg, BridgeMember, BridgeMember]:
    call = world.tech.phones["alice"].dials("200")
    leg = await world.tech.phones["bob"].is_called()
    leg.answers()
    await call.is_told("answer")
    await world.settle()
    first, second = call.channel.bridge_member, leg.channel.bridge_member
    assert first is not None
    assert second is not None
    return call, leg, first, second


async def test_the_context_of_transfers(world: World) -> None:
    channel = world.tech.phones["alice"].channel(context="default")
    world.system.announce_channel(channel)
    assert transfer_context(channel) == "default"
    channel.set_variable("TRANSFER_CONTEXT", "other")
    assert transfer_context(channel) == "other"
    await world.end_calls()


@pytest.mark.parametrize("by_caller", [True, False])
async def test_the_other_party_goes_on_at_the_extension(world: World, by_caller: bool) -> None:
    call, leg, first, second = await talking(world)
    member, transferer, other = (first, call, leg) if by_caller else (second, leg, call)
    assert blind_transfer(member, "default", "300", is_external=True)
    await transferer.is_told("hangup 16")
    await world.settle()
    assert went_on(world, other) == [("three hundred", f"By={transferer.channel.name}")]
    (event,) = world.seen(events.BlindTransferred)
    assert (event.transferer, event.transferee, event.is_success, event.is_external) == (
        transferer.channel,
        other.channel,
        True,
        True,
    )
    if by_caller:  # with g the caller's dialplan goes on as if it had hung up on the callee
        assert went_on(world, call) == [("after",)]
    await world.end_calls()


async def test_an_extension_that_is_missing_changes_nothing(world: World) -> None:
    _call, leg, first, _ = await talking(world)
    assert not blind_transfer(first, "default", "999")
    assert not first.left.done()
    assert [event.is_success for event in world.seen(events.BlindTransferred)] == [False]
    assert leg.channel.variables.own("BLINDTRANSFER") is None
    await world.end_calls()


async def test_a_bridge_of_three_cannot_be_transferred(world: World) -> None:
    bridge = Bridge(world.system)
    members = []
    for name in ("alice", "bob", "carol"):
        channel = world.tech.phones[name].channel()
        world.system.announce_channel(channel)
        members.append(bridge.join(channel))
    assert not blind_transfer(members[0], "default", "300")
    bridge.dissolve()
    for member in members:
        member.channel.hangup()
    await world.end_calls()


async def test_a_bridge_that_stays_lets_both_go(world: World) -> None:
    bridge = Bridge(world.system, dissolve_on_hangup=False)
    members = []
    for name in ("alice", "bob"):
        channel = world.tech.phones[name].channel()
        world.system.announce_channel(channel)
        members.append(bridge.join(channel))
    assert blind_transfer(members[0], "default", "300")
    assert await members[1].left is LeaveReason.KICKED
    assert members[1].channel.goto_target == ("default", "300", 1)
    for member in members:
        member.channel.hangup()
    await world.end_calls()


async def test_two_channels_go_elsewhere_at_once(world: World) -> None:
    call, leg, _, _ = await talking(world)
    redirect_both(call.channel, ("default", "300", 1), leg.channel, ("other", "7", 1))
    await world.settle()
    assert went_on(world, call) == [("three hundred", "By=")]
    assert went_on(world, leg) == [("seven",)]
    assert not call.channel.is_hung_up
    assert not leg.channel.is_hung_up
    await world.end_calls()


async def test_a_second_channel_outside_bridges_is_redirected_too(world: World) -> None:
    one = world.tech.phones["alice"].dials("300")
    two = world.tech.phones["carol"].dials("300")
    await world.settle()
    redirect_both(one.channel, ("other", "7", 1), two.channel, ("other", "7", 1))
    await world.settle()
    assert went_on(world, one)[-1] == went_on(world, two)[-1] == ("seven",)
    await world.end_calls()
