"""What the CLI shows while a call is up, in the columns of the recordings (vectors g10_core_live_bridged_call)."""

from __future__ import annotations

import asyncio

from globstar.core.cli import run_command
from globstar.interfaces.cli.commands import register_commands
from tests.support.testtech import NO_RECORDS, World


async def test_a_bridged_call_on_the_cli() -> None:
    world = await World.start("[default]\nexten => 201,1,Dial(Test/bob)\nexten => 6001,hint,Test/bob\n")
    system = world.system
    register_commands(system)
    alice, bob = world.phone("alice", "100", "Alice Example"), world.phone("bob", "101", "Bob Example")
    call = alice.dials("201")
    leg = await bob.is_called()
    leg.answers()
    await call.is_told("answer")
    await asyncio.sleep(61)

    async def run(line: str) -> str:
        return await run_command(system, line)

    assert await run("core show channels") == (
        f"{'Channel':<64} {'Location':<32} {'State':<7} {'Application(Data)':<30}\n"
        f"{call.channel.name:<64} {'201@default:1':<32} {'Up':<7} {'Dial(Test/bob)':<30}\n"
        f"{leg.channel.name:<64} {'(None)':<32} {'Up':<7} {'AppDial((Outgoing Line))':<30}\n"
        "2 active channels\n1 active call\n1 call processed\n"
    )
    concise = (await run("core show channels concise")).splitlines()
    assert len(concise) == 2
    fields = concise[0].split("!")
    assert fields[:8] == [call.channel.name, "default", "201", "1", "Up", "Dial", "Test/bob", "100"]
    assert fields[11] == "61"
    assert len(fields) == 14
    assert (await run("core show channels count")).startswith("2 active channels\n1 active call\n")

    shown = await run(f"core show channel {call.channel.name}")
    for line in (
        "Connected Line ID: 101",
        "          State: Up (6)",
        "   Elapsed Time: 0h1m1s",
        "    Application: Dial",
        f"BRIDGEPEER={leg.channel.name}",
        "level 1: dst=201",
    ):
        assert line in shown.splitlines(), line

    (bridge,) = system.bridges.values()
    listing = await run("bridge show all")
    assert bridge.unique_id in listing
    assert "00:01:01" in listing
    assert f"Channel: {leg.channel.name}" in await run(f"bridge show {bridge.unique_id}")
    assert "chosen" in await run(f"bridge explain {bridge.unique_id}")
    assert "State:InUse" in await run("core show hints")

    assert await run(f"channel request hangup {call.channel.name}") == f"Requested Hangup on channel '{call.channel.name}'\n"
    await leg.is_told("hangup 16")
    await world.all_gone()
    assert "0 active channels" in await run("core show channels")
    await world.stop()


async def test_originate_and_redirect() -> None:
    world = await World.start("[default]\nexten => s,1,Wait(60)\nexten => 9,1,NoOp(there)\n same => n,Wait(5)\n")
    system = world.system
    register_commands(system)
    bob = world.phone("bob", "101")
    assert await run_command(system, "channel originate Test/bob extension s@default") == ""
    leg = await bob.is_called()
    leg.answers()
    await asyncio.sleep(1)
    assert leg.channel.application == "Wait"
    text = await run_command(system, f"channel redirect {leg.channel.name} default,9,1")
    assert text == f"Channel '{leg.channel.name}' successfully redirected to default,9,1\n"
    await asyncio.sleep(1)
    assert leg.channel.extension == "9"
    await world.all_gone()
    await world.stop()


async def test_whoever_runs_a_dialplan_is_a_call() -> None:
    """An originated channel, too; a channel that only is called is part of its caller's call."""
    async with await World.start("[default]\nexten => 1,1,Answer()\nsame => n,Wait(5)\n", files=NO_RECORDS) as world:
        register_commands(world.system)
        await run_command(world.system, "channel originate Local/1@default extension 1@default")
        await asyncio.sleep(1)
        assert await run_command(world.system, "core show channels count") == (
            "2 active channels\n2 active calls\n2 calls processed\n"
        )
        await world.end_calls()
