"""A call whose media go directly gets a recording, a spy or a feature: its media come back to us without a hole.

Both phones send a packet each 20 ms, to where they were told last, which is noise behind its own number. So what the other one
hears tells what was lost, what came late, and what came twice.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from globstar.core.cli import run_command
from globstar.core.frame import Frame
from globstar.media.network import Impairment
from tests.flow.test_direct_media import phones, why
from tests.support.sip_phone import PhoneCall, SipOffice, phone_section, sip_office

#: Longest time between two packets that are heard, seconds; each is 20 ms of sound.
MAX_GAP = 0.04
#: The source of what the phones send.
PHONE = 0xABCD
EXTENSIONS = """\
[default]
exten => 103,1,Dial(PJSIP/bob,60)
exten => spy,1,Answer()
 same => n,ChanSpy(PJSIP/alice,q)
exten => whisper,1,Answer()
 same => n,ChanSpy(PJSIP/alice,qw)
"""


class LivePhone:
    """A phone in a call that speaks all the time and answers each re-INVITE after a while."""

    def __init__(self, call: PhoneCall, answers_after: float, seed: int) -> None:
        self.call = call
        self.answers_after = answers_after
        self._noise = random.Random(seed)
        self.sent: dict[int, bytes] = {}
        self.heard: list[tuple[float, bytes]] = []
        #: number, timestamp and source of the same packets
        self.heads: list[tuple[int, int, int]] = []
        self.moves = 0
        self._tasks = [asyncio.ensure_future(self._speak()), asyncio.ensure_future(self._answer())]
        call.socket.set_reader(self._read)

    def _read(self, _now: float) -> None:
        while True:
            try:
                data, _ = self.call.socket.recvfrom(2048)
            except BlockingIOError:
                return
            if len(data) >= 12 and data[1] & 0x7F == 0:
                self.heard.append((asyncio.get_running_loop().time(), data[12:]))
                self.heads.append(struct.unpack("!HII", data[2:12]))

    async def _speak(self) -> None:
        loop = asyncio.get_running_loop()
        start, number = loop.time(), 0
        while True:
            payload = struct.pack("!I", number) + self._noise.randbytes(156)
            self.sent[number] = payload
            self.call.send_rtp(payload, time=160 * number)
            number += 1
            await asyncio.sleep(start + 0.02 * number - loop.time())

    async def _answer(self) -> None:
        """It sends elsewhere when it answers, as phones do."""
        while True:
            request = await self.call.phone.get("INVITE", 3600)
            await asyncio.sleep(self.answers_after)
            self.call.learn_media(request)
            self.call.reply(200, request=request, body=self.call.sdp())
            self.moves += 1
            await self.call.phone.get("ACK")

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def faults(self, other: LivePhone) -> list[str]:
        """What is wrong with what was heard of the other one."""
        found = []
        numbers = [struct.unpack("!I", payload[:4])[0] for _, payload in self.heard]
        changed = [number for number, (_, payload) in zip(numbers, self.heard, strict=True) if other.sent.get(number) != payload]
        if changed:
            found.append(f"not what was said: {changed[:5]}")
        twice = sorted(number for number in set(numbers) if numbers.count(number) > 1)
        if twice:
            found.append(f"heard twice: {twice}")
        if numbers != sorted(numbers):
            found.append("out of order")
        missing = sorted(set(range(numbers[0], numbers[-1])) - set(numbers))
        for (before, _), (after, _) in itertools.pairwise(self.heard):
            if after - before > MAX_GAP + 1e-6:
                found.append(f"nothing for {1000 * (after - before):.0f} ms; lost: {missing}")
        return found + self._leaps()

    def _leaps(self) -> list[str]:
        """Where what we send does not go on as one stream: a number left out, or a timestamp that is not that of its time."""
        ours = [(at, head) for (at, _), head in zip(self.heard, self.heads, strict=True) if head[2] != PHONE]
        found = []
        for (before, (number, stamp, source)), (after, (next_number, next_stamp, next_source)) in itertools.pairwise(ours):
            if source == next_source and (
                next_number - number & 0xFFFF != 1 or abs((next_stamp - stamp & 0xFFFFFFFF) - (after - before) * 8000) > 200
            ):
                found.append(f"{after - before:.2f} s from {number}, {stamp} to {next_number}, {next_stamp}")
        return found


@dataclass
class World:
    office: SipOffice
    alice: LivePhone
    bob: LivePhone

    @property
    def channel(self) -> str:
        return next(channel.name for channel in self.office.system.channels.values() if "alice" in channel.name)

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for it, half a second longer, and see that nobody missed anything."""
        for _ in range(500):
            if condition():
                break
            await asyncio.sleep(0.02)
        else:
            raise AssertionError(f"never {what}: {why(self.office)}")
        await asyncio.sleep(0.5)
        for phone, other in ((self.alice, self.bob), (self.bob, self.alice)):
            assert len(phone.heard) > 20
            assert phone.faults(other) == [], f"{phone.call.phone.name} when {what}"

    def is_direct(self) -> bool:
        """Whether both phones have been told, and send to one another."""
        ports = {self.alice.call.rtp_port, self.bob.call.rtp_port}
        return {self.alice.call.remote and self.alice.call.remote[1], self.bob.call.remote and self.bob.call.remote[1]} == ports

    def is_ours(self) -> bool:
        """Whether both phones send to us."""
        ports = {self.alice.call.rtp_port, self.bob.call.rtp_port}
        return ports.isdisjoint({(phone.call.remote or ("", 0))[1] for phone in (self.alice, self.bob)})


@asynccontextmanager
async def world(root: Path, waits: tuple[float, float], delay: float, *, direct: bool = True) -> AsyncIterator[World]:
    options: dict[str, object] = {} if direct else {"direct_media": "no"}
    pjsip = phones(options, options) + phone_section("carol")
    async with sip_office(root, pjsip, EXTENSIONS) as office:
        alice, bob = office.phone("alice"), office.phone("bob")
        await bob.register()
        calling = alice.call("103")
        await alice.get(100)
        called = await bob.ring()
        called.reply(200, body=called.sdp())
        await bob.get("ACK")
        await calling.answered()
        await office.bridged()
        if delay:
            for call in (calling, called):
                office.media.impair((call.phone.address[0], call.rtp_port), Impairment(delay=delay))
        lively = World(office, LivePhone(calling, waits[0], 1), LivePhone(called, waits[1], 2))
        try:
            await lively.until(lively.is_direct if direct else lively.is_ours, "connected")
            yield lively
        finally:
            for phone in (lively.alice, lively.bob):
                await phone.stop()


async def record(world: World) -> Callable[[], Awaitable[object]]:
    system, name = world.office.system, world.channel
    assert await run_command(system, f"mixmonitor start {name} live.wav") == ""

    async def stop() -> None:
        await run_command(system, f"mixmonitor stop {name}")

    return stop


async def spy(world: World, number: str = "spy") -> Callable[[], Awaitable[object]]:
    carol = world.office.phone("carol")
    call = await carol.dial(number)
    return call.hang_up


async def whisper(world: World) -> Callable[[], Awaitable[object]]:
    return await spy(world, "whisper")


async def hook(world: World) -> Callable[[], Awaitable[object]]:
    channel = next(channel for channel in world.office.system.channels.values() if "bob" in channel.name)

    def see(frame: Frame) -> Frame:
        return frame

    channel.add_read_hook(see)

    async def stop() -> None:
        channel.remove_hook(see)

    return stop


@pytest.mark.parametrize("delay", [0.0, 0.03])
@pytest.mark.parametrize("waits", [(0.0, 0.0), (0.0, 0.4), (0.4, 0.0)], ids=["at once", "callee late", "caller late"])
@pytest.mark.parametrize("arrives", [record, spy, whisper, hook])
async def test_media_come_back_and_go_without_a_hole(
    tmp_path: Path,
    arrives: Callable[[World], Awaitable[Callable[[], Awaitable[object]]]],
    waits: tuple[float, float],
    delay: float,
) -> None:
    async with world(tmp_path, waits, delay) as live:
        leaves = await arrives(live)
        await live.until(live.is_ours, "back")
        await leaves()
        await live.until(live.is_direct, "direct again")
        assert (live.alice.moves, live.bob.moves) == (3, 3)


@pytest.mark.parametrize("arrives", [record, spy, whisper, hook])
async def test_relayed_media_become_visible_and_unseen_without_a_hole(
    tmp_path: Path, arrives: Callable[[World], Awaitable[Callable[[], Awaitable[object]]]]
) -> None:
    async with world(tmp_path, (0.0, 0.0), 0.0, direct=False) as live:
        assert why(live.office).startswith("native_rtp: chosen")
        leaves = await arrives(live)
        await live.until(lambda: not why(live.office).startswith("native_rtp: chosen"), "seen")
        await leaves()
        await live.until(lambda: why(live.office).startswith("native_rtp: chosen"), "unseen again")
        assert (live.alice.moves, live.bob.moves) == (0, 0)


@pytest.mark.parametrize("pause", [0.1, 0.3, 0.9])
async def test_relayed_media_seen_twice_in_a_moment(tmp_path: Path, pause: float) -> None:
    """What was relayed between two recordings was no loss: neither numbers nor times are left out for it."""
    async with world(tmp_path, (0.0, 0.0), 0.0, direct=False) as live:
        for _ in range(3):
            leaves = await record(live)
            await asyncio.sleep(0.5)
            await leaves()
            await asyncio.sleep(pause)
        await live.until(lambda: why(live.office).startswith("native_rtp: chosen"), "unseen again")
