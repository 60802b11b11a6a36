"""Whatever a manager client sends, logged in or not: an answer or the end of that connection.

Invariants: no bug is logged (a traceback) and none is answered (``Internal error``); every message of ours is lines of
``Name: value``; another client is served as before; the same bytes in other pieces are the same actions.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from globstar.base.log import Level, Record, hub
from globstar.config import MemorySource
from globstar.core.boot import boot, shut_down
from globstar.core.settings import Directories
from globstar.core.system import System
from globstar.interfaces.ami.reference import reference
from globstar.interfaces.ami.wire import ActionReader, BadMessage
from globstar.media.network import MediaNetwork
from tests.support.ami import AmiClient, start_manager
from tests.support.sip_network import MemorySipNetwork
from tests.support.testtech import CONFIGURATION
from tests.support.virtual_loop import VirtualTimeLoop

#: What would end the server, take away its parts or write files, and what answers when it likes.
_LEFT_OUT = frozenset({"ModuleLoad", "Reload", "LoggerRotate", "Command", "WaitEvent", "Logoff", "Login"})
_CONFIG = """
[general]
enabled=yes
displayconnects=no
[full]
secret=golden
read=all
write=all
"""
_WORDS = (
    "", "0", "1", "-1", "99999999999999999999", "yes", "no", "default", "s", "Local/s@default", "all", "none", "%s", "/./", "(",
)  # fmt: skip
_PIECES = (b"Action: Ping", b"\r\n", b"\n", b": ", b"ActionID: 1\r\n\r\n")
_VALUES = st.one_of(st.text(max_size=30), st.sampled_from(_WORDS), st.integers().map(str))


class World:
    """A system with two clients that are logged in, on virtual time."""

    def __init__(self, folder: Path) -> None:
        self.runner = asyncio.Runner(loop_factory=VirtualTimeLoop)
        self.bugs: list[str] = []
        hub.add(Level.ERROR, self._logged)
        self.runner.run(self._start(folder))

    def _logged(self, record: Record) -> None:
        if record.exception is not None:
            self.bugs.append(f"{record.message}: {record.exception!r}")

    async def _start(self, folder: Path) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop)
        loop.peers_inside = True
        self.system = System(directories=Directories.below(folder))
        self.system.services["sip network"] = MemorySipNetwork(loop)
        self.system.services["rtp sockets"] = MediaNetwork(loop)
        plan = "[default]\nexten => s,1,Answer()\n same => n,Wait(1)\n"
        await boot(self.system, MemorySource({**CONFIGURATION, "extensions.conf": plan}), keep_database=False)
        self.server = await start_manager(self.system, _CONFIG)
        self.other = await self.new_client()

    async def new_client(self, *, is_logged_in: bool = True) -> AmiClient:
        client = AmiClient(self.server)
        client.take()
        if is_logged_in:
            client.log_in(events="off")
            await asyncio.sleep(0.01)
            client.take()
        return client

    def close(self) -> None:
        self.runner.run(shut_down(self.system))
        hub.remove(self._logged)
        self.runner.close()

    def check(self, said: str) -> None:
        """The invariants, after a client was answered with ``said``."""
        assert not self.bugs, self.bugs
        assert "Internal error" not in said
        for line in said.split("\r\n"):
            assert "\n" not in line
            assert "\r" not in line

    async def ping_other(self) -> None:
        assert "Ping: Pong" in self.other.ask("Ping")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World(tmp_path_factory.mktemp("ami"))
    yield world
    world.close()


@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)
def test_actions_with_any_parameters(world: World, data: st.DataObject) -> None:
    names = [spec.name for spec in world.system.registry("manager action") if spec.name not in _LEFT_OUT]
    name = data.draw(st.sampled_from(names))
    known = reference("action").get(name)
    fields = [field.lstrip("*") for field in known.fields] if known is not None else []
    headers = data.draw(st.lists(st.tuples(st.sampled_from([*fields, "Channel", "Variable", "X"]), _VALUES), max_size=8))

    async def run() -> str:
        client = await world.new_client()
        text = "".join(f"{key}: {_one_line(value)}\r\n" for key, value in headers)
        client.send(f"Action: {name}\r\n{text}\r\n")
        await asyncio.sleep(40.0 if name == "Originate" else 0.1)
        said = client.take()
        await world.ping_other()
        client.session.ended()
        for channel in list(world.system.channels.values()):
            channel.request_hangup()
        await asyncio.sleep(1.0)
        return said

    said = world.runner.run(run())
    world.check(said)
    assert said.count("Response: ") >= 1, said


def _one_line(text: str) -> str:
    return re.sub(r"[\r\n]", " ", text)


@given(
    data=st.lists(
        st.one_of(st.binary(max_size=60), st.sampled_from([b"Action: Ping", b"\r\n", b"\n", b": ", b"ActionID: 1\r\n\r\n"]))
    )
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@pytest.mark.parametrize("is_logged_in", [False, True])
def test_any_bytes(world: World, is_logged_in: bool, data: list[bytes]) -> None:
    async def run() -> str:
        client = await world.new_client(is_logged_in=is_logged_in)
        for piece in data:
            client.session.receive(piece)
        await asyncio.sleep(0.05)
        await world.ping_other()
        client.session.ended()
        return client.received.decode("utf-8", "surrogateescape")

    world.check(world.runner.run(run()))


@given(data=st.binary(max_size=400), cuts=st.lists(st.integers(1, 40)))
def test_pieces_make_no_difference(data: bytes, cuts: list[int]) -> None:
    def read(pieces: list[bytes]) -> list[object]:
        reader = ActionReader()
        found = [message for piece in pieces for message in reader.receive_data(piece)]
        return [str(message) if isinstance(message, BadMessage) else message for message in found]

    pieces, rest = [], data
    for cut in cuts:
        pieces.append(rest[:cut])
        rest = rest[cut:]
    assert read([*pieces, rest]) == read([data])
