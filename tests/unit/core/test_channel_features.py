"""FEATURE(), FEATUREMAP() and feature groups: settings of features.conf for one channel."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from globstar.core import events
from globstar.core.cli import run_command
from tests.support.testtech import NO_RECORDS, World

pytestmark = pytest.mark.virtual_time

PLAN = """[default]
exten => 200,1,Set(FEATUREMAP(blindxfer)=*5)
same => n,Set(FEATURE(inherit)=yes)
same => n,Set(FEATURE(featuredigittimeout)=250)
same => n,Set(FEATURE(atxferdropcall)=yes)
same => n,Set(FEATURE(atxferabort)=*9)
same => n,Set(FEATURE(nonsense)=1)
same => n,Set(FEATUREMAP(blindxfer)=x)
same => n,Dial(Test/bob,,tT)
exten => 201,1,Set(FEATUREMAP(blindxfer)=*5)
same => n,Dial(Test/bob,,tT)
exten => 202,1,Set(DYNAMIC_FEATURES=mine)
same => n,Dial(Test/bob)
exten => 300,1,UserEvent(there)
same => n,Wait(9)
"""
FEATURES = """[featuremap]
blindxfer => #1
[applicationmap]
event => #9,self/caller,UserEvent,pressed
[mine]
event => *8
[other]
event =>
"""


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    async with await World.start(PLAN, files={**NO_RECORDS, "features.conf": FEATURES}) as world:
        for name in ("alice", "bob"):
            world.phone(name)
        world.sound("pbx-transfer")
        yield world


async def test_a_channel_has_settings_of_its_own(world: World) -> None:
    call = world.tech.phones["alice"].dials("200")
    leg = await world.tech.phones["bob"].is_called()

    def read(name: str, what: str = "FEATURE") -> str:
        return world.system.functions.read(call.channel, what, name)

    assert read("blindxfer", "FEATUREMAP") == "*5"
    assert read("featuredigittimeout") == "250"
    assert read("transferdigittimeout") == "3"
    assert (read("atxferdropcall"), read("inherit"), read("atxferabort")) == ("1", "1", "*9")
    assert read("disconnect", "FEATUREMAP") == "*"
    assert world.system.functions.read(leg.channel, "FEATUREMAP", "blindxfer") == "*5"
    leg.answers()
    await call.is_told("answer")
    await world.settle()
    leg.presses("*5")
    await world.settle(1)
    leg.presses("300")
    await world.settle(1)
    assert [event.name for event in world.seen(events.UserEventRaised)] == ["there"]
    await world.end_calls()


async def test_what_is_not_inherited(world: World) -> None:
    world.tech.phones["alice"].dials("201")
    leg = await world.tech.phones["bob"].is_called()
    assert world.system.functions.read(leg.channel, "FEATUREMAP", "blindxfer") == "#1"
    assert world.system.functions.read(leg.channel, "FEATURE", "inherit") == "0"
    await world.end_calls()


async def test_a_group_of_features(world: World) -> None:
    call = world.tech.phones["alice"].dials("202")
    leg = await world.tech.phones["bob"].is_called()
    leg.answers()
    await call.is_told("answer")
    await world.settle()
    call.presses("*8")
    await world.settle(1)
    assert [event.name for event in world.seen(events.UserEventRaised)] == ["pressed"]
    shown = await run_command(world.system, "features show")
    assert "===> Group: mine\n===> --> event (*8)\n===> Group: other\n===> --> event (#9)\n" in shown
    await world.end_calls()
