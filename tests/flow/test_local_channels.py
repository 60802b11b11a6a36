"""Local channels: two halves back to back; what passes through them, and how they step out of a call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from globstar.core import events
from globstar.core.channel import Channel, ChannelState
from globstar.core.frame import Frame
from tests.support.callrecords import collect
from tests.support.dialling import variable, went_on
from tests.support.testtech import Leg, World


@asynccontextmanager
async def through(local: str, *, plan: str = "Dial(Test/bob)", after: str = "") -> AsyncIterator[World]:
    """200 dials ``local``; 201 does ``plan``."""
    text = (
        f"[default]\nexten => 200,1,Set(__note=kept)\nsame => n,Dial({local},10)\n"
        f"same => n,UserEvent(after,Status: ${{DIALSTATUS}},Local: ${{CHANLOCALSTATUS}})\n"
        f"exten => 201,1,{plan}\n{after}"
    )
    async with await World.start(text) as world:
        for name, number, display in (("alice", "100", "Alice"), ("bob", "101", "Bob"), ("carol", "102", "Carol")):
            world.phone(name, number, display)
        yield world
        await world.all_gone()


def halves(world: World) -> list[Channel]:
    """The Local halves that are up, ;1 before ;2."""
    return sorted((c for name, c in world.system.channels.items() if name.startswith("Local/")), key=lambda c: c.name)


async def connected(world: World) -> tuple[Leg, Leg]:
    call = world.tech.phones["alice"].dials("200")
    leg = await world.tech.phones["bob"].is_called()
    leg.rings()
    await call.is_told("ringing")
    leg.answers()
    await call.is_told("answer")
    await world.settle()
    return call, leg


async def test_ringing_answer_and_the_end_pass_through() -> None:
    async with through("Local/201@default/n") as world:
        call, leg = await connected(world)
        first, second = halves(world)
        assert (first.name[-2:], second.name[-2:]) == (";1", ";2")
        assert first.name[:-2] == second.name[:-2]
        assert first.linked_id == second.linked_id == call.channel.linked_id == leg.channel.linked_id
        assert (first.state, second.state) == (ChannelState.UP, ChannelState.UP)
        leg.hangs_up()
        await call.is_told("hangup 16")
        assert halves(world) == []


async def test_without_optimisation_voice_passes_through_the_halves() -> None:
    async with through("Local/201@default/n") as world:
        call, leg = await connected(world)
        for byte in (0x70, 0x71):
            call.speaks(bytes([byte]) * 160)
            leg.speaks(bytes([byte + 2]) * 160)
        await world.settle(0.1)
        assert (leg.hears, call.hears) == (["70", "71"], ["72", "73"])
        assert len(halves(world)) == 2
        call.presses("5")
        await leg.is_told("digit 5")
        call.hangs_up()
        await leg.is_told("hangup 16")


@pytest.mark.parametrize("speaker", ["caller", "callee"])
async def test_the_halves_step_out_with_the_first_voice(speaker: str) -> None:
    async with through("Local/201@default") as world:
        call, leg = await connected(world)
        assert len(halves(world)) == 2
        (call if speaker == "caller" else leg).speaks()
        await world.settle(0.1)
        assert halves(world) == []
        mine, theirs = call.channel.bridge_member, leg.channel.bridge_member
        assert mine is not None
        assert theirs is not None
        assert mine.bridge is theirs.bridge
        began, ended = world.seen(events.LocalOptimizationBegan), world.seen(events.LocalOptimizationEnded)
        assert [event.source.name for event in began] == [call.channel.name]
        assert [event.is_success for event in ended] == [True]
        leg.speaks(b"\x72" * 160)
        call.speaks(b"\x70" * 160)
        assert (call.hears[-1], leg.hears[-1]) == ("72", "70")
        assert variable(world, call, "BRIDGEPEER")[-1] == leg.channel.name
        leg.hangs_up()
        await call.is_told("hangup 16")


@pytest.mark.parametrize("half", [0, 1])
async def test_halves_whose_audio_is_seen_stay_until_that_is_over(half: int) -> None:
    """A recording of a half would end with it."""
    async with through("Local/201@default") as world:
        call, leg = await connected(world)
        seen: list[bytes] = []

        def hook(frame: Frame) -> Frame:
            seen.append(frame.data)
            return frame

        channel = halves(world)[half]
        channel.add_read_hook(hook)
        for _ in range(3):
            call.speaks(b"\x70" * 160)
            leg.speaks(b"\x72" * 160)
        await world.settle(0.1)
        assert len(halves(world)) == 2
        assert seen == [bytes([0x70 if half else 0x72]) * 160] * 3
        channel.remove_hook(hook)
        call.speaks()
        await world.settle(0.1)
        assert halves(world) == []
        leg.hangs_up()
        await call.is_told("hangup 16")


async def test_the_first_half_leaves_its_bridge_after_the_end_of_the_optimisation_is_told() -> None:
    async with through("Local/201@default") as world:
        call, leg = await connected(world)
        first, second = halves(world)
        before = len(world.seen(events.BridgeLeft, events.BridgeEntered))
        call.speaks()
        await world.settle(0.1)
        told = world.seen(events.BridgeLeft, events.BridgeEntered, events.LocalOptimizationEnded)[before:]
        places = [(type(event).__name__, getattr(event, "channel", first).name) for event in told]
        assert places == [
            ("BridgeLeft", call.channel.name),
            ("BridgeLeft", second.name),
            ("BridgeEntered", call.channel.name),
            ("LocalOptimizationEnded", first.name),
            ("BridgeLeft", first.name),
        ]
        (bridge,) = world.system.bridges.values()
        assert len(bridge.members) == 2
        leg.hangs_up()
        await call.is_told("hangup 16")


async def test_a_chain_of_local_channels_steps_out_one_by_one() -> None:
    async with through("Local/201@default", plan="Dial(Local/202@default)", after="exten => 202,1,Dial(Test/bob)\n") as world:
        call, leg = await connected(world)
        assert len(halves(world)) == 4
        call.speaks_on()
        await world.settle(1)
        assert halves(world) == []
        call.speaks(b"\x70" * 160)
        assert leg.hears[-1] == "70"
        call.hangs_up()
        await leg.is_told("hangup 16")


async def test_digit_features_are_kept_when_the_halves_step_out() -> None:
    async with through("Local/201@default,10,H") as world:
        call, leg = await connected(world)
        call.speaks()
        await world.settle(0.1)
        assert halves(world) == []
        call.presses("*")
        await leg.is_told("hangup 16")


@pytest.mark.parametrize(("plan", "status"), [("Busy()", "BUSY"), ("Congestion()", "CONGESTION"), ("Hangup(21)", "CHANUNAVAIL")])
async def test_refusals_of_the_dialplan(plan: str, status: str) -> None:
    async with through("Local/201@default", plan=plan) as world:
        call = world.tech.phones["alice"].dials("200")
        await world.all_gone()
        assert went_on(world, call)[0][1] == f"Status={status}"


async def test_chanlocalstatus_tells_how_the_inner_dial_ended() -> None:
    async with through("Local/201@default", after="same => n,Hangup()\n") as world:
        call = world.tech.phones["alice"].dials("200")
        (await world.tech.phones["bob"].is_called()).refuses()
        await world.all_gone()
        assert went_on(world, call)[0][1] == "Status=BUSY"
        statuses = [event.value for event in world.seen(events.VariableSet) if event.name == "CHANLOCALSTATUS"]
        assert statuses == ["BUSY"]


async def test_an_extension_that_is_missing() -> None:
    async with through("Local/999@default") as world:
        call = world.tech.phones["alice"].dials("200")
        await world.all_gone()
        assert went_on(world, call)[0][1] == "Status=CHANUNAVAIL"


async def test_a_caller_that_gives_up_takes_everything_along() -> None:
    async with through("Local/201@default") as world:
        call = world.tech.phones["alice"].dials("200")
        leg = await world.tech.phones["bob"].is_called()
        leg.rings()
        await call.is_told("ringing")
        call.hangs_up(127)
        await leg.is_told("hangup 127")


async def test_variables_and_parties_pass_to_the_dialplan_half() -> None:
    async with through("Local/201@default/n") as world:
        call = world.tech.phones["alice"].dials("200")
        leg = await world.tech.phones["bob"].is_called()
        first, second = halves(world)
        assert second.variables.get("note") == "kept" == leg.channel.variables.get("note")
        assert second.caller.id.number.text == "100"
        assert leg.channel.connected.id.number.text == "100"
        leg.is_reached_as("Robert", "199")
        await call.is_told("connected Robert <199>")
        await asyncio.sleep(0)
        assert first.caller.id.number.text == "199"
        call.hangs_up()


@pytest.mark.parametrize(("options", "passes"), [("n", False), ("nm", True)])
async def test_hold_passes_only_with_m(options: str, passes: bool) -> None:
    async with through(f"Local/201@default/{options}") as world:
        call, leg = await connected(world)
        leg.holds()
        await world.settle(0.1)
        assert ("hold" in call.told) is passes
        leg.unholds()
        call.hangs_up()


async def test_text_passes() -> None:
    async with through("Local/201@default/n", plan="SendText(hello)", after="same => n,Dial(Test/bob)\n") as world:
        call, _ = await connected(world)
        assert "text hello" in call.told
        call.hangs_up()


async def test_the_device_state_of_a_local_extension() -> None:
    async with through("Local/201@default") as world:
        tech = world.system.find_tech("Local")
        assert tech is not None
        state = tech.tech.device_state
        assert (state("201@default"), state("none@default"), state("201@nowhere")) == ("NOT_INUSE", "INVALID", "INVALID")
        call = world.tech.phones["alice"].dials("200")
        await world.tech.phones["bob"].is_called()
        assert state("201@default") == "INUSE"
        call.hangs_up()
        await world.all_gone()
        assert state("201") == "NOT_INUSE"  # of the context default


async def test_a_local_channel_bridged_with_an_application_stays() -> None:
    """There is nobody to connect the caller with directly."""
    async with through("Local/201@default", plan="Answer()", after="same => n,Echo()\n") as world:
        call = world.tech.phones["alice"].dials("200")
        await call.is_told("answer")
        await world.settle(1)
        call.speaks(b"\x70" * 160)
        await world.settle(0.1)
        assert call.hears == ["70"]
        assert len(halves(world)) == 2
        call.hangs_up()


async def test_records_of_a_call_whose_halves_step_out() -> None:
    """As recorded of Asterisk (g03_local_channel_optimised): each leg of the Local channel, then the call that remains."""
    async with through("Local/201@default") as world:
        records = collect(world)
        call, leg = await connected(world)
        call.speaks()
        await world.settle(1)
        assert halves(world) == []
        call.hangs_up()
        await leg.is_told("hangup 16")
        await world.settle(1)
        first = min(record.sequence for record in records)
        found = sorted((r.sequence - first, r.src, r.dst, _kind(r.channel), _kind(r.dstchannel), r.lastapp) for r in records)
        assert found == [
            (0, "100", "200", "Test/alice", "Local/201@default;1", "Dial"),
            (2, "100", "201", "Local/201@default;2", "Test/bob", "Dial"),
            (4, "100", "200", "Test/alice", "Test/bob", "Dial"),
        ]


def _kind(name: str) -> str:
    base, _, number = name.rpartition("-")
    return base + (";" + number.partition(";")[2] if ";" in number else "")
