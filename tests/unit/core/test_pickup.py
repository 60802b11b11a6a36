"""Which calls may be picked up, and what becomes of who rang and who picked up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from globstar.core import events
from globstar.core.channel import Channel
from globstar.core.pickup import may_pick_up, pick_up, release_of, ringing_call, ringing_channels
from tests.support.testtech import NO_RECORDS, Leg, World

pytestmark = pytest.mark.virtual_time


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    async with await World.start(
        "[default]\nexten => 201,1,Dial(Test/bob)\nexten => 300,1,Wait(99)\nexten => 9,1,Pickup(201)\nexten => h,1,NoOp()\n",
        files=NO_RECORDS,
    ) as world:
        for name, number in (("alice", "100"), ("bob", "101"), ("carol", "102")):
            world.phone(name, number, name.title())
        yield world


async def ringing(world: World) -> tuple[Leg, Leg]:
    call = world.tech.phones["alice"].dials("201")
    leg = await world.tech.phones["bob"].is_called()
    leg.rings()
    await world.settle()
    return call, leg


def picker(world: World) -> Leg:
    channel = world.tech.phones["carol"].channel()
    world.system.announce_channel(channel)
    return world.tech.phones["carol"].legs[-1]


async def test_only_calls_that_ring_may_be_picked_up(world: World) -> None:
    call, leg = await ringing(world)
    assert ringing_call(call.channel) is None
    assert ringing_call(leg.channel) is not None
    assert list(ringing_channels(world.system)) == [leg.channel]
    leg.answers()
    assert ringing_call(leg.channel) is None
    assert list(ringing_channels(world.system)) == []
    await world.end_calls()


async def test_groups_decide(world: World) -> None:
    one, two = picker(world).channel, picker(world).channel
    one.pickup_group, two.call_group = frozenset({1, 2}), frozenset({2, 3})
    assert may_pick_up(one, two)
    assert not may_pick_up(two, one)
    two.call_group = frozenset()
    assert not may_pick_up(one, two)
    one.named_pickup_groups, two.named_call_groups = frozenset({"sales"}), frozenset({"sales"})
    assert may_pick_up(one, two)
    for channel in (one, two):
        channel.hangup()
    await world.end_calls()


async def test_the_picker_stays_until_the_call_is_over(world: World) -> None:
    call, leg = await ringing(world)
    carol = picker(world)
    task = asyncio.ensure_future(pick_up(carol.channel, leg.channel))
    await call.is_told("answer")
    await leg.is_told("hangup 26")
    assert "answer" in carol.told
    assert carol.channel.connected.id.number.text == "100"
    assert release_of(carol.channel) is not None
    assert not task.done()
    assert [(event.channel, event.target) for event in world.seen(events.CallPickedUp)] == [(carol.channel, leg.channel)]
    call.hangs_up()
    assert await task is True
    assert release_of(carol.channel) is None
    assert carol.channel.is_hung_up
    await world.end_calls()


def _ended_with_h(world: World) -> list[Channel]:
    return [event.channel for event in world.seen(events.ApplicationStarted) if event.application == "NoOp"]


async def test_who_rang_ends_in_the_place_of_who_picked_up(world: World) -> None:
    """A picker that runs the dialplan leaves its h extension to the channel that rang; its own call is over with the bridge."""
    call, leg = await ringing(world)
    world.tech.phones["carol"].dials("9")
    picked_up = world.tech.phones["carol"].legs[-1]
    await call.is_told("answer")
    await leg.is_told("hangup 26")
    assert _ended_with_h(world) == [leg.channel]
    assert leg.channel.extension == "h"
    shown = [event for event in world.seen(events.ApplicationChanged) if event.channel is picked_up.channel]
    assert [event.application for event in shown] == ["AppDial", "AppDial"]  # when it takes the call, and when it is bridged
    call.hangs_up()
    await picked_up.is_told("hangup 16")
    await call.is_told("hangup 16")
    assert _ended_with_h(world) == [leg.channel, call.channel]
    await world.end_calls()


async def test_nothing_to_pick_up(world: World) -> None:
    call, leg = await ringing(world)
    carol = picker(world)
    assert not await pick_up(carol.channel, call.channel)
    assert not await pick_up(leg.channel, leg.channel)
    assert carol.told == []
    carol.channel.hangup()
    await world.end_calls()
