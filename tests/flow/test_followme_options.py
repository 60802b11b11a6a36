"""FollowMe's options B, I and l: a subroutine on the caller, news of who is reached, and the Local channels of its calls."""

from __future__ import annotations

import pytest

from tests.flow.test_followme import office, talks
from tests.support.dialling import variable, went_on
from tests.support.testtech import Leg, World


async def reached(world: World) -> tuple[Leg, Leg]:
    """Alice calls, bob answers and is connected."""
    call = world.tech.phones["alice"].dials("200")
    bob = await world.tech.phones["bob"].is_called()
    bob.answers()
    await world.settle(1)
    assert talks(call)
    return call, bob


async def test_upper_b_runs_a_subroutine_on_the_caller_before_anybody_is_called() -> None:
    async with office("quick,B(subs^s^1(early))") as world:
        call = world.tech.phones["alice"].dials("200")
        bob = await world.tech.phones["bob"].is_called()
        assert variable(world, call, "seen") == ["early"]
        assert variable(world, bob, "seen") == []
        call.hangs_up()
        await world.settle(1)
        assert bob.channel.is_hung_up


async def test_a_subroutine_that_does_not_exist_is_told_and_the_search_goes_on() -> None:
    async with office("quick,B(nowhere^s^1)b(nowhere^s^1)") as world:
        call, bob = await reached(world)
        assert next(warning for warning in world.warnings if "nowhere" in warning).startswith("FollowMe: there is no nowhere^s^1")
        bob.hangs_up()
        await world.all_gone()
        assert went_on(world, call) == [("after",)]


@pytest.mark.parametrize(("options", "told"), [("quick", True), ("quick,I", False)])
async def test_i_keeps_from_the_caller_who_was_reached(options: str, told: bool) -> None:
    async with office(options) as world:
        call, bob = await reached(world)
        bob.is_reached_as("Robert", "555")
        await world.settle(0.5)
        before = [word for word in call.told if word.startswith("connected")]
        assert any("<101>" in word for word in before) is told
        bob.hangs_up()


@pytest.mark.parametrize(("options", "stay"), [("quick", False), ("quick,l", True)])
async def test_l_keeps_the_local_channels(options: str, stay: bool) -> None:
    async with office(options) as world:
        call, bob = await reached(world)
        for _ in range(10):  # audio both ways is what lets Local channels go
            call.speaks(b"\x70" * 160)
            bob.speaks(b"\x71" * 160)
            await world.settle(0.02)
        assert any(name.startswith("Local/") for name in world.system.channels) is stay
        assert ("70" in bob.hears, "71" in call.hears) == (True, True)
        call.hangs_up()
