"""Applications and functions that users write in Python: files in astmoddir, nothing else."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from globstar.base.log import Level
from globstar.core.cli import run_command
from globstar.core.loader import ModuleError
from globstar.interfaces.cli.commands import register_commands
from tests.support.dialling import went_on
from tests.support.switch import LogCapture
from tests.support.testtech import Leg, World

FLOW = '''
"""app_mine: everything a flow may do."""

from globstar import CallFailed, Channel, HungUp, Options, application, flag, function, value


class MyOptions(Options):
    loud: bool = flag("l")
    times: int = value("t", default=1)


@application
async def say_it(channel: Channel, what: str, options: MyOptions = MyOptions()) -> None:
    """Say something.

    As often as you like.
    """
    await channel.answer()
    for _ in range(options.times):
        await channel.play(what, until="#")
    channel.variables["SAID"] = f"{what} {options.times} {options.loud}"


@application("Menu")
async def menu(channel: Channel) -> None:
    key = await channel.choose("menu", keys="12", tries=2, timeout=3, sorry="sorry")
    channel.variables["KEY"] = key
    channel.variables["PIN"] = await channel.read("pin", digits=4, timeout=3)


@application
async def note(channel: Channel) -> None:
    made = await channel.record("note", maximum_seconds=5, beep=False)
    channel.variables["NOTE"] = f"{made.end.value} {made.seconds:.0f}"
    await channel.play(made.name)


@application
async def hop(channel: Channel, where: str) -> None:
    answer = await channel.gosub("sub", "s", 1, "a", 2)
    channel.variables["ANSWER"] = answer
    await channel.set("CALLERID(name)", "Flow")
    channel.variables["NAME"] = await channel.get("CALLERID(name)")
    channel.variables["SET"] = await channel.run("Set", "X=from an application") + await channel.get("X")
    channel.goto("after", where, "label")


@application
async def connect(channel: Channel, destination: str) -> None:
    try:
        async with channel.call(destination, timeout=10) as callee:
            await callee.play("offer")
            if await callee.read_key(5) == "1":
                await channel.bridge(callee)
    except CallFailed as failed:
        channel.variables["FAILED"] = failed.status
    except HungUp:
        if channel.is_alive:
            channel.variables["FAILED"] = "gone"
        else:
            raise


@application
async def dial_out(channel: Channel, destination: str) -> None:
    result = await channel.dial(destination, timeout=5, options="b(sub^s^1(g))")
    channel.variables["DIALLED"] = f"{result.status} {result.is_answered} {result.talked_seconds:.0f}"


@application
async def broken(channel: Channel) -> None:
    raise ValueError("this is a bug")


@application
async def nothing_there(channel: Channel) -> None:
    await channel.run("Plaback", "x")


@application
async def end_it(channel: Channel) -> None:
    channel.hang_up()


@function
def double(channel: Channel | None, number: int, more: str = "") -> str:
    return f"{number * 2}{more}"


@function("LATER")
async def later(channel: Channel) -> int:
    await channel.set("SEEN", "yes")
    return 7


kept: dict[str, int] = {}


@function
def kept_value(channel: Channel | None, key: str) -> int | None:
    return kept.get(key)


@kept_value.writer
def keep(channel: Channel | None, value: int, key: str = "none") -> None:
    kept[key] = value


@function
def failing(channel: Channel | None) -> str:
    return str(1 // 0)
'''

PLAN = """[default]
exten => 1,1,SayIt(hello,lt(2))
 same => n,UserEvent(after,Said: ${SAID})
exten => 2,1,SayIt(hello,t(x))
 same => n,UserEvent(after)
exten => 3,1,Answer()
 same => n,Menu()
 same => n,UserEvent(after,Key: ${KEY},Pin: ${PIN})
exten => 4,1,Answer()
 same => n,Note()
 same => n,UserEvent(after,Note: ${NOTE})
exten => 5,1,Hop(there)
 same => n,UserEvent(never)
exten => 6,1,Connect(Test/bob)
 same => n,UserEvent(after,Failed: ${FAILED})
exten => 7,1,DialOut(Test/bob)
 same => n,UserEvent(after,Dialled: ${DIALLED})
exten => 8,1,Broken()
 same => n,UserEvent(never)
exten => 9,1,NothingThere()
exten => 10,1,UserEvent(functions,A: ${DOUBLE(4,x)},B: ${LATER()}${SEEN},C: ${DOUBLE(x)},D: ${FAILING()})
 same => n,Set(KEPT_VALUE(k)=5)
 same => n,Set(KEPT_VALUE(k)=x)
 same => n,UserEvent(kept,V: ${KEPT_VALUE(k)})
exten => 11,1,EndIt()
 same => n,UserEvent(never)
exten => h,1,UserEvent(h)
[sub]
exten => s,1,UserEvent(sub,Args: ${ARG1} ${ARG2} ${ARGC})
 same => n,Return(value of sub)
[after]
exten => there,1,UserEvent(never)
 same => n(label),UserEvent(there,Answer: ${ANSWER},Name: ${NAME},Set: ${SET})
"""


@asynccontextmanager
async def world(code: str = FLOW, plan: str = PLAN) -> AsyncIterator[World]:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        (root / "modules").mkdir()
        (root / "modules" / "app_mine.py").write_text(code)
        async with await World.start(plan, root=root) as made:
            register_commands(made.system)
            for phone, number in (("alice", "100"), ("bob", "101")):
                made.phone(phone, number, phone.title())
            for sound in ("hello", "menu", "sorry", "pin", "offer"):
                made.sound(sound)
            yield made
            await made.all_gone()


def module_file(made: World) -> Path:
    return Path(made.system.directories.astmoddir) / "app_mine.py"


async def call(made: World, number: str) -> Leg:
    leg = made.tech.phones["alice"].dials(number)
    await made.all_gone()
    return leg


async def press(made: World, leg: Leg, keys: str) -> None:
    leg.presses(keys)
    await made.settle(0.2 * len(keys))


async def say(made: World, leg: Leg, octet: int, seconds: float) -> None:
    for _ in range(round(seconds * 50)):
        leg.speaks(bytes([octet]) * 160)
        await made.settle(0.02)


async def test_an_application_has_typed_arguments_and_options() -> None:
    async with world() as made:
        leg = await call(made, "1")
        assert went_on(made, leg) == [("after", "Said=hello 2 True"), ("h",)]
        assert leg.hears == ["hello"]
        shown = await run_command(made.system, "core show application SayIt")
        assert "SayIt(what[,options])" in shown
        assert "As often as you like." in shown


async def test_a_wrong_argument_ends_the_call_and_names_file_and_line() -> None:
    async with world() as made:
        with LogCapture() as log:
            leg = await call(made, "2")
        assert went_on(made, leg) == [("h",)]
        assert "SayIt at extensions.conf:4 (default,2,1): 't(x)' is no options: expected a whole number" in log.texts(Level.ERROR)


async def test_menus_and_numbers() -> None:
    async with world() as made:
        leg = made.tech.phones["alice"].dials("3")
        await made.settle(1)
        await press(made, leg, "5")
        await made.settle(1)
        await press(made, leg, "2")
        await made.settle(0.5)
        await press(made, leg, "12345")
        await made.all_gone()
        assert went_on(made, leg)[0] == ("after", "Key=2", "Pin=1234")
        assert leg.hears[:2] == ["menu", "sorry"]


async def test_nothing_is_pressed() -> None:
    async with world() as made:
        leg = await call(made, "3")
        assert went_on(made, leg)[0] == ("after", "Key=", "Pin=")


async def test_a_recording_can_be_played() -> None:
    async with world() as made:
        leg = made.tech.phones["alice"].dials("4")
        await leg.is_told("answer")
        await say(made, leg, 0x41, 2.0)
        await press(made, leg, "#")
        await made.all_gone()
        assert went_on(made, leg)[0] == ("after", "Note=digit 2")


async def test_to_the_dialplan_and_back_on_the_same_channel() -> None:
    async with world() as made:
        leg = await call(made, "5")
        assert went_on(made, leg) == [
            ("sub", "Args=a 2 2"),
            ("there", "Answer=value of sub", "Name=Flow", "Set=from an application"),
        ]


async def test_a_callee_is_asked_and_connected() -> None:
    async with world() as made:
        leg = made.tech.phones["alice"].dials("6")
        callee = await made.tech.phones["bob"].is_called()
        callee.rings()
        await leg.is_told("ringing")
        callee.answers()
        await made.settle(1)
        assert callee.hears == ["offer"]
        await press(made, callee, "1")
        await leg.is_told("answer")
        assert leg.channel.bridge_member is not None
        await say(made, callee, 0x42, 0.2)
        assert 0x42 in {frame.data[0] for frame in leg.heard if frame.data}
        callee.hangs_up()
        await made.all_gone()
        assert went_on(made, leg) == [("after", "Failed="), ("h",)]


@pytest.mark.parametrize(("key", "status"), [("2", ""), ("", "gone")])
async def test_a_callee_says_no_or_hangs_up(key: str, status: str) -> None:
    async with world() as made:
        leg = made.tech.phones["alice"].dials("6")
        callee = await made.tech.phones["bob"].is_called()
        callee.answers()
        await made.settle(1)
        if key:
            await press(made, callee, key)
        else:
            callee.hangs_up()
        await made.all_gone()
        assert went_on(made, leg) == [("after", f"Failed={status}"), ("h",)]
        assert leg.channel.bridge_member is None


async def test_a_callee_does_not_answer_or_is_busy_or_is_not_there() -> None:
    async with world() as made:
        leg = made.tech.phones["alice"].dials("6")
        (await made.tech.phones["bob"].is_called()).rings()
        await made.all_gone()
        assert went_on(made, leg)[0] == ("after", "Failed=NOANSWER")
        leg = made.tech.phones["alice"].dials("6")
        (await made.tech.phones["bob"].is_called()).refuses()
        await made.all_gone()
        assert went_on(made, leg)[0] == ("after", "Failed=BUSY")
        del made.tech.phones["bob"]
        leg = await call(made, "6")
        assert went_on(made, leg)[0] == ("after", "Failed=CHANUNAVAIL")


async def test_a_caller_who_hangs_up_takes_the_callee_along() -> None:
    async with world() as made:
        leg = made.tech.phones["alice"].dials("6")
        callee = await made.tech.phones["bob"].is_called()
        callee.answers()
        await made.settle(1)
        leg.hangs_up()
        await made.all_gone()
        assert callee.channel.is_hung_up
        leg = made.tech.phones["alice"].dials("6")
        callee = await made.tech.phones["bob"].is_called()
        leg.hangs_up()
        await made.all_gone()
        assert callee.channel.is_hung_up


async def test_dial_goes_on_after_the_call() -> None:
    async with world() as made:
        leg = made.tech.phones["alice"].dials("7")
        callee = await made.tech.phones["bob"].is_called()
        callee.answers()
        await leg.is_told("answer")
        await made.settle(3)
        callee.hangs_up()
        await made.all_gone()
        assert went_on(made, leg)[0] == ("after", "Dialled=ANSWER True 3")
        leg = await call(made, "7")
        assert went_on(made, leg)[0] == ("after", "Dialled=NOANSWER False 0")


async def test_a_bug_ends_one_call_and_names_both_places() -> None:
    async with world() as made:
        other = made.tech.phones["bob"].dials("4")
        await other.is_told("answer")
        line = FLOW[: FLOW.index('raise ValueError("this')].count("\n") + 1
        with LogCapture() as log:
            leg = await call_while(made, "8", other)
        assert went_on(made, leg) == [("h",)]
        assert leg.channel.hangup_cause == 38
        (said,) = log.texts(Level.ERROR)
        assert said.startswith(
            f"Broken on {leg.channel.name} failed in {module_file(made)}:{line}, called at extensions.conf:18 (default,8,1): "
            "ValueError: this is a bug"
        )


async def call_while(made: World, number: str, other: Leg) -> Leg:
    leg = made.tech.phones["alice"].dials(number)
    await made.settle(1)
    assert leg.channel.is_hung_up
    assert not other.channel.is_hung_up
    other.hangs_up()
    await made.all_gone()
    return leg


async def test_an_application_that_is_not_there_is_a_bug_with_a_hint() -> None:
    async with world() as made:
        with LogCapture() as log:
            await call(made, "9")
        assert "did you mean Playback?" in log.texts(Level.ERROR)[0]


async def test_functions() -> None:
    async with world() as made:
        with LogCapture() as log:
            leg = await call(made, "10")
        assert went_on(made, leg)[:2] == [("functions", "A=8x", "B=7yes", "C=", "D="), ("kept", "V=5")]
        texts = log.texts(Level.WARNING) + log.texts(Level.ERROR)
        assert any("'x' is no number" in text for text in texts)
        assert any("'x' is no value" in text for text in texts)
        assert any("ZeroDivisionError" in text and f"{module_file(made)}:" in text for text in texts)


async def test_hanging_up() -> None:
    async with world() as made:
        leg = await call(made, "11")
        assert went_on(made, leg) == [("h",)]


async def test_a_reload_reads_the_file_anew_and_running_calls_go_on() -> None:
    code = (
        "from globstar import Channel, application\n\n\n@application\nasync def which(channel: Channel) -> None:\n"
        '    await channel.wait(10)\n    channel.variables["WHICH"] = "{}"\n'
    )
    plan = "[default]\nexten => 1,1,Which()\n same => n,UserEvent(after,Which: ${WHICH})\n"
    async with world(code.format("old"), plan) as made:
        first = made.tech.phones["alice"].dials("1")
        await made.settle(1)
        module_file(made).write_text(code.format("new"))
        await made.system.loader.reload("app_mine")
        second = made.tech.phones["bob"].dials("1")
        await made.all_gone()
        assert went_on(made, first) == [("after", "Which=old")]
        assert went_on(made, second) == [("after", "Which=new")]
        module_file(made).write_text("def broken(:\n")
        with pytest.raises(ModuleError, match="stays as it was: SyntaxError"):
            await made.system.loader.reload("app_mine")
        third = await call(made, "1")
        assert went_on(made, third) == [("after", "Which=new")]
        module_file(made).write_text(code.format("third").replace("application\nasync", "application('Answer')\nasync"))
        with pytest.raises(ModuleError, match="already registered"):
            await made.system.loader.reload("app_mine")
        fourth = await call(made, "1")
        assert went_on(made, fourth) == [("after", "Which=new")]
        # a reload of everything takes files that have changed, and only those
        module_file(made).write_text(code.format("last"))
        os.utime(module_file(made), (1, 1))
        assert await made.system.loader.reload_all() == []
        fifth = await call(made, "1")
        assert went_on(made, fifth) == [("after", "Which=last")]
        before = made.system.loader.modules["app_mine"].code
        await made.system.loader.reload_all()
        assert made.system.loader.modules["app_mine"].code is before


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (
            "@application\nasync def x(channel: Channel, what: dict[str, str]) -> None: ...\n",
            "no text of the dialplan can become",
        ),
        ("@application\ndef x(channel: Channel) -> None: ...\n", "must be an async function"),
        ("raise RuntimeError('at once')\n", "at once"),
        ("async def x(:\n", "SyntaxError"),
    ],
)
async def test_a_file_that_cannot_be_used_is_told_and_the_server_starts(code: str, said: str) -> None:
    with LogCapture() as log:
        async with world("from globstar import Channel, application\n" + code) as made:
            assert await call(made, "11")
    assert any(said in text and "app_mine" in text for text in log.texts(Level.ERROR))
