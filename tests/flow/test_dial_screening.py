"""Dial's options P, p, n and N: the caller introduces itself, the called party decides, the AstDB remembers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.support.dialling import dialling, went_on
from tests.support.switch import LogCapture
from tests.support.testtech import Leg, World

SOUNDS = (
    "priv-recordintro", "vm-dialout", "priv-callpending", "priv-callee-options", "screen-callee-options", "vm-sorry",
)  # fmt: skip


@asynccontextmanager
async def office(arguments: str, sounds: tuple[str, ...] = SOUNDS) -> AsyncIterator[World]:
    async with dialling(arguments) as world:
        folder = Path(world.system.directories.astdatadir) / "sounds" / "en"
        await asyncio.to_thread(make, folder, sounds)
        yield world


def make(folder: Path, sounds: tuple[str, ...]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for sound in sounds:
        (folder / f"{sound}.ulaw").write_bytes(b"\xff" * 160)


def introductions(world: World) -> list[str]:
    folder = Path(world.system.directories.astdatadir) / "sounds" / "priv-callerintros"
    return sorted(path.name for path in folder.glob("*")) if folder.exists() else []


async def introduced(world: World) -> tuple[Leg, Leg]:
    """Alice says who she is, bob answers and hears the question."""
    call = world.tech.phones["alice"].dials("200")
    await call.is_told("answer")
    await world.settle(0.5)
    call.presses("#")
    leg = await world.tech.phones["bob"].is_called()
    leg.answers()
    await world.settle(0.3)
    return call, leg


@pytest.mark.parametrize(
    ("key", "status", "stored"),
    [("1", None, "ALLOW"), ("2", "NOANSWER", "DENY"), ("3", "TORTURE", "TORTURE"), ("4", "DONTCALL", "KILL"),
     ("5", "NOANSWER", "ALLOW"), ("9", "NOANSWER", None)],
)  # fmt: skip
async def test_privacy_remembers_what_was_decided(key: str, status: str | None, stored: str | None) -> None:
    async with office("Test/bob,,P") as world:
        call, leg = await introduced(world)
        leg.presses(key)
        await world.settle(0.5)
        assert (call.channel.bridge_member is not None) is (status is None)
        if status is None:
            call.hangs_up()
        await asyncio.sleep(30)
        assert world.system.database.get("privacy", "200/100") == stored
        assert introductions(world) == ["200.100.sln"]
        if status is not None:
            assert went_on(world, call)[0] == ("after", f"Status={status}")


@pytest.mark.parametrize(("stored", "status"), [("DENY", "NOANSWER"), ("KILL", "DONTCALL"), ("TORTURE", "TORTURE")])
async def test_privacy_lets_nobody_ring_for_those_who_were_refused(stored: str, status: str) -> None:
    async with office("Test/bob,,P(home)") as world:
        world.system.database.put("privacy", "home/100", stored)
        call = world.tech.phones["alice"].dials("200")
        await world.settle(1)
        assert went_on(world, call)[0] == ("after", f"Status={status}")
        assert not introductions(world)


async def test_privacy_puts_those_through_who_were_accepted() -> None:
    async with office("Test/bob,,P(home)") as world:
        world.system.database.put("privacy", "home/100", "ALLOW")
        call = world.tech.phones["alice"].dials("200")
        leg = await world.tech.phones["bob"].is_called()
        assert "answer" not in call.told
        leg.answers()
        await world.settle(0.1)
        assert call.channel.bridge_member is not None
        call.hangs_up()


async def test_screening_remembers_nothing_and_knows_no_5() -> None:
    async with office("Test/bob,,pn") as world:
        call, leg = await introduced(world)
        leg.presses("5")
        await world.settle(0.5)
        assert call.channel.bridge_member is None
        leg.presses("1")
        await world.settle(0.5)
        assert call.channel.bridge_member is not None
        assert world.system.database.get("privacy", "200/100") is None
        call.hangs_up()
        await world.settle(0.5)
        assert introductions(world) == []


async def test_n_asks_only_for_callers_without_a_number() -> None:
    async with office("Test/bob,,pN") as world:
        world.tech.phones["alice"].dials("200")
        leg = await world.tech.phones["bob"].is_called()
        leg.answers()
        await world.settle(0.1)
        assert leg.channel.bridge_member is not None
        leg.hangs_up()


@pytest.mark.parametrize(("options", "left"), [("pn", 1), ("pn(1)", 0)])
async def test_a_caller_that_hangs_up_while_it_rings(options: str, left: int) -> None:
    async with office(f"Test/bob,,{options}") as world:
        call = world.tech.phones["alice"].dials("200")
        await call.is_told("answer")
        await world.settle(0.5)
        call.presses("#")
        await world.tech.phones["bob"].is_called()
        call.hangs_up()
        await world.settle(0.5)
        assert len(introductions(world)) == left


async def test_a_callee_that_hangs_up_instead_of_deciding() -> None:
    async with office("Test/bob,,p") as world:
        call, leg = await introduced(world)
        leg.hangs_up()
        await world.settle(0.5)
        assert went_on(world, call)[0] == ("after", "Status=NOANSWER")


async def test_without_the_prompt_there_is_no_screening_and_no_call() -> None:
    async with office("Test/bob,,p", sounds=()) as world:
        with LogCapture() as log:
            call = world.tech.phones["alice"].dials("200")
            await world.settle(1)
        assert went_on(world, call) == [("h", "Status=INVALIDARGS")]
        assert len(log.records) == 2
