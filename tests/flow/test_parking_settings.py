"""res_parking.conf: where calls come back to, who may do what after taking one out, and whose lot an extension is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from globstar.core import events
from tests.support.dialling import went_on
from tests.support.testtech import NO_RECORDS, Leg, World

PLAN = """[default]
include => parkedcalls
exten => 1,1,Park({lot},s)
exten => 3,1,Dial(Test/carol)
[parkedcallstimeout]
exten => Test_alice,1,UserEvent(usual)
exten => s,1,UserEvent(usual s)
[mine]
exten => Test_alice,1,UserEvent(mine)
[others]
exten => s,1,UserEvent(others s)
"""
FEATURES = "[featuremap]\nblindxfer=*2\nparkcall=*7\ndisconnect=*0\n"


@asynccontextmanager
async def office(settings: str, *, lot: str = "default", more: str = "") -> AsyncIterator[World]:
    """A lot with places 701 to 709 and ``settings``."""
    parking = f"[default]\nparkext=700\nparkpos=701-709\nparkingtime=5\n{settings}\n{more}"
    files = {**NO_RECORDS, "res_parking.conf": parking, "features.conf": FEATURES}
    async with await World.start(PLAN.replace("{lot}", lot), files=files) as world:
        for name, number in (("alice", "100"), ("bob", "101"), ("carol", "102")):
            world.phone(name, number, name.capitalize())
        for sound in ("courtesy", "digits/7", "digits/0", "digits/1", "digits/2"):
            world.sound(sound)
        yield world
        await world.end_calls()


def places(world: World, kind: str = "ParkedCall") -> list[tuple[str, int]]:
    return [(event.lot, event.space) for event in world.seen(events.ParkingChanged) if event.kind == kind]


# -- coming back -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "place"),
    [
        ("comebacktoorigin=no", ("usual",)),
        ("comebacktoorigin=no\ncomebackcontext=mine", ("mine",)),
        ("comebacktoorigin=no\ncomebackcontext=others", ("others s",)),  # no extension of the parker's name there
    ],
)
async def test_comebackcontext(settings: str, place: tuple[str, ...]) -> None:
    async with office(settings) as world:
        call = world.tech.phones["alice"].dials("1")
        await world.settle(4.5)
        assert went_on(world, call) == []
        await world.settle(1)
        assert went_on(world, call) == [place]


@pytest.mark.parametrize(("settings", "seconds"), [("comebackdialtime=7", 7), ("", 30)])
async def test_comebackdialtime_is_how_long_the_origin_rings(settings: str, seconds: int) -> None:
    async with office(settings) as world:
        parked = world.tech.phones["bob"].dials("3")
        carol = await world.tech.phones["carol"].is_called()
        carol.answers()
        await world.settle(0.5)
        call = world.tech.phones["alice"].dials("1")  # alice parks herself: she is her own origin
        await world.settle(5.2)
        back = world.tech.phones["alice"].legs[-1]
        assert back is not call
        began = world.system.now()
        await back.is_told("hangup 0")
        assert world.system.now() - began == pytest.approx(seconds, abs=0.5)
        parked.hangs_up()


# -- after taking a call out ---------------------------------------------------------------------------------------------------


async def taken_out(world: World) -> tuple[Leg, Leg]:
    """The one who was parked, and the one who took it out."""
    parked = world.tech.phones["alice"].dials("1")
    await world.settle(0.5)
    taker = world.tech.phones["bob"].dials("701")
    await world.settle(0.5)
    assert taker.channel.bridge_member is not None
    assert parked.channel.bridge_member is not None
    assert taker.channel.bridge_member.bridge is parked.channel.bridge_member.bridge
    return parked, taker


WHO = [
    ("", False, False),
    ("{}=caller", True, False),
    ("{}=callee", False, True),
    ("{}=both", True, True),
    ("{}=no", False, False),
]


@pytest.mark.parametrize(("setting", "by_taker", "by_parked"), WHO)
async def test_parkedcalltransfers(setting: str, by_taker: bool, by_parked: bool) -> None:
    for is_taker, works in ((True, by_taker), (False, by_parked)):
        async with office(setting.format("parkedcalltransfers")) as world:
            parked, taker = await taken_out(world)
            presser = taker if is_taker else parked
            presser.presses("*2")
            await world.settle(1)
            presser.presses("3")
            await world.settle(6)
            assert len(world.tech.phones["carol"].legs) == works


@pytest.mark.parametrize(("setting", "by_taker", "by_parked"), WHO)
async def test_parkedcallreparking(setting: str, by_taker: bool, by_parked: bool) -> None:
    for is_taker, works in ((True, by_taker), (False, by_parked)):
        async with office(setting.format("parkedcallreparking")) as world:
            parked, taker = await taken_out(world)
            (taker if is_taker else parked).presses("*7")
            await world.settle(2)
            assert places(world) == [("default", 701)] * (1 + works)


@pytest.mark.parametrize(
    ("settings", "by_taker", "by_parked"),
    [
        ("courtesytone=courtesy", True, False),
        ("courtesytone=courtesy\nparkedplay=caller", True, False),
        ("courtesytone=courtesy\nparkedplay=callee", False, True),
        ("courtesytone=courtesy\nparkedplay=both", True, True),
        ("courtesytone=courtesy\nparkedplay=no", False, False),
        ("parkedplay=both", False, False),
    ],
)
async def test_parkedplay_says_who_hears_the_courtesy_tone(settings: str, by_taker: bool, by_parked: bool) -> None:
    async with office(settings) as world:
        parked, taker = await taken_out(world)
        await world.settle(1)
        assert ("courtesy" in taker.hears, "courtesy" in parked.hears) == (by_taker, by_parked)


# -- whose lot it is -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("exclusive", "lot"), [("yes", "second"), ("no", "default")])
async def test_parkext_exclusive_parks_in_its_own_lot_only(exclusive: str, lot: str) -> None:
    """Without it the extension parks in the lot of the channel."""
    more = f"[second]\ncontext=parkedcalls\nparkext=800\nparkext_exclusive={exclusive}\nparkpos=801-809\nparkingtime=5\n"
    async with office("", more=more) as world:
        world.tech.phones["alice"].dials("800")
        await world.settle(3)
        assert places(world) == [(lot, 801 if lot == "second" else 701)]


@pytest.mark.parametrize(
    ("settings", "warning"),
    [
        ("parkedplay=somebody", "parkedplay"),
        ("parkpos=9-1", "parkpos"),
        ("parkingtime=long", "parkingtime"),
        ("findslot=last", "findslot"),
        ("nosuch=1", "nosuch"),
    ],
)
async def test_settings_that_make_no_sense_are_told_and_the_lot_works(settings: str, warning: str) -> None:
    async with office(settings) as world:
        told = [text for text in world.warnings if warning in text]
        assert told
        assert told[0].startswith("res_parking.conf:")
        world.tech.phones["alice"].dials("1")
        await world.settle(1)
        assert places(world) == [("default", 701)]
