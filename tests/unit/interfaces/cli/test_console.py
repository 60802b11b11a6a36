"""Consoles fed from a pipe, inside the server and over the socket."""

from __future__ import annotations

import asyncio
import os
import re
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from socket import gethostname

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from globstar.base.log import Logger, hub
from globstar.interfaces.cli.commands import register_commands
from globstar.interfaces.cli.console import _CommandCompleter, interact, remote_console
from globstar.interfaces.cli.server import ControlServer
from tests.support.switch import running_system


class Keyboard:
    """A pipe in place of standard input."""

    def __init__(self) -> None:
        reading, self.writing = os.pipe()
        self.stdin = os.fdopen(reading)

    def type(self, text: str) -> None:
        os.write(self.writing, text.encode())

    def close(self) -> None:
        if self.writing >= 0:
            os.close(self.writing)
            self.writing = -1


@pytest.fixture
def keyboard(monkeypatch: pytest.MonkeyPatch) -> Iterator[Keyboard]:
    keyboard = Keyboard()
    monkeypatch.setattr("sys.stdin", keyboard.stdin)
    yield keyboard
    keyboard.close()
    keyboard.stdin.close()


@pytest.fixture
async def control(tmp_path: Path) -> AsyncIterator[ControlServer]:
    async with running_system(tmp_path, {"modules.conf": "[modules]\nautoload=no\n"}) as system:
        register_commands(system)
        control = ControlServer(system, tmp_path / "ctl")
        await control.start()
        yield control
        await control.stop()


async def run(line: str) -> str:
    return f"<{line}>\n"


async def complete(line: str) -> list[str]:
    return ["show", "set"] if line == "core s" else []


async def test_lines_run_in_order_until_the_input_ends(keyboard: Keyboard, capsys: pytest.CaptureFixture[str]) -> None:
    keyboard.type("core show version\n\n  core show uptime  \nlast line without end")
    keyboard.close()
    await asyncio.wait_for(interact(run, complete, prompt=lambda: "host> "), 45)
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith("Globstar ")
    assert out[2:] == ["<core show version>", "<core show uptime>", "<last line without end>"]


@pytest.mark.parametrize("word", ["exit", "quit"])
async def test_exit_leaves_the_rest_unread(keyboard: Keyboard, capsys: pytest.CaptureFixture[str], word: str) -> None:
    keyboard.type(f"one\n{word}\ntwo\n")
    await asyncio.wait_for(interact(run, complete, prompt=lambda: "host> ", banner=False), 45)
    assert capsys.readouterr().out == "<one>\n"
    keyboard.close()


@pytest.mark.parametrize(("text", "shown"), [("one\ntwo\n", "<one>\n<two>\n"), (None, "")])
async def test_input_from_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], text: str | None, shown: str
) -> None:
    """Neither a regular file nor /dev/null can be polled."""
    commands = Path(os.devnull)
    if text is not None:
        commands = tmp_path / "commands"
        commands.write_text(text)
    monkeypatch.setattr("sys.stdin", os.fdopen(os.open(commands, os.O_RDONLY)))
    await asyncio.wait_for(interact(run, complete, prompt=lambda: "host> ", banner=False), 45)
    assert capsys.readouterr().out == shown


async def test_remote_console(
    control: ControlServer, keyboard: Keyboard, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "verbosity", 0)
    console = asyncio.get_running_loop().create_task(remote_console(control.path, 4))
    keyboard.type("core show version\n")
    text = ""
    for _ in range(9000):
        text += capsys.readouterr().out
        if " built by " in text:  # the answer; the greeting comes before the log is asked for
            break
        await asyncio.sleep(0.005)
    Logger("test").verbose(4, "something to see")
    for _ in range(9000):
        text += capsys.readouterr().out
        if "something to see" in text:
            break
        await asyncio.sleep(0.005)
    keyboard.type("exit\n")
    assert await asyncio.wait_for(console, 45) == 0
    assert "       > something to see" in text.splitlines()
    connected = rf"^Connected to Asterisk \S+ currently running on {re.escape(gethostname())} \(pid = {os.getpid()}\)$"
    assert re.search(connected, text, re.MULTILINE)
    keyboard.close()


async def test_remote_console_of_a_server_that_stops(
    control: ControlServer, keyboard: Keyboard, capsys: pytest.CaptureFixture[str]
) -> None:
    console = asyncio.get_running_loop().create_task(remote_console(control.path, 0))
    async with asyncio.timeout(45):
        while not any(thread.name == "console input" for thread in threading.enumerate()):  # noqa: ASYNC110 - a thread's start
            await asyncio.sleep(0.005)
    await control.stop()  # the console ends by itself, nobody types anything
    assert await asyncio.wait_for(console, 45) == 1
    keyboard.close()


async def test_remote_console_without_a_server(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert await remote_console(tmp_path / "nothing", 0) == 1
    assert "Unable to connect" in capsys.readouterr().err


async def test_completion_of_the_word_before_the_cursor() -> None:
    completer = _CommandCompleter(complete)
    found = [c async for c in completer.get_completions_async(Document("core s"), CompleteEvent())]
    assert [(c.text, c.start_position) for c in found] == [("show", -1), ("set", -1)]
    assert [c async for c in completer.get_completions_async(Document("nothing "), CompleteEvent())] == []
