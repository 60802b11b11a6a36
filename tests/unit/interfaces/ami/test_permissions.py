"""Permission classes, one by one: which actions they open and which events they let through."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from globstar.core.manager import ManagerEvent, Permission, privilege_text, read_permissions, success
from globstar.core.system import System
from globstar.interfaces.ami.server import ManagerServer
from tests.support.ami import AmiClient, split_messages, start_manager
from tests.support.switch import running_system

pytestmark = pytest.mark.virtual_time

CLASSES = [permission.name.lower() for permission in Permission if permission.name]


def _users() -> str:
    """For each class a user that has it alone and one that has all others."""
    text = "[general]\nenabled=yes\ndisplayconnects=no\n"
    for name in CLASSES:
        others = ",".join(other for other in CLASSES if other != name)
        for user, classes in ((f"only{name}", name), (f"not{name}", others)):
            text += f"[{user}]\nsecret=golden\nread={classes}\nwrite={classes}\n"
    return text


CONFIG = _users()
#: Answered later, or they end the connection.
SPECIAL = frozenset({"challenge", "events", "login", "logoff", "waitevent"})


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    async with running_system(tmp_path) as system:
        yield system


@pytest.fixture
async def server(system: System) -> AsyncIterator[ManagerServer]:
    server = await start_manager(system, CONFIG)
    yield server
    await server.stop()


async def logged_in(server: ManagerServer, user: str) -> AmiClient:
    client = AmiClient(server)
    client.log_in(user)
    await asyncio.sleep(0)
    assert "Message: Authentication accepted" in client.take()
    return client


@pytest.mark.parametrize("name", CLASSES)
async def test_the_actions_of_a_class(system: System, server: ManagerServer, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every action is refused or done as its privilege says; what it does is of no matter here."""
    wanted = read_permissions(name)
    specs = [spec for spec in system.registry("manager action") if spec.name.lower() not in SPECIAL]
    assert len(specs) > 80
    for user, open_classes in ((f"only{name}", wanted), (f"not{name}", read_permissions("all") & ~wanted)):
        client = await logged_in(server, user)
        for spec in specs:
            with monkeypatch.context() as patch:
                patch.setattr(spec, "handler", lambda request: success("Done"))
                answer = client.ask(spec.name)
            may = not spec.permissions or bool(spec.permissions & open_classes)
            assert ("Message: Done" in answer, "Message: Permission denied" in answer) == (may, not may), spec.name


@pytest.mark.parametrize("name", CLASSES)
async def test_the_events_of_a_class(system: System, server: ManagerServer, name: str) -> None:
    """Those of one class, of several and of all of them."""
    wanted = read_permissions(name)
    kinds = [
        *Permission,
        Permission.CALL | Permission.REPORTING,
        Permission.SYSTEM | Permission.SECURITY,
        read_permissions("all"),
    ]
    for user, read in ((f"only{name}", wanted), (f"not{name}", read_permissions("all") & ~wanted)):
        client = await logged_in(server, user)
        for number, kind in enumerate(kinds):
            system.bus.publish(ManagerEvent("Told", kind, [("Number", str(number)), ("Class", privilege_text(kind))]))
        told = [dict(lines)["Number"] for lines in split_messages(client.take()) if dict(lines).get("Event") == "Told"]
        assert told == [str(number) for number, kind in enumerate(kinds) if kind & read]


async def test_a_user_without_a_class(system: System) -> None:
    config = "[general]\nenabled=yes\n[none]\nsecret=golden\n[odd]\nsecret=golden\nread= CALL ,dtmf\nwrite=none\n"
    server = await start_manager(system, config)
    for user, numbers in (("none", []), ("odd", ["1"])):
        client = await logged_in(server, user)
        for number, kind in enumerate((Permission.SYSTEM, Permission.CALL)):
            system.bus.publish(ManagerEvent("Told", kind, [("Number", str(number))]))
        assert [dict(lines)["Number"] for lines in split_messages(client.take()) if dict(lines).get("Event") == "Told"] == numbers
        assert "Permission denied" in client.ask("CoreStatus")
        assert "Ping: Pong" in client.ask("Ping")
    await server.stop()
