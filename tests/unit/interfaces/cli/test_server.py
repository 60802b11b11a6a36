"""The control socket: commands, completion, the log, and everything that a client may do wrong."""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from globstar.base.log import Level, Logger, Record, hub
from globstar.core.cli import CliCommandSpec, CliSession, current_session
from globstar.core.cli_permissions import CliPermissions, Rule
from globstar.core.system import System
from globstar.interfaces.cli import server as server_module
from globstar.interfaces.cli.commands import register_commands
from globstar.interfaces.cli.server import ControlServer
from tests.support.switch import running_system

logger = Logger("test")


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    async with running_system(tmp_path, {"modules.conf": "[modules]\nautoload=no\n"}) as system:
        register_commands(system)
        yield system


@pytest.fixture
async def control(system: System, tmp_path: Path) -> AsyncIterator[ControlServer]:
    control = ControlServer(system, tmp_path / "run" / "globstar.ctl")
    await control.start()
    yield control
    await control.stop()
    assert not control.path.exists()


class Client:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def receive(self) -> dict[str, Any] | None:
        line = await asyncio.wait_for(self.reader.readline(), 45)
        answer: dict[str, Any] | None = json.loads(line) if line else None
        return answer

    async def ask(self, **message: object) -> dict[str, Any] | None:
        await self.send(json.dumps(message).encode() + b"\n")
        return await self.receive()

    async def close(self) -> None:
        self.writer.close()
        await self.writer.wait_closed()


async def connect(control: ControlServer) -> Client:
    return Client(*await asyncio.open_unix_connection(str(control.path)))


async def test_commands_and_completion(control: ControlServer) -> None:
    client = await connect(control)
    shown = await client.ask(run="core show version")
    assert shown is not None
    assert "Asterisk" in shown["output"]
    assert await client.ask(run="") == {"output": ""}
    unknown = await client.ask(run="no such thing")
    assert unknown is not None
    assert unknown["output"].startswith("No such command")
    found = await client.ask(complete="core show ver")
    assert found == {"candidates": ["version"]}
    await client.close()


async def test_several_clients_at_a_time(control: ControlServer) -> None:
    clients = [await connect(control) for _ in range(20)]
    answers = await asyncio.gather(*(client.ask(run="core show version") for client in clients))
    assert len({json.dumps(answer) for answer in answers}) == 1
    await asyncio.gather(*(client.close() for client in clients))
    assert control.clients == 20


@pytest.mark.parametrize(
    "garbage",
    [b"\n", b"{\n", b"[]\n", b"7\n", b"null\n", b'"x"\n', b"{}\n", b'{"watch": "x"}\n', b'{"watch": null}\n', b"\xff\xfe\n",
     b"[" * 60000 + b"\n", b"x" * 200_000 + b"\n", b'{"run'],
    ids=repr,
)  # fmt: skip
async def test_garbage_ends_that_connection_only(control: ControlServer, garbage: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    faults: list[Record] = []
    hub.add(Level.ERROR, faults.append)
    good, bad = await connect(control), await connect(control)
    await bad.send(garbage)
    if not garbage.endswith(b"\n"):
        bad.writer.write_eof()
    try:
        assert await bad.receive() is None
    except ConnectionError:  # the server closed while this side still wrote
        pass
    assert await good.ask(run="core show uptime") is not None
    await good.close()
    bad.writer.close()
    hub.remove(faults.append)
    assert not faults


async def test_watching_the_log(control: ControlServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "verbosity", 1)
    client, other = await connect(control), await connect(control)
    assert await client.ask(watch=3) == {"output": ""}
    assert hub.verbose_limit == 3
    logger.notice("something happened")
    logger.verbose(3, "in detail")
    logger.verbose(4, "too much detail")
    logger.warning("look out")
    lines = [await client.receive() for _ in range(3)]
    assert [line and line["log"].rpartition(": ")[2].strip() for line in lines] == [
        "something happened",
        "-- in detail",
        "look out",
    ]
    # a second wish replaces the first: no line comes twice
    assert await client.ask(watch=1) == {"output": ""}
    assert await other.ask(watch=5) == {"output": ""}
    logger.verbose(2, "for the other")
    logger.verbose(1, "for both")
    line = await client.receive()
    assert line is not None
    assert line["log"] == "for both"
    assert hub.verbose_limit == 5
    await other.close()
    await until(lambda: hub.verbose_limit == 1)
    await client.close()
    await until(lambda: control.tasks.names() == [])
    logger.notice("nobody is there")
    assert hub.verbosity == 1


async def until(condition: Any) -> None:
    """Wait for what the server does after a client went."""
    for _ in range(20000):
        if condition():
            return
        await asyncio.sleep(0.002)
    raise AssertionError("not within forty seconds")


async def test_each_console_has_its_own_verbosity(control: ControlServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "verbosity", 2)
    client, other = await connect(control), await connect(control)
    assert await client.ask(run="core set verbose 5") == {"output": "Console verbose was OFF and is now 5.\n"}
    assert hub.verbose_limit == 2  # a console that shows no log asks for no lines
    assert await client.ask(run="core set verbose atleast 3") == {"output": "Console verbose is still 5.\n"}
    assert await other.ask(watch=1) == {"output": ""}
    assert await other.ask(run="core set verbose 4") == {"output": "Console verbose was 1 and is now 4.\n"}
    assert hub.verbose_limit == 4
    logger.verbose(4, "for the other")
    line = await other.receive()
    assert line is not None
    assert line["log"] == "       > for the other"
    await client.close()
    await other.close()
    await until(lambda: control.tasks.names() == [])
    assert (hub.verbosity, hub.verbose_limit) == (2, 2)


async def test_permissions_of_the_console_s_user(control: ControlServer, system: System) -> None:
    user = os.getuid()
    system.services["cli permissions"] = CliPermissions(
        users={user: ("me", [Rule(False, "all"), Rule(True, "core show"), Rule(False, "core show ch*")])}
    )
    client = await connect(control)
    shown = await client.ask(run="core show version")
    assert shown is not None
    assert "Asterisk" in shown["output"]
    refused = await client.ask(run="core stop now")
    assert refused == {"output": "You don't have permissions to run 'core stop now' command\n"}
    assert not system.stop_requested.is_set()
    refused = await client.ask(run="core show channels")
    assert refused is not None
    assert refused["output"].startswith("You don't have permissions")
    found = await client.ask(complete="core ")
    assert found == {"candidates": ["show"]}
    await client.close()


async def test_what_a_command_starts_is_no_console(control: ControlServer, system: System) -> None:
    seen: list[CliSession | None] = []

    async def look() -> None:
        seen.append(current_session())

    def start(system: System, args: list[str]) -> str:
        seen.append(current_session())
        system.tasks.start(look(), name="look")
        system.loop.call_soon(lambda: seen.append(current_session()))
        return ""

    spec = CliCommandSpec(name="start it", handler=start, module="test")
    system.registry("cli command").register(spec)
    client = await connect(control)
    await client.ask(run="start it")
    await until(lambda: len(seen) == 3)
    assert [who is not None and who.uid == os.getuid() for who in seen] == [True, False, False]
    assert current_session() is None
    await client.close()


async def test_verbosity_set_by_hand_stays(control: ControlServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "verbosity", 0)
    client = await connect(control)
    await client.ask(watch=3)
    hub.verbosity = 2  # core set verbose 2
    await client.close()
    await until(lambda: control.tasks.names() == [])
    assert hub.verbosity == 2


async def test_a_console_that_does_not_read_misses_lines_and_is_told_how_many(
    control: ControlServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "BACKLOG_LIMIT", 2000)
    client = await connect(control)
    client.writer.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    await client.ask(watch=0)
    client.reader._transport.pause_reading()  # type: ignore[attr-defined]
    for number in range(5000):
        logger.notice(f"line {number} " + "x" * 100)
    client.reader._transport.resume_reading()  # type: ignore[attr-defined]
    received = 0
    while received == 0 or not (line := await client.receive()) or "missed" not in line["log"]:
        received += 1
        assert received < 5000
        await asyncio.sleep(0)
        if received % 20 == 0:
            logger.notice("a later line")
    missed = int(line["log"].split("(")[1].split(" ")[0])
    assert missed > 100
    await client.close()


async def test_permissions_and_the_end(system: System, tmp_path: Path) -> None:
    control = ControlServer(system, tmp_path / "run" / "globstar.ctl")
    await control.start(0o600)
    assert stat.S_IMODE(control.path.stat().st_mode) == 0o600
    client = await connect(control)
    assert await client.ask(run="core show version") is not None
    await control.stop()
    assert await client.receive() is None
    await control.stop()
    await client.close()


async def test_one_instance_for_one_socket(control: ControlServer, system: System) -> None:
    second = ControlServer(system, control.path)
    with pytest.raises(OSError, match="already running"):
        await second.start()
    await second.stop()
    client = await connect(control)  # the first one still answers
    assert await client.ask(run="core show version") is not None
    await client.close()


async def test_a_socket_that_was_left_behind_is_replaced_but_a_file_is_not(system: System, tmp_path: Path) -> None:
    path = tmp_path / "left.ctl"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    control = ControlServer(system, path)
    await control.start()
    client = await connect(control)
    assert await client.ask(run="core show version") is not None
    await client.close()
    await control.stop()
    path.write_text("precious")
    with pytest.raises(OSError, match="in the way"):
        await control.start()
    await control.stop()
    assert path.read_text() == "precious"
    assert os.umask(os.umask(0o022)) != 0o177


async def test_colours_where_they_are_asked_for(control: ControlServer) -> None:
    plain, coloured = await connect(control), await connect(control)
    await plain.ask(watch=0)
    await coloured.ask(watch=0, palette="dark")
    logger.notice("secret=abc")
    lines = [await client.receive() for client in (plain, coloured)]
    assert re.fullmatch(
        r"\[.+\] NOTICE\[\d+\]: test_server.py:\d+ test_colours_where_they_are_asked_for: secret=<redacted>",
        (lines[0] or {})["log"],
    )
    assert "\033[33;1mNOTICE\033[0m" in (lines[1] or {})["log"]
    for client in (plain, coloured):
        await client.close()


async def test_levels_and_muting_of_one_console(control: ControlServer) -> None:
    client, other = await connect(control), await connect(control)
    await client.ask(watch=0)
    await other.ask(watch=0)
    assert await client.ask(run="logger set level notice off") == {
        "output": "Logger status for 'NOTICE' has been set to 'off'.\n"
    }
    assert await client.ask(run="logger set level dtmf on") == {"output": "Logger status for 'DTMF' has been set to 'on'.\n"}
    logger.notice("not for all")
    logger.dtmf("a digit")
    assert "a digit" in (await client.receive() or {})["log"]
    assert "not for all" in (await other.receive() or {})["log"]
    assert await other.ask(run="logger mute") == {"output": "Console is muted.\n"}
    logger.warning("for who is not mute")
    assert "for who is not mute" in (await client.receive() or {})["log"]
    assert await other.ask(run="logger mute silent") == {"output": ""}
    await client.close()
    await other.close()
