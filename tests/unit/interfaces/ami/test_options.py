"""Options of manager.conf that change what clients are told, and the sockets that they come by."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from globstar.config import MemorySource
from globstar.config.options import Report
from globstar.config.reader import read_config
from globstar.core.manager import ManagerEvent, Permission
from globstar.core.system import System
from globstar.interfaces.ami.server import ManagerServer
from globstar.interfaces.ami.settings import read_manager
from tests.support.ami import AmiClient, start_manager
from tests.support.certificates import Authority
from tests.support.switch import running_system
from tests.support.testtech import NO_RECORDS, World

FULL = "[full]\nsecret=golden\nread=all\nwrite=all\n"


async def logged_in(system: System, options: str, user: str = FULL) -> AmiClient:
    client = AmiClient(await start_manager(system, f"[general]\nenabled=yes\ndisplayconnects=no\n{options}\n{user}"))
    client.log_in()
    await asyncio.sleep(0)
    assert "Authentication accepted" in client.take()
    return client


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    async with running_system(tmp_path) as system:
        yield system


# -- what is told ----------------------------------------------------------------------------------------------------------


@pytest.mark.virtual_time
async def test_time_and_number_of_events_follow_the_class(system: System) -> None:
    client = await logged_in(system, "timestampevents=yes\ndebug=yes")
    system.bus.publish(ManagerEvent("Alarm", Permission.SYSTEM, [("Channel", "x")]))
    (told,) = client.events()
    assert [name for name, _ in told] == ["Event", "Privilege", "Timestamp", "SequenceNumber", "Channel"]
    assert float(dict(told)["Timestamp"]) == pytest.approx(system.wall_time(), abs=1)
    assert len(dict(told)["Timestamp"].partition(".")[2]) == 6


@pytest.mark.virtual_time
async def test_events_that_are_never_sent(system: System) -> None:
    client = await logged_in(system, "disabledevents=Alarm, VarSet")
    for name in ("Alarm", "AlarmClear", "VarSet"):
        system.bus.publish(ManagerEvent(name, Permission.SYSTEM, []))
    assert [dict(one)["Event"] for one in client.events()] == ["AlarmClear"]


@pytest.mark.virtual_time
async def test_broken_events_action_leaves_single_classes_unanswered(system: System) -> None:
    client = await logged_in(system, "brokeneventsaction=yes")
    assert client.ask("Events", ("EventMask", "call,log")) == ""
    assert client.ask("Events", ("EventMask", "on")) == "Response: Success\r\nEvents: On\r\n\r\n"
    assert client.ask("Events", ("EventMask", "off")) == "Response: Success\r\nEvents: Off\r\n\r\n"
    fixed = await logged_in(system, "")
    assert fixed.ask("Events", ("EventMask", "call,log")) == "Response: Success\r\nEvents: On\r\n\r\n"


@pytest.mark.virtual_time
async def test_variables_of_channels_in_events_and_of_calls_that_a_user_begins() -> None:
    async with await World.start("[default]\nexten => 1,1,Answer()\nsame => n,Wait(9)\n", files=NO_RECORDS) as world:
        user = f"{FULL}setvar=OWNER=sales\nsetvar=__CAMPAIGN=spring\n"
        client = await logged_in(world.system, "channelvars=OWNER,NOTHING", user)
        request = (("Channel", "Local/1@default"), ("Application", "Wait"), ("Data", "1"), ("Variable", "X=1"), ("Async", "true"))
        client.ask("Originate", *request)
        await asyncio.sleep(0.5)
        events = [event for event in client.events() if dict(event).get("Channel", "").endswith(";1")]
        assert ("Variable", "OWNER") in [line for event in events for line in event]
        (answered,) = (event for event in events if event[0] == ("Event", "Newstate") and ("ChannelStateDesc", "Up") in event)
        assert [line for line in answered if line[0] == "ChanVariable"] == [
            ("ChanVariable", "OWNER=sales"), ("ChanVariable", "NOTHING="),
        ]  # fmt: skip
        channel = next(one for name, one in world.system.channels.items() if name.endswith(";1"))
        assert [channel.variables.get(name) for name in ("OWNER", "CAMPAIGN", "X")] == ["sales", "spring", "1"]
        other = next(one for name, one in world.system.channels.items() if name.endswith(";2"))
        assert other.variables.get("CAMPAIGN") == "spring"
        await world.end_calls()


# -- sockets ---------------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def listening(system: System, options: str) -> AsyncIterator[ManagerServer]:
    text = f"[general]\nenabled=yes\ndisplayconnects=no\nbindaddr=127.0.0.1\nport=0\n{options}\n{FULL}"
    server = ManagerServer(system)
    report = Report()
    await server.apply(read_manager(read_config("manager.conf", MemorySource({"manager.conf": text})), report))
    assert not report.warnings
    try:
        yield server
    finally:
        await server.stop()


async def rest(reader: asyncio.StreamReader) -> bytes:
    """What is left to read until the server ends the connection; a reset is an end, too."""
    try:
        return await asyncio.wait_for(reader.read(), 45)
    except (ConnectionResetError, BrokenPipeError, ssl.SSLError):
        return b""


async def log_in(port: int, secure: ssl.SSLContext | None = None) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=secure)
    writer.write(b"Action: Login\r\nUsername: full\r\nSecret: golden\r\nEvents: off\r\n\r\nAction: Logoff\r\n\r\n")
    answered = await rest(reader)
    writer.close()
    return answered


async def test_clients_that_do_not_log_in_are_bounded_in_time_and_number(system: System) -> None:
    async with listening(system, "authtimeout=3\nauthlimit=2") as server:
        port = server.addresses[0][1]
        silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        for reader, _ in silent:
            assert await reader.readline() == b"Asterisk Call Manager/12.0.0\r\n"
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await rest(reader) == b""  # a third one is not even greeted
        assert [await rest(one) for one, _ in silent] == [b"", b""]
        for one in (writer, *(two for _, two in silent)):
            one.close()
        assert b"Authentication accepted" in await log_in(port)


async def test_over_tls_with_certificates_of_clients(system: System, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate, key = authority.issue("server", "127.0.0.1")
    options = f"tlsenable=yes\ntlsbindaddr=127.0.0.1:0\ntlscertfile={certificate}\ntlsprivatekey={key}\n"
    client = ssl.create_default_context(cafile=str(authority.path))
    async with listening(system, f"{options}tlscipher=ECDHE-ECDSA-AES256-GCM-SHA384\n") as server:
        plain, secure = (address[1] for address in server.addresses)
        assert b"Authentication accepted" in await log_in(plain)
        assert b"Authentication accepted" in await log_in(secure, client)
        client.maximum_version = ssl.TLSVersion.TLSv1_2
        client.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")
        with pytest.raises((ssl.SSLError, ConnectionResetError)):
            await log_in(secure, client)
    client = ssl.create_default_context(cafile=str(authority.path))
    async with listening(system, f"{options}tlsverifyclient=yes\ntlscafile={authority.path}\n") as server:
        secure = server.addresses[1][1]
        try:
            assert b"Authentication accepted" not in await log_in(secure, client)
        except (ssl.SSLError, ConnectionResetError, BrokenPipeError):
            pass  # told during the handshake or after it, as the version of TLS has it
        client.load_cert_chain(*authority.issue("client", "client"))
        assert b"Authentication accepted" in await log_in(secure, client)
