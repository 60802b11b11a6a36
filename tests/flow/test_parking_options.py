"""Park and ParkAndAnnounce with their options: ringing or music, a random place, another time and another way back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from globstar.core import events
from tests.support.dialling import variable, went_on
from tests.support.testtech import Leg, World

LOT = (
    "[default]\nparkext=700\nparkpos=701-720\ncontext=parkedcalls\nparkingtime=30\ncomebacktoorigin=no\n"
    "parkedmusicclass=default\n"
)
MUSIC = "[default]\nmode=files\ndirectory={root}/music\n"


@asynccontextmanager
async def lot(root: Path, step: str) -> AsyncIterator[World]:
    await asyncio.to_thread((root / "music").mkdir, parents=True)
    await asyncio.to_thread((root / "music" / "tune.ulaw").write_bytes, b"\x31" * 80000)
    plan = (
        f"[default]\nexten => 1,1,{step}\nsame => n,UserEvent(after)\nexten => 2,1,ParkedCall(default,701)\n"
        "[back]\nexten => s,1,UserEvent(back,Space: ${PARKING_SPACE})\nsame => n,Wait(5)\n"
        "[parkedcallstimeout]\nexten => _X!,1,UserEvent(lot)\nexten => _[a-zA-Z].,1,UserEvent(lot)\n"
    )
    files = {"res_parking.conf": LOT, "musiconhold.conf": MUSIC.format(root=root)}
    async with await World.start(plan, files=files) as world:
        for name, number, display in (("alice", "100", "Alice"), ("bob", "101", "Bob"), ("carol", "102", "Carol")):
            world.phone(name, number, display)
        for digit in "0123456789":
            world.sound(f"digits/{digit}")
        world.sound("parked")
        yield world
        await world.end_calls()


def spaces(world: World) -> list[int]:
    return [event.space for event in world.seen(events.ParkingChanged) if event.kind == "ParkedCall"]


def music(world: World, who: Leg) -> list[str | None]:
    return [event.music_class for event in world.seen(events.MusicOnHoldChanged) if event.channel is who.channel]


@pytest.mark.parametrize(
    ("step", "rings"),
    [
        ("Park(default,s)", False),
        ("Park(default,sr)", True),
        ("ParkAndAnnounce(default,,parked:PARKED,Test/bob)", False),
        ("ParkAndAnnounce(default,r,parked:PARKED,Test/bob)", True),
    ],
)
async def test_r_rings_instead_of_music(tmp_path: Path, step: str, rings: bool) -> None:
    async with lot(tmp_path, step) as world:
        call = world.tech.phones["alice"].dials("1")
        await world.settle(1)
        assert spaces(world) == [701]
        assert ("ringing" in call.told) is rings
        assert music(world, call) == ([] if rings else ["default"])


@pytest.mark.parametrize("step", ["Park(default,sR)", "ParkAndAnnounce(default,R,parked:PARKED,Test/bob)"])
async def test_upper_r_takes_a_place_at_random(tmp_path: Path, step: str) -> None:
    async with lot(tmp_path, step) as world:
        for _ in range(12):
            world.tech.phones["alice"].dials("1")
            await world.settle(0.1)
        found = spaces(world)
        assert len(set(found)) == 12  # nobody shares a place
        assert all(701 <= space <= 720 for space in found)
        assert found != sorted(found)  # one in twelve factorial would be sorted by chance


@pytest.mark.parametrize("step", ["Park(default,s)", "ParkAndAnnounce(default,,parked:PARKED,Test/bob)"])
async def test_without_it_the_first_free_place_is_taken(tmp_path: Path, step: str) -> None:
    async with lot(tmp_path, step) as world:
        for _ in range(4):
            world.tech.phones["alice"].dials("1")
            await world.settle(0.1)
        assert spaces(world) == [701, 702, 703, 704]


@pytest.mark.parametrize(
    ("step", "seconds", "place"),
    [
        ("Park(default,sc(back,s,1)t(5))", 5, ("back", "Space=701")),
        ("Park(default,st(5))", 5, ("lot",)),
        ("Park(default,sc(back,s,1))", 30, ("back", "Space=701")),
        ("ParkAndAnnounce(default,c(back,s,1)t(5),parked:PARKED,Test/bob)", 5, ("back", "Space=701")),
        ("ParkAndAnnounce(default,t(7),parked:PARKED,Test/bob)", 7, ("lot",)),
    ],
)
async def test_c_and_t_say_when_and_where_the_call_goes_on(
    tmp_path: Path, step: str, seconds: int, place: tuple[str, ...]
) -> None:
    async with lot(tmp_path, step) as world:
        call = world.tech.phones["alice"].dials("1")
        await world.settle(seconds - 1)
        assert went_on(world, call) == []
        await world.settle(1.5)
        assert went_on(world, call) == [place]


async def test_the_place_is_announced_to_who_is_called(tmp_path: Path) -> None:
    async with lot(tmp_path, "ParkAndAnnounce(default,t(60),parked:PARKED,Test/bob)") as world:
        call = world.tech.phones["alice"].dials("1")
        bob = await world.tech.phones["bob"].is_called()
        bob.answers()
        await bob.is_told("hangup 0")
        assert bob.hears == ["parked", "digits/7", "digits/0", "digits/1"]
        assert variable(world, call, "PARKEDAT") == ["701"]
        taker = world.tech.phones["carol"].dials("2")
        await world.settle(1)
        assert taker.channel.bridge_member is not None
        assert call.channel.bridge_member is not None
        assert taker.channel.bridge_member.bridge is call.channel.bridge_member.bridge


async def test_who_is_to_be_told_does_not_answer_and_the_call_stays_parked(tmp_path: Path) -> None:
    async with lot(tmp_path, "ParkAndAnnounce(default,,parked:PARKED,Test/bob)") as world:
        call = world.tech.phones["alice"].dials("1")
        (await world.tech.phones["bob"].is_called()).refuses()
        await world.settle(1)
        assert spaces(world) == [701]
        assert call.channel.bridge_member is not None


@pytest.mark.parametrize(
    ("step", "warning"),
    [
        ("ParkAndAnnounce(default,,,Test/bob)", "requires an announcement and whom to call"),
        ("ParkAndAnnounce(default,,parked,bob)", "requires an announcement and whom to call"),
        ("Park(default,sZ)", "unknown option 'Z'"),
        ("Park(nowhere,s)", "nowhere"),
    ],
)
async def test_bad_arguments_are_told(tmp_path: Path, step: str, warning: str) -> None:
    async with lot(tmp_path, step) as world:
        world.tech.phones["alice"].dials("1")
        await world.settle(1)
        assert any(warning in text for text in world.warnings)
