"""Originate's options on both sides of the new call, and arguments that make no sense."""

from __future__ import annotations

import pytest

from globstar.core.cause import Cause
from globstar.core.format import alaw, g722, ulaw
from tests.flow.test_dial_apps import start
from tests.support.dialling import variable, went_on

SUB = (
    "exten => sub,1,Set(mark=${CHANNEL(channeltype)} ${ARG1})\nsame => n,UserEvent(sub,Channel: ${CHANNEL(name)})\n"
    "same => n,Return()\n"
)


def plan(options: str, rest: str = "app,UserEvent,said,,10") -> str:
    return f"{SUB}exten => 720,1,Originate(Test/bob,{rest},{options})\nsame => n,UserEvent(after)\n"


async def test_upper_b_runs_a_subroutine_on_this_channel_before_the_call() -> None:
    async with await start(plan("B(default^sub^1(early))")) as world:
        call = world.tech.phones["alice"].dials("720")
        leg = await world.tech.phones["bob"].is_called()
        assert variable(world, call, "mark") == ["Test early"]
        assert variable(world, leg, "mark") == []
        assert went_on(world) == [("sub", f"Channel={call.channel.name}")]
        leg.answers()
        await world.all_gone()
        assert went_on(world, call)[1] == ("after",)


async def test_b_and_upper_b_together() -> None:
    async with await start(plan("b(default^sub^1(theirs))B(default^sub^1(ours))")) as world:
        call = world.tech.phones["alice"].dials("720")
        leg = await world.tech.phones["bob"].is_called()
        assert (variable(world, call, "mark"), variable(world, leg, "mark")) == (["Test ours"], ["Test theirs"])
        leg.refuses()
        await world.all_gone()


@pytest.mark.parametrize("option", ["B(nowhere^s^1)", "b(nowhere^s^1)"])
async def test_a_subroutine_that_does_not_exist_is_told_and_the_call_goes_on(option: str) -> None:
    async with await start(plan(option)) as world:
        call = world.tech.phones["alice"].dials("720")
        (await world.tech.phones["bob"].is_called()).refuses(Cause.USER_BUSY)
        await world.all_gone()
        assert any("nowhere" in text for text in world.warnings)
        assert variable(world, call, "ORIGINATE_STATUS") == ["BUSY"]


@pytest.mark.parametrize(
    ("option", "asked"), [("C(alaw)", [alaw]), ("C(g722,alaw)", [g722, alaw]), ("", [ulaw]), ("C(nonsense,alaw)", [alaw])]
)
async def test_upper_c_says_which_codecs_to_offer(option: str, asked: list[object]) -> None:
    async with await start(plan(option)) as world:
        wanted: list[object] = []
        request = world.tech.request

        def noted(what):  # type: ignore[no-untyped-def]
            wanted.extend(what.capabilities)
            return request(what)

        world.tech.request = noted  # type: ignore[method-assign]
        world.tech.phones["alice"].dials("720")
        leg = await world.tech.phones["bob"].is_called()
        if option:
            assert wanted == asked
        assert any("unknown codec" in text for text in world.warnings) is ("nonsense" in option)
        leg.refuses()
        await world.all_gone()


@pytest.mark.parametrize(
    ("options", "number", "name"),
    [("", "100", "Alice"), ("c(555)", "555", "Alice"), ("n(Desk)", "100", "Desk"), ("c(5)n(D)", "5", "D")],
)
async def test_c_and_n_say_who_calls(options: str, number: str, name: str) -> None:
    async with await start(plan(options)) as world:
        world.tech.phones["alice"].dials("720")
        leg = await world.tech.phones["bob"].is_called()
        caller = leg.channel.caller.id
        assert (caller.number.text, caller.name.text) == (number, name)
        leg.refuses()
        await world.all_gone()


async def test_v_sets_variables_of_the_new_channel_only() -> None:
    async with await start(plan("v(one=1^two=2^three)")) as world:
        call = world.tech.phones["alice"].dials("720")
        leg = await world.tech.phones["bob"].is_called()
        values = {name: leg.channel.variables.get(name) for name in ("one", "two", "three")}
        assert values == {"one": "1", "two": "2", "three": None}
        assert call.channel.variables.get("one") is None
        leg.refuses()
        await world.all_gone()


async def test_a_does_not_wait_and_tells_nothing_of_what_comes() -> None:
    async with await start(plan("a")) as world:
        call = world.tech.phones["alice"].dials("720")
        leg = await world.tech.phones["bob"].is_called()
        await world.settle(0.5)
        assert went_on(world, call)[0] == ("after",)
        assert variable(world, call, "ORIGINATE_STATUS") == ["SUCCESS"]
        leg.refuses()
        await world.all_gone()


async def test_an_unknown_option_is_told_and_the_rest_counts() -> None:
    async with await start(plan("Zc(555)")) as world:
        world.tech.phones["alice"].dials("720")
        leg = await world.tech.phones["bob"].is_called()
        assert leg.channel.caller.id.number.text == "555"
        assert any("unknown option 'Z'" in text for text in world.warnings)
        leg.refuses()
        await world.all_gone()
