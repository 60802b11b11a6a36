"""The applications around Dial: RetryDial, Bridge, BridgeWait, ChanIsAvail, ChannelRedirect, Originate, Pickup, PickupChan."""

from __future__ import annotations

import pytest

from globstar.core import events
from globstar.core.bridge import Bridge
from globstar.core.cause import Cause
from globstar.core.channel import ChannelState
from tests.support.dialling import variable, went_on
from tests.support.testtech import Leg, World

PLAN = """[default]
exten => 201,1,Dial(Test/bob)
exten => 202,1,Dial(Test/carol)
exten => 300,1,Answer()
same => n,Wait(60)
same => n,UserEvent(waited)
same => n,Wait(60)
exten => h,1,UserEvent(h)
[elsewhere]
exten => s,1,UserEvent(elsewhere,Priority: 1)
same => n,UserEvent(elsewhere,Priority: 2)
same => n,Hangup()
"""


async def start(extra: str = "", **options: object) -> World:
    world = await World.start(PLAN.replace("exten => h", extra + "exten => h"), **options)  # type: ignore[arg-type]
    for name, number, display in (("alice", "100", "Alice"), ("bob", "101", "Bob"), ("carol", "102", "Carol")):
        world.phone(name, number, display)
    return world


def bridge_of(leg: Leg) -> Bridge | None:
    """Where a phone is now."""
    member = leg.channel.bridge_member
    return member.bridge if member is not None else None


# -- RetryDial -----------------------------------------------------------------------------------------------------------


async def test_retrydial_tries_again_until_somebody_answers() -> None:
    async with await start("exten => 400,1,RetryDial(sorry,5,3,Test/bob)\nsame => n,UserEvent(after)\n") as world:
        world.sound("sorry", 1.0)
        call = world.tech.phones["alice"].dials("400")
        began = world.system.now()
        (await world.tech.phones["bob"].is_called()).refuses()
        leg = await world.tech.phones["bob"].is_called()
        assert world.system.now() - began == pytest.approx(6, abs=0.1)  # the announcement, then the pause
        assert call.hears == ["sorry"]
        leg.answers()
        await call.is_told("answer")
        leg.hangs_up()
        await world.all_gone()
        assert went_on(world, call) == [("h",)]


async def test_retrydial_goes_on_after_its_tries() -> None:
    plan = "exten => 400,1,RetryDial(,1,2,Test/bob,,g)\nsame => n,UserEvent(after,Status: ${DIALSTATUS})\n"
    async with await start(plan) as world:
        world.tech.phones["bob"].on_call = lambda leg: leg.refuses()
        call = world.tech.phones["alice"].dials("400")
        await world.all_gone()
        assert went_on(world, call)[0] == ("after", "Status=BUSY")
        assert len(world.tech.phones["bob"].legs) == 2


async def test_retrydial_without_end_until_a_digit_leads_elsewhere() -> None:
    plan = (
        "exten => 400,1,Set(EXITCONTEXT=exits)\nsame => n,RetryDial(sorry,5,0,Test/bob)\n[exits]\nexten => 7,1,UserEvent(seven)\n"
    )
    async with await World.start("[default]\n" + plan) as world:
        for name in ("alice", "bob"):
            world.phone(name)
        world.sound("sorry", 1.0)
        world.tech.phones["bob"].on_call = lambda leg: leg.refuses()
        for moment in (0.5, 3.0):  # during the announcement, during the pause
            call = world.tech.phones["alice"].dials("400")
            await world.settle(12 + moment)
            assert len(world.tech.phones["bob"].legs) == 3
            call.presses("5")
            call.presses("7")
            await world.all_gone()
            assert went_on(world, call) == [("seven",)]
            world.tech.phones["bob"].legs.clear()


async def test_a_caller_may_hang_up_between_tries() -> None:
    async with await start("exten => 400,1,RetryDial(,60,,Test/bob)\n") as world:
        call = world.tech.phones["alice"].dials("400")
        (await world.tech.phones["bob"].is_called()).refuses()
        await world.settle(1)
        call.hangs_up()
        await world.all_gone()
        assert len(world.tech.phones["bob"].legs) == 1


# -- Bridge --------------------------------------------------------------------------------------------------------------


async def waiting(world: World, name: str = "alice") -> Leg:
    """Somebody waits in the dialplan, answered."""
    call = world.tech.phones[name].dials("300")
    await call.is_told("answer")
    await world.settle(1)
    return call


async def test_bridge_takes_a_channel_out_of_its_dialplan_and_gives_it_back() -> None:
    async with await start("exten => 500,1,Bridge(${TARGET})\nsame => n,UserEvent(after,Result: ${BRIDGERESULT})\n") as world:
        call = await waiting(world)
        world.system.globals.set("TARGET", call.channel.name)
        other = world.tech.phones["bob"].dials("500")
        await other.is_told("answer")
        await world.settle()
        assert bridge_of(call) is bridge_of(other) is not None
        call.speaks(b"\x70" * 160)
        other.speaks(b"\x71" * 160)
        assert (call.hears, other.hears) == (["71"], ["70"])
        other.hangs_up()
        await world.settle(0.1)
        assert went_on(world, call) == [("waited",)]  # its next priority
        call.hangs_up()


async def test_bridge_takes_a_channel_out_of_its_bridge() -> None:
    async with await start("exten => 500,1,Bridge(${TARGET})\nsame => n,UserEvent(after,Result: ${BRIDGERESULT})\n") as world:
        call = world.tech.phones["alice"].dials("201")
        leg = await world.tech.phones["bob"].is_called()
        leg.answers()
        await call.is_told("answer")
        world.system.globals.set("TARGET", call.channel.name)
        other = world.tech.phones["carol"].dials("500")
        await other.is_told("answer")
        await leg.is_told("hangup 16")  # it is left alone
        assert bridge_of(call) is bridge_of(other) is not None
        call.hangs_up()
        await world.all_gone()
        assert went_on(world, other)[0] == ("after", "Result=SUCCESS")


@pytest.mark.parametrize(
    ("target", "result"),
    [("Test/nobody-1", "NONEXISTENT"), ("${CHANNEL}", "LOOP"), ("", "FAILURE"), ("${OTHER},S(0)", "FAILURE")],
)
async def test_bridge_that_cannot_be(target: str, result: str) -> None:
    plan = f"exten => 500,1,Bridge({target})\nsame => n,UserEvent(after,Result: ${{BRIDGERESULT}})\n"
    async with await start(plan) as world:
        call = await waiting(world)
        world.system.globals.set("OTHER", call.channel.name)
        other = world.tech.phones["bob"].dials("500")
        await world.settle()
        assert went_on(world, other)[0] == ("after", f"Result={result}")
        call.hangs_up()


async def test_bridge_has_the_options_of_a_call() -> None:
    plan = "exten => 500,1,Bridge(${TARGET},xS(5)F(elsewhere^s^2))\nsame => n,UserEvent(after)\n"
    async with await start(plan) as world:
        call = await waiting(world)
        world.system.globals.set("TARGET", call.channel.name)
        other = world.tech.phones["bob"].dials("500")
        answered = await other.is_told("answer")
        ended = await call.is_told("hangup 16")  # x: the other party is hung up
        assert ended - answered == pytest.approx(5)
        await world.all_gone()
        assert went_on(world, other)[0] == ("after",)


async def test_bridge_f_sends_the_other_party_on() -> None:
    async with await start("exten => 500,1,Bridge(${TARGET},F(elsewhere^s^2))\n") as world:
        call = await waiting(world)
        world.system.globals.set("TARGET", call.channel.name)
        other = world.tech.phones["bob"].dials("500")
        await other.is_told("answer")
        await world.settle(1)
        other.hangs_up()
        await world.all_gone()
        assert went_on(world, call)[0] == ("elsewhere", "Priority=2")


# -- BridgeWait ----------------------------------------------------------------------------------------------------------


async def test_participants_hear_announcers_and_nobody_hears_participants() -> None:
    plan = (
        "exten => 600,1,BridgeWait(hall,participant,e(s))\nexten => 601,1,BridgeWait(hall,announcer)\n"
        "exten => 602,1,BridgeWait(other,,e(s))\n"
    )
    async with await start(plan) as world:
        phones = world.tech.phones
        legs = [phones["alice"].dials("600"), phones["bob"].dials("600"), phones["carol"].dials("601")]
        apart = world.phone("dave").dials("602")
        await world.settle()
        assert all("answer" in leg.told for leg in legs)
        for byte, leg in enumerate((*legs, apart), 0x70):
            leg.speaks(bytes([byte]) * 160)
        await world.settle()
        assert [leg.hears for leg in (*legs, apart)] == [["72"], ["72"], [], ["ff"]]  # silence where no announcer is
        for leg in (*legs, apart):
            leg.hangs_up()
        await world.all_gone()


async def test_bridgewait_s_leaves_after_its_time() -> None:
    async with await start("exten => 600,1,BridgeWait(,,S(5)e(r)n)\nsame => n,UserEvent(after)\n") as world:
        call = world.tech.phones["alice"].dials("600")
        began = await call.is_told("ringing")
        await world.all_gone()
        assert world.system.now() - began == pytest.approx(5, abs=0.1)
        assert went_on(world, call) == [("after",), ("h",)]
        assert "answer" not in call.told


async def test_bridgewait_refuses_unknown_roles() -> None:
    async with await start("exten => 600,1,BridgeWait(,boss)\n") as world:
        world.tech.phones["alice"].dials("600")
        await world.all_gone()
        assert any("'boss' is no role" in warning for warning in world.warnings)


# -- ChanIsAvail ---------------------------------------------------------------------------------------------------------


def available(world: World, leg: Leg) -> list[str]:
    names = ("AVAILCHAN", "AVAILORIGCHAN", "AVAILSTATUS", "AVAILCAUSECODE")
    return [variable(world, leg, name)[-1] for name in names]


async def test_chanisavail_finds_the_first_that_can_be_called() -> None:
    async with await start("exten => 700,1,ChanIsAvail(Test/carol&Test/bob)\n") as world:
        world.tech.phones["carol"].request_fails = Cause.CONGESTION
        call = world.tech.phones["alice"].dials("700")
        await world.all_gone()
        name = world.tech.phones["bob"].legs[0].channel.name
        assert available(world, call) == [name, "Test/bob", "0", "0"]


async def test_chanisavail_a_lists_all() -> None:
    async with await start("exten => 700,1,ChanIsAvail(Test/carol&Test/bob,a)\n") as world:
        call = world.tech.phones["alice"].dials("700")
        await world.all_gone()
        assert available(world, call)[1] == "Test/carol&Test/bob"


async def test_chanisavail_t_looks_at_the_state_only() -> None:
    plan = "exten => 700,1,ChanIsAvail(Local/300@default&Local/none@default,at)\n"
    async with await start(plan) as world:
        call = world.tech.phones["alice"].dials("700")
        await world.all_gone()
        assert available(world, call) == ["Local/300@default", "Local/300@default", "4", "0"]  # the last one is invalid
        assert len(world.seen(events.ChannelCreated)) == 1


async def test_chanisavail_with_nobody_there() -> None:
    async with await start("exten => 700,1,ChanIsAvail(Test/nobody)\n") as world:
        call = world.tech.phones["alice"].dials("700")
        await world.all_gone()
        assert available(world, call) == ["", "", "0", "3"]


# -- ChannelRedirect -----------------------------------------------------------------------------------------------------


async def test_channelredirect_sends_a_channel_elsewhere() -> None:
    plan = "exten => 710,1,ChannelRedirect(${TARGET},elsewhere,s,2)\nexten => 711,1,ChannelRedirect(Test/none-1,elsewhere,s,2)\n"
    async with await start(plan) as world:
        waiter = await waiting(world)
        world.system.globals.set("TARGET", waiter.channel.name)
        call = world.tech.phones["bob"].dials("710")
        await world.all_gone()
        assert went_on(world, waiter)[0] == ("elsewhere", "Priority=2")
        assert variable(world, call, "CHANNELREDIRECT_STATUS") == ["SUCCESS"]
        call = world.tech.phones["bob"].dials("711")
        await world.all_gone()
        assert variable(world, call, "CHANNELREDIRECT_STATUS") == ["NOCHANNEL"]


# -- Originate -----------------------------------------------------------------------------------------------------------


async def test_originate_starts_a_channel_in_the_dialplan_when_it_answers() -> None:
    plan = "exten => 720,1,Originate(Test/bob,exten,elsewhere,s,2,10,v(colour=blue)c(555)n(Desk))\nsame => n,UserEvent(after)\n"
    async with await start(plan) as world:
        call = world.tech.phones["alice"].dials("720")
        leg = await world.tech.phones["bob"].is_called()
        assert leg.channel.variables.get("colour") == "blue"
        assert (leg.channel.caller.id.number.text, leg.channel.caller.id.name.text) == ("555", "Desk")
        leg.rings()
        await world.settle(1)
        assert went_on(world) == []  # the application waits for the answer
        leg.answers()
        await world.all_gone()
        assert went_on(world, leg)[0] == ("elsewhere", "Priority=2")
        assert went_on(world, call)[0] == ("after",)
        assert variable(world, call, "ORIGINATE_STATUS") == ["SUCCESS"]


async def test_originate_runs_an_application_and_a_does_not_wait() -> None:
    plan = "exten => 720,1,Originate(Test/bob,app,UserEvent,said,,10,a)\nsame => n,UserEvent(after)\n"
    async with await start(plan) as world:
        call = world.tech.phones["alice"].dials("720")
        leg = await world.tech.phones["bob"].is_called()
        await world.settle()
        assert went_on(world, call)[0] == ("after",)
        leg.answers()
        await world.all_gone()
        assert went_on(world, leg) == [("said",)]


@pytest.mark.parametrize(
    ("end", "status"),
    [
        (lambda leg: leg.refuses(Cause.USER_BUSY), "BUSY"),
        (lambda leg: leg.refuses(Cause.NORMAL_CIRCUIT_CONGESTION), "CONGESTION"),
        (lambda leg: leg.refuses(Cause.CALL_REJECTED), "HANGUP"),
        (lambda leg: leg.rings(), "RINGING"),
        (lambda leg: None, "HANGUP"),
    ],
    ids=["busy", "congestion", "rejected", "rings only", "nothing"],
)
async def test_originate_status(end: object, status: str) -> None:
    async with await start("exten => 720,1,Originate(Test/bob,exten,elsewhere,s,1,3)\n") as world:
        world.tech.phones["bob"].on_call = end  # type: ignore[assignment]
        call = world.tech.phones["alice"].dials("720")
        await world.all_gone()
        assert variable(world, call, "ORIGINATE_STATUS") == [status]


@pytest.mark.parametrize("arguments", ["Test/bob", "Test/bob,thing,x", "Test/bob,exten,elsewhere,s,nolabel"])
async def test_originate_with_wrong_arguments_ends_the_call(arguments: str) -> None:
    async with await start(f"exten => 720,1,Originate({arguments})\nsame => n,UserEvent(after)\n") as world:
        call = world.tech.phones["alice"].dials("720")
        await world.all_gone()
        assert variable(world, call, "ORIGINATE_STATUS") == ["FAILED"]
        assert ("after",) not in went_on(world, call)


async def test_originate_b_runs_a_subroutine_on_the_new_channel() -> None:
    sub = "exten => sub,1,Set(mark=${CHANNEL(channeltype)} ${ARG1})\nsame => n,Return()\n"
    async with await start(sub + "exten => 720,1,Originate(Test/bob,app,UserEvent,said,,10,b(default^sub^1(now)))\n") as world:
        world.tech.phones["alice"].dials("720")
        leg = await world.tech.phones["bob"].is_called()
        assert leg.channel.variables.get("mark") == "Test now"
        leg.refuses()
        await world.all_gone()


# -- pickup --------------------------------------------------------------------------------------------------------------


async def ringing_at_bob(world: World) -> tuple[Leg, Leg]:
    call = world.tech.phones["alice"].dials("201")
    leg = await world.tech.phones["bob"].is_called()
    leg.rings()
    await call.is_told("ringing")
    return call, leg


@pytest.mark.parametrize(
    "pickup",
    [
        "Pickup(201@default)",
        "Pickup(999&201)",
        "PickupChan(Test/bob)",
        "PickupChan(Test/bo,p)",
        "Pickup(x@PICKUPMARK)",
        "Pickup()",
    ],
)
async def test_pickup_answers_what_rings_elsewhere(pickup: str) -> None:
    async with await start(f"exten => 800,1,{pickup}\nsame => n,UserEvent(after)\n") as world:
        phones = world.tech.phones
        phones["bob"].call_group = frozenset({1})
        phones["carol"].pickup_group = frozenset({1, 2})
        call, leg = await ringing_at_bob(world)
        leg.channel.set_variable("PICKUPMARK", "x")
        picker = phones["carol"].dials("800")
        await picker.is_told("answer")
        await call.is_told("answer")
        await leg.is_told("hangup 26")
        assert bridge_of(call) is bridge_of(picker) is not None
        assert [name for name in call.told if name.startswith("connected")] == ["connected Bob <101>", "connected Carol <102>"]
        call.speaks(b"\x70" * 160)
        assert picker.hears == ["70"]
        call.hangs_up()
        await picker.is_told("hangup 16")
        await world.all_gone()
        assert ("after",) not in went_on(world, picker)


@pytest.mark.parametrize(
    "pickup", ["Pickup(999)", "PickupChan(Test/alice)", "PickupChan(Test/b)", "Pickup(y@PICKUPMARK)", "Pickup()"]
)
async def test_with_nothing_to_pick_up_the_dialplan_goes_on(pickup: str) -> None:
    async with await start(f"exten => 800,1,{pickup}\nsame => n,UserEvent(after)\n") as world:
        world.tech.phones["bob"].call_group = frozenset({1})
        world.tech.phones["carol"].pickup_group = frozenset({2})
        call, leg = await ringing_at_bob(world)
        picker = world.tech.phones["carol"].dials("800")
        await picker.is_told("hangup 0")
        assert went_on(world, picker)[0] == ("after",)
        assert leg.channel.state is ChannelState.RINGING
        call.hangs_up()
        await leg.is_told("hangup 16")


async def test_a_call_that_was_answered_is_not_picked_up() -> None:
    async with await start("exten => 800,1,Pickup(201)\nsame => n,UserEvent(after)\n") as world:
        call, leg = await ringing_at_bob(world)
        leg.answers()
        await call.is_told("answer")
        picker = world.tech.phones["carol"].dials("800")
        await picker.is_told("hangup 0")
        assert bridge_of(call) is bridge_of(leg) is not None
        call.hangs_up()


# -- the end of the server -----------------------------------------------------------------------------------------------


async def test_a_stop_with_calls_in_every_state_ends_them_all() -> None:
    world = await start("exten => 600,1,BridgeWait(hall)\nexten => 203,1,Dial(Local/201@default&Test/carol)\n")
    phones = world.tech.phones
    talking = phones["alice"].dials("201")
    leg = await phones["bob"].is_called()
    leg.answers()
    await talking.is_told("answer")
    ringing = world.phone("dave").dials("203")
    await phones["carol"].is_called()
    await world.settle(0.1)
    holding = world.phone("erin").dials("600")
    await world.settle(0.1)
    await world.stop()
    assert not world.system.channels
    assert all(leg.told[-1].startswith("hangup") for leg in (talking, leg, ringing, holding))
