"""Members come into a call, go, hold, are muted, recorded and moved at random: after each change everybody hears the right ones.

In the end nothing of any of it is left: no socket, port, task, bridge or channel.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest

from globstar.core.bridge import Bridge
from globstar.core.channel import Channel
from globstar.core.cli import run_command
from globstar.interfaces.cli.commands import register_commands
from tests.interop.support.audio import sine
from tests.interop.support.rtp import DECODE, encode
from tests.support.sip_phone import PhoneCall, SipOffice, SipPhone, phone_section, sip_office

pytestmark = pytest.mark.virtual_time

NAMES = ("alice", "bob", "carol", "dora", "erik", "fred")
#: Whole periods in a packet of 20 ms or two, so that a packet may follow on any other.
TONES = dict(zip(NAMES, (400, 600, 850, 1150, 1500, 1900), strict=True))
LEVEL = 3000
CHANGES = 60
#: Seconds after a change that it may take, and that are listened to then.
SETTLING, LISTENING = 0.3, 0.3
EXTENSIONS = """\
[default]
exten => _call-.,1,Dial(PJSIP/${EXTEN:5},20)
exten => meet,1,Answer()
 same => n,BridgeAdd(${MET})
exten => wait,1,Answer()
 same => n,BridgeWait(lobby,participant,e(s))
"""


class Member:
    """A phone, and its call while it has one."""

    def __init__(self, phone: SipPhone) -> None:
        self.phone = phone
        self.name = phone.name
        self.call: PhoneCall | None = None
        self.kind = 0
        self.is_held = self.is_muted = self.is_recorded = False
        self._task: asyncio.Task[None] | None = None
        self._payloads = {kind: encode(sine(TONES[phone.name], 0.04, LEVEL), kind) for kind in DECODE}

    def begin(self, call: PhoneCall) -> None:
        """Speak."""
        self.call = call
        self.kind = 0
        self.is_held = self.is_muted = self.is_recorded = False
        self._task = asyncio.ensure_future(self._speak(call))

    async def _speak(self, call: PhoneCall) -> None:
        number = 0
        while True:
            if not self.is_held:
                call.send_rtp(self._payloads[self.kind][160 * (number % 2) :][:160], self.kind, time=160 * number)
            number += 1
            await asyncio.sleep(0.02)

    def finish(self) -> None:
        """The call is over: speak no more."""
        assert self._task is not None
        assert self.call is not None
        self._task.cancel()
        self.call.close()
        self.call = self._task = None

    def heard(self) -> set[str]:
        """The phones whose tones came since the last look; a tone that is neither there nor away fails."""
        assert self.call is not None
        packets, self.call.heard[:] = list(self.call.heard), []
        pieces = [DECODE[kind][np.frombuffer(payload, np.uint8)] for kind, payload in packets if kind in DECODE]
        if len(pieces) < LISTENING * 40:
            assert len(pieces) <= 2, f"{self.name} hears {len(pieces)} packets"
            return set()
        samples = np.concatenate(pieces)
        window = np.hanning(samples.size)
        times = np.arange(samples.size) / 8000
        shares = {
            name: abs(np.dot(samples * window, np.exp(-2j * np.pi * hertz * times))) * 2 / window.sum() / LEVEL
            for name, hertz in TONES.items()
        }
        assert all(share < 0.05 or 0.8 < share < 1.2 for share in shares.values()), f"{self.name}: {shares}"
        return {name for name, share in shares.items() if share > 0.5}


class Churn:
    """The phones; ``inside`` are those in the call, ``waiting`` one in a holding bridge."""

    def __init__(self, office: SipOffice, seed: int) -> None:
        self.office = office
        self.chance = random.Random(seed)
        self.members = [Member(office.phone(name)) for name in NAMES]
        self.inside: list[Member] = []
        self.waiting: list[Member] = []
        self.story: list[str] = []
        #: the technologies that were in use
        self.technologies: set[str] = set()

    def channel(self, member: Member) -> Channel:
        """Its channel."""
        return next(each for each in self.office.system.channels.values() if each.name.startswith(f"PJSIP/{member.name}-"))

    def bridge(self) -> Bridge:
        """Where the call is."""
        place = self.channel(self.inside[0]).bridge_member
        assert place is not None
        return place.bridge

    # -- what happens ------------------------------------------------------------------------------------------------

    def choices(self) -> list[Callable[[], Awaitable[None]]]:
        """What may happen now."""
        if not self.inside:
            return [self.start]
        free = [member for member in self.members if member.call is None]
        usual = [self.leave, self.ended_by_us, self.hold, self.mute, self.record, self.change_codec, self.press]
        return [*usual, *([self.join, self.join, self.join] if free else []), self.come_back if self.waiting else self.move]

    async def start(self) -> None:
        free = [member for member in self.members if member.call is None]
        one, other = self.chance.sample(free, 2)
        calling = one.phone.call(f"call-{other.name}")
        await one.phone.get(100)
        called = await other.phone.ring()
        await called.answer()
        await calling.answered()
        for member, call in ((one, calling), (other, called)):
            member.begin(call)
            self.inside.append(member)

    async def _dial(self, member: Member, number: str) -> None:
        call = member.phone.call(number)
        await member.phone.get(100)
        await call.answered()
        member.begin(call)

    async def join(self) -> None:
        member = self.chance.choice([member for member in self.members if member.call is None])
        self.office.system.globals.set("MET", self.channel(self.inside[0]).name)
        await self._dial(member, "meet")
        self.inside.append(member)

    async def _without(self, member: Member) -> None:
        """It has left; the last one who is left alone is hung up."""
        self.inside.remove(member)
        if len(self.inside) == 1:
            (last,) = self.inside
            assert last.call is not None
            await last.call.ended()
            last.finish()
            self.inside.clear()

    async def leave(self) -> None:
        member = self.chance.choice(self.inside)
        assert member.call is not None
        await member.call.hang_up()
        member.finish()
        await self._without(member)

    async def ended_by_us(self) -> None:
        member = self.chance.choice(self.inside)
        assert member.call is not None
        self.channel(member).request_hangup()
        await member.call.ended()
        member.finish()
        await self._without(member)

    async def hold(self) -> None:
        member = self.chance.choice(self.inside)
        assert member.call is not None
        member.is_held = not member.is_held
        await member.call.reinvite(
            "inactive" if member.is_held else "sendrecv", codecs="0 8 101" if not member.kind else "8 0 101"
        )

    async def mute(self) -> None:
        member = self.chance.choice(self.inside)
        member.is_muted = not member.is_muted
        self.office.system.functions.write(self.channel(member), "MUTEAUDIO", "in", "on" if member.is_muted else "off")

    async def record(self) -> None:
        member = self.chance.choice(self.inside)
        name = self.channel(member).name
        await run_command(self.office.system, f"mixmonitor {'stop' if member.is_recorded else 'start'} {name} {member.name}.wav")
        member.is_recorded = not member.is_recorded

    async def change_codec(self) -> None:
        member = self.chance.choice(self.inside)
        if member.is_held:
            return
        assert member.call is not None
        member.kind = 8 - member.kind
        await member.call.reinvite(codecs="0 8 101" if not member.kind else "8 0 101")

    async def press(self) -> None:
        member = self.chance.choice(self.inside)
        if not member.is_held:
            assert member.call is not None
            await member.call.press(5)

    async def move(self) -> None:
        """Into the lobby."""
        member = self.chance.choice(self.inside)
        self.channel(member).redirect("default", "wait", 1)
        await asyncio.sleep(0.1)
        await self._without(member)
        self.waiting.append(member)

    async def come_back(self) -> None:
        member = self.waiting.pop()
        self.office.system.globals.set("MET", self.channel(self.inside[0]).name)
        self.channel(member).redirect("default", "meet", 1)
        self.inside.append(member)

    # -- what is to be -----------------------------------------------------------------------------------------------

    async def step(self) -> None:
        """One change, and who hears whom after it."""
        what = self.chance.choice(self.choices())
        self.story.append(what.__name__)
        await what()
        await asyncio.sleep(SETTLING)
        for member in self.members:
            if member.call is not None:
                member.call.heard.clear()
        await asyncio.sleep(LISTENING)
        if self.inside:
            self.technologies.add(self.bridge().technology.name)
        speaking = {member.name for member in self.inside if not member.is_held and not member.is_muted}
        for member in (*self.inside, *self.waiting):
            is_hearing = member in self.inside and not member.is_held
            wanted = speaking - {member.name} if is_hearing else set()
            assert member.heard() == wanted, f"{member.name} after {self.story}: {self.bridge().explain() if self.inside else ''}"
        for member in self.members:
            assert not member.phone.inbox, f"{member.name} after {self.story}: {member.phone.inbox[0].text}"

    async def end(self) -> None:
        """All go."""
        for member in (*self.waiting, *self.inside[: len(self.inside) - 1], *self.inside[-1:]):
            if member.call is None:
                continue
            await member.call.hang_up()
            member.finish()
            if member in self.waiting:
                self.waiting.remove(member)
            else:
                await self._without(member)


@pytest.mark.parametrize("seed", [1, 2, 3, 9])
async def test_everybody_hears_the_right_ones_and_nothing_is_left(tmp_path: Path, seed: int) -> None:
    pjsip = "".join(
        phone_section(name, allow="ulaw,alaw", contact=f"sip:{name}@127.0.0.1:{15071 + place}")
        for place, name in enumerate(NAMES)
    )
    async with sip_office(tmp_path, pjsip, EXTENSIONS) as office:
        register_commands(office.system)
        churn = Churn(office, seed)
        await asyncio.sleep(5)  # what the start left to do is done
        before = held(office)
        for _ in range(CHANGES):
            await churn.step()
        assert churn.technologies >= {"native_rtp", "simple_bridge", "softmix"}
        await churn.end()
        await asyncio.sleep(70)  # the longest a transaction may stay
        assert held(office) == before
        assert not office.system.bridges


def held(office: SipOffice) -> dict[str, int]:
    """What there is of what calls need."""
    engine = office.driver.rtp
    return {
        "tasks": len(asyncio.all_tasks()),
        "tasks of the system": len(office.system.tasks),
        "sockets": len(office.media),
        "RTP sessions": len(engine),
        "ports": engine.ports().used,
        "bridges": len(office.system.bridges),
        "channels": len(office.system.channels),
        "legs": len(office.driver.legs),
        "files": len(os.listdir("/proc/self/fd")),
    }
