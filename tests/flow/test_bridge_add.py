"""BridgeAdd with SIP phones: a relayed call is mixed while a third is in, and relayed again afterwards."""

from __future__ import annotations

import asyncio
import itertools
import struct
from pathlib import Path

from globstar.core import events
from globstar.core.bridge import Bridge, LeaveReason
from globstar.core.cli import run_command
from globstar.interfaces.cli.commands import register_commands
from tests.support.sip_phone import PhoneCall
from tests.support.sip_transfer import talk, transfer_office
from tests.support.testtech import World

EXTENSIONS = """\
[default]
exten => 300,1,BridgeAdd(PJSIP/alice-00000000)
"""


async def count_aloud(call: PhoneCall, first: int, last: int) -> None:
    """Say a packet of each number."""
    for number in range(first, last):
        call.send_rtp(bytes([number]) * 160)
        await asyncio.sleep(0.02)


def numbers(call: PhoneCall) -> list[int]:
    """The numbers that were heard, in order; silence is left out."""
    return [payload[0] for kind, payload in call.heard if kind == 0 and payload and payload[0] < 0x7F]


async def test_a_relayed_call_is_mixed_and_relayed_again(tmp_path: Path) -> None:
    async with transfer_office(tmp_path, EXTENSIONS) as (office, phones):
        alice, bob, carol, _ = phones
        a, b = await talk(alice, "101", bob)
        (bridge,) = office.system.bridges.values()
        assert bridge.technology.name == "native_rtp"
        b.heard.clear()
        b.packets.clear()
        speaking = asyncio.ensure_future(count_aloud(a, 1, 120))
        await asyncio.sleep(0.6)
        c = carol.call("300")
        await carol.get(100)
        await c.answered()
        assert bridge.technology.name == "softmix"
        assert f"last change: native_rtp to softmix: {bridge.channels[2].name} joined" in bridge.explain()
        await asyncio.sleep(0.6)
        at_once = len(c.heard)
        assert at_once >= 25
        await c.hang_up()
        await asyncio.sleep(0.1)
        assert bridge.technology.name == "native_rtp"
        await speaking
        await asyncio.sleep(0.1)
        heard = numbers(b)
        assert heard == list(range(1, 120))  # each once, in order, whatever served
        assert not numbers(a)
        heads = [struct.unpack("!HII", packet[2:12]) for packet in b.packets]
        for (sequence, stamp, source), after in itertools.pairwise(heads):  # one stream to bob, whatever served
            assert after == ((sequence + 1) & 0xFFFF, (stamp + 160) & 0xFFFFFFFF, source)
        third = numbers(c)
        assert third == list(range(third[0], third[-1] + 1))
        await b.speak(5, 0x70)
        await asyncio.sleep(0.1)
        assert a.sounds().get(0x70, 0) == 5
        await a.hang_up()
        await b.ended()
        await office.quiet()


async def test_silence_between_two_packets_is_at_most_one_step(tmp_path: Path) -> None:
    async with transfer_office(tmp_path, EXTENSIONS) as (office, phones):
        alice, bob, carol, _ = phones
        a, b = await talk(alice, "101", bob)
        b.heard.clear()
        speaking = asyncio.ensure_future(count_aloud(a, 1, 60))
        await asyncio.sleep(0.313)
        c = carol.call("300")
        await carol.get(100)
        await c.answered()
        await speaking
        spoken = [payload[0] < 0x7F for kind, payload in b.heard if kind == 0]
        inside = spoken[spoken.index(True) : len(spoken) - spoken[::-1].index(True)]
        assert max((len(list(run)) for is_speech, run in itertools.groupby(inside) if not is_speech), default=0) <= 1
        await c.hang_up()
        await a.hang_up()
        await b.ended()
        await office.quiet()


async def test_results_of_bridge_add() -> None:
    plan = (
        "[default]\nexten => 300,1,BridgeAdd(${OTHER})\nsame => n,UserEvent(after,Result: ${BRIDGERESULT})\n"
        "exten => 301,1,BridgeAdd(${CHANNEL})\nsame => n,UserEvent(after,Result: ${BRIDGERESULT})\n"
        "exten => 400,1,Answer()\nsame => n,Wait(60)\n"
    )
    async with await World.start(plan) as world:
        waiting = world.phone("alice").dials("400")
        carol = world.phone("carol")
        results = []
        for other, number in (("Test/nobody", "300"), ("", "300"), ("", "301"), (waiting.channel.name, "300")):
            world.system.globals.set("OTHER", other)
            leg = carol.dials(number)
            await world.settle()
            results += [dict(event.headers)["Result"] for event in world.seen(events.UserEventRaised)]
            leg.hangs_up()
            await world.settle()
        assert results[-1:] == ["FAILURE"]
        assert sorted(set(results)) == ["FAILURE", "LOOP", "NONEXISTENT"]
        bridge = Bridge(world.system, dissolve_on_hangup=False)
        bridge.join(waiting.channel)
        leg = carol.dials("300")
        await world.settle()
        assert bridge.channels == [waiting.channel, leg.channel]
        assert "answer" in leg.told
        bridge.members[1].leave(LeaveReason.KICKED)
        await world.settle()
        assert dict(world.seen(events.UserEventRaised)[-1].headers) == {"Result": "SUCCESS"}
        waiting.hangs_up()


async def test_kicking_and_destroying_from_the_command_line() -> None:
    plan = "[default]\nexten => 400,1,Answer()\nsame => n,Wait(60)\n"
    async with await World.start(plan) as world:
        register_commands(world.system)
        legs = [world.phone(name).dials("400") for name in ("alice", "bob", "carol")]
        await world.settle()
        bridge = Bridge(world.system, dissolve_on_hangup=False)
        members = [bridge.join(leg.channel) for leg in legs]

        async def run(command: str) -> str:
            return (await run_command(world.system, command)).rstrip("\n")

        assert await run("bridge kick nowhere all") == "Bridge 'nowhere' not found"
        assert await run("bridge destroy nowhere") == "Bridge 'nowhere' not found"
        name = legs[0].channel.name
        assert await run(f"bridge kick {bridge.unique_id} Test/x") == f"Channel 'Test/x' not found in bridge '{bridge.unique_id}'"
        assert await run(f"bridge kick {bridge.unique_id} {name}") == f"Kicking channel '{name}' from bridge '{bridge.unique_id}'"
        assert members[0].left.result() is LeaveReason.KICKED
        assert bridge.channels == [legs[1].channel, legs[2].channel]
        assert f"Channel: {legs[1].channel.name}" in await run(f"bridge show {bridge.unique_id}")
        assert await run(f"bridge destroy {bridge.unique_id}") == f"Destroying bridge '{bridge.unique_id}'"
        assert bridge.is_dissolved
        other = Bridge(world.system, dissolve_on_hangup=False)
        members = [other.join(leg.channel) for leg in legs]
        assert await run(f"bridge kick {other.unique_id} all") == f"Kicking all channels from bridge '{other.unique_id}'"
        assert [member.left.result() for member in members] == [LeaveReason.KICKED] * 3
        assert other.is_dissolved
        for leg in legs:
            leg.hangs_up()
