"""Attended transfers and blind ones of bridges of several: what becomes of the bridges, and what is told."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from globstar.core import events
from globstar.core.attended import attended_transfer, replace_party
from globstar.core.bridge import Bridge, BridgeMember
from globstar.core.channel import Channel, ChannelState
from globstar.core.transfer import TransferOutcome, keep_in_bridge, transfer_others
from tests.support.testtech import NO_RECORDS, World

pytestmark = pytest.mark.virtual_time

NAMES = ("alice", "bob", "carol", "dave", "eve", "frank")


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    plan = "[default]\nexten => 300,1,Answer()\n same => n,Wait(99)\n"
    async with await World.start(plan, files=NO_RECORDS) as world:
        for name in NAMES:
            world.phone(name, str(100 + NAMES.index(name)), name.title())
        yield world


def meet(world: World, *names: str) -> tuple[Bridge, list[BridgeMember]]:
    """A bridge of phones, each kept in it by a task of its own."""
    bridge = Bridge(world.system, dissolve_on_hangup=len(names) == 2)
    members = []
    for name in names:
        channel = world.tech.phones[name].channel(state=ChannelState.UP)
        world.system.announce_channel(channel)
        member = bridge.join(channel)
        keep_in_bridge(channel, member)
        members.append(member)
    return bridge, members


def names_of(channels: list[Channel]) -> list[str]:
    """Which phones, or Local halves."""
    return [channel.name.partition("/")[2].partition("-")[0].partition("@")[0] for channel in channels]


async def test_two_calls_become_one(world: World) -> None:
    first, (a, _) = meet(world, "alice", "bob")
    second, (a2, _) = meet(world, "alice", "carol")
    assert attended_transfer(a.channel, a2.channel) is TransferOutcome.SUCCESS
    assert names_of(second.channels) == ["carol", "bob"]
    await world.settle()
    assert first.is_dissolved
    assert a.channel.is_hung_up
    assert a2.channel.is_hung_up
    (told,) = world.seen(events.AttendedTransferred)
    assert (told.result, told.destination, told.bridge) == ("Success", "Bridge", second)
    assert second.channels[0].connected.id.number.text == "101"
    assert second.channels[1].connected.id.number.text == "102"
    await world.end_calls()


async def test_a_conference_takes_the_other_party_in(world: World) -> None:
    first, (a, *_) = meet(world, "alice", "bob", "carol")
    second, (a2, _) = meet(world, "alice", "dave")
    assert attended_transfer(a.channel, a2.channel) is TransferOutcome.SUCCESS
    assert names_of(first.channels) == ["bob", "carol", "dave"]
    await world.settle()
    assert second.is_dissolved
    await world.end_calls()


async def test_two_conferences_are_linked(world: World) -> None:
    first, (a, *_) = meet(world, "alice", "bob", "carol")
    second, (a2, *_) = meet(world, "alice", "dave", "eve")
    assert attended_transfer(a.channel, a2.channel) is TransferOutcome.SUCCESS
    assert names_of(first.channels) == ["bob", "carol", "transfer"]
    assert names_of(second.channels) == ["dave", "eve", "transfer"]
    (told,) = world.seen(events.AttendedTransferred)
    assert told.destination == "Link"
    assert [channel.name[-2:] for channel in told.link] == [";1", ";2"]
    await world.settle()
    assert a.channel.is_hung_up
    await world.end_calls()


async def test_what_cannot_be_transferred(world: World) -> None:
    _, (a, b) = meet(world, "alice", "bob")
    alone = world.tech.phones["carol"].dials("300").channel
    other = world.tech.phones["dave"].dials("300").channel
    await world.settle()
    assert attended_transfer(a.channel, a.channel) is TransferOutcome.INVALID
    assert attended_transfer(a.channel, b.channel) is TransferOutcome.INVALID
    assert attended_transfer(alone, other) is TransferOutcome.INVALID
    assert [event.result for event in world.seen(events.AttendedTransferred)] == ["Invalid"] * 3
    await world.end_calls()


async def test_a_blind_transfer_of_a_conference(world: World) -> None:
    bridge, (a, *_) = meet(world, "alice", "bob", "carol")
    prepared: list[Channel] = []
    assert transfer_others(a.channel, "default", "300", prepare=prepared.append) is TransferOutcome.SUCCESS
    assert names_of(bridge.channels) == ["bob", "carol", "300"]
    assert names_of(prepared) == ["300"]
    await world.settle(1)
    (second,) = [channel for channel in world.system.channels.values() if channel.name.endswith(";2")]
    assert (second.extension, second.application) == ("300", "Wait")
    assert a.channel.is_hung_up
    await world.end_calls()


async def test_a_blind_transfer_of_a_conference_to_nowhere(world: World) -> None:
    bridge, (a, *_) = meet(world, "alice", "bob", "carol")
    assert transfer_others(a.channel, "default", "999") is TransferOutcome.FAIL
    assert names_of(bridge.channels) == ["alice", "bob", "carol"]
    assert [event.result for event in world.seen(events.BlindTransferred)] == ["Fail"]
    await world.end_calls()


async def test_a_blind_transfer_of_nobody(world: World) -> None:
    alone = world.tech.phones["carol"].dials("300").channel
    await world.settle()
    assert transfer_others(alone, "default", "300") is TransferOutcome.INVALID
    (told,) = world.seen(events.BlindTransferred)
    assert (told.bridge, told.result, told.is_success) == (None, "Invalid", False)
    await world.end_calls()


async def test_who_is_gone_cannot_be_replaced(world: World) -> None:
    gone = world.tech.phones["carol"].dials("300").channel
    await world.settle()
    gone.request_hangup()
    newcomer = world.tech.phones["dave"].channel(state=ChannelState.RING)
    world.system.announce_channel(newcomer)
    assert not replace_party(newcomer, gone)
    newcomer.hangup()
    await world.end_calls()
