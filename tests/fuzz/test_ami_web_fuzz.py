"""AMI over HTTP, whatever is asked: an answer in the form that the path says, and nothing of the program in it.

Invariants: no bug is logged and none is answered; ``mxml`` is well-formed XML, ``rawman`` lines of ``Name: value`` where no value
makes a line of its own; a page of ``manager`` has no markup but ours; a client that is logged in is served as before.
"""

from __future__ import annotations

import asyncio
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote_from_bytes, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globstar.base.log import Level, Record, hub
from globstar.config import MemorySource
from globstar.config.options import Report
from globstar.config.reader import read_config
from globstar.core.boot import boot, shut_down
from globstar.core.settings import Directories
from globstar.core.system import System
from globstar.interfaces.ami.reference import reference
from globstar.interfaces.ami.server import ManagerServer
from globstar.interfaces.ami.settings import read_manager
from tests.fuzz.test_ami_fuzz import _LEFT_OUT, _WORDS
from tests.fuzz.test_control_fuzz import exchange
from tests.support.loopback import free_port

_CONFIG = """
[general]
enabled=yes
port=0
bindaddr=127.0.0.1
webenabled=yes
displayconnects=no
[full]
secret=golden
read=all
write=all
"""
_HOSTILE = ("<script>x</script>", "&lt;", "]]>", "'\"", "a\r\nEvent: Forged", "\x00\x01\x1f", "\ufffe\uffff", "\u2028", "%0d%0a")
_VALUES = st.one_of(st.sampled_from((*_WORDS, *_HOSTILE)), st.text(max_size=20))
_PATHS = ("rawman", "mxml", "manager", "arawman", "amxml", "amanager")


class World:
    """A system whose manager is served over HTTP, with the session of one client."""

    def __init__(self, folder: Path) -> None:
        self.runner = asyncio.Runner()
        self.bugs: list[str] = []
        self.port = free_port()
        hub.add(Level.ERROR, self._logged)
        self.runner.run(self._start(folder))

    def _logged(self, record: Record) -> None:
        if record.exception is not None or "Traceback" in record.message:
            self.bugs.append(f"{record.message}: {record.exception!r}")

    async def _start(self, folder: Path) -> None:
        self.system = System(directories=Directories.below(folder))
        http = f"[general]\nenabled=yes\nbindaddr=127.0.0.1\nbindport={self.port}\n[post_mappings]\nuploads={folder}/uploads/\n"
        files = {"extensions.conf": "[default]\nexten => s,1,Wait(1)\n", "http.conf": http}
        await boot(self.system, MemorySource(files), keep_database=False)
        self.server = ManagerServer(self.system)
        await self.server.apply(read_manager(read_config("manager.conf", MemorySource({"manager.conf": _CONFIG})), Report()))
        answer = await self.get("rawman", "action=login&username=full&secret=golden")
        found = re.search(rb'mansession_id="\w+"', answer)
        assert found is not None, answer
        self.cookie = found[0].decode()

    async def get(self, path: str, query: str, cookie: str = "") -> bytes:
        """The whole answer to a GET."""
        head = f"GET /{path}?{query} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + (f"Cookie: {cookie}\r\n" if cookie else "")
        return await exchange(asyncio.open_connection("127.0.0.1", self.port), f"{head}\r\n".encode(), ends=False)

    async def ask(self, path: str, fields: list[tuple[str, str]]) -> bytes:
        """The body of what the client with the session is answered."""
        answer = await self.get(path, urlencode(fields, errors="surrogateescape"), self.cookie)
        assert answer.startswith(b"HTTP/1.1 200 "), answer[:200]
        return answer.partition(b"\r\n\r\n")[2]

    def close(self) -> None:
        hub.remove(self._logged)
        self.runner.run(self._stop())
        self.runner.close()

    async def _stop(self) -> None:
        await self.server.stop()
        await shut_down(self.system)

    def check(self, said: bytes) -> None:
        bugs, self.bugs = self.bugs, []
        assert not bugs, bugs
        assert b"Internal error" not in said
        assert b"Traceback" not in said


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World(tmp_path_factory.mktemp("web"))
    yield world
    world.close()


@given(data=st.data())
def test_actions_with_any_parameters(world: World, data: st.DataObject) -> None:
    left_out = {*_LEFT_OUT, "Originate", "MessageSend"}  # the last two wait for answers of the network
    names = sorted(spec.name for spec in world.system.registry("manager action") if spec.name not in left_out)
    name = data.draw(st.sampled_from(names))
    known = reference("action").get(name)
    parameters = [field.lstrip("*").partition("=")[0] for field in known.fields] if known is not None else []
    words = st.sampled_from([*parameters, "ActionID", "Channel", "x<y>"])
    fields = [("action", name), *data.draw(st.lists(st.tuples(words, _VALUES), max_size=6))]

    async def run() -> tuple[bytes, bytes, bytes]:
        raw, xml, page = [await world.ask(path, fields) for path in ("rawman", "mxml", "manager")]
        return raw, xml, page

    raw, xml, page = world.runner.run(run())
    world.check(raw + xml + page)
    assert raw.startswith((b"Response: ", b"Event: "))
    assert b"\r\nEvent: Forged" not in raw
    root = ET.fromstring(xml)
    assert root.tag == "ajax-response"
    assert root.find("response/generic") is not None
    tags = set(re.findall(rb"<[/!]?(\w+)", page))
    assert tags <= set(b"DOCTYPE html head title body h1 form p input table tr td hr".split()), tags


_PIECES = st.sampled_from(
    [b"action=", b"ping", b"login", b"waitevent&timeout=0", b"challenge&authtype=md5", b"&", b"=", b"username=full", b"secret=x",
     b"key=", b"actionid=", b"%", b"%zz", b"%00", b"%0d%0a", b"+", b"command", b"\xff", b"action=ping&action=logoff"]
)  # fmt: skip
_HEADERS = st.sampled_from(
    [b"Cookie: mansession_id=\r\n", b'Cookie: mansession_id="0"\r\n', b"Cookie: ;;=;\r\n", b"Cookie: mansession_id=\xff\r\n",
     b"Authorization: Digest\r\n", b'Authorization: Digest username="full", realm="asterisk", nonce=",,\r\n',
     b'Authorization: Digest username="\xff", uri="/arawman", nc=zz, qop=auth, response=""\r\n', b"Authorization: Basic eA==\r\n",
     b"Content-Type: application/x-www-form-urlencoded\r\n", b"Content-Type: multipart/form-data; boundary=b\r\n",
     b"Content-Type: multipart/form-data\r\n", b"Content-Length: 3\r\n\r\na=b", b"Transfer-Encoding: chunked\r\n"]
)  # fmt: skip


@given(
    method=st.sampled_from([b"GET", b"POST", b"PUT", b"HEAD"]),
    path=st.sampled_from([*_PATHS, "uploads", "uploads/../x"]),
    pieces=st.lists(st.one_of(_PIECES, st.binary(max_size=10).map(quote_from_bytes).map(str.encode)), max_size=8),
    headers=st.lists(_HEADERS, max_size=3),
)
def test_requests_of_strangers(world: World, method: bytes, path: str, pieces: list[bytes], headers: list[bytes]) -> None:
    request = method + b" /" + path.encode() + b"?" + b"".join(pieces) + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"

    async def run() -> bytes:
        answer = await exchange(asyncio.open_connection("127.0.0.1", world.port), request + b"".join(headers) + b"\r\n")
        healthy = await world.ask("rawman", [("action", "ping")])
        assert b"Ping: Pong" in healthy
        return answer

    answer = world.runner.run(run())
    world.check(answer)
    assert not answer or answer.startswith(b"HTTP/1.")
    assert b"Authentication accepted" not in answer
    assert b".py" not in answer
