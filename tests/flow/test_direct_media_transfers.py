"""Calls whose media go directly are transferred, joined and moved: whoever talks in the end sends to one another.

Phones answer every re-INVITE and UPDATE at once and say numbered packets all the time, to where they were told last.
"""

from __future__ import annotations

import asyncio
import re
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from globstar.core.bridge import Bridge
from globstar.core.channel import Channel
from globstar.core.cli import run_command
from globstar.core.gather import Gathering, gather
from globstar.interfaces.cli.commands import register_commands
from tests.support.sip_phone import PhoneCall, SipOffice, SipPhone, Wire
from tests.support.sip_transfer import dialog_of, refer_to, transfer_office

pytestmark = pytest.mark.virtual_time

#: The first octet of what is said.
MARK = 0x55


class Talk:
    """One call of a phone, in which it talks."""

    def __init__(self, call: PhoneCall, speaker: int) -> None:
        self.call = call
        self.speaker = speaker
        self.is_over = False
        self.direction = "sendrecv"
        self._number = 0
        self.task = asyncio.ensure_future(self._speak())

    async def _speak(self) -> None:
        while not self.is_over:
            if self.call.remote is not None:
                said = struct.pack("!BBH", MARK, self.speaker, self._number).ljust(160, b"\x33")
                self.call.send_rtp(said, time=160 * self._number)
            self._number += 1
            await asyncio.sleep(0.02)

    def heard_of(self, other: Talk) -> list[int]:
        """The numbers of what was heard of the other one."""
        heads = [struct.unpack("!BBH", payload[:4]) for _, payload in self.call.heard if len(payload) == 160]
        return [number for mark, speaker, number in heads if (mark, speaker) == (MARK, other.speaker)]


class Robot:
    """Answers whatever a phone is asked, in as many calls as it has."""

    def __init__(self, phone: SipPhone, number: int) -> None:
        self.phone = phone
        self.number = number
        self.talks: dict[str, Talk] = {}
        self.task = asyncio.ensure_future(self._run())

    @property
    def living(self) -> list[Talk]:
        """The calls that are not over."""
        return [talk for talk in self.talks.values() if not talk.is_over]

    def take(self, call: PhoneCall) -> Talk:
        """A call begins."""
        talk = self.talks[call.call_id] = Talk(call, 10 * self.number + len(self.talks))
        return talk

    async def dial(self, number: str, other: Robot) -> tuple[Talk, Talk]:
        """Call another robot, until both talk."""
        talk = self.take(self.phone.call(number))
        known = set(other.talks)
        for _ in range(1000):
            if talk.call.answer_seen is not None and set(other.talks) - known:
                break
            await asyncio.sleep(0.01)
        (called,) = set(other.talks) - known
        return talk, other.talks[called]

    async def _run(self) -> None:
        while True:
            message = await self.phone._answer()
            talk = self.talks.get(message["Call-ID"])
            if message.status:
                if message.status == 200 and message.method == "INVITE" and talk is not None:
                    talk.call.take_answer(message)
            elif message.method in ("INVITE", "UPDATE"):
                self._offered(message, talk)
            elif message.method != "ACK":
                self.phone.send(self.phone.reply_to(message, 200, "OK"))
                if message.method == "BYE" and talk is not None:
                    talk.is_over = True

    def _offered(self, message: Wire, talk: Talk | None) -> None:
        if talk is None:
            contact = re.sub(r"^<|>.*$", "", message["Contact"])
            talk = self.take(PhoneCall(self.phone, contact, request=message))
        if "m=audio" in message.body:
            talk.call.learn_media(message)
        has_answer = message.method == "INVITE" or "m=audio" in message.body
        talk.call.reply(200, request=message, body=talk.call.sdp("0 101", talk.direction) if has_answer else "")


class World:
    """The office and its four robots."""

    def __init__(self, office: SipOffice, phones: list[SipPhone]) -> None:
        self.office = office
        self.alice, self.bob, self.carol, self.dave = (Robot(phone, number) for number, phone in enumerate(phones))

    def channel(self, name: str) -> Channel:
        """The channel of a phone."""
        return next(channel for channel in self.office.system.channels.values() if name in channel.name)

    async def judge(self, one: Talk, other: Talk, *, is_direct: bool = True) -> None:
        """Both hear all that the other says, from where it should come."""
        await asyncio.sleep(3)
        for talk in (one, other):
            talk.call.heard.clear()
        await asyncio.sleep(1)
        for me, peer in ((one, other), (other, one)):
            assert me.call.remote is not None
            assert (me.call.remote[1] == peer.call.rtp_port) == is_direct, self.office.ladder
            numbers = me.heard_of(peer)
            assert len(numbers) >= 48, self.office.ladder
            assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


@asynccontextmanager
async def world(root: Path, method: str) -> AsyncIterator[World]:
    async with transfer_office(root, direct_media="yes", direct_media_method=method) as (office, phones):
        register_commands(office.system)
        made = World(office, phones)
        yield made
        for channel in list(office.system.channels.values()):
            channel.request_hangup()
        await asyncio.sleep(2)
        for robot in (made.alice, made.bob, made.carol, made.dave):
            robot.task.cancel()
            for talk in robot.talks.values():
                talk.is_over = True
                await talk.task


async def blindly(world: World, alice: Talk, bob: Talk) -> tuple[Talk, Talk]:
    bob.call._send("REFER", refer_to("102"))
    await asyncio.sleep(2)
    (carol,) = world.carol.living
    return alice, carol


async def attended(world: World, alice: Talk, bob: Talk) -> tuple[Talk, Talk]:
    second, carol = await world.bob.dial("102", world.carol)
    await asyncio.sleep(2)
    bob.call._send("REFER", refer_to("102", dialog_of(second.call)))
    return alice, carol


async def attended_on_hold(world: World, alice: Talk, bob: Talk) -> tuple[Talk, Talk]:
    bob.direction = "sendonly"
    bob.call.invite(body=bob.call.sdp("0 101", "sendonly"), extra="")
    await asyncio.sleep(1)
    return await attended(world, alice, bob)


async def redirected(world: World, alice: Talk, bob: Talk) -> tuple[Talk, Talk]:
    world.channel("alice").redirect("phones", "102", 1)
    await asyncio.sleep(2)
    (carol,) = world.carol.living
    return alice, carol


async def bridged(world: World, alice: Talk, bob: Talk) -> tuple[Talk, Talk]:
    """As the manager action Bridge does it: one of each of two calls."""
    carol, dave = await world.carol.dial("103", world.dave)
    await world.judge(carol, dave)
    meeting = Bridge(world.office.system)
    for name in ("alice", "dave"):
        gather(world.channel(name), meeting, Gathering(), lambda _member: None)
    return alice, dave


@pytest.mark.parametrize("method", ["invite", "update"])
@pytest.mark.parametrize("change", [blindly, attended, attended_on_hold, redirected, bridged])
async def test_who_talks_afterwards_does_so_directly(
    tmp_path: Path, change: Callable[[World, Talk, Talk], Awaitable[tuple[Talk, Talk]]], method: str
) -> None:
    async with world(tmp_path, method) as office:
        alice, bob = await office.alice.dial("101", office.bob)
        await office.judge(alice, bob)
        await office.judge(*await change(office, alice, bob))


async def test_a_recorded_call_that_is_transferred_becomes_direct_when_the_recording_ends(tmp_path: Path) -> None:
    async with world(tmp_path, "invite") as office:
        alice, bob = await office.alice.dial("101", office.bob)
        await office.judge(alice, bob)
        name = office.channel("alice").name
        await run_command(office.office.system, f"mixmonitor start {name} both.wav")
        await office.judge(alice, bob, is_direct=False)
        pair = await blindly(office, alice, bob)
        await office.judge(*pair, is_direct=False)
        await run_command(office.office.system, f"mixmonitor stop {name}")
        await office.judge(*pair)
