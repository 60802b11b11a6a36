"""Agents: logging in and off, taking calls, wrapping up, and what the CLI, the manager and AGENT() tell of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from globstar.core import events
from globstar.core.cli import run_command
from globstar.core.devicestate import DeviceState
from globstar.modules.apps.agent_pool.events import AgentLoggedIn, AgentLoggedOff
from tests.support.ami import AmiClient, split_messages, start_manager
from tests.support.dialling import went_on
from tests.support.testtech import NO_RECORDS, Leg, World

AGENTS = """
[1001]
fullname=Ann Example
[1002](!)
ackcall=yes
acceptdtmf=12
[1003](1002)
fullname=Bea
autologoff=5
[1004]
wrapuptime=3000
custom_beep=own-beep
musiconhold=jazz
recordagentcalls=yes
"""
PLAN = """
[default]
exten => _7XXXX,1,Set(CHANNEL(dtmf_features)=H)
 same => n,AgentLogin(${EXTEN:1}{OPTIONS})
 same => n,UserEvent(login,Status: ${AGENT_STATUS})
 same => n,Hangup()
exten => _8XXXX,1,AgentRequest(${EXTEN:1})
 same => n,UserEvent(request,Status: ${AGENT_STATUS})
 same => n,Hangup()
exten => 900,1,AgentRequest()
exten => 901,1,AgentLogin()
exten => 902,1,Set(AGENTACKCALL=yes)
 same => n,Set(AGENTACCEPTDTMF=5)
 same => n,Set(AGENTAUTOLOGOFF=2)
 same => n,Set(AGENTWRAPUPTIME=1000)
 same => n,AgentLogin(1001,s)
exten => 903,1,UserEvent(fn,S: ${AGENT(1001)},N: ${AGENT(1001:name)},M: ${AGENT(1004:mohclass)})
 same => n,UserEvent(channel,C: ${AGENT(1001:channel)},F: ${AGENT(1001:fullchannel)})
 same => n,UserEvent(bad,A: [${AGENT(9)}${AGENT()}${AGENT(1001:shoe)}])
exten => h,1,UserEvent(h)
"""


@asynccontextmanager
async def centre(options: str = ",s") -> AsyncIterator[World]:
    files = {"agents.conf": AGENTS, "musiconhold.conf": "[jazz]\nmode=files\ndirectory=jazz\n", **NO_RECORDS}
    async with await World.start(PLAN.replace("{OPTIONS}", options), files=files) as world:
        for name, number in (("ann", "201"), ("bea", "202"), ("caller", "300"), ("other", "301")):
            world.phone(name, number, name.capitalize())
        for name in ("beep", "own-beep", "agent-loginok"):
            world.sound(name)
        yield world
        await world.end_calls()


async def logged_in(world: World, extension: str = "71001", who: str = "ann") -> Leg:
    leg = world.tech.phones[who].dials(extension)
    await leg.is_told("answer")
    await world.settle(1)
    return leg


async def call(world: World, extension: str = "81001", who: str = "caller") -> Leg:
    leg = world.tech.phones[who].dials(extension)
    await world.settle(0.1)
    return leg


def make_music(folder: Path) -> None:
    folder.mkdir()
    (folder / "tune.ulaw").write_bytes(b"\x77" * 8000)


def talk(one: Leg, two: Leg) -> bool:
    member = one.channel.bridge_member
    return member is not None and two.channel in member.bridge.channels and member.bridge.kind == "basic"


def state(world: World, agent: str = "1001") -> DeviceState:
    return world.system.device_states.state(f"Agent:{agent}")


def statuses(world: World, leg: Leg) -> list[tuple[str, ...]]:
    return [event for event in went_on(world, leg) if event != ("h",)]


async def test_a_caller_talks_to_an_agent_who_then_waits_for_the_next_one() -> None:
    async with centre() as world:
        assert state(world) is DeviceState.UNAVAILABLE
        agent = await logged_in(world)
        assert state(world) is DeviceState.NOT_INUSE
        caller = await call(world)
        assert "ringing" in caller.told
        assert state(world) is DeviceState.INUSE
        assert not talk(agent, caller)
        await caller.is_told("answer")
        await world.settle(0.5)
        assert talk(agent, caller)
        assert "beep" in agent.hears
        assert "connected Caller <300>" in agent.told
        assert "connected Ann <201>" in caller.told
        caller.hangs_up()
        await world.settle(0.5)
        assert state(world) is DeviceState.NOT_INUSE
        assert agent.told[-1] == "connected  <>"
        second = await call(world, who="other")
        await second.is_told("answer")
        await world.settle(0.1)
        assert talk(agent, second)
        agent.presses("*")
        await world.settle(1)
        assert second.channel.is_hung_up
        assert statuses(world, second) == []
        assert not agent.channel.is_hung_up
        assert state(world) is DeviceState.NOT_INUSE


async def test_who_hangs_up_is_logged_off_and_the_caller_with_it() -> None:
    async with centre() as world:
        agent, caller = await logged_in(world), await call(world)
        await caller.is_told("answer")
        await world.settle(2)
        agent.hangs_up()
        await world.settle(0.5)
        assert caller.channel.is_hung_up
        assert state(world) is DeviceState.UNAVAILABLE
        [begun], [ended] = world.seen(AgentLoggedIn), world.seen(AgentLoggedOff)
        assert (begun.agent, ended.agent) == ("1001", "1001")
        assert ended.seconds == 2
        assert statuses(world, agent) == []


async def test_the_login_is_confirmed_unless_it_is_silent() -> None:
    async with centre("") as world:
        agent = await logged_in(world)
        assert agent.hears[0] == "agent-loginok"
    async with centre(",sx") as world:
        agent = await logged_in(world)
        assert "agent-loginok" not in agent.hears
        assert any("'x'" in text for text in world.warnings)


@pytest.mark.parametrize(
    ("extension", "expected"),
    [
        ("79999", ("login", "Status=INVALID")),
        ("89999", ("request", "Status=INVALID")),
        ("81001", ("request", "Status=NOT_LOGGED_IN")),
    ],
)
async def test_what_cannot_be_goes_on_in_the_dialplan(extension: str, expected: tuple[str, ...]) -> None:
    async with centre() as world:
        leg = await call(world, extension)
        await leg.is_told("hangup 16")
        assert statuses(world, leg) == [expected]


@pytest.mark.parametrize("extension", ["900", "901"])
async def test_without_an_agent_the_call_ends_with_a_warning(extension: str) -> None:
    async with centre() as world:
        leg = await call(world, extension)
        assert leg.channel.is_hung_up
        assert any("requires an AgentId" in text for text in world.warnings)


async def test_an_agent_logs_in_once_and_takes_one_call_at_a_time() -> None:
    async with centre() as world:
        agent = await logged_in(world)
        again = await call(world, "71001", "bea")
        await again.is_told("hangup 16")
        assert statuses(world, again) == [("login", "Status=ALREADY_LOGGED_IN")]
        caller = await call(world)
        await caller.is_told("answer")
        await world.settle(0.1)
        second = await call(world, who="other")
        await second.is_told("hangup 16")
        assert statuses(world, second) == [("request", "Status=BUSY")]
        assert talk(agent, caller)


async def test_the_code_takes_a_call() -> None:
    async with centre() as world:
        agent, caller = await logged_in(world, "71003"), await call(world, "81003")
        await world.settle(2)
        agent.presses("3")
        await world.settle(1)
        assert not talk(agent, caller)
        agent.presses("12")
        await caller.is_told("answer")
        await world.settle(0.1)
        assert talk(agent, caller)


async def test_the_code_counts_during_the_beep() -> None:
    async with centre() as world:
        world.sound("beep", 5)
        agent, caller = await logged_in(world, "71003"), await call(world, "81003")
        began = world.system.now()
        agent.presses("12")
        await caller.is_told("answer")
        assert world.system.now() - began < 1
        await world.settle(1)
        assert talk(agent, caller)
        heard = len(agent.heard)
        await world.settle(1)
        assert "beep" not in [world.tech.sounds.get(frame.data[0]) for frame in agent.heard[heard:]]


async def test_who_does_not_take_a_call_is_logged_off() -> None:
    async with centre() as world:
        agent, caller = await logged_in(world, "71003"), await call(world, "81003")
        began = world.system.now()
        await caller.is_told("hangup 16")
        assert world.system.now() - began == pytest.approx(5, abs=0.5)
        assert statuses(world, caller) == [("request", "Status=NOT_CONNECTED")]
        assert agent.channel.is_hung_up
        assert state(world, "1003") is DeviceState.UNAVAILABLE


async def test_a_caller_who_gives_up_leaves_the_agent_free() -> None:
    async with centre() as world:
        agent, caller = await logged_in(world, "71003"), await call(world, "81003")
        await world.settle(1)
        caller.hangs_up()
        await world.settle(10)
        assert not agent.channel.is_hung_up
        assert state(world, "1003") is DeviceState.NOT_INUSE
        assert agent.told[-1] == "connected  <>"


async def test_an_agent_who_hangs_up_instead_of_taking_the_call() -> None:
    async with centre() as world:
        agent, caller = await logged_in(world, "71003"), await call(world, "81003")
        agent.hangs_up()
        await caller.is_told("hangup 16")
        assert statuses(world, caller) == [("request", "Status=NOT_CONNECTED")]


async def test_variables_of_the_channel_count_more_than_the_file() -> None:
    async with centre() as world:
        agent, caller = await logged_in(world, "902"), await call(world)
        await world.settle(1)
        agent.presses("5")
        await caller.is_told("answer")
        await world.settle(0.1)
        caller.hangs_up()
        await world.settle(0.5)
        assert state(world) is DeviceState.INUSE  # wraps up
        await world.settle(1)
        assert state(world) is DeviceState.NOT_INUSE
        second = await call(world, who="other")
        await second.is_told("hangup 16")
        assert statuses(world, second) == [("request", "Status=NOT_CONNECTED")]
        assert agent.channel.is_hung_up


async def test_wrapping_up_music_beep_and_recording() -> None:
    async with centre() as world:
        await asyncio.to_thread(make_music, Path(world.system.directories.astdatadir) / "jazz")
        await run_command(world.system, "moh reload")
        agent = await logged_in(world, "71004")
        assert agent.heard[-1].data[0] == 0x77
        caller = await call(world, "81004")
        await caller.is_told("answer")
        await world.settle(0.5)
        assert "own-beep" in agent.hears
        assert len(world.seen(events.MixMonitorStarted)) == 1
        caller.hangs_up()
        await world.settle(1)
        second = await call(world, "81004", "other")
        await second.is_told("hangup 16")
        assert statuses(world, second) == [("request", "Status=BUSY")]
        await world.settle(3)
        assert state(world, "1004") is DeviceState.NOT_INUSE


async def test_logoff_by_the_cli() -> None:
    async with centre() as world:
        system = world.system
        agent, caller = await logged_in(world), await call(world)
        await caller.is_told("answer")
        await world.settle(0.1)
        assert "Logging out" in await run_command(system, "agent logoff 1001 soft")
        await world.settle(1)
        assert talk(agent, caller)
        late = await call(world, who="other")
        await late.is_told("hangup 16")
        assert statuses(world, late) == [("request", "Status=NOT_LOGGED_IN")]
        caller.hangs_up()
        await world.settle(1)
        assert agent.channel.is_hung_up
        agent, caller = await logged_in(world), await call(world)
        await caller.is_told("answer")
        await run_command(system, "agent logoff 1001")
        await world.settle(0.5)
        assert agent.channel.is_hung_up
        assert caller.channel.is_hung_up
        assert "not logged in" in await run_command(system, "agent logoff 1001")
        assert "not found" in await run_command(system, "agent logoff 7")
        assert "Usage" in await run_command(system, "agent logoff 1001 hard")


async def test_the_cli_shows_agents() -> None:
    async with centre() as world:
        system = world.system
        agent, caller = await logged_in(world), await call(world)
        await logged_in(world, "71004", "bea")
        text = await run_command(system, "agent show all")
        [line] = [line for line in text.splitlines() if line.startswith("1001")]
        assert line.split() == ["1001", "Ann", "Example", "In", "use", agent.channel.name, caller.channel.name]
        assert text.endswith("Defined agents: 3, Logged in: 2, Talking: 1\n")
        online = await run_command(system, "agent show online")
        assert "1003" not in online
        assert online.endswith("Logged in agents: 2, Talking: 1\n")
        one = await run_command(system, "agent show 1001")
        assert f"TalkingWith: {caller.channel.name}" in one
        assert "not found" in await run_command(system, "agent show 5")
        assert "Usage" in await run_command(system, "agent show")


async def test_the_manager_lists_agents_and_logs_them_off() -> None:
    async with centre() as world:
        client = AmiClient(await start_manager(world.system))
        client.log_in()
        await world.settle(0.1)
        agent, caller = await logged_in(world), await call(world)
        await caller.is_told("answer")
        await world.settle(0.1)
        told = {message[0][1]: dict(message) for message in client.events()}
        assert told["AgentLogin"]["Agent"] == "1001"
        assert told["AgentLogin"]["Channel"] == agent.channel.name
        messages = split_messages(client.ask("Agents", ("ActionID", "7")))
        assert messages[0][0] == ("Response", "Success")
        rows = [dict(message) for message in messages if message[0] == ("Event", "Agents")]
        assert [row["Status"] for row in rows] == ["AGENT_ONCALL", "AGENT_LOGGEDOFF", "AGENT_LOGGEDOFF"]
        assert rows[0]["TalkingToChan"] == caller.channel.name
        assert rows[0]["Channel"] == agent.channel.name
        assert messages[1][-1] == ("ActionID", "7")
        assert messages[-1][0] == ("Event", "AgentsComplete")
        assert "No agent specified" in client.ask("AgentLogoff")
        assert "Agent not found" in client.ask("AgentLogoff", ("Agent", "5"))
        assert "Success" in client.ask("AgentLogoff", ("Agent", "1001"), ("Soft", "yes"))
        await world.settle(0.1)
        assert talk(agent, caller)
        await world.settle(2)
        assert "Success" in client.ask("AgentLogoff", ("Agent", "1001"))
        await world.settle(0.5)
        told = {message[0][1]: dict(message) for message in client.events()}
        assert told["AgentLogoff"]["Logintime"] == "2"
        assert "not logged in" in client.ask("AgentLogoff", ("Agent", "1001"))


async def test_the_function() -> None:
    async with centre() as world:
        agent = await logged_in(world)
        leg = await call(world, "903")
        values, channel, bad = statuses(world, leg)[:3]
        assert values == ("fn", "S=LOGGEDIN", "N=Ann Example", "M=jazz")
        assert channel == ("channel", "C=Test/ann", f"F={agent.channel.name}")
        assert bad == ("bad", "A=[]")


async def test_a_reload_keeps_logins() -> None:
    async with centre() as world:
        agent = await logged_in(world)
        world.files["agents.conf"] = "[1004]\nfullname=New\n[2000]\n[general]\nmultiplelogin=yes\n[2001]\nacceptdtmf=x\nbad=1\n"
        await world.system.loader.reload("app_agent_pool")
        assert not agent.channel.is_hung_up
        assert state(world) is DeviceState.NOT_INUSE
        assert state(world, "2000") is DeviceState.UNAVAILABLE
        assert state(world, "1003") is DeviceState.INVALID
        assert len([text for text in world.warnings if "agents.conf" in text]) == 3
        agent.hangs_up()
        await world.settle(0.5)
        assert state(world) is DeviceState.INVALID
