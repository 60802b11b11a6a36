"""``-rx``: one command over the real socket, blocking."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from globstar.interfaces.cli.client import ControlClient, ServerUnreachable, run_remotely
from globstar.interfaces.cli.commands import register_commands
from globstar.interfaces.cli.server import ControlServer
from tests.support.switch import running_system


@pytest.fixture
async def control(tmp_path: Path) -> AsyncIterator[ControlServer]:
    async with running_system(tmp_path, {"modules.conf": "[modules]\nautoload=no\n"}) as system:
        register_commands(system)
        control = ControlServer(system, tmp_path / "ctl")
        await control.start()
        yield control
        await control.stop()


async def off_the_loop(function: Callable[..., Any], *arguments: Any) -> Any:
    return await asyncio.get_running_loop().run_in_executor(None, function, *arguments)


async def test_output_and_exit_status(control: ControlServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert await off_the_loop(run_remotely, control.path, "core show version") == 0
    assert "Asterisk" in capsys.readouterr().out
    assert await off_the_loop(run_remotely, control.path, "no such command") == 0
    assert capsys.readouterr().out.startswith("No such command")


async def test_log_lines_do_not_disturb(control: ControlServer) -> None:
    client = await off_the_loop(ControlClient, control.path, 10)
    await off_the_loop(lambda: client.request(watch=3))
    for _ in range(3):
        answer = await off_the_loop(lambda: client.request(run="core show version"))
        assert "Asterisk" in answer["output"]
    client.close()
    async with asyncio.timeout(45):
        while len(control.tasks):  # noqa: ASYNC110 - until the server has seen the end
            await asyncio.sleep(0.002)


def test_no_server(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_remotely(tmp_path / "nothing.ctl", "core show version") == 1
    assert capsys.readouterr().err == f"Unable to connect to remote asterisk (does {tmp_path}/nothing.ctl exist?)\n"


@pytest.mark.parametrize("answer", [b"", json.dumps({"log": "x"}).encode() + b"\n"])
def test_a_server_that_goes_away(tmp_path: Path, answer: bytes) -> None:
    path = tmp_path / "ctl"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(100)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        client = ControlClient(path, 10)
        with pytest.raises(ServerUnreachable, match="Disconnected"):
            client.request(run="core show version")
        client.close()
        thread.join()
