"""SIP over WebSocket (RFC 7118): browsers register, are called and call, over ws and wss."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from globstar.base.log import Level
from globstar.core.cli import run_command
from globstar.core.system import System
from tests.support.certificates import Authority
from tests.support.loopback import free_port
from tests.support.sip_phone import phone_section
from tests.support.switch import LogCapture, running_system
from tests.unit.net.waiting import until

PLAN = "[default]\nexten => 1,1,Answer()\n same => n,Echo()\nexten => 2,1,Dial(PJSIP/alice)\n same => n,Hangup()\n"


@asynccontextmanager
async def switch(root: Path, port: int, *, secure: int = 0, protocols: str = "ws wss", noload: str = "") -> AsyncIterator[System]:
    authority = Authority(root)
    cert, key = authority.issue("server", "localhost")
    http = f"[general]\nenabled=yes\nbindaddr=127.0.0.1\nbindport={port}\n"
    if secure:
        http += f"tlsenable=yes\ntlsbindaddr=127.0.0.1:{secure}\ntlscertfile={cert}\ntlsprivatekey={key}\n"
    transports = "".join(f"[{name}]\ntype=transport\nprotocol={name}\nbind=127.0.0.1\n" for name in protocols.split())
    files = {"http.conf": http, "pjsip.conf": transports + phone_section("alice") + phone_section("bob")}
    files |= {"extensions.conf": PLAN, "modules.conf": f"[modules]\nautoload=yes\n{noload}"}
    async with running_system(root, files) as system:
        yield system


class Browser:
    """A JavaScript user agent: it knows no address of its own."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, name: str, via: str = "WS") -> None:
        self.socket, self.name, self.via = socket, name, via

    async def send(self, text: str) -> None:
        await self.socket.send_str(text)

    async def get(self) -> str:
        message = await self.socket.receive(5)
        assert message.type is aiohttp.WSMsgType.TEXT, message
        return str(message.data)

    def request(self, method: str, uri: str, call: str, *, to: str = "", cseq: int = 1, body: str = "") -> str:
        kind = "Content-Type: application/sdp\r\n" if body else ""
        me = f"sip:{self.name}@127.0.0.1"
        return (
            f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/{self.via} d3x.invalid;branch=z9hG4bK{call}{method}{cseq}\r\n"
            f"Max-Forwards: 70\r\nFrom: <{me}>;tag=a{call}\r\nTo: {to or f'<{uri}>'}\r\n"
            f"Call-ID: {call}\r\nCSeq: {cseq} {method}\r\n"
            f"Contact: <sip:{self.name}@d3x.invalid;transport=ws>\r\n{kind}Content-Length: {len(body)}\r\n\r\n{body}"
        )

    async def register(self) -> str:
        await self.send(self.request("REGISTER", "sip:127.0.0.1", f"r{self.name}").replace(
            "To: <sip:127.0.0.1>", f"To: <sip:{self.name}@127.0.0.1>"))  # fmt: skip
        return await self.get()

    async def answer(self, request: str, status: str, *, body: str = "") -> None:
        kept = [line for line in request.split("\r\n") if line.split(":")[0] in ("Via", "From", "To", "Call-ID", "CSeq")]
        head = "\r\n".join(f"{line};tag=b" if line.startswith("To:") and "tag=" not in line else line for line in kept)
        kind = "Content-Type: application/sdp\r\n" if body else ""
        contact = f"Contact: <sip:{self.name}@d3x.invalid;transport=ws>\r\n"
        await self.send(f"SIP/2.0 {status}\r\n{head}\r\n{contact}{kind}Content-Length: {len(body)}\r\n\r\n{body}")


def sdp(port: int) -> str:
    return f"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP 0\r\n"


@pytest.mark.parametrize("kind", ["ws", "wss"])
async def test_rfc7118_8_calls(tmp_path: Path, kind: str) -> None:
    """Register; be called over the same WebSocket, whatever host Contact names; hang up from either side."""
    port, secure = free_port(), free_port()
    async with switch(tmp_path, port, secure=secure) as system, aiohttp.ClientSession() as session:
        context = ssl.create_default_context(cafile=str(tmp_path / "test-authority.pem"))
        url = f"https://localhost:{secure}/ws" if kind == "wss" else f"http://127.0.0.1:{port}/ws"
        via = kind.upper()
        async with (
            session.ws_connect(url, protocols=("sip",), ssl=context) as first,
            session.ws_connect(url, protocols=("sip",), ssl=context) as second,
        ):
            alice, bob = Browser(first, "alice", via), Browser(second, "bob", via)
            answer = await alice.register()
            assert answer.startswith("SIP/2.0 200 ")
            assert f"transport={kind}>" in answer
            (contact,) = system.services["pjsip"].contacts.contacts("alice")
            assert contact.parsed.host == "127.0.0.1"
            await bob.send(bob.request("INVITE", "sip:2@127.0.0.1", "c1", body=sdp(40000)))
            assert (await bob.get()).startswith("SIP/2.0 100 ")
            invite = await alice.get()
            assert invite.startswith("INVITE sip:alice@127.0.0.1:")
            assert f"Via: SIP/2.0/{via} 127.0.0.1:" in invite
            assert re.search(rf"^Contact: <sip:[^>]*;transport={kind}>", invite, re.M | re.I)
            await alice.answer(invite, "200 OK", body=sdp(40002))
            assert (await alice.get()).startswith("ACK ")
            accepted = await bob.get()
            assert accepted.startswith("SIP/2.0 200 ")
            to = re.search(r"^To: (.*)\r$", accepted, re.M)
            assert to is not None
            await bob.send(bob.request("ACK", "sip:2@127.0.0.1", "c1", to=to[1]))
            await bob.send(bob.request("BYE", "sip:2@127.0.0.1", "c1", to=to[1], cseq=2))
            assert (await bob.get()).startswith("SIP/2.0 200 ")
            bye = await alice.get()
            assert bye.startswith("BYE ")
            await alice.answer(bye, "200 OK")
            await first.send_str("\r\n\r\n")
            assert await alice.get() == "\r\n"
            await first.send_bytes(alice.request("OPTIONS", "sip:127.0.0.1", "o1").encode())
            assert (await alice.get()).startswith("SIP/2.0 200 ")
            text = await run_command(system, f"pjsip show transport {kind}")
            assert " connections: 2\n" in text
        await until(lambda: not system.channels)


async def test_a_lone_transport_takes_both(tmp_path: Path) -> None:
    """Only wss configured, and TLS ends in a proxy before us."""
    port = free_port()
    async with switch(tmp_path, port, protocols="wss") as system, aiohttp.ClientSession() as session:
        async with session.ws_connect(f"http://127.0.0.1:{port}/ws", protocols=("sip",)) as socket:
            assert (await Browser(socket, "alice").register()).startswith("SIP/2.0 200 ")
        bound = system.services["pjsip"].transports.get("wss")
        await until(lambda: bound.carrier.describe() == {"connections": 0, "accepted": 1, "keep_alives": 0})
        await system.loader.unload("chan_pjsip")
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(f"http://127.0.0.1:{port}/ws", protocols=("sip",))


async def test_a_websocket_that_closes_while_it_is_called(tmp_path: Path) -> None:
    """The call fails at once, not after Timer B."""
    port = free_port()
    async with switch(tmp_path, port) as system, aiohttp.ClientSession() as session:
        first = await session.ws_connect(f"http://127.0.0.1:{port}/ws", protocols=("sip",))
        second = await session.ws_connect(f"http://127.0.0.1:{port}/ws", protocols=("sip",))
        alice, bob = Browser(first, "alice"), Browser(second, "bob")
        await alice.register()
        await bob.send(bob.request("INVITE", "sip:2@127.0.0.1", "c1", body=sdp(40000)))
        await alice.get()
        await first.close()
        statuses = [(await bob.get()).split()[1] for _ in range(2)]
        assert statuses[0] == "100"
        assert int(statuses[1]) >= 400
        await until(lambda: not system.channels)
        await second.close()


async def test_left_out(tmp_path: Path) -> None:
    """noload of Asterisk's module leaves WebSocket transports out; without the server they are told to be deaf."""
    with LogCapture() as log:
        async with switch(tmp_path, free_port(), noload="noload=res_pjsip_transport_websocket.so\n") as system:
            assert system.services["pjsip"].transports.get("ws") is None
            assert "sip" not in system.services["http"].websocket_protocols
    assert any("'ws' cannot listen" in text for text in log.texts(Level.ERROR))


async def test_bad_messages_end_nothing_else(tmp_path: Path) -> None:
    port = free_port()
    async with switch(tmp_path, port) as system, aiohttp.ClientSession() as session:
        async with session.ws_connect(f"http://127.0.0.1:{port}/ws", protocols=("sip",)) as socket:
            browser = Browser(socket, "alice")
            for bad in ("", "x", "INVITE\r\n\r\n", "\0" * 100, "SIP/2.0 200 OK\r\n\r\n"):
                await browser.send(bad)
            assert (await browser.register()).startswith("SIP/2.0 200 ")
        assert system.services["pjsip"].sip.counters.discarded >= 3
        await asyncio.sleep(0)
