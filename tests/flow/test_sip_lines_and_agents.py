"""Agents and shared lines with SIP phones: what is heard, hold by re-INVITE, hints."""

from __future__ import annotations

import asyncio
from pathlib import Path

from globstar.core.devicestate import DeviceState
from tests.support.sip_phone import PhoneCall
from tests.support.sip_transfer import transfer_office

MUSIC = 0x77
PLAN = """
[default]
exten => 700,1,AgentLogin(7,s)
exten => 800,1,AgentRequest(7)
exten => 900,1,Goto(line,s,1)
exten => _s1.,1,SLAStation(${EXTEN})
exten => _s2.,1,SLAStation(${EXTEN})
"""
SLA = """
[line1]
type=trunk
device=PJSIP/dave
autocontext=line
[s1]
type=station
device=PJSIP/alice
trunk=line1
[s2]
type=station
device=PJSIP/bob
trunk=line1
"""


def files(root: Path) -> dict[str, str]:
    (root / "music").mkdir(parents=True)
    (root / "music" / "one.ulaw").write_bytes(bytes([MUSIC]) * 80000)
    sounds = root / "data" / "sounds" / "en"
    sounds.mkdir(parents=True)
    (sounds / "beep.ulaw").write_bytes(b"\x22" * 800)
    music = f"[default]\nmode=files\ndirectory={root}/music\n"
    return {"musiconhold.conf": music, "agents.conf": "[7]\nfullname=Seven\n", "sla.conf": SLA}


async def heard(one: PhoneCall, two: PhoneCall) -> tuple[dict[int, int], dict[int, int]]:
    """Both speak for half a second; what each heard."""
    for call in (one, two):
        call.sounds()
    await asyncio.gather(one.speak(25, 0x11), two.speak(25, 0x33))
    await asyncio.sleep(0.1)
    return one.sounds(), two.sounds()


async def test_an_agent_hears_music_a_beep_and_the_caller(tmp_path: Path) -> None:
    async with transfer_office(tmp_path, PLAN, files(tmp_path)) as (office, (alice, bob, _carol, _dave)):
        agent = await alice.dial("700")
        await agent.speak(60)
        assert agent.sounds()[MUSIC] > 20
        for _round in range(2):
            caller = bob.call("800")
            await bob.get(100)
            await bob.get(180)
            await caller.answered()
            one, two = await heard(agent, caller)
            assert one.get(0x33, 0) > 20
            assert two.get(0x11, 0) > 20
            await caller.hang_up()
            await agent.speak(30)
            assert agent.sounds().get(MUSIC, 0) > 20
            assert office.system.device_states.state("Agent:7") is DeviceState.NOT_INUSE
        await agent.hang_up()
        await office.quiet()
        assert office.system.device_states.state("Agent:7") is DeviceState.UNAVAILABLE


async def test_a_shared_line_is_answered_held_and_taken_back(tmp_path: Path) -> None:
    async with transfer_office(tmp_path, PLAN, files(tmp_path)) as (office, (alice, bob, carol, _dave)):
        caller = carol.call("900")
        await carol.get(100)
        await carol.get(180)
        first, second = await alice.ring(), await bob.ring()
        second.reply(180, "Ringing")
        await first.answer()
        await caller.answered()
        cancel = await bob.get("CANCEL")
        second.reply(200, "OK", request=cancel)
        second.reply(487, "Request Terminated")
        await bob.get("ACK")
        one, two = await heard(first, caller)
        assert one.get(0x33, 0) > 20
        assert two.get(0x11, 0) > 20
        await first.reinvite("sendonly")
        await first.ended()
        assert office.system.device_states.state("SLA:s2_line1") is DeviceState.ONHOLD
        await caller.speak(30)
        assert caller.sounds().get(MUSIC, 0) > 20
        taken = await bob.dial("s2_line1")
        one, two = await heard(taken, caller)
        assert one.get(0x33, 0) > 20
        assert two.get(0x11, 0) > 20
        assert MUSIC not in two
        joined = await alice.dial("s1_line1")
        await heard(joined, caller)
        await asyncio.gather(joined.speak(25, 0x11), caller.speak(25, 0x33), taken.speak(25, 0x44))
        await asyncio.sleep(0.1)
        for call in (joined, caller, taken):  # each hears the sum of the two others
            mixed = {octet: count for octet, count in call.sounds().items() if octet not in (0x11, 0x33, 0x44, MUSIC, 0xFF, 0x7F)}
            assert max(mixed.values()) > 10
        await caller.hang_up()
        await taken.ended()
        await joined.ended()
        await office.quiet()
        assert office.system.device_states.state("SLA:s2_line1") is DeviceState.NOT_INUSE
