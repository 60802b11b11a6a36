"""TestClient and TestServer: two ends of a line test one another and write reports."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.support.testtech import NO_RECORDS, World

PLAN = """
[default]
exten => 1,1,Dial(Local/2@default/n)
exten => 2,1,TestServer()
exten => 3,1,TestClient({ID})
 same => n,UserEvent(after)
exten => 4,1,TestServer()
 same => n,UserEvent(after)
exten => 10,1,Originate(Local/2@default/n,app,TestClient,{ID})
"""


def reports(world: World) -> dict[str, list[str]]:
    folder = Path(world.system.directories.astlogdir) / "testreports"
    return {path.name: path.read_text().splitlines() for path in sorted(folder.glob("*"))}


async def test_both_ends_of_a_good_line() -> None:
    async with await World.start(PLAN.replace("{ID}", "4711"), files=NO_RECORDS) as world:
        world.phone("alice")
        world.tech.phones["alice"].dials("10")
        await world.settle(1)
        await world.all_gone()
        found = await asyncio.to_thread(reports, world)
        assert list(found) == ["4711-client.txt", "4711-server.txt"]
        for name, lines in found.items():
            assert lines[-1].split() == ["RESULT:", "PASS"], lines
            assert len(lines) == 14
            assert lines[1].split() == [f"{name.split('-')[1].split('.')[0].upper()}TEST", "ID:", "4711"]
        tone = next(line for line in found["4711-server.txt"] if line.startswith("MEASURE TONE"))
        assert "PASS" in tone
        assert not [text for text in world.warnings if text.startswith("Test")]


async def test_a_noisy_line() -> None:
    async with await World.start(PLAN, files=NO_RECORDS) as world:
        call = world.phone("alice").dials("4")
        call.speaks_on(b"\x00\x80" * 80)
        for digit in "8378":
            await call.is_told(f"digit {digit}")
        call.presses("5#")
        for wanted, then in (("1", "2"), ("3", "4"), ("5", "6"), ("7", "8"), ("", "9")):
            if wanted:
                await call.is_told(f"digit {wanted}")
            await world.settle(0.5)
            call.presses(then)
        await call.is_told("digit 0")
        await world.all_gone()
        lines = (await asyncio.to_thread(reports, world))["5-server.txt"]
        assert lines[-1].endswith("FAIL (1)")
        assert next(line for line in lines if "FAIL (level" in line).startswith("MEASURE NOISE")


@pytest.mark.parametrize("identity", ["", "abc", "1" * 30, "../1"])
async def test_bad_identities(identity: str) -> None:
    async with await World.start(PLAN.replace("{ID}", identity), files=NO_RECORDS) as world:
        world.phone("alice")
        world.tech.phones["alice"].dials("3")
        await world.settle(1)
        await world.all_gone()
        assert any("testid" in text for text in world.warnings)
        assert await asyncio.to_thread(reports, world) == {}


async def test_nobody_at_the_other_end() -> None:
    async with await World.start(PLAN.replace("{ID}", "7"), files=NO_RECORDS) as world:
        world.phone("alice")
        for extension in ("3", "4"):
            call = world.tech.phones["alice"].dials(extension)
            await world.settle(30)
            assert call.channel.is_hung_up
        assert len([text for text in world.warnings if text.startswith("Test")]) == 2
        assert (await asyncio.to_thread(reports, world))["7-client.txt"][-1].split() == ["RESULT:", "FAIL"]


async def test_the_other_end_does_something_else() -> None:
    async with await World.start(PLAN.replace("{ID}", "7"), files=NO_RECORDS) as world:
        world.phone("alice")
        call = world.tech.phones["alice"].dials("4")
        await world.settle(4)
        call.presses("77#")
        await world.settle(3)
        call.presses("9")
        await world.all_gone()
        lines = (await asyncio.to_thread(reports, world))["77-server.txt"]
        assert lines[-2].startswith("WAIT DTMF 2:")
        assert "9 instead of 2" in lines[-2]
        call = world.tech.phones["alice"].dials("4")
        await world.settle(4)
        call.presses("78#")
        await world.settle(2)
        call.hangs_up()
        await world.all_gone()
        assert (await asyncio.to_thread(reports, world))["78-server.txt"][-1].endswith("FAIL (hung up)")
