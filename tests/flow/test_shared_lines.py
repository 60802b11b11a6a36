"""Shared lines: stations ring, answer, call out, hold, take back, join, as their keys and sla.conf say."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from globstar.core.cause import Cause
from globstar.core.cli import run_command
from globstar.core.devicestate import DeviceState
from tests.support.dialling import went_on
from tests.support.testtech import NO_RECORDS, Leg, World

CONF = """
[general]
attemptcallerid=yes
[line1]
type=trunk
device=Test/provider
autocontext=incoming
{line1}
[line2]
type=trunk
device=Test/other
[s1]
type=station
device=Test/s1
autocontext=keys
trunk=line1
trunk=line2
{s1}
[s2]
type=station
device=Test/s2
autocontext=keys
trunk=line1
{s2}
"""
PLAN = """
[default]
exten => 500,1,Goto(incoming,s,1)
exten => 501,1,SLATrunk(line1,M(jazz))
 same => n,UserEvent(trunk,S: ${SLATRUNK_STATUS})
exten => 502,1,SLATrunk(line9,Z)
 same => n,UserEvent(trunk,S: ${SLATRUNK_STATUS})
exten => 503,1,SLATrunk(line2)
 same => n,UserEvent(trunk,S: ${SLATRUNK_STATUS})
exten => 510,1,SLAStation()
 same => n,UserEvent(station,S: ${SLASTATION_STATUS})
exten => _s.,1,SLAStation(${EXTEN})
 same => n,UserEvent(station,S: ${SLASTATION_STATUS})
 same => n,Hangup()
exten => h,1,UserEvent(end,T: ${SLATRUNK_STATUS},S: ${SLASTATION_STATUS})
"""
IDLE, RINGING, UP, HELD = DeviceState.NOT_INUSE, DeviceState.RINGING, DeviceState.INUSE, DeviceState.ONHOLD


@asynccontextmanager
async def office(line1: str = "", s1: str = "", s2: str = "") -> AsyncIterator[World]:
    conf = CONF.format(line1=line1, s1=s1, s2=s2)
    async with await World.start(PLAN, files={"sla.conf": conf, **NO_RECORDS}) as world:
        for name, number in (("caller", "900"), ("provider", ""), ("other", ""), ("s1", "11"), ("s2", "12")):
            world.phone(name, number, name.capitalize())
        yield world
        await world.end_calls()
        assert keys(world) == (IDLE, IDLE, IDLE)


def keys(world: World) -> tuple[DeviceState, ...]:
    return tuple(world.system.device_states.state(f"SLA:{name}") for name in ("s1_line1", "s1_line2", "s2_line1"))


async def incoming(world: World, extension: str = "500") -> Leg:
    call = world.tech.phones["caller"].dials(extension)
    await world.settle(0.1)
    return call


async def rings(world: World, name: str) -> Leg:
    leg = await world.tech.phones[name].is_called()
    leg.rings()
    return leg


async def picks_up(world: World, name: str, extension: str = "") -> Leg:
    leg = world.tech.phones[name].dials(extension or name)
    await world.settle(0.3)
    return leg


async def answered(world: World) -> tuple[Leg, Leg]:
    """A call from outside that the first station answered."""
    call = await incoming(world)
    one, _ = await rings(world, "s1"), await rings(world, "s2")
    one.answers()
    await world.settle(0.3)
    return call, one


def talk(*legs: Leg) -> bool:
    members = [leg.channel.bridge_member for leg in legs]
    return all(member is not None and member.bridge is members[0].bridge for member in members)  # type: ignore[union-attr]


async def test_the_first_station_to_answer_takes_the_call() -> None:
    async with office() as world:
        call = await incoming(world)
        assert "ringing" in call.told
        one, two = await rings(world, "s1"), await rings(world, "s2")
        assert one.channel.connected.id.number.text == "900"
        assert keys(world) == (RINGING, IDLE, RINGING)
        two.answers()
        await world.settle(0.3)
        assert talk(call, two)
        assert "answer" in call.told
        assert one.channel.is_hung_up
        assert keys(world) == (UP, IDLE, UP)
        two.hangs_up()
        await world.settle(0.3)
        assert call.channel.is_hung_up


@pytest.mark.parametrize("who", ["caller", "station"])
async def test_the_end_of_a_call(who: str) -> None:
    async with office() as world:
        call, station = await answered(world)
        (call if who == "caller" else station).hangs_up()
        await world.settle(0.3)
        assert call.channel.is_hung_up
        assert station.channel.is_hung_up


async def test_a_caller_who_gives_up_and_one_who_is_not_answered() -> None:
    async with office(line1="ringtimeout=10") as world:
        call = await incoming(world, "501")
        one = await rings(world, "s1")
        call.hangs_up()
        await world.settle(0.1)
        assert one.channel.is_hung_up
        assert went_on(world, call) == [("end", "T=UNANSWERED", "S=")]
        call = await incoming(world, "501")
        began = world.system.now()
        await call.is_told("hangup 0")
        assert world.system.now() - began == pytest.approx(10, abs=0.5)
        assert went_on(world, call) == [("trunk", "S=RINGTIMEOUT"), ("end", "T=RINGTIMEOUT", "S=")]


async def test_the_status_of_an_answered_call() -> None:
    async with office() as world:
        call = await incoming(world, "501")
        one = await rings(world, "s1")
        assert "ringing" in call.told  # there is no music class of that name
        one.answers()
        await world.settle(0.3)
        one.hangs_up()
        await call.is_told("hangup 16")
        assert went_on(world, call)[0] == ("trunk", "S=SUCCESS")


async def test_a_trunk_that_does_not_exist_or_is_in_use() -> None:
    async with office() as world:
        call = await incoming(world, "502")
        assert went_on(world, call)[0] == ("trunk", "S=FAILURE")
        assert any("'Z'" in text for text in world.warnings)
        first = await incoming(world, "503")
        second = await incoming(world, "503")
        assert went_on(world, second)[0] == ("trunk", "S=FAILURE")
        first.hangs_up()
        await world.settle(0.1)


async def test_delays_and_times_of_stations() -> None:
    async with office(s1="ringdelay=5\nringtimeout=10", s2="ringtimeout=8") as world:
        await incoming(world)
        two = await rings(world, "s2")
        await world.settle(4)
        assert world.tech.phones["s1"].legs == []
        one = await rings(world, "s1")
        await world.settle(3)
        assert two.channel.is_hung_up
        assert not one.channel.is_hung_up
        await world.settle(8)
        assert one.channel.is_hung_up
        assert keys(world) == (RINGING, IDLE, RINGING)


async def test_a_station_that_is_busy_leaves_the_others_ringing() -> None:
    async with office() as world:
        call = await incoming(world)
        one, two = await rings(world, "s1"), await rings(world, "s2")
        one.refuses()
        await world.settle(5)
        assert len(world.tech.phones["s1"].legs) == 1
        two.answers()
        await world.settle(0.3)
        assert talk(call, two)


async def test_picking_up_answers_what_rings() -> None:
    async with office() as world:
        call = await incoming(world)
        await rings(world, "s1")
        two = await rings(world, "s2")
        one = await picks_up(world, "s1")
        assert talk(call, one)
        assert two.channel.is_hung_up


async def test_calling_out_on_the_first_free_line() -> None:
    async with office() as world:
        one = await picks_up(world, "s1")
        provider = await rings(world, "provider")
        assert provider.channel.connected.id.number.text == "11"
        await world.settle(0.1)
        assert "ringing" in one.told
        assert keys(world) == (UP, IDLE, UP)
        two = await picks_up(world, "s2")
        assert went_on(world, two)[0] == ("station", "S=CONGESTION")
        provider.answers()
        await world.settle(0.3)
        assert talk(one, provider)
        one.hangs_up()
        await world.settle(0.3)
        assert provider.channel.is_hung_up
        assert keys(world) == (IDLE, IDLE, IDLE)


async def test_a_certain_line_that_refuses() -> None:
    async with office() as world:
        one = await picks_up(world, "s1", "s1_line2")
        other = await rings(world, "other")
        other.refuses()
        await world.settle(0.3)
        assert went_on(world, one)[0] == ("station", "S=CONGESTION")
        world.tech.phones["other"].call_fails = Cause.NORMAL_CIRCUIT_CONGESTION
        one = await picks_up(world, "s1", "s1_line2")
        assert went_on(world, one)[0] == ("station", "S=CONGESTION")
        world.tech.phones["other"].request_fails = Cause.NORMAL_CIRCUIT_CONGESTION
        one = await picks_up(world, "s1", "s1_line2")
        assert went_on(world, one)[0] == ("station", "S=CONGESTION")


async def test_a_station_that_hangs_up_while_it_calls_out() -> None:
    async with office() as world:
        one = await picks_up(world, "s1")
        provider = await rings(world, "provider")
        one.hangs_up()
        await world.settle(0.3)
        assert provider.channel.is_hung_up
        assert keys(world) == (IDLE, IDLE, IDLE)


async def test_what_the_outside_says_before_it_answers_is_heard() -> None:
    async with office() as world:
        one = await picks_up(world, "s1")
        provider = await rings(world, "provider")
        provider.progresses()
        provider.speaks(b"\x31" * 160)
        await world.settle(0.1)
        assert "progress" in one.told
        assert one.heard[-1].data[0] == 0x31
        one.hangs_up()
        await world.settle(0.1)


async def test_a_held_call_is_taken_back_by_another_station() -> None:
    async with office() as world:
        call, one = await answered(world)
        one.holds()
        await world.settle(0.3)
        assert one.channel.is_hung_up
        assert not call.channel.is_hung_up
        assert "hold" in call.told
        assert keys(world) == (HELD, IDLE, HELD)
        two = await picks_up(world, "s2", "s2_line1")
        assert "unhold" in call.told
        assert talk(call, two)
        assert keys(world) == (UP, IDLE, UP)


async def test_a_call_on_hold_ends_with_its_caller() -> None:
    async with office() as world:
        call, one = await answered(world)
        one.holds()
        await world.settle(0.3)
        call.hangs_up()
        await world.settle(0.3)
        assert keys(world) == (IDLE, IDLE, IDLE)


@pytest.mark.parametrize("where", ["line1", "s1"])
async def test_private_hold_is_taken_back_by_who_held(where: str) -> None:
    async with office(**{where: "hold=private"}, **({} if where == "line1" else {"s2": "hold=private"})) as world:
        call, one = await answered(world)
        one.holds()
        await world.settle(0.3)
        assert "SLA_TRUNK_STATE_ONHOLD_BYME" in await run_command(world.system, "sla show stations")
        two = await picks_up(world, "s2", "s2_line1")
        assert went_on(world, two)[0] == ("station", "S=CONGESTION")
        again = await picks_up(world, "s1", "s1_line1")
        assert talk(call, again)


async def test_joining_a_call_unless_that_is_forbidden() -> None:
    async with office() as world:
        call, one = await answered(world)
        two = await picks_up(world, "s2", "s2_line1")
        assert talk(call, one, two)
        one.holds()
        await world.settle(0.3)
        assert "hold" not in call.told
        assert keys(world) == (HELD, IDLE, UP)
        two.hangs_up()
        await world.settle(0.3)
        assert "hold" in call.told
        assert keys(world) == (HELD, IDLE, HELD)
        again = await picks_up(world, "s1", "s1_line1")
        assert talk(call, again)
        again.hangs_up()
        await world.settle(0.3)
        assert call.channel.is_hung_up
    async with office(line1="barge=no") as world:
        call, one = await answered(world)
        two = await picks_up(world, "s2", "s2_line1")
        assert went_on(world, two)[0] == ("station", "S=CONGESTION")
        assert talk(call, one)


async def test_a_station_that_talks_does_not_ring_for_another_line() -> None:
    async with office() as world:
        _call, one = await answered(world)
        second = await incoming(world, "503")
        await world.settle(2)
        assert len(world.tech.phones["s1"].legs) == 1
        assert keys(world)[1] is RINGING
        one.hangs_up()
        leg = await rings(world, "s1")
        leg.answers()
        await world.settle(0.3)
        assert talk(second, leg)


@pytest.mark.parametrize(("extension", "status"), [("510", "FAILURE"), ("s9", "FAILURE"), ("s2_line2", "FAILURE")])
async def test_stations_that_do_not_exist(extension: str, status: str) -> None:
    async with office() as world:
        leg = await picks_up(world, "s1", extension)
        assert went_on(world, leg)[0] == ("station", f"S={status}")
        assert world.warnings


async def test_extensions_and_hints_are_made() -> None:
    async with office() as world:
        plan = world.system.plan
        assert plan.find("incoming", "s", 1).data == "line1"  # type: ignore[union-attr]
        assert plan.find("keys", "s1", 1).data == "s1"  # type: ignore[union-attr]
        hint = plan.hint("keys", "s1_line1")
        assert hint is not None
        assert hint.app_name == "SLA:s1_line1"
        assert world.system.device_states.state("SLA:s3_line1") is DeviceState.INVALID


async def test_cli() -> None:
    async with office(line1="ringtimeout=30\nbarge=no", s1="ringdelay=3") as world:
        trunks = await run_command(world.system, "sla show trunks")
        assert "=== Trunk Name:       line1\n=== ==> Device:       Test/provider\n=== ==> AutoContext:  incoming" in trunks
        assert "=== ==> RingTimeout:  30s\n=== ==> BargeAllowed: No\n=== ==> HoldAccess:   Open" in trunks
        assert trunks.count("Station name: s1") == 2
        stations = await run_command(world.system, "sla show stations")
        assert "===    ==> Trunk Name: line1\n===       ==> State:       SLA_TRUNK_STATE_IDLE" in stations
        assert "RingDelay:   3s" in stations
        assert "Usage" in await run_command(world.system, "sla show stations s1")


async def test_a_reload_waits_for_the_end_of_calls() -> None:
    async with office() as world:
        call, _one = await answered(world)
        world.files["sla.conf"] = world.files["sla.conf"].replace("autocontext=keys", "autocontext=new")
        await world.system.loader.reload("app_sla")
        assert world.system.plan.find("new", "s1", 1) is None
        call.hangs_up()
        await world.settle(0.5)
        assert world.system.plan.find("new", "s1", 1) is not None
        assert world.system.plan.find("keys", "s1", 1) is None


async def test_unloading_ends_calls() -> None:
    async with office() as world:
        call, one = await answered(world)
        one.hangs_up()
        await world.settle(0.3)
        call = await incoming(world)
        await world.settle(0.1)
        call.hangs_up()
        await world.settle(0.3)
        await world.system.loader.unload("app_sla")
        assert world.system.plan.find("keys", "s1", 1) is None
        assert world.system.device_states.state("SLA:s1_line1") is DeviceState.INVALID
        await world.system.loader.load("app_sla")
        assert keys(world) == (IDLE, IDLE, IDLE)
