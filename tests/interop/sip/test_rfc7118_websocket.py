"""RFC 7118: a phone in a browser, played by a WebSocket client, that has nothing but the connection that it made."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Awaitable, Callable

import aiohttp
import pytest

from tests.interop.support.batch import Batch
from tests.support.loopback import HOST, wait_until

SDP = f"v=0\r\no=- 1 1 IN IP4 {HOST}\r\ns=-\r\nc=IN IP4 {HOST}\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n"


class Browser:
    """A phone that has nothing but its WebSocket; its addresses are names that nobody can resolve (RFC 7118 5)."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, user: str) -> None:
        self.socket, self.user, self.number = socket, user, 0
        self.key = f"{user}{secrets.token_hex(4)}"
        self._answers: set[str] = set()

    async def receive(self) -> str:
        """The next message; an answer that is repeated because its ACK is late (RFC 3261 13.3.1.4) is the same one."""
        while True:
            message = await self.socket.receive(timeout=60)
            assert message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY), message
            text = message.data if isinstance(message.data, str) else message.data.decode()
            if text not in self._answers:
                break
        if re.match(r"SIP/2\.0 2(?s:.*)\nCSeq: \d+ INVITE\r", text):
            self._answers.add(text)
        return text

    async def ask(self, method: str, uri: str, extra: str = "", body: str = "", to: str = "", *, binary: bool = False) -> None:
        self.number += 1
        kind = "Content-Type: application/sdp\r\n" if body else ""
        text = (
            f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/WS df7jal23ls0d.invalid;branch=z9hG4bK{self.key}{self.number}\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:{self.user}@{HOST}>;tag={self.user}\r\nTo: {to or f'<sip:{self.user}@{HOST}>'}\r\n"
            f"Call-ID: {self.key}\r\nCSeq: {self.number} {method}\r\n"
            f"Contact: <sip:{self.user}@df7jal23ls0d.invalid;transport=ws>\r\n"
            f"{extra}{kind}Content-Length: {len(body)}\r\n\r\n{body}"
        )
        await (self.socket.send_bytes(text.encode()) if binary else self.socket.send_str(text))

    async def answer(self, request: str, status: str, body: str = "") -> None:
        copied = "".join(
            f"{line}\r\n" for line in request.split("\r\n") if re.match(r"(Via|From|Call-ID|CSeq|Record-Route):", line)
        )
        to = re.search(r"(?m)^To: (.*?)\r$", request)
        assert to is not None
        tag = "" if ";tag=" in to[1] else f";tag=its{self.user}"
        kind = "Content-Type: application/sdp\r\n" if body else ""
        await self.socket.send_str(
            f"SIP/2.0 {status}\r\n{copied}To: {to[1]}{tag}\r\nContact: <sip:{self.user}@df7jal23ls0d.invalid;transport=ws>\r\n"
            f"{kind}Content-Length: {len(body)}\r\n\r\n{body}"
        )


def with_browser(batch: Batch, user: str, play: Callable[[Browser], Awaitable[None]]) -> None:
    """Connect a phone and let it play."""
    port = batch.port("secure", "http")

    async def run() -> None:
        async with aiohttp.ClientSession() as session, session.ws_connect(f"ws://{HOST}:{port}/ws", protocols=("sip",)) as socket:
            assert socket.protocol == "sip"
            await play(Browser(socket, user))

    asyncio.run(run())


async def register(browser: Browser) -> None:
    await browser.ask("REGISTER", f"sip:{HOST}")
    assert (await browser.receive()).startswith("SIP/2.0 200 ")


def test_5_5_a_contact_of_an_invalid_domain_is_called_by_its_connection(batch: Batch) -> None:
    server = batch.process("secure")

    async def play(browser: Browser) -> None:
        await register(browser)
        calling = asyncio.to_thread(server.cli, "channel originate PJSIP/browser1 application Wait 5")
        task = asyncio.ensure_future(calling)
        invite = await browser.receive()
        assert invite.startswith("INVITE sip:browser1@")
        assert re.search(r"(?m)^Via: SIP/2\.0/WS ", invite)
        assert "transport=ws" in invite
        await browser.answer(invite, "180 Ringing")
        await browser.answer(invite, "200 OK", SDP)
        assert (await browser.receive()).startswith("ACK ")
        bye = await browser.receive()
        assert bye.startswith("BYE ")
        await browser.answer(bye, "200 OK")
        await task

    with_browser(batch, "browser1", play)


@pytest.mark.parametrize("binary", [False, True], ids=["text", "binary"])
def test_5_1_a_call_in_text_or_binary_messages(batch: Batch, binary: bool) -> None:
    async def play(browser: Browser) -> None:
        await browser.ask("INVITE", f"sip:105@{HOST}", body=SDP, to=f"<sip:105@{HOST}>", binary=binary)
        statuses = []
        while True:
            answer = await browser.receive()
            statuses.append(answer.split()[1])
            if statuses[-1] != "100":
                break
        assert statuses == ["100", "200"]
        to = re.search(r"(?m)^To: (.*?)\r$", answer)
        assert to is not None
        browser.number -= 1
        await browser.ask("ACK", f"sip:{HOST}", to=to[1])
        bye = await browser.receive()
        assert bye.startswith("BYE ")
        await browser.answer(bye, "200 OK")

    with_browser(batch, "browser2", play)


def test_6_a_contact_goes_with_its_connection(batch: Batch) -> None:
    server = batch.process("secure")

    async def play(browser: Browser) -> None:
        await register(browser)
        assert "browser3@" in await asyncio.to_thread(server.cli, "pjsip show contacts")

    with_browser(batch, "browser3", play)
    wait_until(lambda: "browser3@" not in server.cli("pjsip show contacts"), 20, "the contact is gone")


def test_rfc5626_4_4_1_a_keep_alive_is_answered(batch: Batch) -> None:
    async def play(browser: Browser) -> None:
        await browser.socket.send_str("\r\n\r\n")
        assert await browser.receive() == "\r\n"

    with_browser(batch, "browser1", play)


def test_4_1_a_client_that_does_not_speak_sip_is_refused(batch: Batch) -> None:
    port = batch.port("secure", "http")

    async def run() -> None:
        async with aiohttp.ClientSession() as session:
            with pytest.raises(aiohttp.WSServerHandshakeError):
                await session.ws_connect(f"ws://{HOST}:{port}/ws", protocols=("chess",))

    asyncio.run(run())
