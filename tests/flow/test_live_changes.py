"""Two phones talk while their bridge changes under them: both hear all that the other says, once, in order and without a gap.

What a phone says are octets by chance, so that each piece of what the other hears is found at one place of it, whatever the
bridge makes of the packets.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from globstar.core.bridge import Bridge
from globstar.core.cli import run_command
from globstar.interfaces.cli.commands import register_commands
from tests.support.sip_phone import PhoneCall, SipOffice, phone_section, sip_office

pytestmark = pytest.mark.virtual_time

SECONDS = 4
PIECE = 80
#: No interval between packets is longer, in seconds; usual are 20 ms.
LONGEST = 0.0401
EXTENSIONS = """\
[default]
exten => 101,1,Dial(PJSIP/bob,20)
exten => 102,1,Dial(PJSIP/bob,20,T)
exten => 555,1,ChanSpy(PJSIP/alice,q)
exten => 556,1,ChanSpy(PJSIP/alice,qw)
exten => 557,1,ChanSpy(PJSIP/alice,qB)
exten => 558,1,BridgeAdd(${NAME})
"""

Change = Callable[[SipOffice, PhoneCall, PhoneCall], Awaitable[None]]


class Party:
    """One phone of the call: what it says, what it hears and when."""

    def __init__(self, call: PhoneCall, seed: int) -> None:
        self.call = call
        #: mu-law by chance, from -5,000 to 5,000, and never zero, which has two codes
        self.said = (
            (np.random.default_rng(seed).integers(0x20, 0x70, 8000 * SECONDS) | (seed % 2) << 7).astype(np.uint8).tobytes()
        )
        self.times: list[float] = []
        call.heard.clear()
        call.socket.set_reader(self._read)

    def _read(self, now: float) -> None:
        before = len(self.call.heard)
        self.call._read(now)
        self.times += [asyncio.get_running_loop().time()] * (len(self.call.heard) - before)

    async def speak(self) -> None:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        for number in range(50 * SECONDS):
            self.call.send_rtp(self.said[160 * number : 160 * (number + 1)])
            await asyncio.sleep(max(begun + 0.02 * (number + 1) - loop.time(), 0))

    def judge(self, other: Party) -> None:
        """All of the other's words are heard: none twice, none missing but at the ends, no pause between packets."""
        heard = b"".join(payload for kind, payload in self.call.heard if kind == 0)
        places = [other.said.find(heard[start : start + PIECE]) for start in range(0, len(heard) - PIECE + 1, PIECE)]
        found = [place for place in places if place >= 0]
        assert found, "nothing is heard"
        steps = [after - before for before, after in pairwise(found)]
        assert min(steps) > 0, f"repeated: {[found[i : i + 2] for i, step in enumerate(steps) if step <= 0]}"
        assert max(steps) <= 320 + PIECE, f"missing: {[found[i : i + 2] for i, step in enumerate(steps) if step > 320 + PIECE]}"
        assert len(found) >= (len(other.said) - 4 * 320) // PIECE, f"{len(found)} pieces of {len(other.said) // PIECE}"
        gaps = [after - before for before, after in pairwise(self.times)]
        assert max(gaps) <= LONGEST, (
            f"{max(gaps):.3f} s at {[round(self.times[i], 2) for i, gap in enumerate(gaps) if gap > LONGEST]}"
        )


async def command(office: SipOffice, text: str) -> None:
    await run_command(office.system, text)


def name_of(office: SipOffice, phone: str) -> str:
    return next(name for name in (channel.name for channel in office.system.channels.values()) if phone in name)


async def recording(office: SipOffice, calling: PhoneCall, called: PhoneCall) -> None:
    alice = name_of(office, "alice")
    await command(office, f"mixmonitor start {alice} both.wav")
    await asyncio.sleep(1)
    await command(office, f"mixmonitor stop {alice}")


def spying(number: str) -> Change:
    async def spy(office: SipOffice, calling: PhoneCall, called: PhoneCall) -> None:
        carol = office.phones["carol"]
        call = carol.call(number)
        await carol.get(100)
        await call.answered()
        await asyncio.sleep(1)
        assert [payload for kind, payload in call.heard if kind == 0 and set(payload) != {0xFF}], "the spy hears"
        await call.hang_up()

    return spy


async def a_third_party(office: SipOffice, calling: PhoneCall, called: PhoneCall) -> None:
    carol = office.phones["carol"]
    office.system.globals.set("NAME", name_of(office, "alice"))
    call = carol.call("558")
    await carol.get(100)
    await call.answered()
    await asyncio.sleep(1)
    assert [payload for kind, payload in call.heard if kind == 0 and set(payload) != {0xFF}], "the third party hears"
    await call.hang_up()


def writing(function: str, begin: str, end: str) -> Change:
    async def write(office: SipOffice, calling: PhoneCall, called: PhoneCall) -> None:
        """A function that hears the sound comes and goes."""
        channel = next(channel for channel in office.system.channels.values() if "bob" in channel.name)
        for arguments, value in (begin.split("="), end.split("=")):
            office.system.functions.write(channel, function, arguments, value)
            await asyncio.sleep(1)

    return write


async def suspended(office: SipOffice, calling: PhoneCall, called: PhoneCall) -> None:
    """The technology is taken out of service, and into it again."""
    for turn in ("suspend", "unsuspend"):
        await command(office, f"bridge technology {turn} native_rtp")
        await asyncio.sleep(0.5)


RELAYED, IN_FRAMES, MIXED = "native_rtp", "simple_bridge", "softmix"


@pytest.mark.parametrize(
    ("change", "technology"),
    [
        (recording, IN_FRAMES),
        (spying("555"), IN_FRAMES),
        (spying("556"), IN_FRAMES),
        (spying("557"), IN_FRAMES),
        (a_third_party, MIXED),
        (writing("TALK_DETECT", "set=", "remove="), IN_FRAMES),
        (writing("VOLUME", "TX=1", "TX=1"), IN_FRAMES),
        (suspended, IN_FRAMES),
    ],
    ids=["recording", "spy", "whisper", "barge", "third party", "talk detection", "volume", "suspended"],
)
@pytest.mark.parametrize(("number", "usual"), [("101", RELAYED), ("102", IN_FRAMES)], ids=["relayed", "in frames"])
async def test_nothing_is_lost_or_said_twice(tmp_path: Path, number: str, usual: str, change: Change, technology: str) -> None:
    phones = phone_section("alice") + phone_section("bob") + phone_section("carol")
    async with sip_office(tmp_path, phones, EXTENSIONS) as office:
        register_commands(office.system)
        alice, bob = office.phone("alice"), office.phone("bob")
        office.phone("carol")
        await bob.register()
        calling = alice.call(number)
        await alice.get(100)
        called = await bob.ring()
        await called.answer()
        await calling.answered()
        bridge = await office.bridged()
        await asyncio.sleep(0.1)
        technologies: list[str] = []

        async def watch(bridge: Bridge) -> None:
            while True:
                if technologies[-1:] != [bridge.technology.name]:
                    technologies.append(bridge.technology.name)
                await asyncio.sleep(0.02)

        watching = asyncio.ensure_future(watch(bridge))
        one, other = Party(calling, 1), Party(called, 2)

        async def later() -> None:
            await asyncio.sleep(1)
            await change(office, calling, called)

        await asyncio.gather(one.speak(), other.speak(), later())
        await asyncio.sleep(0.2)
        watching.cancel()
        one.judge(other)
        other.judge(one)
        between = [technology] if technology != usual else []
        assert technologies[:2] == [usual, *between]
        await calling.hang_up()
        await called.ended()
