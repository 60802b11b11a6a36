"""Whatever is sent to the control socket, the command line or the HTTP server: an answer or the end of that connection.

Invariants: no bug is logged (a traceback), nothing of one reaches the client, and another client is served as before.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globstar.base.log import Level, Record, hub
from globstar.config import MemorySource
from globstar.core.boot import boot, shut_down
from globstar.core.cli import complete_line, run_command
from globstar.core.settings import Directories
from globstar.core.system import System
from globstar.interfaces.cli.commands import register_commands
from globstar.interfaces.cli.server import ControlServer
from tests.support.loopback import free_port

#: What would end the server, take away its parts, or write where the test has no business.
_DANGEROUS = re.compile(
    r"core (stop|restart)|module (load|unload|refresh|reload)|core reload|database query|logger (add|reload|rotate)|timing test|"
    r"core show translation|dialplan save|config reload|stir_shaken verify|file convert|pjsip export|sip export|"
    r"core show objects|agi dump html"
)


class World:
    """One system with its control socket and HTTP server, on a loop that runs while an example does."""

    def __init__(self, folder: Path) -> None:
        self.runner = asyncio.Runner()
        self.faults: list[Record] = []
        self.http_port = free_port()
        self.runner.run(self._start(folder))
        self.commands = sorted(spec.name for spec in self.system.registry("cli command") if not _DANGEROUS.match(spec.name))

    async def _start(self, folder: Path) -> None:
        self.system = System(directories=Directories.below(folder))
        register_commands(self.system)
        files = {
            "extensions.conf": "[default]\nexten => 1,1,Wait(600)\n",
            "http.conf": "[general]\nenabled=yes\nbindaddr=127.0.0.1\nenable_status=yes\nenable_static=yes\n"
            f"bindport={self.http_port}\n",
            "prometheus.conf": "[general]\nenabled=yes\n",
            "pjsip.conf": "[alice]\ntype=endpoint\naors=alice\n[alice]\ntype=aor\n",
            "voicemail.conf": "[default]\n100 => 1234,Alice\n",
        }
        await boot(self.system, MemorySource(files), keep_database=False)
        self.control = ControlServer(self.system, folder / "ctl")
        await self.control.start()
        hub.add(Level.ERROR, self._note)

    def _note(self, record: Record) -> None:
        if "Traceback" in record.message:
            self.faults.append(record)

    def close(self) -> None:
        hub.remove(self._note)
        self.runner.run(self._stop())
        self.runner.close()

    async def _stop(self) -> None:
        await self.control.stop()
        await shut_down(self.system)

    def check(self) -> None:
        """The invariants that concern the log."""
        faults, self.faults = self.faults, []
        assert not faults, faults[0].message


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World(tmp_path_factory.mktemp("control"))
    yield world
    world.close()


async def exchange(opening: Any, data: bytes, *, ends: bool = True) -> bytes:
    """Send, end the sending side unless told otherwise, and give all that comes back."""
    reader, writer = await opening
    try:
        writer.write(data)
        if ends:
            writer.write_eof()
        return await asyncio.wait_for(reader.read(), 10)  # type: ignore[no-any-return]
    except ConnectionError:  # the server had enough before we had said all
        return b""
    finally:
        writer.close()


_WORDS = st.sampled_from(
    ["", "alice", "PJSIP/alice", "all", "on", "off", "1", "-1", "999999999999", "like", "default", "100@default", "''"]
)
_ARGUMENT = st.one_of(_WORDS, st.text(max_size=12))
_KEYS = st.sampled_from(["run", "complete", "watch", "x"])
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3),
    max_leaves=8,
)


@given(data=st.one_of(st.binary(max_size=300), _JSON.map(lambda value: json.dumps(value).encode() + b"\n")))
def test_control_socket(world: World, data: bytes) -> None:
    async def run() -> None:
        path = str(world.control.path)
        if _DANGEROUS.search(data.decode(errors="replace")):
            return
        answer = await exchange(asyncio.open_unix_connection(path), data)
        assert b"Traceback" not in answer
        for line in answer.splitlines():
            assert isinstance(json.loads(line), dict)
        healthy = await exchange(asyncio.open_unix_connection(path), b'{"run": "core show uptime"}\n')
        assert b"System uptime" in healthy

    world.runner.run(run())
    world.check()


@given(data=st.data())
def test_commands_with_any_arguments(world: World, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(world.commands))
    arguments = data.draw(st.lists(_ARGUMENT, max_size=4))
    ending = data.draw(st.sampled_from(["", " --json"]))
    quoted = ['"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"' for word in arguments]
    line = " ".join([name, *quoted])

    async def run() -> str:
        complete_line(world.system, line)
        complete_line(world.system, line + " ")
        return await asyncio.wait_for(run_command(world.system, line + ending), 20)

    printed = world.runner.run(run())
    assert "Traceback" not in printed
    world.check()


_HTTP_WORDS = st.sampled_from(
    [b"GET", b"POST", b"HEAD", b"OPTIONS", b"BREW", b" ", b"/", b"/metrics", b"/httpstatus", b"/static/", b"/static/..%2f",
     b"/ws",
     b"HTTP/1.1", b"HTTP/1.0", b"HTTP/9", b"\r\n", b"\n", b"\r\n\r\n", b"Host: x\r\n",
     b"Content-Length: 5\r\n", b"Content-Length: -1\r\n",
     b"Transfer-Encoding: chunked\r\n", b"Upgrade: websocket\r\nConnection: Upgrade\r\n", b"Sec-WebSocket-Key: eA==\r\n",
     b"Authorization: Basic \xff\r\n", b"Cookie: a=<b>\r\n", b"5\r\nhello\r\n0\r\n\r\n", b"%00", b"?a=%zz",
     b":" * 20, b"X" * 9000]
)  # fmt: skip


@given(parts=st.lists(st.one_of(_HTTP_WORDS, st.binary(max_size=30)), max_size=12))
def test_http(world: World, parts: list[bytes]) -> None:
    async def run() -> None:
        answer = await exchange(asyncio.open_connection("127.0.0.1", world.http_port), b"".join(parts) + b"\r\n\r\n")
        assert b"Traceback" not in answer
        assert b".py" not in answer
        assert not answer or answer.startswith(b"HTTP/1.")
        good = b"GET /httpstatus HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        healthy = await exchange(asyncio.open_connection("127.0.0.1", world.http_port), good, ends=False)
        assert healthy.startswith(b"HTTP/1.1 200 ")

    world.runner.run(run())
    world.check()
