"""The HTTP server: paths, prefix, redirects, restrictions, files, bounds, HTTPS, reload, and WebSockets."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from globstar.base.errors import LocalFault
from globstar.base.log import Level
from globstar.core.cli import run_command
from globstar.core.services import HttpRoute
from globstar.core.system import System
from tests.support.certificates import Authority
from tests.support.loopback import free_port
from tests.support.switch import LogCapture, running_system
from tests.unit.net.waiting import until


@asynccontextmanager
async def switch(root: Path, port: int, text: str = "") -> AsyncIterator[System]:
    conf = f"[general]\nenabled=yes\nbindaddr=127.0.0.1\nbindport={port}\n{text}"
    async with running_system(root, {"http.conf": conf}) as system:
        yield system


async def fetch(url: str, **options: object) -> tuple[int, str, aiohttp.ClientResponse]:
    async with aiohttp.ClientSession() as session, session.get(url, allow_redirects=False, **options) as response:  # type: ignore[arg-type]
        return response.status, await response.text(), response


async def hello(request: web.BaseRequest, rest: str) -> web.StreamResponse:
    return web.Response(text=f"hello {rest} {request.query.get('a', '')}")


async def test_disabled(tmp_path: Path) -> None:
    """Without http.conf nothing listens; routes wait."""
    async with running_system(tmp_path) as system:
        server = system.services["http"]
        assert not server.is_enabled
        assert "Server Disabled\n" in await run_command(system, "http show status")


async def test_what_is_not_there_is_told_as_recorded(tmp_path: Path, shared: Path) -> None:
    """The same page and headers; AMI over HTTP is not there either without webenabled."""
    recording = json.loads((shared / "vectors" / "calls" / "g07_http_mxml_rawman.json").read_text())
    port = free_port()
    async with switch(tmp_path, port):
        for recorded in recording["observed"]["extra"]["http"]:
            async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}{recorded['path']}") as response:
                assert (response.status, await response.text()) == (recorded["status"], recorded["body"])
                told = {name.lower(): value.partition(";")[0] for name, value in response.headers.items()}
                assert {name.lower(): value for name, value in recorded["headers"]}.items() <= told.items()


async def test_paths(tmp_path: Path) -> None:
    port = free_port()
    async with switch(tmp_path, port, "prefix=asterisk\nredirect=/ /asterisk/a/index\nservername=Test\n") as system:
        server = system.services["http"]
        route, deep = HttpRoute("a", hello, "A", has_subtree=True), HttpRoute("a/b", hello, "B")
        server.add_route(route)
        server.add_route(deep)
        with pytest.raises(LocalFault):
            server.add_route(HttpRoute("/a/", hello, "again"))
        base = f"http://127.0.0.1:{port}"
        status, text, response = await fetch(f"{base}/asterisk/a/x/y?a=1")
        assert (status, text, response.headers["Server"]) == (200, "hello x/y 1", "Test")
        assert (await fetch(f"{base}/asterisk/a"))[:2] == (200, "hello  ")
        assert (await fetch(f"{base}/asterisk/a/b"))[:2] == (200, "hello  ")
        assert (await fetch(f"{base}/asterisk/a/b/c"))[:2] == (200, "hello b/c ")
        assert (await fetch(f"{base}/a"))[0] == 404
        assert (await fetch(f"{base}/asterisk/nothing"))[0] == 404
        assert (await fetch(f"{base}/asteriskx/a"))[0] == 404
        status, _, response = await fetch(f"{base}/")
        assert (status, response.headers["Location"]) == (302, "/asterisk/a/index")
        assert await run_command(system, "http show status") == (
            f"HTTP Server Status:\nPrefix: /asterisk\nServer: Test\nServer Enabled and Bound to 127.0.0.1:{port}\n\n"
            "Enabled URI's:\n/asterisk/ws => Asterisk HTTP WebSocket\n/asterisk/a/b => B\n/asterisk/a/... => A\n\n"
            "Enabled Redirects:\n  / => /asterisk/a/index\n\nPath Restrictions:\n  None.\n"
        )
        server.remove_route(deep)
        server.remove_route(route)
        assert (await fetch(f"{base}/asterisk/a"))[0] == 404


async def test_a_handler_that_fails(tmp_path: Path) -> None:
    async def broken(request: web.BaseRequest, rest: str) -> web.StreamResponse:
        if rest == "gone":
            raise web.HTTPGone
        raise ValueError("a bug")

    port = free_port()
    async with switch(tmp_path, port) as system:
        system.services["http"].add_route(HttpRoute("x", broken, "X", has_subtree=True))
        with LogCapture() as log:
            assert (await fetch(f"http://127.0.0.1:{port}/x"))[0] == 500
        assert any("answering GET /x failed" in text for text in log.texts(Level.ERROR))
        assert (await fetch(f"http://127.0.0.1:{port}/x/gone"))[0] == 410


async def test_files_and_status(tmp_path: Path) -> None:
    port = free_port()
    async with switch(tmp_path, port, "enable_static=yes\nenable_status=yes\n") as system:
        folder = Path(system.directories.astdatadir) / "static-http"
        folder.mkdir(parents=True)
        (folder / "a.txt").write_text("there")
        (folder.parent / "secret.txt").write_text("no")
        (folder / "link.txt").symlink_to(folder.parent / "secret.txt")
        base = f"http://127.0.0.1:{port}"
        assert (await fetch(f"{base}/static/a.txt"))[:2] == (200, "there")
        for path in ("/static/none.txt", "/static/..%2fsecret.txt", "/static/link.txt", "/static", "/static/%00"):
            assert (await fetch(f"{base}{path}"))[0] == 404, path
        async with aiohttp.ClientSession() as session, session.post(f"{base}/static/a.txt") as response:
            assert response.status == 405
        status, text, _ = await fetch(f"{base}/httpstatus", cookies={"name": "<value>"})
        assert status == 200
        assert f"<b>{port}</b>" in text
        assert "&lt;value&gt;" in text


@pytest.mark.parametrize(("rules", "status"), [
    ("deny=0.0.0.0/0", 403), ("deny=0.0.0.0/0\npermit=127.0.0.0/8", 200), ("deny=10.0.0.0/8", 200),
    ("permit=nonsense", 403),
])  # fmt: skip
async def test_restrictions(tmp_path: Path, rules: str, status: int) -> None:
    port = free_port()
    async with switch(tmp_path, port, f"[a]\ntype=restriction\n{rules}\n") as system:
        system.services["http"].add_route(HttpRoute("a", hello, "A", has_subtree=True))
        system.services["http"].add_route(HttpRoute("ab", hello, "AB"))
        assert (await fetch(f"http://127.0.0.1:{port}/a/x"))[0] == status
        assert (await fetch(f"http://127.0.0.1:{port}/ab"))[0] == 200
        assert "  Path: a\n" in await run_command(system, "http show status")


@pytest.mark.parametrize(("name", "status"), [("home", 200), ("elsewhere", 403), ("missing", 403), ("home,elsewhere", 403)])
async def test_restrictions_by_lists_of_acl_conf(tmp_path: Path, name: str, status: int) -> None:
    port = free_port()
    files = {
        "http.conf": f"[general]\nenabled=yes\nbindaddr=127.0.0.1\nbindport={port}\n[a]\ntype=restriction\nacl={name}\n",
        "acl.conf": "[home]\ndeny=0.0.0.0/0\npermit=127.0.0.0/8\n[elsewhere]\ndeny=0.0.0.0/0\n",
    }
    async with running_system(tmp_path, files) as system:
        system.services["http"].add_route(HttpRoute("a", hello, "A"))
        assert (await fetch(f"http://127.0.0.1:{port}/a"))[0] == status


async def test_a_section_that_nobody_knows_is_told(tmp_path: Path) -> None:
    with LogCapture() as log:
        async with switch(tmp_path, free_port(), "[nobody]\nuploads=/tmp\n[x]\ntype=restriction\nallow=1\n"):
            pass
    said = " ".join(log.texts(Level.WARNING))
    assert "section [nobody] is unknown" in said
    assert "option 'allow' of a restriction is unknown" in said


async def test_slow_and_many_clients(tmp_path: Path) -> None:
    """A request that does not arrive in session_inactivity is cut off; sessionlimit bounds the connections."""
    port = free_port()
    async with switch(tmp_path, port, "session_inactivity=1500\nsessionlimit=2\n") as system:
        slow = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        await until(lambda: system.services["http"].describe()["connections"] == 2)
        third, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await asyncio.wait_for(third.read(), 45) == b""
        slow[0][1].write(b"GET / HTTP/1.1\r\nX-")
        for reader, _ in slow:
            assert await asyncio.wait_for(reader.read(), 45) == b""
        assert system.services["http"].describe()["cut off"] == 2
        for _, one in (*slow, (third, writer)):
            one.close()
        assert (await fetch(f"http://127.0.0.1:{port}/"))[0] == 404


async def test_https_and_reload(tmp_path: Path) -> None:
    """A reload takes another certificate, keeps connections, and a broken certificate changes nothing."""
    authority, port, secure = Authority(tmp_path), free_port(), free_port()
    cert, key = authority.issue("server", "localhost", common_name="first")
    tls = f"tlsenable=yes\ntlsbindaddr=127.0.0.1:{secure}\ntlscertfile={cert}\ntlsprivatekey={key}\nenable_status=yes\n"
    context = ssl.create_default_context(cafile=str(authority.path))

    class Client:
        """One connection that is kept."""

        async def connect(self) -> None:
            self.reader, self.writer = await asyncio.open_connection("localhost", secure, ssl=context)

        async def name(self) -> str:
            self.writer.write(b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b" 404 " in await asyncio.wait_for(self.reader.readuntil(b"</html>\r\n"), 45)
            return str(self.writer.get_extra_info("ssl_object").getpeercert()["subject"][0][0][1])

    clients = [Client() for _ in range(3)]
    async with switch(tmp_path, port, tls) as system:
        await clients[0].connect()
        assert await clients[0].name() == "first"
        authority.issue("server", "localhost", common_name="second")
        await system.loader.reload("builtin_http")
        await clients[1].connect()
        assert [await clients[0].name(), await clients[1].name()] == ["first", "second"]
        cert.write_text("broken")
        with LogCapture() as log:
            await system.loader.reload("builtin_http")
        assert any("HTTPS is left out" in text for text in log.texts(Level.ERROR))
        await clients[2].connect()
        assert await clients[2].name() == "second"
        assert f"HTTPS Server Enabled and Bound to 127.0.0.1:{secure}\n" in await run_command(system, "http show status")
        for client in clients:
            client.writer.close()


async def test_rfc6455_websockets(tmp_path: Path) -> None:
    """Sub-protocol echo sends back what comes; another one, or none, is refused."""
    port = free_port()
    async with switch(tmp_path, port) as system, aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{port}/ws"
        async with session.ws_connect(url, protocols=("unknown", "echo")) as socket:
            assert socket.protocol == "echo"
            await socket.send_str("häy")
            assert (await socket.receive(45)).data == "häy"
            await socket.send_bytes(b"\xff\x00")
            assert (await socket.receive(45)).data == b"\xff\x00"  # no text could carry it
            await socket.ping(b"p")
            await socket.send_str("again")
            assert (await socket.receive(45)).data == "again"
            await socket.send_bytes(bytes(70_000))
            assert (await socket.receive(45)).type is aiohttp.WSMsgType.CLOSE
        for protocols in ((), ("sip",)):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await session.ws_connect(url, protocols=protocols)
            assert refused.value.status == 400
        assert (await fetch(url))[0] == 400
        last = await session.ws_connect(url, protocols=("echo",))
        await system.loader.unload("res_http_websocket")
        assert (await last.receive(45)).type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.ERROR)
        assert (await fetch(url))[0] == 404


async def test_a_websocket_client_that_does_not_read(tmp_path: Path) -> None:
    """Is cut off after the sub-protocol's time."""
    port = free_port()
    ended = asyncio.Event()

    async def flood(peer: object) -> None:
        from globstar.modules.res.http_websocket import Peer

        assert isinstance(peer, Peer)
        peer.write_timeout = 0.05
        try:
            async with asyncio.timeout(45):
                while peer.send(bytes(60_000)):  # noqa: ASYNC110 - until the queue is full
                    await asyncio.sleep(0)
            assert peer.cut_off == "the client does not read"
            ended.set()
        except TimeoutError:
            return  # and the test fails

    async with switch(tmp_path, port) as system:
        system.services["http"].add_websocket_protocol("flood", flood)
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1000)
        writer.write(
            b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: flood\r\n\r\n"
        )
        assert b" 101 " in await reader.readline()
        await asyncio.wait_for(ended.wait(), 60)
        writer.close()


async def test_options_of_tls(tmp_path: Path) -> None:
    """Who has no certificate, an old version or other ciphers is turned away."""
    authority, secure = Authority(tmp_path), free_port()
    cert, key = authority.issue("server", "localhost")
    options = (
        f"tlsenable=yes\ntlsbindaddr=127.0.0.1:{secure}\ntlscertfile={cert}\ntlsprivatekey={key}\nenable_status=yes\n"
        f"tlsverifyclient=yes\ntlscafile={authority.path}\ntlscipher=ECDHE-ECDSA-AES256-GCM-SHA384\n"
    )

    def client(ciphers: str = "", *, has_certificate: bool = True) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(authority.path))
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        if ciphers:
            context.set_ciphers(ciphers)
        if has_certificate:
            context.load_cert_chain(*authority.issue("client", "client"))
        return context

    url = f"https://localhost:{secure}/httpstatus"
    async with switch(tmp_path, free_port(), options):
        assert (await fetch(url, ssl=client()))[0] == 200
        for refused in (client(has_certificate=False), client("ECDHE-ECDSA-AES128-GCM-SHA256")):
            with pytest.raises(aiohttp.ClientError):
                await fetch(url, ssl=refused)
    async with switch(tmp_path / "newer", free_port(), f"{options}tlsdisablev12=yes\n"):
        with pytest.raises(aiohttp.ClientError):
            await fetch(url, ssl=client())
        newer = client()
        newer.maximum_version = ssl.TLSVersion.TLSv1_3
        assert (await fetch(url, ssl=newer))[0] == 200


async def test_how_long_a_connection_is_kept(tmp_path: Path) -> None:
    port = free_port()
    for wait, is_kept in ((0, False), (2000, True)):
        async with switch(tmp_path / str(wait), port, f"session_keep_alive={wait}\nenable_status=yes\n"):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /httpstatus HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b" 200 " in await reader.readuntil(b"</html>\n")
            if is_kept:
                writer.write(b"GET /httpstatus HTTP/1.1\r\nHost: x\r\n\r\n")
                assert b" 200 " in await reader.readuntil(b"</html>\n")
            assert await asyncio.wait_for(reader.read(), 45) == b""  # it ends by itself
            writer.close()
