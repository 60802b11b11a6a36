"""Page: phones that answer hear the caller, muted; options, timeouts and ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from globstar.base.log import Level
from tests.support.dialling import PLACES, went_on
from tests.support.switch import LogCapture
from tests.support.testtech import Leg, World


def make_sounds(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("beep", "gong"):
        (folder / f"{name}.ulaw").write_bytes(b"\xff" * 800)


@asynccontextmanager
async def office(arguments: str) -> AsyncIterator[World]:
    plan = f"[default]\nexten => 200,1,Page({arguments})\n same => n,UserEvent(after)\nexten => 102,1,Dial(Test/carol)\n"
    plan += f"exten => 300,1,Answer()\n same => n,Wait(30)\n{PLACES}"
    async with await World.start(plan) as world:
        for name, number, display in (("alice", "100", "Alice"), ("bob", "101", "Bob"), ("carol", "102", "Carol")):
            world.phone(name, number, display)
        await asyncio.to_thread(make_sounds, Path(world.system.directories.astdatadir) / "sounds" / "en")
        yield world
        await world.all_gone()
        assert not world.system.bridges


def played(world: World) -> list[tuple[str, str]]:
    return [
        (event.channel.name.partition("-")[0], event.file.removesuffix(".ulaw"))
        for event in world.events
        if type(event).__name__ == "FilePlayed"
    ]


def muted(leg: Leg) -> bool:
    member = leg.channel.bridge_member
    assert member is not None
    return member.mix.is_muted


@pytest.mark.parametrize(("options", "is_muted"), [("", True), ("d", False)])
async def test_all_that_answer_hear_the_caller(options: str, is_muted: bool) -> None:
    async with office(f"Test/bob&Test/carol,{options}") as world:
        call = world.tech.phones["alice"].dials("200")
        bob, carol = await world.tech.phones["bob"].is_called(), await world.tech.phones["carol"].is_called()
        bob.answers()
        await world.settle(0.5)
        carol.answers()
        await world.settle(0.5)
        bridge = call.channel.bridge_member.bridge if call.channel.bridge_member else None
        assert bridge is not None
        assert {channel.name for channel in bridge.channels} == {leg.channel.name for leg in (call, bob, carol)}
        assert (muted(bob), muted(carol), muted(call)) == (is_muted, is_muted, False)
        assert played(world) == [("Test/alice", "beep")]
        bob.hangs_up()
        await world.settle(0.5)
        assert len(bridge.channels) == 2
        call.hangs_up()
        await world.settle(0.5)
        assert carol.channel.is_hung_up


async def test_who_does_not_answer_in_time_rings_no_longer() -> None:
    async with office("Test/bob&Test/carol,q,5") as world:
        call = world.tech.phones["alice"].dials("200")
        bob, carol = await world.tech.phones["bob"].is_called(), await world.tech.phones["carol"].is_called()
        carol.answers()
        began = world.system.now()
        await bob.is_told("hangup 0")
        assert world.system.now() - began == pytest.approx(5, abs=0.1)
        assert not carol.channel.is_hung_up
        assert played(world) == []
        call.hangs_up()


async def test_the_caller_hangs_up_while_it_rings() -> None:
    async with office("Test/bob") as world:
        call = world.tech.phones["alice"].dials("200")
        bob = await world.tech.phones["bob"].is_called()
        await world.settle(1)
        call.hangs_up()
        await world.settle(0.5)
        assert bob.channel.is_hung_up


@pytest.mark.parametrize(
    ("options", "heard"), [("A(gong)", [("Test/alice", "gong"), ("Test/bob", "gong")]), ("A(gong)n", [("Test/bob", "gong")])]
)
async def test_an_announcement_for_all(options: str, heard: list[tuple[str, str]]) -> None:
    async with office(f"Test/bob,{options}") as world:
        call = world.tech.phones["alice"].dials("200")
        bob = await world.tech.phones["bob"].is_called()
        bob.answers()
        await world.settle(1)
        assert sorted(played(world)) == heard
        call.hangs_up()


async def test_s_calls_only_who_is_not_in_use_and_b_runs_a_subroutine() -> None:
    async with office("Test/bob&Test/carol,sqb(predial^s^1(x))") as world:
        busy = world.tech.phones["carol"].dials("300")
        await world.settle(0.5)
        call = world.tech.phones["alice"].dials("200")
        bob = await world.tech.phones["bob"].is_called()
        assert len(world.tech.phones["carol"].legs) == 1
        assert bob.channel.get_variable("predial") == "Test-x"
        busy.hangs_up()
        call.hangs_up()


@pytest.mark.parametrize(("options", "follows"), [("q", True), ("qi", False)])
async def test_forwarded_calls(options: str, follows: bool) -> None:
    async with office(f"Test/bob,{options}") as world:
        call = world.tech.phones["alice"].dials("200")
        bob = await world.tech.phones["bob"].is_called()
        bob.forwards("102")
        await world.settle(1)
        assert bool(world.tech.phones["carol"].legs) is follows
        call.hangs_up()


async def test_recorded() -> None:
    async with office("Test/bob,qr") as world:
        call = world.tech.phones["alice"].dials("200")
        call.speaks_on()
        bob = await world.tech.phones["bob"].is_called()
        bob.answers()
        await world.settle(2)
        call.hangs_up()
        await world.settle(1)
        files = recordings(world)
        assert [file.name.startswith("page-") for file in files] == [True]
        assert files[0].stat().st_size > 8000


def recordings(world: World) -> list[Path]:
    return list((Path(world.system.directories.astspooldir) / "monitor").glob("*.wav"))


async def test_bad_arguments() -> None:
    async with office("bob&Nothing/x") as world:
        with LogCapture() as log:
            call = world.tech.phones["alice"].dials("200")
            await world.settle(1)
        assert "'bob' is not technology/resource" in log.texts(Level.WARNING)[0]
        call.hangs_up()
    async with office("") as world:
        with LogCapture() as log:
            call = world.tech.phones["alice"].dials("200")
            await world.settle(1)
        assert len(log.texts(Level.WARNING)) == 1
        assert went_on(world, call) == []


async def test_upper_b_runs_a_subroutine_on_the_caller_before_anybody_is_called() -> None:
    async with office("Test/bob,qB(predial^s^1(x))") as world:
        call = world.tech.phones["alice"].dials("200")
        bob = await world.tech.phones["bob"].is_called()
        assert call.channel.get_variable("predial") == "Test-x"
        assert bob.channel.get_variable("predial") == "Test-x"  # it is inherited
        call.hangs_up()


@pytest.mark.parametrize("option", ["B(nowhere^s^1)", "b(nowhere^s^1)"])
async def test_a_subroutine_that_does_not_exist_is_told_and_the_page_goes_on(option: str) -> None:
    async with office(f"Test/bob,q{option}") as world:
        with LogCapture() as log:
            call = world.tech.phones["alice"].dials("200")
            bob = await world.tech.phones["bob"].is_called()
        assert [text for text in log.texts(Level.ERROR) if "nowhere" in text]
        bob.answers()
        await world.settle(1)
        assert muted(bob)
        call.hangs_up()
