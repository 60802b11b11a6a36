"""Bridges: coming, going, moving, who hears whom, and which technology serves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, ClassVar

import pytest
import pytest_asyncio

from globstar.core import events
from globstar.core.bridge import Bridge, BridgeMember, LeaveReason
from globstar.core.bridgetech import BridgeCapability, BridgeTechnology, BridgeTechnologySpec, suspend
from globstar.core.cause import Cause
from globstar.core.channel import SoftHangup
from globstar.core.frame import Control, Frame, control, digit_begin
from globstar.modules.bridges import simple
from tests.support.testtech import NO_RECORDS, Leg, World

pytestmark = pytest.mark.virtual_time


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    async with await World.start("", files=NO_RECORDS) as world:
        yield world
        for channel in list(world.system.channels.values()):
            channel.hangup()


def leg(world: World, name: str) -> Leg:
    """A phone whose call is up."""
    channel = world.phone(name).channel()
    world.system.announce_channel(channel)
    channel.mark_answered()
    return world.tech.phones[name].legs[0]


def meeting(world: World, *names: str, **options: Any) -> tuple[Bridge, list[Leg], list[BridgeMember]]:
    """A bridge of some phones."""
    bridge = Bridge(world.system, **options)
    legs = [leg(world, name) for name in names]
    return bridge, legs, [bridge.join(each.channel) for each in legs]


def hears(speaker: Leg, listener: Leg) -> bool:
    """Whether what one says arrives at the other."""
    before = len(listener.heard)
    speaker.speaks()
    return len(listener.heard) == before + 1


# -- coming and going ----------------------------------------------------------------------------------------------------


async def test_two_members_hear_each_other_and_are_one_call(world: World) -> None:
    bridge, (alice, bob), (first, second) = meeting(world, "alice", "bob")
    assert bridge.technology.name == "simple_bridge"
    assert hears(alice, bob)
    assert hears(bob, alice)
    assert bridge.channels == [alice.channel, bob.channel]
    assert (first.peers, second.peers) == ([second], [first])
    assert bob.channel.linked_id == alice.channel.linked_id == alice.channel.unique_id
    assert alice.channel.variables.own("BRIDGEPEER") == bob.channel.name
    assert world.system.bridges[bridge.unique_id] is bridge


async def test_the_bridge_of_two_ends_when_one_leaves(world: World) -> None:
    bridge, (alice, bob), (first, second) = meeting(world, "alice", "bob")
    alice.hangs_up()
    assert (await first.left, await second.left) == (LeaveReason.HANGUP, LeaveReason.DISSOLVED)
    assert bridge.is_dissolved
    assert bridge.unique_id not in world.system.bridges
    assert alice.channel.bridge_member is None
    assert bob.channel.variables.own("BRIDGEPEER") == ""
    assert bob.channel.hangup_cause == Cause.NORMAL_CLEARING
    assert bob.channel.hangup_source == alice.channel.name
    kinds = [type(event).__name__ for event in world.events if type(event).__name__.startswith("Bridge")]
    assert kinds == ["BridgeCreated", "BridgeEntered", "BridgeEntered", "BridgeLeft", "BridgeLeft", "BridgeDestroyed"]


async def test_a_member_that_is_kicked_does_not_end_the_bridge(world: World) -> None:
    bridge, (_alice, _bob), (first, second) = meeting(world, "alice", "bob")
    first.leave(LeaveReason.KICKED)
    first.leave(LeaveReason.HANGUP)  # once is enough
    assert await first.left is LeaveReason.KICKED
    assert not bridge.is_dissolved
    assert not second.left.done()
    second.leave(LeaveReason.KICKED)
    assert bridge.is_dissolved  # it is empty


async def test_a_bridge_may_stay_when_members_hang_up(world: World) -> None:
    bridge, (alice, bob), (_, second) = meeting(world, "alice", "bob", dissolve_on_hangup=False)
    alice.hangs_up()
    assert bridge.channels == [bob.channel]
    carol = leg(world, "carol")
    bridge.join(carol.channel)
    assert hears(carol, bob)
    bridge.dissolve()
    bridge.dissolve()
    assert await second.left is LeaveReason.DISSOLVED


async def test_a_channel_that_is_ending_is_out_at_once(world: World) -> None:
    bridge, _, _ = meeting(world, "alice")
    bob = leg(world, "bob")
    bob.hangs_up()
    member = bridge.join(bob.channel)
    assert await member.left is LeaveReason.HANGUP
    assert bridge.is_dissolved  # and leaves one alone, as if it had been in


async def test_callbacks_run_when_a_member_is_out_or_at_once_if_it_is(world: World) -> None:
    _, _, (first, second) = meeting(world, "alice", "bob")
    told: list[tuple[BridgeMember, LeaveReason]] = []
    second.when_left(lambda member, reason: told.append((member, reason)))
    first.leave(LeaveReason.DIGIT)
    assert told == [(second, LeaveReason.DISSOLVED)]
    first.when_left(lambda member, reason: told.append((member, reason)))
    assert told[1] == (first, LeaveReason.DIGIT)


async def test_a_destination_is_where_the_channel_goes_on(world: World) -> None:
    _, (alice, bob), (_first, second) = meeting(world, "alice", "bob")
    second.destination = ("default", "5", 1)
    alice.hangs_up()
    await second.left
    assert bob.channel.goto_target == ("default", "5", 1)
    assert bob.channel.soft_hangup is SoftHangup.ASYNC_GOTO


async def test_hold_is_taken_off_by_leaving(world: World) -> None:
    _, (alice, bob), _ = meeting(world, "alice", "bob")
    alice.holds()
    alice.hangs_up()
    assert bob.told == ["hold", "unhold"]


async def test_the_oldest_call_gives_the_linked_id(world: World) -> None:
    old = leg(world, "old")
    await world.settle(2)
    bridge, (young,), _ = meeting(world, "young")
    bridge.join(old.channel)
    assert young.channel.linked_id == old.channel.linked_id == old.channel.unique_id
    assert [event.channel for event in world.seen(events.LinkedIdChanged)] == [young.channel]


async def test_transfer_variables_are_gone_on_entry(world: World) -> None:
    alice = leg(world, "alice")
    alice.channel.set_variable("BLINDTRANSFER", "x")
    Bridge(world.system).join(alice.channel)
    assert alice.channel.variables.own("BLINDTRANSFER") is None


# -- moving --------------------------------------------------------------------------------------------------------------


async def test_a_member_moves_and_keeps_what_belongs_to_it(world: World) -> None:
    origin, (alice, bob), (first, second) = meeting(world, "alice", "bob")
    target, (carol,), _ = meeting(world, "carol")
    target.move(first)
    assert first.bridge is target
    assert alice.channel.bridge_member is first
    assert not first.left.done()
    assert await second.left is LeaveReason.DISSOLVED
    assert origin.is_dissolved
    assert hears(alice, carol)
    assert hears(carol, alice)
    assert not hears(alice, bob)
    carol.hangs_up()
    assert await first.left is LeaveReason.DISSOLVED


async def test_a_member_takes_the_place_of_another(world: World) -> None:
    target, (alice, local), (_, half) = meeting(world, "alice", "local")
    _, (carol, _), (other, _) = meeting(world, "carol", "far")
    target.move(other, swap=half)
    assert await half.left is LeaveReason.KICKED
    assert target.channels == [alice.channel, carol.channel]
    assert hears(alice, carol)
    assert not hears(local, alice)
    assert [event.swapped for event in world.seen(events.BridgeEntered)][-1] is local.channel


# -- frames --------------------------------------------------------------------------------------------------------------


async def test_which_frames_pass(world: World) -> None:
    _, (alice, bob), _ = meeting(world, "alice", "bob")
    for condition in (Control.ANSWER, Control.HANGUP, Control.PVT_CAUSE_CODE, Control.VIDUPDATE):
        alice.channel.deliver(control(condition))
    alice.is_reached_as("Alicia", "190")
    assert bob.told == ["vidupdate", "connected Alicia <190>"]
    assert (bob.channel.connected.id.name.text, bob.channel.connected.id.number.text) == ("Alicia", "190")


async def test_a_digit_filter_sees_digits_first(world: World) -> None:
    bridge = Bridge(world.system)
    alice, bob = leg(world, "alice"), leg(world, "bob")
    seen: list[str] = []

    def swallow(frame: Frame) -> bool:
        seen.append(frame.digit)
        return frame.digit == "1"

    bridge.join(alice.channel, digit_filter=swallow)
    bridge.join(bob.channel)
    alice.presses("12")
    await world.settle(1)
    assert bob.told == ["digit 2"]
    assert seen == ["1", "1", "2", "2"]


async def test_who_is_apart_neither_hears_nor_is_heard(world: World) -> None:
    bridge, (alice, bob), (first, _) = meeting(world, "alice", "bob")
    first.set_apart()
    first.set_apart()
    assert not hears(alice, bob)
    assert not hears(bob, alice)
    alice.channel.deliver(digit_begin("1"))
    alice.holds()
    alice.unholds()
    assert bob.told == []
    first.bring_back()
    assert hears(alice, bob)
    assert hears(bob, alice)
    assert bridge.technology.name == "simple_bridge"


# -- technologies --------------------------------------------------------------------------------------------------------


class Native(BridgeTechnology):
    """Serves two members whose frames nobody needs to see."""

    name = "test_native"
    capability = BridgeCapability.NATIVE
    preference = 90

    @classmethod
    def unsuitable(cls, bridge: Bridge) -> str | None:
        if len(bridge.members) != 2:
            return "not two"
        return next(filter(None, (member.frames_needed() for member in bridge.members)), None)

    def start(self) -> None:
        if any(member.is_apart for member in self.bridge.members):
            return
        for member in self.bridge.members:
            member.forward = member.peers[0].channel.write

    def stop(self) -> None:
        for member in self.bridge.members:
            member.drop_voice()


@pytest.fixture
def native(world: World) -> BridgeTechnologySpec:
    spec = BridgeTechnologySpec(name=Native.name, module="tests", technology=Native)
    world.system.bridge_technologies.register(spec)
    return spec


async def test_the_preferred_technology_that_suits_serves(world: World, native: BridgeTechnologySpec) -> None:
    bridge, (alice, bob), (first, _) = meeting(world, "alice", "bob")
    assert bridge.technology.name == "test_native"
    assert hears(alice, bob)
    count = len(world.seen(events.BridgeTechnologyChanged))
    first.set_apart()
    assert not hears(alice, bob)
    first.bring_back()
    assert hears(alice, bob)
    assert bridge.technology.name == "test_native"
    assert len(world.seen(events.BridgeTechnologyChanged)) == count  # it serves, whoever is spoken to


async def test_a_technology_that_comes_later_serves_a_bridge_that_is_there(world: World) -> None:
    bridge, _, _ = meeting(world, "alice", "bob")
    assert bridge.technology.name == "simple_bridge"
    spec = BridgeTechnologySpec(name=Native.name, module="tests", technology=Native)
    world.system.bridge_technologies.register(spec)
    bridge.reconsider("another technology was loaded")
    assert bridge.technology.name == "test_native"
    world.system.bridge_technologies.unregister(spec)
    bridge.reconsider("it was unloaded")
    assert bridge.technology.name == "simple_bridge"


async def test_a_technology_is_not_asked_before_there_are_enough_members(world: World, native: BridgeTechnologySpec) -> None:
    class Asked(Native):
        least = 2
        counts: ClassVar[list[int]] = []

        @classmethod
        def unsuitable(cls, bridge: Bridge) -> str | None:
            cls.counts.append(len(bridge.members))
            return super().unsuitable(bridge)

    native.technology = Asked
    bridge, _, _ = meeting(world, "alice", "bob")
    assert bridge.technology.name == "test_native"
    assert Asked.counts == [2]
    assert any("not two" in line for line in Bridge(world.system).explain())


async def test_who_is_spoken_to_learns_afterwards_who_the_other_one_is(world: World) -> None:
    _, (alice, bob), (first, _) = meeting(world, "alice", "bob")
    bob.channel.set_caller_id("102", "Carol")
    first.set_apart()
    first.meet(bob.channel.caller.id)
    assert alice.channel.connected.id.number.text != "102"
    first.bring_back()
    assert alice.channel.connected.id.number.text == "102"


async def test_a_standing_bridge_stays_while_nobody_is_in_it(world: World) -> None:
    bridge, _, (member,) = meeting(world, "alice", dissolve_on_hangup=False, is_standing=True)
    member.leave(LeaveReason.KICKED)
    assert not bridge.is_dissolved
    bridge.dissolve()
    assert bridge.unique_id not in world.system.bridges


async def test_a_hook_needs_the_frames_in_the_core(world: World, native: BridgeTechnologySpec) -> None:
    bridge, (alice, bob), _ = meeting(world, "alice", "bob")

    def hook(frame: Frame) -> Frame:
        return frame

    alice.channel.add_read_hook(hook)
    assert bridge.technology.name == "simple_bridge"
    assert hears(alice, bob)
    alice.channel.remove_hook(hook)
    assert bridge.technology.name == "test_native"


async def test_a_suspended_technology_is_passed_over(world: World, native: BridgeTechnologySpec) -> None:
    native.is_suspended = True
    bridge, _, _ = meeting(world, "alice", "bob")
    assert bridge.technology.name == "simple_bridge"
    lines = bridge.explain()
    assert "test_native: suspended" in lines
    assert "simple_bridge: chosen, frames: Test/alice-00000000 has no RTP" in lines
    assert "holding_bridge: not asked for by this kind of bridge" in lines
    native.is_suspended = False
    bridge.reconsider("resumed")
    assert bridge.technology.name == "test_native"


async def test_the_last_one_that_suits_goes_on_to_serve(world: World, native: BridgeTechnologySpec) -> None:
    """Whoever suspends all of them silences no call that there is."""
    bridge, (alice, bob), _ = meeting(world, "alice", "bob")
    assert bridge.technology.name == "test_native"
    for spec in world.system.bridge_technologies:
        suspend(world.system, spec, is_suspended=True)
    assert hears(alice, bob)
    (served,) = [line for line in bridge.explain() if "chosen" in line]
    assert served.endswith(", though it is suspended: no other one suits")
    serving = world.system.bridge_technologies.get(bridge.technology.name)
    assert serving is not None
    world.system.bridge_technologies.unregister(serving)
    bridge.reconsider("it was unloaded")
    assert hears(alice, bob)
    assert f"{serving.name}: chosen" in bridge.explain()[0]
    assert bridge.explain()[0].endswith(", though it is not loaded any more: no other one suits")
    assert Bridge(world.system).explain()[0] == "no technology suits: nobody hears anybody"
    world.system.bridge_technologies.register(serving)
    suspend(world.system, serving, is_suspended=False)
    assert hears(alice, bob)
    assert not [line for line in bridge.explain() if "though" in line]


async def test_each_system_suspends_its_own(world: World) -> None:
    spec = world.system.bridge_technologies.get("simple_bridge")
    assert spec is not None
    suspend(world.system, spec, is_suspended=True)
    assert not simple.technology.is_suspended, "nobody else's"
    await world.system.loader.unload("bridge_simple")
    await world.system.loader.load("bridge_simple")
    bridge, _, _ = meeting(world, "alice", "bob")
    assert bridge.technology.name == "simple_bridge"


async def test_a_technology_that_is_unloaded_is_not_chosen_any_more(world: World, native: BridgeTechnologySpec) -> None:
    world.system.bridge_technologies.unregister(native)
    bridge, _, _ = meeting(world, "alice", "bob")
    assert bridge.technology.name == "simple_bridge"


async def test_the_cause_of_an_end_is_what_happened_since_the_bridge_was_entered(world: World) -> None:
    """Nothing is known of it while the parties talk; who leaves without a cause of its own ended in the ordinary way."""
    alice, bob = leg(world, "alice"), leg(world, "bob")
    alice.channel.hangup_cause, alice.channel.tech_cause = Cause.USER_BUSY, 486  # of a call before
    told: list[events.HangupRequested] = []
    world.system.bus.subscribe(events.HangupRequested, told.append)
    bridge = Bridge(world.system)
    members = [bridge.join(alice.channel), bridge.join(bob.channel)]
    assert (alice.channel.hangup_cause, alice.channel.tech_cause) == (0, 0)
    bob.hangs_up(0)
    alice.channel.request_hangup()
    await members[0].left
    assert [(event.channel, event.cause, event.is_soft) for event in told] == [
        (bob.channel, 0, False),
        (alice.channel, SoftHangup.EXPLICIT, True),
    ]
    assert (alice.channel.hangup_cause, bob.channel.hangup_cause) == (Cause.NORMAL_CLEARING, Cause.NORMAL_CLEARING)
    for one in (alice, bob):
        one.channel.hangup()
