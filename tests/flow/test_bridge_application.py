"""The options of Bridge: what either party may press, how long the call lasts, and what becomes of the other party."""

from __future__ import annotations

import pytest

from globstar.core import events
from tests.flow.test_dial_apps import bridge_of, start, waiting
from tests.support.dialling import variable, went_on
from tests.support.testtech import Leg, World

FEATURES = {
    "features.conf": "[general]\ncourtesytone=courtesy\n[featuremap]\ndisconnect=*0\nblindxfer=*2\nparkcall=*7\nautomixmon=*3\n"
    "automon=*1\n",
    "res_parking.conf": "[default]\nparkext=700\nparkpos=701-709\ncontext=parkedcalls\nparkingtime=30\n",
}


async def bridged(world: World) -> tuple[Leg, Leg]:
    """The one who was waiting, and the one who bridged himself with it."""
    call = await waiting(world)
    world.system.globals.set("TARGET", call.channel.name)
    other = world.tech.phones["bob"].dials("500")
    await world.settle(1)
    assert bridge_of(call) is bridge_of(other) is not None
    return call, other


async def office(options: str, before: str = "") -> World:
    """A world where 500 bridges with the channel that waits."""
    plan = f"exten => 500,1,{before}Bridge(${{TARGET}},{options})\nsame => n,UserEvent(after,Result: ${{BRIDGERESULT}})\n"
    if before:
        plan = plan.replace(before, before + "\nsame => n,")
    return await start(plan, files=FEATURES)


@pytest.mark.parametrize(
    ("options", "ended_by_called", "ended_by_caller"),
    [("h", True, False), ("H", False, True), ("hH", True, True), ("k", False, False)],
)
async def test_h_and_upper_h_let_a_party_end_it(options: str, ended_by_called: bool, ended_by_caller: bool) -> None:
    for presses_first, ends in ((True, ended_by_called), (False, ended_by_caller)):
        async with await office(options) as world:
            call, other = await bridged(world)
            (call if presses_first else other).presses("*0")
            await world.settle(2)
            assert (bridge_of(other) is None) is ends
            await world.end_calls()


@pytest.mark.parametrize(("options", "code_ends", "is_hung_up"), [("h", True, False), ("H", False, False), ("hx", True, True)])
async def test_one_who_comes_from_another_bridge_has_the_options_too(options: str, code_ends: bool, is_hung_up: bool) -> None:
    plan = (
        "exten => 400,1,Dial(Test/carol,,g)\nsame => n,UserEvent(on)\nsame => n,Wait(60)\n"
        f"exten => 500,1,Bridge(${{TARGET}},{options})\n"
    )
    async with await start(plan, files=FEATURES) as world:
        call = world.tech.phones["alice"].dials("400")
        (await world.tech.phones["carol"].is_called()).answers()
        await world.settle(0.1)
        world.system.globals.set("TARGET", call.channel.name)
        other = world.tech.phones["bob"].dials("500")
        await world.settle(1)
        assert bridge_of(call) is bridge_of(other) is not None
        call.presses("*0")
        await world.settle(2)
        assert (bridge_of(other) is None) is code_ends
        assert call.channel.is_hung_up is is_hung_up
        await world.end_calls()


@pytest.mark.parametrize(("options", "by_called", "by_caller"), [("t", True, False), ("T", False, True), ("tT", True, True)])
async def test_t_and_upper_t_let_a_party_transfer_the_other(options: str, by_called: bool, by_caller: bool) -> None:
    for presses_first, works in ((True, by_called), (False, by_caller)):
        async with await office(options) as world:
            call, other = await bridged(world)
            presser, transferred = (call, other) if presses_first else (other, call)
            presser.presses("*2")
            await world.settle(1)
            presser.presses("202")
            await world.settle(6)
            assert len(world.tech.phones["carol"].legs) == works
            if works:
                assert bridge_of(transferred) is None  # it waits for carol
            await world.end_calls()


@pytest.mark.parametrize(("options", "by_called", "by_caller"), [("k", True, False), ("K", False, True), ("kK", True, True)])
async def test_k_and_upper_k_let_a_party_park_the_other(options: str, by_called: bool, by_caller: bool) -> None:
    for presses_first, works in ((True, by_called), (False, by_caller)):
        async with await office(options) as world:
            call, other = await bridged(world)
            presser, parked = (call, other) if presses_first else (other, call)
            presser.presses("*7")
            await world.settle(2)
            assert [event.parkee for event in world.seen(events.ParkingChanged)] == [parked.channel] * works
            await world.end_calls()


@pytest.mark.parametrize(
    ("options", "by_called", "by_caller"), [("x", False, False), ("X", False, True), ("W", False, True), ("w", True, False)]
)
@pytest.mark.parametrize("code", ["*3", "*1"])
async def test_w_upper_w_and_upper_x_let_a_party_record(options: str, by_called: bool, by_caller: bool, code: str) -> None:
    """x has to do with something else here."""
    for presses_first, works in ((True, by_called), (False, by_caller)):
        async with await office(options) as world:
            call, other = await bridged(world)
            (call if presses_first else other).presses(code)
            await world.settle(2)
            assert bool(world.seen(events.MixMonitorStarted)) is works
            await world.end_calls()


@pytest.mark.parametrize(("options", "is_hung_up"), [("x", True), ("n", False)])
async def test_x_hangs_the_other_party_up(options: str, is_hung_up: bool) -> None:
    async with await office(options) as world:
        call, other = await bridged(world)
        other.hangs_up()
        await world.settle(1)
        assert call.channel.is_hung_up is is_hung_up
        if not is_hung_up:
            assert went_on(world, call) == [("waited",)]
        await world.end_calls()


@pytest.mark.parametrize(("options", "answered"), [("n", False), ("x", True)])
async def test_n_does_not_answer(options: str, answered: bool) -> None:
    async with await office(options) as world:
        _, other = await bridged(world)
        assert ("answer" in other.told) is answered
        await world.end_calls()


@pytest.mark.parametrize(("options", "tone"), [("p", ["courtesy"]), ("n", [])])
async def test_p_plays_the_courtesy_tone_to_the_other_party(options: str, tone: list[str]) -> None:
    async with await office(options) as world:
        world.sound("courtesy")
        call, other = await bridged(world)
        assert (call.hears, other.hears) == (tone, [])
        await world.end_calls()


async def test_l_ends_it_after_its_time_and_warns_the_caller() -> None:
    async with await start(
        "exten => 500,1,Set(LIMIT_WARNING_FILE=warning)\nsame => n,Set(LIMIT_CONNECT_FILE=begins)\n"
        "same => n,Set(LIMIT_TIMEOUT_FILE=over)\nsame => n,Set(LIMIT_PLAYAUDIO_CALLEE=yes)\n"
        "same => n,Bridge(${TARGET},L(9000:4000:2000))\nsame => n,UserEvent(after,Result: ${BRIDGERESULT})\n"
    ) as world:
        for sound in ("warning", "begins", "over"):
            world.sound(sound)
        call = await waiting(world)
        world.system.globals.set("TARGET", call.channel.name)
        other = world.tech.phones["bob"].dials("500")
        began = await other.is_told("answer")
        await world.settle(8.9)
        assert bridge_of(other) is bridge_of(call) is not None
        assert other.hears == ["begins", "warning"]
        assert call.hears == ["begins", "warning"]
        await world.settle(0.1)
        assert bridge_of(call) is not None  # the last words are heard first
        ended = await other.is_told("hangup 16")
        assert ended - began == pytest.approx(9, abs=0.6)
        assert (call.hears[-1], other.hears[-1]) == ("over", "over")
        assert went_on(world, other)[0] == ("after", "Result=SUCCESS")
        assert went_on(world, call) == [("waited",)]
        await world.end_calls()


async def test_a_limit_that_makes_no_sense_is_a_failure_and_the_call_goes_on() -> None:
    async with await office("L(none)") as world:
        call = await waiting(world)
        world.system.globals.set("TARGET", call.channel.name)
        other = world.tech.phones["bob"].dials("500")
        await world.settle(1)
        assert variable(world, other, "BRIDGERESULT") == ["FAILURE"]
        assert any("L(none)" in warning for warning in world.warnings)
        assert not call.channel.is_hung_up
        await world.end_calls()


@pytest.mark.parametrize("option", ["F", "F(elsewhere^s^2)"])
async def test_f_with_and_without_a_place(option: str) -> None:
    async with await start(f"exten => 500,1,Bridge(${{TARGET}},{option})\nsame => n,UserEvent(after)\n") as world:
        call, other = await bridged(world)
        other.hangs_up()
        await world.settle(1)
        assert went_on(world, call)[0] == (("after",) if option == "F" else ("elsewhere", "Priority=2"))
        await world.end_calls()
