"""FollowMe: the numbers of a profile step by step, called parties who take or decline, what callers hear."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from globstar.base.log import Level
from globstar.config import MemorySource, read_config
from globstar.modules.apps.followme.settings import Number, read_followme, read_number
from tests.support.dialling import PLACES, went_on
from tests.support.switch import LogCapture
from tests.support.testtech import Leg, World

CONF = """
[general]
featuredigittimeout=3000
[ann]
context=numbers
takecall=11
declinecall=2
number=101,5
number=102,10
[both]
context=numbers
number=101&102,10,1
[quick]
context=numbers
enable_callee_prompt=no
connecting_prompt=connecting
number=101
"""
NUMBERS = "[numbers]\nexten => 101,1,Dial(Test/bob)\nexten => 102,1,Dial(Test/carol)\n"
SOUNDS = ("call-from", "no-recording", "options", "pls-hold-while-try", "status", "sorry")


def make_sounds(folder: Path) -> None:
    names = [*(f"followme/{name}" for name in SOUNDS), "vm-rec-name", "connecting"]
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.ulaw").write_bytes(b"\xff" * 1600)


@asynccontextmanager
async def office(arguments: str) -> AsyncIterator[World]:
    plan = f"[default]\nexten => 200,1,FollowMe({arguments})\n same => n,UserEvent(after)\n same => n,Hangup()\n{NUMBERS}{PLACES}"
    async with await World.start(plan, files={"followme.conf": CONF}) as world:
        for name, number, display in (("alice", "100", "Alice"), ("bob", "101", "Bob"), ("carol", "102", "Carol")):
            world.phone(name, number, display)
        await asyncio.to_thread(make_sounds, Path(world.system.directories.astdatadir) / "sounds" / "en")
        yield world
        await world.all_gone()


def files(world: World, who: Leg | None = None) -> list[str]:
    return [
        event.file.removesuffix(".ulaw")
        for event in world.events
        if type(event).__name__ == "FilePlayed" and (who is None or event.channel is who.channel)
    ]


def left_over(world: World) -> list[Path]:
    return list(Path(world.system.directories.astspooldir).glob("tmp/followme-*"))


def talks(leg: Leg) -> bool:
    return leg.channel.bridge_member is not None


async def test_the_second_number_rings_when_the_first_does_not_answer() -> None:
    async with office("ann") as world:
        call = world.tech.phones["alice"].dials("200")
        bob = await world.tech.phones["bob"].is_called()
        bob.rings()
        began = world.system.now()
        carol = await world.tech.phones["carol"].is_called()
        assert world.system.now() - began == pytest.approx(5, abs=0.2)
        assert bob.channel.is_hung_up
        carol.answers()
        await world.settle(1)
        assert not talks(call)
        carol.presses("11")
        await world.settle(1)
        assert talks(call)
        assert files(world, call) == ["followme/pls-hold-while-try"]
        assert [file for file in files(world) if "options" in file or "recording" in file] == [
            "followme/no-recording",
            "followme/options",
        ]
        await asyncio.sleep(3)
        carol.hangs_up()
        await world.settle(1)
        assert went_on(world, call) == [("after",)]
        values = dict(world.varset(call.channel))
        assert int(values["ANSWEREDTIME"]) >= 3
        assert int(values["DIALEDTIME"]) >= 8


async def test_a_called_party_declines() -> None:
    async with office("ann,n") as world:
        call = world.tech.phones["alice"].dials("200")
        bob = await world.tech.phones["bob"].is_called()
        bob.answers()
        await world.settle(1)
        bob.presses("2")
        await world.settle(1)
        assert bob.channel.is_hung_up
        assert world.tech.phones["carol"].legs == []
        assert files(world, call)[-1] == "followme/sorry"
        assert went_on(world, call) == [("after",)]


async def test_nobody_decides_and_nobody_is_reached() -> None:
    async with office("ann,n") as world:
        call = world.tech.phones["alice"].dials("200")
        bob = await world.tech.phones["bob"].is_called()
        bob.answers()
        carol = await world.tech.phones["carol"].is_called()
        carol.refuses()
        await world.settle(1)
        assert bob.channel.is_hung_up
        assert files(world, call)[-1] == "followme/sorry"
        assert went_on(world, call) == [("after",)]


async def test_numbers_of_one_step_ring_together_and_the_first_wins() -> None:
    async with office("both,sa") as world:
        call = world.tech.phones["alice"].dials("200")
        await call.is_told("answer")
        call.speaks_on()
        await world.settle(1.2)
        call.presses("#")
        bob, carol = await world.tech.phones["bob"].is_called(), await world.tech.phones["carol"].is_called()
        bob.answers()
        carol.answers()
        await world.settle(1)
        carol.presses("1")
        await world.settle(1)
        assert talks(call)
        assert bob.channel.is_hung_up
        assert not carol.channel.is_hung_up
        assert files(world, call) == ["followme/status", "vm-rec-name", "followme/pls-hold-while-try"]
        assert files(world).count("followme/call-from") == 2
        assert not left_over(world)
        call.hangs_up()


async def test_without_a_question_and_without_an_answer_before() -> None:
    async with office("quick,Nb(subs^s^1(x))") as world:
        call = world.tech.phones["alice"].dials("200")
        bob = await world.tech.phones["bob"].is_called()
        assert "answer" not in call.told
        assert "ringing" in call.told
        bob.answers()
        await world.settle(1)
        assert talks(call)
        assert files(world) == ["connecting"]
        assert any(name == "seen" and value == "x" for _, name, value in seen_variables(world))
        call.hangs_up()


def seen_variables(world: World) -> list[tuple[str, str, str]]:
    return [
        (event.channel.name, event.name, event.value)
        for event in world.events
        if type(event).__name__ == "VariableSet" and event.channel is not None
    ]


async def test_the_caller_hangs_up_while_it_rings() -> None:
    async with office("both,d") as world:
        call = world.tech.phones["alice"].dials("200")
        bob = await world.tech.phones["bob"].is_called()
        bob.answers()
        await world.settle(0.5)
        call.hangs_up()
        await world.settle(1)
        assert bob.channel.is_hung_up


async def test_no_such_profile() -> None:
    async with office("nobody") as world:
        with LogCapture() as log:
            call = world.tech.phones["alice"].dials("200")
            await world.settle(1)
        assert log.texts(Level.WARNING) == ["FollowMe profile 'nobody' not found in followme.conf"]
        assert went_on(world, call) == [("after",)]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1", Number(("1",), 25, 4)), ("1&2,7", Number(("1", "2"), 7, 4)), ("1,7,2", Number(("1",), 7, 2)),
        ("1,,2", Number(("1",), 25, 2)),
        ("", None), ("1,x", None), ("1,7,x", None), ("1,7,2,9", None),
    ],
)  # fmt: skip
def test_numbers(text: str, number: Number | None) -> None:
    assert read_number(text, 4) == number


def test_settings() -> None:
    text = (
        "[general]\nfeaturedigittimeout=1000\nsorry-prompt=general-sorry\nstatus_prompt=general-status\nbogus=1\n"
        "[one]\nmusic=m\nfollowme-status-prompt=own\nnumber=1\nnumber=2\ntakecall=x\nwhat=1\nnumber=,\n"
    )
    with LogCapture() as log:
        settings = read_followme(read_config("followme.conf", MemorySource({"followme.conf": text})))
    one = settings.profiles["one"]
    assert (settings.digit_timeout, one.prompts.sorry, one.prompts.status) == (1.0, "general-sorry", "own")
    assert (one.music_class, one.take_call) == ("m", "1")
    assert [[number.numbers for number in step] for step in one.steps()] == [[("1",)], [("2",)]]
    assert [message.partition(": ")[0] for message in log.texts(Level.WARNING)] == [
        "followme.conf:5", "followme.conf:11", "followme.conf:12", "followme.conf:13",
    ]  # fmt: skip
