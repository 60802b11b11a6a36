"""StatsD: what is sent where, and what is not; the application and its file."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from globstar.base.log import Level
from globstar.core.services import STATISTICS, Statistics
from globstar.core.system import System
from globstar.modules.res.statsd import StatsdClient, split_server
from tests.support.calls import run_dialplan
from tests.support.switch import LogCapture, running_system

MODULES = {"modules.conf": "[modules]\nautoload=no\nload=res_statsd\nload=app_statsd\nload=app_verbose\n"}


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.bind(("127.0.0.1", 0))
        made.settimeout(20)
        yield made


def running(root: Path, server: socket.socket, more: str = "", section: str = "general"):  # type: ignore[no-untyped-def]
    text = f"[{section}]\nenabled=yes\nserver=127.0.0.1:{server.getsockname()[1]}\n{more}"
    return running_system(root, {**MODULES, "statsd.conf": text})


def packet(server: socket.socket) -> str:
    return server.recv(1000).decode()


async def run(system: System, arguments: str) -> bool:
    """Run the application; whether the dialplan went on."""
    call = await run_dialplan(system, f"[default]\nexten => s,1,StatsD({arguments})\n same => n,NoOp(on)\n")
    return call.steps[-1] == "NoOp(on)"


@pytest.mark.parametrize(
    ("arguments", "sent"),
    [
        ("g,calls,42", "calls:42|g"),
        ("g,calls,-1", "calls:-1|g"),
        ("g,calls,+3", "calls:+3|g"),
        ("c,a.b.c,7,1", "a.b.c:7|c"),
        ("ms,delay,250,2", "delay:250|ms"),
        ("s,users,ann", "users:ann|s"),
        ("ms,delay,2.5", "delay:2.5|ms"),
    ],
)
async def test_what_is_sent(tmp_path: Path, server: socket.socket, arguments: str, sent: str) -> None:
    async with running(tmp_path, server) as system:
        assert await run(system, arguments)
        assert packet(server) == sent


async def test_prefix_newline_and_meters(tmp_path: Path, server: socket.socket) -> None:
    async with running(tmp_path, server, "prefix=pbx\nadd_newline=yes\nmeter_support=no\n", "global") as system:
        client = system.service(STATISTICS, StatsdClient)
        assert isinstance(client, Statistics)
        assert client.is_enabled
        assert client.send("m", "x", "1")
        assert packet(server) == "pbx.x:1|c\n"
    async with running(tmp_path / "b", server) as system:
        assert system.services[STATISTICS].send("m", "x", "1")
        assert packet(server) == "x:1|m"


async def test_sample_rates(tmp_path: Path, server: socket.socket) -> None:
    async with running(tmp_path, server) as system:
        client: StatsdClient = system.services[STATISTICS]
        assert not client.send("c", "x", "1", 0)
        assert not client.send("c", "x", "1", -1)
        sent = sum(client.send("c", "x", "1", 0.5) for _ in range(200))
        assert 50 < sent < 150
        assert packet(server) == "x:1|c|@0.50"
        assert client.sent == sent


@pytest.mark.parametrize(
    ("arguments", "goes_on"),
    [
        ("", False), ("g", False), ("g,name", False), ("g,,1", False), ("x,name,1", True), ("g,name,one", True),
        ("ms,name,-1", True), ("g,na:me,1", True), ("s,name,a|b", True), ("g,name,1,often", True),
    ],
)  # fmt: skip
async def test_bad_arguments(tmp_path: Path, server: socket.socket, arguments: str, goes_on: bool) -> None:
    async with running(tmp_path, server) as system:
        with LogCapture() as log:
            assert await run(system, arguments) is goes_on
        assert len(log.texts(Level.ERROR)) == 1
        assert system.services[STATISTICS].sent == 0


async def test_nothing_is_sent_unless_it_is_enabled(tmp_path: Path) -> None:
    async with running_system(tmp_path, MODULES) as system:
        assert await run(system, "g,name,1")
        assert not system.services[STATISTICS].is_enabled
        await system.loader.unload("app_statsd")
        await system.loader.unload("res_statsd")
        await system.loader.load("app_statsd")
        assert await run(system, "g,name,1")


async def test_a_reload_changes_the_server(tmp_path: Path, server: socket.socket) -> None:
    files = {**MODULES, "statsd.conf": "[general]\nenabled=no\n"}
    async with running_system(tmp_path, files) as system:
        system.configuration.source.files = {  # type: ignore[attr-defined]
            "statsd.conf": f"[general]\nenabled=yes\nserver=localhost:{server.getsockname()[1]}\n"
        }
        await system.loader.reload("res_statsd")
        assert await run(system, "c,n,1")
        assert packet(server) == "n:1|c"


async def test_a_server_that_cannot_be_reached(tmp_path: Path, server: socket.socket) -> None:
    with LogCapture() as log:
        text = "[general]\nenabled=yes\nserver=host:port\nprefx=a\n[other]\n"
        async with running_system(tmp_path, {**MODULES, "statsd.conf": text}) as system:
            assert not system.services[STATISTICS].is_enabled
    assert len(log.texts(Level.ERROR)) == 1
    assert len(log.texts(Level.WARNING)) == 2
    async with running(tmp_path / "b", server) as system:
        server.close()
        client: StatsdClient = system.services[STATISTICS]
        client.send("c", "n", "1")
        client.send("c", "n", "1")  # the machine has told by now that nobody listens
        assert client.lost == 1


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("host", ("host", 8125)), ("host:1", ("host", 1)),
        ("::1", ("::1", 8125)), ("[::1]", ("::1", 8125)), ("[::1]:99", ("::1", 99)),
    ],
)  # fmt: skip
def test_addresses(text: str, address: tuple[str, int]) -> None:
    assert split_server(text) == address


@pytest.mark.parametrize("text", ["", ":1", "host:x", "host:0", "host:70000", "[::1", "[::1]x"])
def test_bad_addresses(text: str) -> None:
    with pytest.raises(ValueError, match="no address"):
        split_server(text)
