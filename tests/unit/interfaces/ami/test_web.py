"""AMI over HTTP: the three forms, sessions and cookies, digest, permissions, events, bounds."""

from __future__ import annotations

import asyncio
import hashlib
import re
import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from globstar.config import MemorySource
from globstar.config.options import Report
from globstar.config.reader import read_config
from globstar.core import events
from globstar.core.system import System
from globstar.interfaces.ami.server import ManagerServer
from globstar.interfaces.ami.settings import read_manager
from tests.support.loopback import free_port
from tests.support.switch import running_system
from tests.unit.net.waiting import until

CONFIG = """
[general]
enabled=yes
port=0
webenabled=yes
bindaddr=127.0.0.1
displayconnects=no
authlimit=3
[full]
secret=golden
read=all
write=all
[few]
secret=golden
read=user
write=user
[far]
secret=golden
write=all
deny=0.0.0.0/0.0.0.0
"""


class Browser:
    """An HTTP client with cookies."""

    def __init__(self, base: str, session: aiohttp.ClientSession) -> None:
        self.base, self.session = base, session
        self.cookie = ""

    async def get(self, path: str, **parameters: str) -> aiohttp.ClientResponse:
        headers = {"Cookie": self.cookie} if self.cookie else {}
        response = await self.session.get(f"{self.base}/{path}", params=parameters, headers=headers)
        await response.read()
        found = re.match(r'mansession_id="(\w*)"', response.headers.get("Set-Cookie", ""))
        if found:
            self.cookie = f'mansession_id="{found[1]}"' if found[1] else ""
        return response

    async def ask(self, action: str, **parameters: str) -> str:
        return await (await self.get("rawman", action=action, **parameters)).text()

    async def log_in(self, user: str = "full", secret: str = "golden") -> str:
        return await self.ask("login", username=user, secret=secret)


@asynccontextmanager
async def served(root: Path, config: str = CONFIG) -> AsyncIterator[tuple[System, ManagerServer, str]]:
    port = free_port()
    http = f"[general]\nenabled=yes\nbindaddr=127.0.0.1\nbindport={port}\nprefix=asterisk\n"
    async with running_system(root, {"http.conf": http}) as system:
        server = ManagerServer(system)
        report = Report()
        await server.apply(read_manager(read_config("manager.conf", MemorySource({"manager.conf": config})), report))
        assert not report.warnings
        yield system, server, f"http://127.0.0.1:{port}/asterisk"
        await server.stop()


@asynccontextmanager
async def browser(base: str) -> AsyncIterator[Browser]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield Browser(base, session)


async def test_log_in_act_and_log_off_as_text(tmp_path: Path) -> None:
    async with served(tmp_path) as (_, server, base), browser(base) as client:
        response = await client.get("rawman", action="ping")
        assert await response.text() == "Response: Error\r\nMessage: Permission denied\r\n\r\n"
        response = await client.get("rawman", action="login", username="full", secret="golden")
        assert await response.text() == "Response: Success\r\nMessage: Authentication accepted\r\n\r\n"
        assert response.headers["Content-Type"].startswith("text/plain")
        assert response.headers["Cache-Control"] == "no-cache, no-store"
        assert response.headers["Pragma"] == "SuppressEvents"
        assert re.match(r'mansession_id="[0-9a-f]{32}"; Version=1; Max-Age=60', response.headers["Set-Cookie"])
        assert (await client.ask("ping", ActionID="7")).startswith("Response: Success\r\nActionID: 7\r\nPing: Pong\r\n")
        assert len(server.web.sessions if server.web is not None else ()) == 1
        assert await client.ask("logoff") == "Response: Goodbye\r\nMessage: Thanks for all the fish.\r\n\r\n"
        assert client.cookie == ""
        assert not server.hub.sessions
        assert await client.ask("ping") == "Response: Error\r\nMessage: Permission denied\r\n\r\n"


async def test_xml_and_html(tmp_path: Path) -> None:
    async with served(tmp_path) as (_, _, base), browser(base) as client:
        await client.log_in()
        response = await client.get("mxml", action="Getvar", Variable="A<'&B")
        assert response.headers["Content-Type"].startswith("text/xml")
        generic = ET.fromstring(await response.text())[0][0]
        assert generic.attrib == {"response": "Success", "variable": "A<'&B", "value": ""}
        response = await client.get("manager")
        page = await response.text()
        assert response.headers["Content-Type"].startswith("text/html")
        assert '<form method="post">' in page
        assert "<td>" not in page
        page = await (await client.get("manager", action="Getvar", Variable="<script>")).text()
        assert "<tr><td>Variable</td><td>&lt;script&gt;</td></tr>" in page


async def test_a_form_that_is_posted(tmp_path: Path) -> None:
    async with served(tmp_path) as (_, _, base), aiohttp.ClientSession() as session:
        data = {"action": "login", "username": "full", "secret": "golden"}
        async with session.post(f"{base}/rawman", data=data) as response:
            assert "Authentication accepted" in await response.text()
        async with session.put(f"{base}/rawman", data=data) as response:
            assert response.status == 405
        many = "&".join(f"a{number}=1" for number in range(600))
        async with session.post(
            f"{base}/rawman", data=many, headers={"Content-Type": "application/x-www-form-urlencoded"}
        ) as response:
            assert response.status == 413


async def test_challenge_and_key(tmp_path: Path) -> None:
    async with served(tmp_path) as (_, _, base), browser(base) as client:
        challenge = (await client.ask("challenge", AuthType="MD5")).partition("Challenge: ")[2].strip()
        key = hashlib.md5(f"{challenge}golden".encode()).hexdigest()
        assert "Authentication accepted" in await client.ask("login", AuthType="MD5", Username="full", Key=key)


async def test_classes_and_addresses_count_over_http_too(tmp_path: Path) -> None:
    async with served(tmp_path) as (_, _, base), browser(base) as client:
        assert "Authentication failed" in await client.log_in(user="far")
        assert "Authentication accepted" in await client.log_in(user="few")
        assert "Permission denied" in await client.ask("Command", Command="core show version")
        assert "Event Sent" in await client.ask("UserEvent", UserEvent="x")


async def test_events_wait_until_they_are_asked_for(tmp_path: Path) -> None:
    async with served(tmp_path) as (system, server, base), browser(base) as client:
        await client.log_in()
        await client.ask("WaitEvent", Timeout="0")
        for number in range(2):
            system.bus.publish(events.UserEventRaised(None, "Now", (("Number", str(number)),)))
        told = await client.ask("WaitEvent", Timeout="5", ActionID="w")
        assert told == (
            "Response: Success\r\nActionID: w\r\nMessage: Waiting for Event completed.\r\n\r\n"
            "Event: UserEvent\r\nPrivilege: user,all\r\nUserEvent: Now\r\nNumber: 0\r\n\r\n"
            "Event: UserEvent\r\nPrivilege: user,all\r\nUserEvent: Now\r\nNumber: 1\r\n\r\n"
            "Event: WaitEventComplete\r\nActionID: w\r\n\r\n"
        )
        waiting = asyncio.create_task(client.ask("WaitEvent", Timeout="30"))
        assert server.web is not None
        (session,) = server.web.sessions.values()
        await until(lambda: bool(session.event_told._waiters))  # type: ignore[attr-defined]
        system.bus.publish(events.UserEventRaised(None, "Later", ()))
        assert "UserEvent: Later" in await asyncio.wait_for(waiting, 45)


async def test_another_request_ends_a_wait(tmp_path: Path) -> None:
    async with served(tmp_path) as (_, server, base), browser(base) as client:
        await client.log_in()
        await client.ask("WaitEvent", Timeout="0")
        waiting = asyncio.create_task(client.ask("WaitEvent", Timeout="30"))
        session = server.hub.sessions[0]
        await until(lambda: session._running is not None)
        assert "Pong" in await asyncio.wait_for(client.ask("Ping"), 45)
        assert "WaitEventComplete" in await asyncio.wait_for(waiting, 45)


async def test_a_client_that_does_not_ask_has_bounded_events(tmp_path: Path) -> None:
    async with served(tmp_path) as (system, server, base), browser(base) as client:
        await client.log_in()
        for number in range(6000):
            system.bus.publish(events.UserEventRaised(None, "Flood", (("Number", str(number)),)))
        told = await client.ask("WaitEvent", Timeout="0")
        numbers = [int(found) for found in re.findall(r"Number: (\d+)", told)]
        assert numbers == list(range(1000, 6000))
        (session,) = server.web.sessions.values() if server.web is not None else ()
        assert session.dropped >= 1000


async def test_sessions_end_after_their_time_and_strangers_are_bounded(tmp_path: Path) -> None:
    async with served(tmp_path, CONFIG.replace("webenabled=yes", "webenabled=yes\nhttptimeout=1")) as (_, server, base):
        async with browser(base) as client:
            await client.log_in()
            await until(lambda: not server.hub.sessions)
            assert "Permission denied" in await client.ask("ping")
        async with browser(base) as client:
            # at the same time, as they are forgotten after a second
            asked = await asyncio.gather(*(client.get("rawman", action="challenge", AuthType="MD5") for _ in range(8)))
            assert [response.status for response in asked].count(503) >= 1


async def test_digest_logs_in_by_itself(tmp_path: Path) -> None:
    async with served(tmp_path) as (_, server, base):
        digest = aiohttp.DigestAuthMiddleware(login="full", password="golden")
        async with aiohttp.ClientSession(middlewares=(digest,), cookie_jar=aiohttp.DummyCookieJar()) as session:
            for _ in range(2):
                async with session.get(f"{base}/arawman", params={"action": "ping"}) as response:
                    assert "Ping: Pong" in await response.text()
            async with session.get(f"{base}/amxml", params={"action": "ping"}) as response:
                assert ET.fromstring(await response.text())[0][0].attrib["ping"] == "Pong"
        assert [one.account for one in server.hub.sessions] == ["full"]
        async with aiohttp.ClientSession() as session, session.get(f"{base}/arawman?action=ping") as response:
            assert response.status == 401
            assert re.match(r'Digest realm="asterisk",', response.headers["WWW-Authenticate"])
        wrong = aiohttp.DigestAuthMiddleware(login="full", password="guess")
        async with aiohttp.ClientSession(middlewares=(wrong,)) as session:
            async with session.get(f"{base}/arawman", params={"action": "ping"}) as response:
                assert response.status == 401
        assert len(server.hub.guesses) == 1


@pytest.mark.parametrize("header", ["Digest", "Digest username=", "Basic Zm9vOmJhcg==", 'Digest username="x", realm="asterisk"'])
async def test_credentials_that_make_no_sense(tmp_path: Path, header: str) -> None:
    async with served(tmp_path) as (_, _, base), aiohttp.ClientSession() as session:
        async with session.get(f"{base}/arawman", headers={"Authorization": header}) as response:
            assert response.status == 401


async def test_webenabled_is_taken_back_by_a_reload(tmp_path: Path) -> None:
    async with served(tmp_path) as (_, server, base), browser(base) as client:
        await client.log_in()
        config = read_config("manager.conf", MemorySource({"manager.conf": CONFIG.replace("webenabled=yes", "webenabled=no")}))
        await server.apply(read_manager(config, Report()))
        assert (await client.get("rawman", action="ping")).status == 404
        assert not server.hub.sessions
