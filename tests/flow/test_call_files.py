"""Call files: calls that other programs ask for by putting a file into the spool folder."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from globstar.base.log import Level
from tests.support.dialling import went_on
from tests.support.switch import LogCapture
from tests.support.testtech import World

PLAN = """[default]
exten => 300,1,Set(DONE=${GREETING})
same => n,UserEvent(answered,Who: ${CALLERID(all)})
same => n(later),UserEvent(second)
exten => failed,1,UserEvent(failed,Reason: ${REASON} ${GREETING})
"""


async def start() -> World:
    world = await World.start(PLAN)
    for name, number in (("bob", "101"), ("carol", "102")):
        world.phone(name, number, name.title())
    return world


def outgoing(world: World) -> Path:
    return Path(world.system.directories.astspooldir) / "outgoing"


def drop(world: World, text: str, *, name: str = "one.call", delay: float = 0.0) -> Path:
    """Move a file in, as programs should."""
    folder = outgoing(world)
    fresh = folder.parent / f"{name}.tmp"
    fresh.write_text(text)
    due = world.system.wall_time() + delay
    os.utime(fresh, (due, due))
    fresh.replace(folder / name)
    return folder / name


async def until(condition: Callable[[], object], seconds: float = 600.0) -> None:
    """Wait, in steps of a tenth of a second, for something to be so."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, "it never came about"
        await asyncio.sleep(0.1)


def archived(world: World, name: str = "one.call") -> str:
    return (outgoing(world).parent / "outgoing_done" / name).read_text()


async def test_a_file_makes_a_call_and_goes() -> None:
    async with await start() as world:
        path = drop(
            world,
            "# a comment\nChannel: Test/bob\nCallerID: Ada <555>\nContext: default\nExtension: 300\nPriority: 1\n"
            "Setvar: GREETING=hello \\; world ; another comment\nAccount: acc\n",
        )
        leg = await world.tech.phones["bob"].is_called()
        assert leg.channel.account_code == "acc"
        leg.answers()
        await world.all_gone()
        assert [event[0] for event in went_on(world)] == ["answered", "second"]
        assert went_on(world)[0] == ("answered", "Who=Ada <555>")
        await until(lambda: not path.exists())


async def test_a_label_and_an_application() -> None:
    async with await start() as world:
        drop(world, "Channel: Test/bob\nContext: default\nExtension: 300\nPriority: later\n")
        (await world.tech.phones["bob"].is_called()).answers()
        await world.all_gone()
        assert [event[0] for event in went_on(world)] == ["second"]
        drop(world, "Channel: Test/carol\nApplication: UserEvent\nData: direct\n", name="two.call")
        (await world.tech.phones["carol"].is_called()).answers()
        await world.all_gone()
        assert [event[0] for event in went_on(world)] == ["second", "direct"]


async def test_retries_until_somebody_answers() -> None:
    async with await start() as world:
        began = world.system.now()
        path = drop(
            world,
            "Channel: Test/bob\nContext: default\nExtension: 300\nMaxRetries: 2\nRetryTime: 60\nArchive: yes\nSet: GREETING=x\n",
        )
        (await world.tech.phones["bob"].is_called()).refuses()
        await until(lambda: "EndRetry" in path.read_text())
        assert went_on(world) == [("failed", "Reason=0 x")]
        leg = await world.tech.phones["bob"].is_called()
        assert world.system.now() - began == pytest.approx(60, abs=1)
        leg.answers()
        await world.all_gone()
        await until(lambda: not path.exists())
        lines = archived(world).split("\n")
        assert [line.split(":")[0] for line in lines[7:] if line] == ["StartRetry", "EndRetry", "StartRetry", "Status"]
        assert lines[-2] == "Status: Completed"


async def test_a_file_that_is_taken_away_meanwhile_is_not_called_again() -> None:
    async with await start() as world:
        text = "Channel: Test/bob\nContext: default\nExtension: 300\nMaxRetries: 5\nRetryTime: 10\nWaitTime: 5\n"
        path = drop(world, text)
        (await world.tech.phones["bob"].is_called()).rings()
        path.unlink()
        await asyncio.sleep(60)
        assert len(world.tech.phones["bob"].legs) == 1
        assert not path.exists()


async def test_no_answer_in_the_wait_time_and_no_try_left() -> None:
    async with await start() as world:
        began = world.system.now()
        path = drop(world, "Channel: Test/bob\nWaitTime: 7\nContext: default\nExtension: 300\nArchive: yes\n")
        (await world.tech.phones["bob"].is_called()).rings()
        await until(lambda: not path.exists())
        assert world.system.now() - began == pytest.approx(7, abs=1)
        assert archived(world).endswith("Status: Expired\n")
        assert went_on(world) == [("failed", "Reason=3")]


async def test_a_file_of_the_future_waits() -> None:
    async with await start() as world:
        began = world.system.now()
        drop(world, "Channel: Test/bob\nApplication: UserEvent\nData: x\n", delay=3600)
        leg = await world.tech.phones["bob"].is_called(4000)
        assert world.system.now() - began == pytest.approx(3600, abs=1)
        leg.answers()
        await world.all_gone()


async def test_a_file_may_be_put_off_while_it_waits() -> None:
    async with await start() as world:
        began = world.system.now()
        path = drop(world, "Channel: Test/bob\nApplication: UserEvent\nData: x\n", delay=100)
        await asyncio.sleep(50)
        due = world.system.wall_time() + 200
        os.utime(path, (due, due))
        (await world.tech.phones["bob"].is_called(400)).answers()
        assert world.system.now() - began == pytest.approx(250, abs=1)
        await world.all_gone()


async def test_a_file_that_may_stay_is_called_again_at_its_new_time() -> None:
    async with await start() as world:
        began = world.system.now()
        path = drop(world, "Channel: Test/bob\nApplication: Wait\nData: 1\nAlwaysDelete: no\nWaitTime: 10\nRetryTime: 10\n")
        leg = await world.tech.phones["bob"].is_called()
        due = world.system.wall_time() + 500
        os.utime(path, (due, due))
        leg.answers()
        await world.all_gone()
        (await world.tech.phones["bob"].is_called(600)).answers()
        assert world.system.now() - began == pytest.approx(500, abs=1)
        await world.all_gone()
        await until(lambda: not path.exists())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Channel: bob\nExtension: 300\n", "no Channel"),
        ("Channel: Test/bob\n", "neither an Application nor an Extension"),
        ("Channel: Test/bob\nExtension: 300\nPriority: nowhere\n", "no priority"),
        ("Channel: Test/bob\nExtension: 300\nCodecs: nosuch\n", "unknown codec"),
        ("\x00\xff broken", "no Channel"),
    ],
)
async def test_a_useless_file_is_told_and_removed(text: str, said: str) -> None:
    async with await start() as world:
        with LogCapture() as log:
            path = drop(world, text)
            await until(lambda: not path.exists())
        assert any(said in line for line in log.texts(Level.WARNING)), log.records
        assert not world.tech.phones["bob"].legs


async def test_lines_that_cannot_be_used_are_told_and_the_call_is_made() -> None:
    async with await start() as world:
        with LogCapture() as log:
            drop(world, "Channel: Test/bob\nExtension: 300\nWaitTime: soon\nColour: red\nnonsense\nSetvar: =\n")
            (await world.tech.phones["bob"].is_called()).answers()
            await world.all_gone()
        lines = [line for line in log.texts(Level.WARNING) if line.startswith("call file")]
        assert [line.partition("line ")[2].split(":")[0] for line in lines] == ["3", "4", "5", "6"]


async def test_files_that_are_there_at_the_start_are_called(tmp_path: Path) -> None:
    async with await start() as world:
        await world.system.loader.unload("pbx_spool")
        drop(world, "Channel: Test/bob\nApplication: Wait\nData: 1\n")
        await asyncio.sleep(5)
        assert not world.tech.phones["bob"].legs
        await world.system.loader.load("pbx_spool")
        (await world.tech.phones["bob"].is_called()).answers()
        await world.all_gone()


async def test_without_inotify_the_folder_is_looked_at_each_second(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(folder: Path) -> int:
        raise OSError("not here")

    monkeypatch.setattr("globstar.net.filewatch._open", none)
    async with await start() as world:
        drop(world, "Channel: Test/bob\nApplication: Wait\nData: 1\n")
        (await world.tech.phones["bob"].is_called()).answers()
        await world.all_gone()
