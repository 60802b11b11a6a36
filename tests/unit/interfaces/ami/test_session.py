"""Logging in, permissions, which events reach whom."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from globstar.core import events
from globstar.core.manager import ManagerEvent, Permission
from globstar.core.system import System
from globstar.interfaces.ami.server import ManagerServer
from tests.support.ami import AmiClient, start_manager
from tests.support.switch import running_system

pytestmark = pytest.mark.virtual_time

CONFIG = """
[general]
enabled=yes
displayconnects=no
replayevents=3
[full]
secret=golden
read=all
write=all
[callonly]
secret=golden
read=call
write=call
[once]
secret=golden
allowmultiplelogin=no
[near]
secret=golden
deny=0.0.0.0/0.0.0.0
permit=192.0.2.0/24
[filtered]
secret=golden
read=all
eventfilter(action(include),name(UserEvent))=
"""


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    async with running_system(tmp_path) as system:
        yield system


@pytest.fixture
async def server(system: System) -> AsyncIterator[ManagerServer]:
    server = await start_manager(system, CONFIG)
    yield server
    await server.stop()


async def logged_in(server: ManagerServer, user: str = "full", events: str = "on") -> AmiClient:
    client = AmiClient(server)
    client.log_in(user, events=events)
    await asyncio.sleep(0)
    assert "Message: Authentication accepted" in client.received.decode()
    return client


async def test_the_banner_and_what_is_open_before_a_login(server: ManagerServer) -> None:
    client = AmiClient(server)
    assert client.take() == "Asterisk Call Manager/12.0.0\r\n"
    assert client.ask("Ping") == "Response: Error\r\nMessage: Permission denied\r\n\r\n"
    assert client.ask("Logoff") == "Response: Goodbye\r\nMessage: Thanks for all the fish.\r\n\r\n"
    assert client.is_closed


async def test_a_wrong_secret_ends_the_connection(server: ManagerServer) -> None:
    client = AmiClient(server)
    client.take()
    client.log_in(secret="nope")
    await asyncio.sleep(0)
    assert client.take() == "Response: Error\r\nMessage: Authentication failed\r\n\r\n"
    assert client.is_closed
    assert not server.hub.sessions


@pytest.mark.parametrize(("user", "secret"), [("near", "golden"), ("nobody", ""), ("full", "")])
async def test_who_is_not_let_in(server: ManagerServer, user: str, secret: str) -> None:
    client = AmiClient(server)
    client.take()
    client.log_in(user, secret)
    await asyncio.sleep(0)
    assert "Authentication failed" in client.take()


async def test_a_guesser_waits_longer_and_longer(server: ManagerServer) -> None:
    waits = []
    loop = asyncio.get_running_loop()
    for _ in range(5):
        client = AmiClient(server)
        before = loop.time()
        client.log_in(secret="guess")
        await client.closed.wait()
        waits.append(loop.time() - before)
    assert waits == [0, 0, 2, 4, 8]


async def test_a_challenge(server: ManagerServer) -> None:
    client = AmiClient(server)
    answer = client.ask("Challenge", ("AuthType", "md5"))
    challenge = answer.partition("Challenge: ")[2].strip()
    assert challenge.isdecimal()
    key = hashlib.md5(f"{challenge}golden".encode()).hexdigest()
    client.send(f"Action: Login\r\nAuthType: MD5\r\nUsername: full\r\nKey: {key}\r\n\r\n")
    await asyncio.sleep(0)
    assert "Authentication accepted" in client.take()


async def test_a_key_without_a_challenge_is_worth_nothing(server: ManagerServer) -> None:
    client = AmiClient(server)
    key = hashlib.md5(b"golden").hexdigest()
    client.send(f"Action: Login\r\nAuthType: MD5\r\nUsername: full\r\nKey: {key}\r\n\r\n")
    await asyncio.sleep(0)
    assert "Authentication failed" in client.take()


async def test_one_login_at_a_time(server: ManagerServer) -> None:
    await logged_in(server, "once")
    second = AmiClient(server)
    second.log_in("once")
    await asyncio.sleep(0)
    assert "Message: Login already in use" in second.take()
    assert second.is_closed


async def test_nobody_listens_to_the_bus_until_somebody_wants_events(system: System) -> None:
    server = await start_manager(system)
    before = len(system.bus.listeners(events.VariableSet))
    client = await logged_in(server, events="off")
    assert len(system.bus.listeners(events.VariableSet)) == before
    client.ask("Events", ("EventMask", "on"))
    assert len(system.bus.listeners(events.VariableSet)) == before + 1
    client.session.ended()
    assert len(system.bus.listeners(events.VariableSet)) == before
    await server.stop()


async def test_classes_of_events(system: System, server: ManagerServer) -> None:
    full, calls = await logged_in(server), await logged_in(server, "callonly")
    full.take()
    calls.take()
    system.globals.set("A", "1")
    system.bus.publish(events.DeviceStateChanged("PJSIP/x", "INUSE"))
    assert [event[0][1] for event in full.events()] == ["VarSet", "DeviceStateChange"]
    assert [event[0][1] for event in calls.events()] == ["DeviceStateChange"]


async def test_configured_filters(system: System, server: ManagerServer) -> None:
    client = await logged_in(server, "filtered")
    client.take()
    system.globals.set("A", "1")
    system.bus.publish(events.UserEventRaised(None, "Mine", (("K", "v"),)))
    assert client.take() == "Event: UserEvent\r\nPrivilege: user,all\r\nUserEvent: Mine\r\nK: v\r\n\r\n"


async def test_an_answer_comes_before_the_events_that_the_action_causes(server: ManagerServer) -> None:
    client = await logged_in(server)
    text = client.ask("UserEvent", ("UserEvent", "Mine"), ("K", "v"))
    assert text.index("Response: Success") < text.index("Event: UserEvent")


async def test_replay_of_missed_events(system: System, server: ManagerServer) -> None:
    client = await logged_in(server, events="off")
    for value in "12345":
        system.globals.set("A", value)
    number = server.hub.number
    assert f"Events before {number - 2} are not kept any more" in client.ask("Replay", ("SequenceNumber", "0"))
    anew = client.ask("Replay", ("SequenceNumber", str(number + 1)))
    assert f"Response: Error\r\nMessage: There is no event {number + 1}: the last one is {number}\r\n" in anew
    assert client.ask("Replay", ("SequenceNumber", str(number))).count("\r\n\r\n") == 1  # nothing was missed
    quiet = client.ask("Replay", ("SequenceNumber", str(number - 2)))  # before its own events are turned on
    client.ask("Events", ("EventMask", "on"))
    text = client.ask("Replay", ("SequenceNumber", str(number - 2)))
    assert quiet == text
    assert [line for line in text.split("\r\n") if line.startswith("Value")] == ["Value: 4", "Value: 5"]
    assert text.startswith(f"Response: Success\r\nMessage: Events will follow\r\nFirst: {number - 2}\r\nLast: {number}\r\n")
    narrow = await logged_in(server, "callonly", events="off")
    assert "Value" not in narrow.ask("Replay", ("SequenceNumber", str(number - 2)))  # VarSet is of a class that it may not read


async def test_a_bug_in_an_action_ends_only_the_action(server: ManagerServer, monkeypatch: pytest.MonkeyPatch) -> None:
    client = await logged_in(server)
    spec = server.system.registry("manager action").get("Ping")
    assert spec is not None
    monkeypatch.setattr(spec, "handler", lambda request: 1 / 0)
    assert "Message: Internal error" in client.ask("Ping")
    monkeypatch.undo()
    assert "Pong" in client.ask("Ping")


async def test_actions_run_one_after_the_other(server: ManagerServer) -> None:
    client = await logged_in(server, events="off")
    client.take()
    client.send("Action: WaitEvent\r\nTimeout: 2\r\nActionID: a\r\n\r\nAction: Ping\r\nActionID: b\r\n\r\n")
    await asyncio.sleep(1)
    assert client.received == b""
    await asyncio.sleep(2)
    text = client.take()
    assert text.index("Waiting for Event completed.") < text.index("Event: WaitEventComplete") < text.index("Pong")


async def test_events_of_modules_reach_clients(system: System, server: ManagerServer) -> None:
    client = await logged_in(server)
    client.take()
    system.bus.publish(ManagerEvent("Mine", Permission.SYSTEM, (("A", "b"),)))
    assert client.take() == "Event: Mine\r\nPrivilege: system,all\r\nA: b\r\n\r\n"
