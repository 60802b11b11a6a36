"""res_stun_monitor: our address behind NAT, asked for now and then."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from globstar.base.log import Level
from globstar.config import MemorySource
from globstar.core.cli import run_command
from globstar.core.events import NetworkChanged
from globstar.core.system import System
from globstar.interfaces.cli.commands import register_commands
from globstar.media.network import MediaNetwork
from tests.support.sip_phone import SipPhone, sip_office
from tests.support.switch import LogCapture, running_system
from tests.support.turn_server import TurnServer

pytestmark = pytest.mark.virtual_time

MODULES = "[modules]\nautoload=no\nload=res_stun_monitor\n"
HOST = "192.0.2.50"


@asynccontextmanager
async def watched(tmp_path: Path, text: str) -> AsyncIterator[tuple[System, TurnServer, list[NetworkChanged]]]:
    network = MediaNetwork(asyncio.get_running_loop())
    server = TurnServer(network, (HOST, 3478), mapped="203.0.113.1")

    def prepare(system: System) -> None:
        system.services["rtp sockets"] = network

    files = {"modules.conf": MODULES, "res_stun_monitor.conf": text}
    async with running_system(tmp_path, files, prepare=prepare) as system:
        changes: list[NetworkChanged] = []
        system.bus.subscribe(NetworkChanged, changes.append)
        yield system, server, changes
    assert len(network) == 1, "the socket was not given back"


def general(refresh: int = 10) -> str:
    return f"[general]\nstunaddr={HOST}\nstunrefresh={refresh}\n"


async def row(system: System) -> list[str]:
    """The line of the server in the table."""
    return (await run_command(system, "stun show status")).splitlines()[1].split()


async def test_a_changed_address_is_told_once(tmp_path: Path) -> None:
    async with watched(tmp_path, general()) as (system, server, changes):
        await asyncio.sleep(1)
        assert (await row(system))[:6] == [HOST, "3478", "10", "0", "OK", "203.0.113.1"]
        await asyncio.sleep(30)
        assert changes == []
        server.mapped = "203.0.113.2"
        await asyncio.sleep(30)
        assert changes == [NetworkChanged("203.0.113.1", "203.0.113.2")]
        assert len(server.seen) == 7


async def test_a_silent_server_is_told_once_and_asked_again(tmp_path: Path) -> None:
    with LogCapture(Level.WARNING) as log:
        async with watched(tmp_path, general()) as (system, server, changes):
            server.is_silent = True
            await asyncio.sleep(25)
            assert (await row(system))[3:5] == ["2", "FAIL"]
            server.is_silent = False
            await asyncio.sleep(12)
            assert (await row(system))[3:6] == ["0", "OK", "203.0.113.1"]
            assert changes == []
    assert len(log.records) == 1


async def test_without_a_server_nothing_is_asked(tmp_path: Path) -> None:
    async with watched(tmp_path, "") as (system, server, _):
        await asyncio.sleep(60)
        assert (await run_command(system, "stun show status")).count("\n") == 1
        assert server.seen == []
        assert "Usage" in await run_command(system, "stun show status now")


async def test_reload_keeps_what_is_known(tmp_path: Path) -> None:
    async with watched(tmp_path, general()) as (system, server, changes):
        await asyncio.sleep(1)
        server.mapped = "203.0.113.3"
        system.configuration.source = MemorySource({"res_stun_monitor.conf": general(600)})
        register_commands(system)
        await run_command(system, "module reload res_stun_monitor")
        await asyncio.sleep(1)
        assert changes == [NetworkChanged("203.0.113.1", "203.0.113.3")]
        assert (await row(system))[2] == "600"


async def test_a_server_that_is_none(tmp_path: Path) -> None:
    with LogCapture(Level.WARNING) as log:
        async with watched(tmp_path, "[general]\nstunaddr=x:y\nstunrefresh=0\n") as (system, _, _):
            assert (await run_command(system, "stun show status")).count("\n") == 1
    assert len(log.records) == 2


async def test_registrations_are_made_again(tmp_path: Path) -> None:
    """The registrar learns the new address from a REGISTER that comes before the old one has expired."""
    config = (
        "[out]\ntype=registration\nserver_uri=sip:127.0.0.1:15072\nclient_uri=sip:me@127.0.0.1:15072\n"
        "max_random_initial_delay=0\ncontact_user=me\n"
    )
    async with sip_office(tmp_path, config) as office:
        office.phone("spare")
        registrar: SipPhone = office.phone("registrar")

        async def registered() -> None:
            request = await registrar.get("REGISTER", 60)
            registrar.send(registrar.reply_to(request, 200, "OK", tag="r", extra="Expires: 3600\r\n"))

        await registered()
        await asyncio.sleep(5)
        assert not registrar.inbox
        office.system.bus.publish(NetworkChanged("203.0.113.1", "203.0.113.2"))
        await registered()
