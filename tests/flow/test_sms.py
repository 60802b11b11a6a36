"""SMS: phone and service centre exchange messages over a call, both ways; queues, refusals, damage, silence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from globstar.core.frame import Frame
from tests.support.dialling import went_on
from tests.support.testtech import NO_RECORDS, World


@asynccontextmanager
async def line(calling: str = "", called: str = "") -> AsyncIterator[World]:
    plan = (
        f'[default]\nexten => 1,1,Originate(Local/2@default/n,app,SMS,"{calling}")\n'
        f"exten => 2,1,Answer()\n same => n,SMS({called})\n same => n,UserEvent(done)\n"
        f"exten => 3,1,SMS({called})\n same => n,UserEvent(after)\n"
    )
    async with await World.start(plan, files=NO_RECORDS) as world:
        world.phone("alice", "100", "Alice")
        yield world
        await world.end_calls()


def root(world: World) -> Path:
    return Path(world.system.directories.astspooldir) / "sms"


async def put(world: World, name: str, text: str) -> None:
    path = root(world) / name
    await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
    await asyncio.to_thread(path.write_text, text)


async def files(world: World, folder: str) -> list[str]:
    return await asyncio.to_thread(lambda: [path.read_text() for path in sorted((root(world) / folder).glob("*"))])


async def exchange(world: World, seconds: float = 0.0) -> None:
    world.tech.phones["alice"].dials("1")
    await world.settle(1)
    await world.all_gone()


def complaints(world: World) -> list[str]:
    return [text for text in world.warnings if text.startswith("SMS")]


async def test_a_phone_sends_messages_to_a_centre() -> None:
    async with line("q", "centre,as") as world:
        await put(world, "motx/q.1", "da=+4412345\nmr=7\nsrr=1\nvp=60\nud=Hello\\nthere, Grüße\n; a remark\n")
        await put(world, "motx/q.2", "da=5\nud=Zażółć\n")
        await put(world, "motx/other.1", "da=5\nud=stays\n")
        await exchange(world)
        received = await files(world, "morx")
        assert received == [
            "oa=100\nda=+4412345\nmr=7\nvp=60\nsrr=1\nud=Hello\\nthere, Grüße\n",
            "oa=100\nda=5\nmr=0\ndcs=8\nud=Zażółć\n",
        ]
        assert await files(world, "motx") == ["da=5\nud=stays\n"]
        log = await asyncio.to_thread((Path(world.system.directories.astlogdir) / "sms").read_text)
        assert sorted(text.split(" ", 1)[1] for text in log.splitlines()) == [
            "centre received +4412345 Hello\\nthere, Grüße",
            "centre received 5 Zażółć",
            "q sent +4412345 Hello\\nthere, Grüße",
            "q sent 5 Zażółć",
        ]
        assert complaints(world) == []


async def test_a_centre_delivers_to_a_phone() -> None:
    async with line("100,sn", "phone,anp(100)") as world:
        await put(world, "mttx/100.a", "oa=+49301234\nscts=2026-11-29T22:05:06+01:00\nud=Ring me\n")
        await put(world, "mttx/100.b", "oa=5\nud#=00ff10\nudh#=050102\n")
        await exchange(world)
        first, second = await files(world, "mtrx")
        assert first == "oa=+49301234\nscts=2026-11-29T22:05:06+01:00\nud=Ring me\n"
        assert second.startswith("oa=5\nscts=2023-11-14T22:13:2")
        assert second.endswith("dcs=4\nudh#=050102\nud#=00ff10\n")
        assert not await asyncio.to_thread((Path(world.system.directories.astlogdir) / "sms").exists)


async def test_messages_that_cannot_be_sent_stay() -> None:
    async with line("q", "c,as") as world:
        await put(world, "motx/q.1", "da=nobody\nud=x\n")
        await put(world, "motx/q.2", f"da=1\nud={'x' * 161}\n")
        await put(world, "motx/q.3", "da=1\nud#=zz\n")
        await put(world, "motx/q.4", "da=1\nud=good\n")
        await exchange(world)
        assert len(await files(world, "morx")) == 1
        assert len(await files(world, "motx")) == 3
        assert len(complaints(world)) == 3


async def test_a_unit_of_the_wrong_kind_is_refused() -> None:
    """Two phones that call one another: a submission is none for a phone."""
    async with line("q", "p,a") as world:
        await put(world, "motx/q.1", "da=1\nud=x\n")
        await exchange(world)
        assert await files(world, "mtrx") == []
        assert len(await files(world, "motx")) == 1
        assert len(complaints(world)) == 2


async def test_a_damaged_frame_is_sent_again() -> None:
    async with line("q", "c,as") as world:
        await put(world, "motx/q.1", "da=1\nud=" + "Hello " * 10 + "\n")
        heard = 0

        def damage(frame: Frame) -> Frame:
            nonlocal heard
            if any(frame.data):
                heard += 1
            if 20 <= heard < 24:
                frame.data = bytes(len(frame.data))
            return frame

        world.tech.phones["alice"].dials("1")
        await world.settle(0.05)
        [called] = [channel for channel in world.system.channels.values() if channel.name.endswith(";2")]
        called.add_read_hook(damage)
        await world.all_gone()
        assert len(await files(world, "morx")) == 1
        assert await files(world, "motx") == []
        assert heard > 60


@pytest.mark.parametrize(("called", "warned"), [("c,as", "nothing comes"), ("c", "nobody takes")])
async def test_nobody_at_the_other_end(called: str, warned: str) -> None:
    async with line("", called) as world:
        call = world.tech.phones["alice"].dials("3")
        await world.settle(35)
        assert went_on(world, call) == [("after",)]
        assert any(warned in text for text in complaints(world))
        call = world.tech.phones["alice"].dials("3")
        await world.settle(2)
        call.hangs_up()
        await world.settle(1)
        assert went_on(world, call) == []


@pytest.mark.parametrize(
    ("arguments", "folder", "text"),
    [
        ("q,,123,Hello\\, you", "motx", "da=123\nud=Hello, you\n"),
        ("q,r,123,Hi", "motx", "da=123\nsrr=1\nud=Hi\n"),
        ("q,so,123,Hi", "mttx", "oa=123\nud#=4869\n"),
    ],
)
async def test_a_message_is_queued(arguments: str, folder: str, text: str) -> None:
    async with line("", arguments) as world:
        call = world.tech.phones["alice"].dials("3")
        await world.settle(1)
        assert went_on(world, call) == [("after",)]
        assert await files(world, folder) == [text]


async def test_arguments_that_make_no_sense() -> None:
    async with line("", "..,zx") as world:
        call = world.tech.phones["alice"].dials("3")
        await world.settle(1)
        assert went_on(world, call) == []
        assert len(complaints(world)) == 1
    async with line("", "../../etc/x,z,1,hello") as world:
        call = world.tech.phones["alice"].dials("3")
        await world.settle(1)
        assert any("'z'" in text for text in complaints(world))
        assert len(await files(world, "motx")) == 1
