"""Call completion: asking, waiting for both parties, the call back, its limits and its end; hints, CLI and manager."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from globstar.core.cli import run_command
from globstar.core.devicestate import DeviceState
from globstar.modules.builtin.ccss.events import CompletionChanged
from tests.support.ami import AmiClient, start_manager
from tests.support.dialling import went_on
from tests.support.testtech import NO_RECORDS, Leg, World

PLAN = """
[default]
exten => _20X,1,Set(CALLCOMPLETION(cc_agent_policy)=generic)
 same => n,Set(CALLCOMPLETION(cc_offer_timer)=30)
 same => n,Set(CALLCOMPLETION(cc_callback_sub)=${SUB})
 same => n,Set(CALLCOMPLETION(cc_max_agents)=2)
 same => n,GotoIf($["${CC_EXTEN}" != ""]?back)
 same => n(dial),Dial({DESTINATION},15,b(pre^s^1))
 same => n,UserEvent(after,Status: ${DIALSTATUS})
 same => n,Hangup()
 same => n(back),UserEvent(back,I: ${CC_INTERFACES},E: ${CC_EXTEN}@${CC_CONTEXT},S: ${SEEN})
 same => n,Goto(dial)
exten => 210,1,Dial(Test/bob,15,b(pre^s^1))
exten => 220,1,Set(CALLCOMPLETION(cc_agent_policy)=generic)
 same => n,Dial(Local/210@default)
exten => 230,1,Set(CALLCOMPLETION(cc_agent_policy)=generic)
 same => n,Set(CALLCOMPLETION(cc_agent_dialstring)=Test/desk)
 same => n,Dial(Test/bob,15,b(pre^s^1))
exten => 300,1,Answer()
 same => n,Wait(1000)
exten => *30,1,CallCompletionRequest()
 same => n,UserEvent(request,R: ${CC_REQUEST_RESULT},W: ${CC_REQUEST_REASON})
exten => *31,1,CallCompletionCancel()
 same => n,UserEvent(cancel,R: ${CC_CANCEL_RESULT},W: ${CC_CANCEL_REASON})
exten => *32,1,CallCompletionRequest()
 same => n,Wait(30)
exten => 301,1,UserEvent(fn,A: ${CALLCOMPLETION(cc_agent_policy)},M: ${CALLCOMPLETION(CC_MAX_AGENTS)},X: [${CALLCOMPLETION(nothing)}])
 same => n,Set(CALLCOMPLETION(cc_agent_policy)=sometimes)
 same => n,Set(CALLCOMPLETION(cc_offer_timer)=-1)
 same => n,UserEvent(fn,A: ${CALLCOMPLETION(cc_agent_policy)},O: ${CALLCOMPLETION(cc_offer_timer)})
exten => *843,hint,ccss:Test/alice
[pre]
exten => s,1,Set(CALLCOMPLETION(cc_monitor_policy)=always)
 same => n,Set(CALLCOMPLETION(cc_max_monitors)=2)
 same => n,Set(CALLCOMPLETION(ccnr_available_timer)=600)
 same => n,Return()
[sub]
exten => s,1,Set(SEEN=yes)
 same => n,Return()
"""  # noqa: E501


@asynccontextmanager
async def office(destination: str = "Test/bob", *, conf: str = "", sub: str = "") -> AsyncIterator[World]:
    plan = PLAN.replace("{DESTINATION}", destination).replace("${SUB}", sub)
    async with await World.start(plan, files={"ccss.conf": conf, **NO_RECORDS}) as world:
        for name, number in (("alice", "100"), ("bob", "101"), ("carol", "102"), ("dave", "103"), ("desk", "104")):
            world.phone(name, number, name.capitalize())
        yield world
        await run_command(world.system, "cc cancel all")
        await world.end_calls()


def dial(world: World, who: str, extension: str) -> Leg:
    return world.tech.phones[who].dials(extension)


async def ends(world: World, leg: Leg) -> list[tuple[str, ...]]:
    """Wait for the end of a call; what the dialplan said."""
    if not leg.channel.is_hung_up:
        while not any(word.startswith("hangup") for word in leg.told):
            await world.settle(0.1)
    await world.settle()
    return went_on(world, leg)


async def busy(world: World, who: str = "alice", extension: str = "200") -> Leg:
    """Bob is busy; somebody calls him and hangs up. Gives bob's other call."""
    bob = dial(world, "bob", "300")
    await bob.is_told("answer")
    await calls_in_vain(world, who, extension)
    return bob


async def calls_in_vain(world: World, who: str = "alice", extension: str = "200") -> None:
    call = dial(world, who, extension)
    leg = await world.tech.phones["bob"].is_called()
    leg.refuses()
    await ends(world, call)


async def asks(world: World, who: str = "alice", extension: str = "*30") -> tuple[str, ...]:
    """Ask for the completion or take that back; what came of it."""
    [answer] = await ends(world, dial(world, who, extension))
    return answer


def told(world: World) -> list[str]:
    return [event.name for event in world.seen(CompletionChanged)]


GRANTED = ("request", "R=SUCCESS", "W=")


async def test_a_busy_party_is_called_back_when_it_is_free() -> None:
    async with office(sub="sub,s,1") as world:
        bob = await busy(world)
        assert await asks(world) == GRANTED
        await world.settle(60)
        assert told(world) == ["CCAvailable", "CCOfferTimerStart", "CCRequested", "CCRequestAcknowledged"]
        assert world.system.device_states.state("ccss:Test/alice") is DeviceState.INUSE
        bob.hangs_up()
        back = await world.tech.phones["alice"].is_called()
        assert back.channel.connected.id.number.text == "200"
        assert world.system.device_states.state("ccss:Test/alice") is DeviceState.RINGING
        back.answers()
        leg = await world.tech.phones["bob"].is_called()
        assert went_on(world, back) == [("back", "I=Test/bob", "E=200@default", "S=yes")]
        leg.answers()
        await world.settle(0.5)
        assert back.channel.bridge_member is not None
        assert told(world)[4:] == ["CCCallerRecalling", "CCRecallComplete"]
        assert "0 Call completion" in await run_command(world.system, "cc report status")


async def test_a_party_that_does_not_answer_is_called_back_after_it_was_used() -> None:
    async with office() as world:
        call = dial(world, "alice", "200")
        leg = await world.tech.phones["bob"].is_called()
        leg.rings()
        assert await ends(world, call) == [("after", "Status=NOANSWER")]
        assert await asks(world) == GRANTED
        await world.settle(30)
        assert told(world)[-1] == "CCRequestAcknowledged"
        bob = dial(world, "bob", "300")
        await bob.is_told("answer")
        bob.hangs_up()
        back = await world.tech.phones["alice"].is_called()
        assert world.seen(CompletionChanged)[0].fields == (("Callee", "Test/bob"), ("Service", "CCNR"))
        back.refuses()
        await world.settle(1)
        assert told(world)[-1] == "CCFailure"


async def test_a_caller_who_is_busy_then_is_called_back_later() -> None:
    async with office() as world:
        bob = await busy(world)
        assert await asks(world) == GRANTED
        alice = dial(world, "alice", "300")
        await alice.is_told("answer")
        bob.hangs_up()
        await world.settle(1)
        assert told(world)[-1] == "CCCallerStopMonitoring"
        assert world.system.device_states.state("ccss:Test/alice") is DeviceState.ONHOLD
        bob = dial(world, "bob", "300")
        await bob.is_told("answer")
        alice.hangs_up()
        await world.settle(1)
        assert told(world)[-1] == "CCCallerStartMonitoring"
        bob.hangs_up()
        await world.tech.phones["alice"].is_called()


async def test_asking_from_within_a_call_waits_for_its_end() -> None:
    async with office() as world:
        await calls_in_vain(world)  # bob is free at once
        call = dial(world, "alice", "*32")
        await world.settle(1)
        assert told(world)[-1] == "CCCallerStopMonitoring"
        call.hangs_up()
        back = await world.tech.phones["alice"].is_called()
        assert told(world)[-2:] == ["CCCallerStartMonitoring", "CCCallerRecalling"]
        back.answers()
        leg = await world.tech.phones["bob"].is_called()
        leg.refuses()
        await ends(world, back)
        failure = world.seen(CompletionChanged)[-1]
        assert (failure.name, failure.fields[0]) == ("CCFailure", ("Caller", "Test/alice"))


async def test_the_offer_ends_in_time() -> None:
    async with office() as world:
        await busy(world)
        await world.settle(31)
        assert told(world)[-1] == "CCFailure"
        assert await asks(world) == ("request", "R=FAIL", "W=NO_CORE_INSTANCE")


async def test_an_answered_call_is_not_offered() -> None:
    async with office() as world:
        call = dial(world, "alice", "200")
        leg = await world.tech.phones["bob"].is_called()
        leg.rings()
        await world.settle(0.1)
        leg.answers()
        await call.is_told("answer")
        call.hangs_up()
        await world.settle(1)
        assert told(world) == ["CCAvailable"]
        assert (await asks(world))[1] == "R=FAIL"


async def test_nobody_can_be_waited_for() -> None:
    async with office("Test/nobody") as world:
        await ends(world, dial(world, "alice", "200"))
        assert await asks(world) == ("request", "R=FAIL", "W=NO_CORE_INSTANCE")


async def test_cancelling() -> None:
    async with office() as world:
        assert await asks(world, extension="*31") == ("cancel", "R=FAIL", "W=NO_CORE_INSTANCE")
        bob = await busy(world)
        await asks(world)
        assert await asks(world, "carol", "*31") == ("cancel", "R=FAIL", "W=NO_CORE_INSTANCE")
        assert await asks(world, extension="*31") == ("cancel", "R=SUCCESS", "W=")
        bob.hangs_up()
        await world.settle(1)
        assert "CCCallerRecalling" not in told(world)


async def test_too_many_requests_in_all_and_of_one_caller() -> None:
    async with office(conf="[general]\ncc_max_requests=1\n") as world:
        await busy(world)
        await calls_in_vain(world, "carol")
        assert await asks(world) == GRANTED
        assert await asks(world, "carol") == ("request", "R=FAIL", "W=TOO_MANY_REQUESTS")
    async with office() as world:
        await busy(world)
        for _ in range(2):
            assert await asks(world) == GRANTED
            await calls_in_vain(world)
        # the third call was not even offered, and nobody waits thrice for bob
        assert await asks(world) == ("request", "R=FAIL", "W=NO_CORE_INSTANCE")


async def test_a_new_offer_takes_the_place_of_the_last_one() -> None:
    async with office() as world:
        await busy(world)
        await calls_in_vain(world, extension="201")
        assert told(world).count("CCFailure") == 1
        await asks(world)
        assert ("Callee", "201@default") in world.seen(CompletionChanged)[-2].fields


async def test_two_who_wait_for_the_same_party_are_called_one_after_the_other() -> None:
    async with office() as world:
        bob = await busy(world)
        await asks(world)
        await calls_in_vain(world, "carol")
        await asks(world, "carol")
        bob.hangs_up()
        first = await world.tech.phones["alice"].is_called()
        await world.settle(1)
        assert world.tech.phones["carol"].legs[-1].channel.is_hung_up
        first.refuses()
        second = await world.tech.phones["carol"].is_called()
        second.answers()
        leg = await world.tech.phones["bob"].is_called()
        leg.answers()
        await world.settle(0.5)
        assert told(world)[-1] == "CCRecallComplete"


async def test_of_several_called_parties_only_those_who_may_be_waited_for_are_called_back() -> None:
    async with office("Test/bob&Test/carol") as world:
        bob, carol = dial(world, "bob", "300"), dial(world, "carol", "300")
        await world.settle(1)
        call = dial(world, "alice", "200")
        for name in ("bob", "carol"):
            (await world.tech.phones[name].is_called()).refuses()
        await ends(world, call)
        await asks(world)
        assert len([name for name in told(world) if name == "CCAvailable"]) == 2
        carol.hangs_up()
        back = await world.tech.phones["alice"].is_called()
        back.answers()
        (await world.tech.phones["carol"].is_called()).answers()
        await world.settle(0.5)
        assert told(world)[-1] == "CCRecallComplete"
        bob.hangs_up()


async def test_a_dial_inside_a_local_channel_belongs_to_the_call() -> None:
    async with office() as world:
        bob = await busy(world, extension="220")
        assert await asks(world) == GRANTED
        bob.hangs_up()
        back = await world.tech.phones["alice"].is_called()
        back.answers()
        (await world.tech.phones["bob"].is_called()).answers()
        await world.settle(0.5)
        assert back.channel.bridge_member is not None


async def test_another_phone_is_called_back() -> None:
    async with office() as world:
        bob = await busy(world, extension="230")
        await asks(world)
        bob.hangs_up()
        desk = await world.tech.phones["desk"].is_called()
        await world.settle(25)
        assert desk.channel.is_hung_up
        assert told(world)[-1] == "CCFailure"


async def test_who_is_never_free_is_waited_for_no_longer() -> None:
    async with office() as world:
        call = dial(world, "alice", "200")
        (await world.tech.phones["bob"].is_called()).rings()
        await ends(world, call)
        await asks(world)
        await world.settle(601)
        assert told(world)[-2:] == ["CCMonitorFailed", "CCFailure"]


async def test_defaults_of_the_file() -> None:
    conf = "[general]\ncc_agent_policy=generic\ncc_monitor_policy=generic\ncc_active_devstate=BUSY\n"
    async with office(conf=conf) as world:
        bob = dial(world, "bob", "300")
        await bob.is_told("answer")
        await calls_in_vain(world, extension="210")
        assert await asks(world) == GRANTED
        assert world.system.device_states.state("ccss:Test/alice") is DeviceState.BUSY
        world.files["ccss.conf"] = "[general]\nenabled=no\n"
        await world.system.loader.reload("ccss")
        assert told(world)[-1] == "CCFailure"
        await calls_in_vain(world, extension="210")
        assert (await asks(world))[2] == "W=NO_CORE_INSTANCE"


async def test_what_is_wrong_in_the_file_is_told() -> None:
    conf = "[general]\ncc_agent_polic=generic\ncc_monitor_policy=often\ncc_max_requests=x\ncc_busy_devstate=BUSY\n"
    async with office(conf=conf + "cc_offered_devstate=ASLEEP\ncc_offer_timer=0\n[other]\na=1\n") as world:
        lines = [text.partition(": ")[0] for text in world.warnings if text.startswith("ccss.conf")]
        assert lines == [f"ccss.conf:{line}" for line in (2, 3, 4, 5, 6, 7, 9)]


async def test_the_function() -> None:
    async with office() as world:
        assert await ends(world, dial(world, "alice", "301")) == [("fn", "A=never", "M=5", "X=[]"), ("fn", "A=never", "O=20")]
        assert len([text for text in world.warnings if "is none of" in text or "is no number" in text]) == 3


async def test_cli() -> None:
    async with office() as world:
        await busy(world)
        await asks(world)
        text = await run_command(world.system, "cc report status")
        assert text.splitlines()[0] == "1 Call completion transactions"
        assert [line.split() for line in text.splitlines()[3:]] == [
            ["1", "Test/alice", "CC", "accepted", "by", "callee"],
            ["|-->200@default"],
            ["|-->Test/bob", "(CCBS,", "INUSE)"],
        ]
        assert "No such core ID" in await run_command(world.system, "cc cancel core 9")
        assert "Usage" in await run_command(world.system, "cc cancel core")
        assert "Usage" in await run_command(world.system, "cc report status now")
        await run_command(world.system, "cc cancel core 1")
        assert told(world)[-1] == "CCFailure"


@pytest.mark.parametrize("events", ["on", "off"])
async def test_manager_events(events: str) -> None:
    async with office() as world:
        client = AmiClient(await start_manager(world.system))
        client.log_in(events=events)
        await world.settle(0.1)
        await busy(world)
        found = [dict(message) for message in client.events() if message[0][1].startswith("CC")]
        if events == "off":
            assert found == []
            return
        assert [(one["Event"], one["CoreID"]) for one in found] == [("CCAvailable", "1"), ("CCOfferTimerStart", "1")]
        assert found[0]["Privilege"] == "cc,all"
        assert (found[0]["Callee"], found[0]["Service"], found[1]["Expires"]) == ("Test/bob", "CCBS", "30")
