"""AGI where time matters and where the queue is the script: AsyncAGI, digits, timeouts, events, the command line."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from globstar.core import events
from globstar.core.cli import run_command
from globstar.core.format import t140
from globstar.core.frame import Frame, FrameType
from globstar.core.playback import PlaybackCommand, control_playback
from globstar.core.services import AgiScripts
from globstar.core.system import System
from globstar.modules.res.agi import apps, asynchronous
from globstar.net.dns import order_services
from tests.support.agi import ScriptInside
from tests.support.ami import AmiClient, split_messages, start_manager
from tests.support.calls import Call, load_dialplan
from tests.support.phone import noise, sound
from tests.support.switch import LogCapture, running_system

DIALPLAN = """
[default]
exten => s,1,AGI(it)
same => n,NoOp(after)
exten => async,1,AGI(agi:async,one)
same => n,NoOp(${AGISTATUS})
exten => h,1,NoOp(h)
exten => away,1,NoOp(away)
"""


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    async with running_system(tmp_path) as system:
        load_dialplan(system, DIALPLAN)
        yield system


def script(monkeypatch: pytest.MonkeyPatch, *requests: str) -> ScriptInside:
    inside = ScriptInside(list(requests))

    async def start(*_: Any, **__: Any) -> ScriptInside:
        return inside

    monkeypatch.setattr(apps, "start_local", start)
    return inside


def answers(inside: ScriptInside) -> list[str]:
    return [answer for _, lines in inside.transcript for answer in lines]


# -- sounds -----------------------------------------------------------------------------------------------------------------


async def test_a_sound_that_the_manager_stops_ends_where_it_was(
    system: System, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sound(tmp_path, "long", noise(5, 3))
    inside = script(monkeypatch, f'STREAM FILE {tmp_path}/long "1"', f'STREAM FILE {tmp_path}/long "1"')
    call = Call(system).start()
    await asyncio.sleep(1.0)
    assert control_playback(call.channel, PlaybackCommand.STOP)
    await asyncio.sleep(10)
    await call.end()
    first, second = (re.fullmatch(r"200 result=0 endpos=(\d+)", answer) for answer in answers(inside))
    assert first is not None
    assert second is not None
    assert int(first[1]) == pytest.approx(8000, abs=800)
    assert int(second[1]) == 40000


# -- digits and times ----------------------------------------------------------------------------------------------------


async def test_wait_for_digit_waits_as_long_as_it_is_told(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = script(monkeypatch, "WAIT FOR DIGIT 1500", "WAIT FOR DIGIT -1")
    call = Call(system).start()
    begin = system.now()
    await asyncio.sleep(1.4)
    assert answers(inside) == []
    await asyncio.sleep(100)
    assert answers(inside) == ["200 result=0"]
    await call.press("*")
    await call.end()
    assert answers(inside) == ["200 result=0", f"200 result={ord('*')}"]
    assert system.now() - begin < 102


async def test_numbers_that_are_none_are_wrong_usage(system: System, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sound(tmp_path, "short", noise(0.2, 3))
    there, record = f"{tmp_path}/short", f'RECORD FILE {tmp_path}/r wav "#"'
    wrong = (
        "WAIT FOR DIGIT soon", f'STREAM FILE {there} "" far', f'GET OPTION {there} "1" x', 'GET DATA "" x', 'GET DATA "" 100 x',
        f'CONTROL STREAM FILE {there} "1" x', f'CONTROL STREAM FILE {there} "1" 1000 # * 0 x', f"{record} x",
        f"{record} 100 x", f"{record} 100 s=x",
    )  # fmt: skip
    right = (f'STREAM FILE {there} "" ""', 'GET DATA "" 100 ""', f"{record} 100 beep s=2")
    inside = script(monkeypatch, *wrong, *right)
    call = Call(system).start()
    await asyncio.sleep(2)
    await call.end()
    assert [lines[0].split(" ")[0] for _, lines in inside.transcript] == ["520-Invalid"] * len(wrong) + ["200"] * len(right)


async def test_get_data_keeps_what_was_dialled_when_time_is_up(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = script(monkeypatch, 'GET DATA "" 2000', 'GET DATA "" 2000 2', 'GET DATA "" 2000')
    call = Call(system).start()
    await call.press("12")
    await asyncio.sleep(2.1)
    await call.press("34")
    await call.press("5#")
    await call.end()
    assert answers(inside) == ["200 result=12 (timeout)", "200 result=34", "200 result=5"]


async def test_set_autohangup_ends_the_call(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = script(monkeypatch, "SET AUTOHANGUP 2.5", "WAIT FOR DIGIT -1", "NOOP", "ANSWER")
    begin = system.now()
    call = await Call(system).run()
    assert answers(inside) == ["200 result=0", "200 result=-1", "200 result=0", answers(inside)[-1]]
    assert answers(inside)[-1].startswith("511")
    assert system.now() - begin == pytest.approx(2.5, abs=0.01)
    assert call.variables["AGISTATUS"] == "HANGUP"
    assert inside.hangups == 1
    assert call.steps[-1] == "NoOp(h)"


async def test_a_redirect_ends_the_script_and_the_call_goes_on_there(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = script(monkeypatch, "WAIT FOR DIGIT -1", "NOOP")
    call = Call(system).start()
    await asyncio.sleep(1)
    call.channel.redirect("default", "away", 1)
    await call.end()
    assert [request for request, _ in inside.transcript] == ["WAIT FOR DIGIT -1"]
    assert inside.is_closed
    assert "NoOp(away)" in call.steps


async def test_texts(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = script(monkeypatch, 'SEND TEXT "to you"', "RECEIVE TEXT 1000", "RECEIVE CHAR 1000", "RECEIVE TEXT 1000")
    call = Call(system).start()
    for _ in range(2):
        await asyncio.sleep(0.5)
        call.channel.deliver(Frame(FrameType.TEXT, 0, "yes"))
    await call.end()
    assert call.tech.texts == ["to you"]
    assert answers(inside) == ["200 result=0", "200 result=1 (yes)", f"200 result={ord('y')}", "200 result=-1"]


async def test_real_time_text_is_taken_by_lines_and_by_letters(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = script(monkeypatch, "RECEIVE TEXT 2000", "RECEIVE CHAR 1000", "RECEIVE TEXT 1000", "RECEIVE CHAR 500")
    call = Call(system).start()
    await asyncio.sleep(0.5)
    for letter in ("y", "e", "\ufeff", "s\r\nno"):
        call.channel.deliver(Frame(FrameType.TEXT, 0, letter.encode(), format=t140))
        await asyncio.sleep(0.3)
    await call.end()
    assert answers(inside)[:1] == ["200 result=1 (yes)"]
    assert answers(inside)[1:] == [f"200 result={ord('n')}", "200 result=1 (o)", "200 result=-1 (hangup)"]


async def test_record_file(system: System, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    inside = script(
        monkeypatch, f'RECORD FILE {tmp_path}/one ulaw "#" -1', f"RECORD FILE {tmp_path}/one bogus # 100",
        f"RECORD FILE {tmp_path}/two ulaw # -1",
    )  # fmt: skip
    call = Call(system).start()

    async def speak(frames: int) -> None:
        format = call.channel.raw_read_format
        for _ in range(frames):
            call.channel.deliver(Frame(FrameType.VOICE, 0, b"\0\0" * 160, format=format, samples=160))
            await asyncio.sleep(0.02)

    await asyncio.sleep(0.01)
    await speak(10)
    await call.press("#")
    await speak(5)
    call.hang_up()
    with LogCapture():
        await call.end()
    assert answers(inside)[0] == f"200 result={ord('#')} (dtmf) endpos=1600"
    assert answers(inside)[1] == "200 result=-1 (writefile)"
    assert answers(inside)[2].startswith("200 result=-1 (hangup) endpos=")
    assert (tmp_path / "one.ulaw").stat().st_size == 1600


async def test_commands_are_told_to_those_who_listen(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[Any, ...]] = []
    system.bus.subscribe(events.AgiExecStarted, lambda event: seen.append((event.command, event.command_id)))
    system.bus.subscribe(
        events.AgiExecEnded, lambda event: seen.append((event.command, event.command_id, event.result_code, event.result))
    )
    script(monkeypatch, "NOOP x", "BOGUS", "CHANNEL STATUS none")
    await Call(system).run()
    first = seen[0][1]
    assert seen == [
        ("NOOP x", first), ("NOOP x", first, 200, "Success"),
        ("BOGUS", first + 1), ("BOGUS", first + 1, 510, "Invalid or unknown command"),
        ("CHANNEL STATUS none", first + 2), ("CHANNEL STATUS none", first + 2, 200, "Failure"),
    ]  # fmt: skip


async def test_a_command_with_a_bug_fails_alone(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = script(monkeypatch, "CHANNEL STATUS", "NOOP")

    def broken(agi: Any, words: list[str]) -> str:
        raise ZeroDivisionError

    monkeypatch.setattr(system.registry("agi command").get("CHANNEL STATUS"), "run", broken)
    with LogCapture() as log:
        call = await Call(system).run()
    assert answers(inside) == ["200 result=-1", "200 result=0"]
    assert len(log.records) == 1
    assert call.variables["AGISTATUS"] == "FAILURE"


# -- AsyncAGI ------------------------------------------------------------------------------------------------------------


class Watcher:
    """What the bus tells of AsyncAGI."""

    def __init__(self, system: System) -> None:
        self.seen: list[tuple[str, ...]] = []
        system.bus.subscribe(events.AsyncAgiStarted, lambda event: self.seen.append(("start", event.environment)))
        system.bus.subscribe(events.AsyncAgiExecuted, lambda event: self.seen.append(("exec", event.command_id, event.result)))
        system.bus.subscribe(events.AsyncAgiEnded, lambda event: self.seen.append(("end",)))


def service(system: System) -> AgiScripts:
    found = system.service("agi", AgiScripts)  # type: ignore[type-abstract]
    assert found is not None
    return found


async def test_asyncagi_takes_commands_until_break(system: System) -> None:
    watcher = Watcher(system)
    call = Call(system, extension="async").start()
    assert not service(system).enqueue(call.channel, "NOOP")
    await asyncio.sleep(1)
    queue = service(system)
    assert queue.enqueue(call.channel, "SET VARIABLE X 1", "a")
    assert queue.enqueue(call.channel, "BOGUS", "b")
    await asyncio.sleep(5)
    assert queue.enqueue(call.channel, "GET VARIABLE X", "c")
    assert queue.enqueue(call.channel, "asyncagi break", "d")
    assert queue.enqueue(call.channel, "NOOP", "never")
    await call.end()
    environment = watcher.seen[0][1].splitlines()
    assert environment[0] == "agi_request: async"
    assert environment[-2:] == ["agi_arg_1: one", ""]
    assert watcher.seen[1:] == [
        ("exec", "a", "200 result=1\n"), ("exec", "b", "510 Invalid or unknown command\n"),
        ("exec", "c", "200 result=1 (1)\n"), ("exec", "d", "200 result=0\n"), ("end",),
    ]  # fmt: skip
    assert call.steps[-2:] == ["NoOp(SUCCESS)", "NoOp(h)"]
    assert not queue.enqueue(call.channel, "NOOP")


async def test_asyncagi_ends_with_the_call(system: System) -> None:
    watcher = Watcher(system)
    call = Call(system, extension="async").start()
    await asyncio.sleep(1)
    service(system).enqueue(call.channel, "WAIT FOR DIGIT -1", "w")
    service(system).enqueue(call.channel, "NOOP", "never")
    await asyncio.sleep(1)
    call.hang_up()
    await call.end()
    assert watcher.seen[1:] == [("exec", "w", "200 result=-1\n"), ("end",)]
    assert call.variables["AGISTATUS"] == "HANGUP"


async def test_the_queue_is_bounded(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asynchronous, "QUEUE_LIMIT", 2)
    call = Call(system, extension="async").start()
    await asyncio.sleep(1)
    assert [service(system).enqueue(call.channel, "NOOP") for _ in range(3)] == [True, True, False]
    call.hang_up()
    await call.end()


# -- the command line ----------------------------------------------------------------------------------------------------


async def test_cli(system: System, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listing = (await run_command(system, "agi show commands")).splitlines()
    assert listing[0] == " Dead                        Command   Description"
    assert any(line.startswith("   No                         answer   ") for line in listing)
    assert any(line.startswith("  Yes                           noop   ") for line in listing)
    topic = await run_command(system, "agi show commands topic set variable")
    assert "[Syntax]\nSET VARIABLE <variablename> <value>\n" in topic
    assert "[Runs Dead]\nYes" in topic
    assert "say digits" in await run_command(system, "agi show commands topic say")
    assert "No help available for 'nothing'" in await run_command(system, "agi show commands topic nothing")
    assert (await run_command(system, f"agi dump html {tmp_path}/agi.html")).startswith("AGI HTML commands dumped to: ")
    assert "<h2>SAY DATETIME</h2>" in (tmp_path / "agi.html").read_text()
    assert "Could not create file" in await run_command(system, f"agi dump html {tmp_path}/no/where")
    assert await run_command(system, "agi set debug on") == "AGI Debugging Enabled\n"
    inside = script(monkeypatch, "NOOP")
    with LogCapture(hub_verbose()) as log:
        await Call(system).run()
    texts = [record.message for record in log.records]
    assert "<Scripted/1>AGI Rx << NOOP" in texts
    assert "<Scripted/1>AGI Tx >> 200 result=0" in texts
    assert answers(inside) == ["200 result=0"]
    assert await run_command(system, "agi set debug off") == "AGI Debugging Disabled\n"


def hub_verbose() -> Any:
    from globstar.base.log import Level

    return Level.VERBOSE


async def test_agi_exec(system: System) -> None:
    watcher = Watcher(system)
    call = Call(system, extension="async").start()
    await asyncio.sleep(1)
    assert (
        await run_command(system, 'agi exec Scripted/1 "VERBOSE hello 1" id7')
        == "Added AGI command to channel Scripted/1 queue\n"
    )
    assert "does not exist" in await run_command(system, "agi exec Scripted/2 NOOP")
    assert "Usage:" in await run_command(system, "agi exec Scripted/1")
    await asyncio.sleep(1)
    assert ("exec", "id7", "200 result=1\n") in watcher.seen
    call.hang_up()
    await call.end()


# -- the manager interface -----------------------------------------------------------------------------------------------


async def test_the_manager_interface_fills_the_queue_and_tells_what_happens(system: System) -> None:
    server = await start_manager(system)
    client = AmiClient(server)
    client.log_in()
    await asyncio.sleep(0.1)
    assert "does not exist" in client.ask("AGI", ("Channel", "Scripted/9"), ("Command", "NOOP"))
    assert "*required*" in client.ask("AGI", ("Channel", "Scripted/1"))
    call = Call(system, extension="async")
    assert "Failed to add AGI command" in client.ask("AGI", ("Channel", "Scripted/1"), ("Command", "NOOP"))
    call.start()
    await asyncio.sleep(1)
    action = "Action: AGI\r\nChannel: Scripted/1\r\nCommand: "
    client.send(f"{action}GET VARIABLE EXTEN\r\nCommandID: my-id\r\n\r\n{action}ASYNCAGI BREAK\r\n\r\n")
    await call.end()
    text = client.take()
    await server.stop()
    assert text.count("Message: Added AGI command to queue") == 2
    told = [message for message in map(dict, split_messages(text)) if "AGI" in message.get("Event", "")]
    command = ["AGIExecStart", "AGIExecEnd", "AsyncAGIExec"]
    assert [message["Event"] for message in told] == ["AsyncAGIStart", *command, *command, "AsyncAGIEnd"]
    assert told[0]["Env"].startswith("agi_request%3A%20async%0Aagi_channel%3A%20Scripted%2F1%0A")
    assert (told[2]["Command"], told[2]["ResultCode"], told[2]["Result"]) == ("GET VARIABLE EXTEN", "200", "Success")
    assert (told[3]["CommandID"], told[3]["Result"]) == ("my-id", "200%20result%3D1%20%28async%29%0A")


# -- order of servers ----------------------------------------------------------------------------------------------------


def test_rfc2782_order_by_priority_and_weight() -> None:
    import random

    records = [(20, 0, 1, "last"), (10, 0, 1, "none"), (10, 10, 1, "few"), (10, 90, 1, "many")]
    chance = random.Random(1)
    orders = [[record[3] for record in order_services(list(records), chance)] for _ in range(500)]
    assert {order[-1] for order in orders} == {"last"}
    assert all(sorted(order) == ["few", "last", "many", "none"] for order in orders)
    firsts = [order[0] for order in orders]
    assert firsts.count("many") > 5 * firsts.count("few") > 0
