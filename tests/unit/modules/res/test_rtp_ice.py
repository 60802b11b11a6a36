"""ICE in rtp.conf: servers, access lists, host candidates, and the commands."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from globstar.base.log import Level
from globstar.config import MemorySource
from globstar.core.cli import run_command
from globstar.core.system import System
from globstar.interfaces.cli.commands import register_commands
from globstar.media.gather import IceServers
from globstar.net.dns import DnsOptions, Resolver
from globstar.proto.stun import Kind, StunMessage
from tests.support.switch import LogCapture, running_system

MODULES = {"modules.conf": "[modules]\nautoload=no\nload=res_rtp_asterisk\n"}


def general(*lines: str) -> dict[str, str]:
    return {**MODULES, "rtp.conf": "[general]\n" + "\n".join(lines) + "\n"}


def servers_of(system: System) -> IceServers:
    servers = system.services["rtp"].ice_servers
    assert isinstance(servers, IceServers)
    return servers


async def test_servers_by_number(tmp_path: Path) -> None:
    files = general("stunaddr=192.0.2.1", "turnaddr=192.0.2.2:99", "turnusername=me", "turnpassword=secret")
    async with running_system(tmp_path, files) as system:
        servers = servers_of(system)
        assert servers.stun == ("192.0.2.1", 3478)
        assert [str(server) for server in servers.turns] == ["192.0.2.2:99 (UDP)", "192.0.2.2:99 (TCP)"]
        assert (servers.turn_username, servers.turn_password) == ("me", "secret")
        assert servers.software.startswith("Globstar ")
        assert "secret" not in repr(servers)
        shown = await run_command(system, "rtp show settings")
        assert "STUN:            enabled\n   Address:        192.0.2.1:3478" in shown
        assert "TURN:            enabled\n   Address:        192.0.2.2:99" in shown
        await reload(system, "[general]\nstun_software_attribute=no\n")
        assert (servers_of(system).stun, servers_of(system).software) == (None, "")


async def reload(system: System, text: str) -> None:
    """Another rtp.conf, which is read."""
    system.configuration.source = MemorySource({"rtp.conf": text})
    register_commands(system)
    await run_command(system, "module reload res_rtp_asterisk")


class Names(Resolver):
    """Knows one name, with the addresses that a test gives it."""

    def __init__(self, system: System, *records: str) -> None:
        super().__init__(system.loop, DnsOptions(system_only=True))
        self.records = records
        self.asked = 0

    async def query(self, kind: str, name: str) -> tuple[Any, ...]:
        assert name == "stun.example.com"
        self.asked += kind == "A"
        return self.records if kind == "A" else ()


@pytest.mark.virtual_time
async def test_names_are_looked_up_and_again_when_they_are_old(tmp_path: Path) -> None:
    files = {**MODULES, "rtp.conf": ""}
    async with running_system(tmp_path, files) as system:
        names = system.services["dns"] = Names(system, "192.0.2.7")
        assert "no STUN server" in await run_command(system, "rtp resolve stun hostname")
        await reload(system, "[general]\nstunaddr=stun.example.com:99\n")
        assert "192.0.2.7:99" in await run_command(system, "rtp resolve stun hostname")
        servers, asked = servers_of(system), names.asked
        assert servers.stun == ("192.0.2.7", 99)
        assert servers.before_use is not None
        servers.before_use()
        names.records = ("192.0.2.8",)
        assert names.asked == asked  # known for a while
        assert "192.0.2.8:99" in await run_command(system, "rtp resolve stun hostname")
        names.records = ()
        with LogCapture(Level.WARNING) as log:
            assert "192.0.2.8:99" in await run_command(system, "rtp resolve stun hostname")  # what was known is kept
        assert "'stun.example.com' cannot be resolved" in log.records[0].message


@pytest.mark.virtual_time
@pytest.mark.parametrize("always", ["yes", "no"])
async def test_stunaddr_reresolve_ttl_0_looks_for_each_call(tmp_path: Path, always: str) -> None:
    async with running_system(tmp_path, {**MODULES, "rtp.conf": ""}) as system:
        names = system.services["dns"] = Names(system, "192.0.2.7")
        await reload(system, f"[general]\nstunaddr=stun.example.com\nstunaddr_reresolve_ttl_0={always}\n")
        servers = servers_of(system)
        await asyncio.sleep(0.1)
        assert (servers.stun, names.asked) == (("192.0.2.7", 3478), 1)
        for number in range(3):  # calls that ask
            names.records = (f"192.0.2.{10 + number}",)
            assert servers.before_use is not None
            servers.before_use()
            await asyncio.sleep(1)
        assert (names.asked, servers.stun) == ((4, ("192.0.2.12", 3478)) if always == "yes" else (1, ("192.0.2.7", 3478)))
        await asyncio.sleep(60)
        assert servers.before_use is not None
        servers.before_use()
        await asyncio.sleep(0.1)
        assert names.asked == (5 if always == "yes" else 2)


@pytest.mark.parametrize(
    ("lines", "asked"),
    [
        ([], [True, True, True]),
        (["stun_deny=0.0.0.0/0", "stun_permit=192.0.2.0/24"], [True, False, True]),
        (["stun_permit=192.0.2.0/24", "stun_deny=192.0.2.1/32"], [False, True, True]),
        (["stun_deny=10.0.0.0/8", "stun_deny=2001:db8::/32"], [True, False, False]),
    ],
)
async def test_for_which_of_our_addresses_the_stun_server_is_asked(tmp_path: Path, lines: list[str], asked: list[bool]) -> None:
    async with running_system(tmp_path, general("stunaddr=192.0.2.1", *lines)) as system:
        servers = servers_of(system)
        assert [servers.asks_stun(host) for host in ("192.0.2.1", "10.1.1.1", "2001:db8::1")] == asked


@pytest.mark.parametrize(
    ("lines", "shown"),
    [
        ([], ["10.0.0.1", "192.0.2.1"]),
        (["ice_deny=10.0.0.0/8"], ["192.0.2.1"]),
        (["ice_deny=0.0.0.0/0", "ice_permit=10.0.0.0/8"], ["10.0.0.1"]),
        (["ice_acl=inside"], ["10.0.0.1"]),
        (["ice_acl=nothing"], []),
    ],
)
async def test_which_of_our_addresses_are_candidates(tmp_path: Path, lines: list[str], shown: list[str]) -> None:
    files = general(*lines) | {"acl.conf": "[inside]\ndeny=0.0.0.0/0\npermit=10.0.0.0/8\n"}
    async with running_system(tmp_path, files) as system:
        hosts = system.services["rtp"].hosts
        hosts._interfaces = lambda: ("10.0.0.1", "192.0.2.1")
        assert hosts.of("0.0.0.0", "10.0.0.1") == shown


async def test_access_lists(tmp_path: Path) -> None:
    files = general("ice_deny=0.0.0.0/0", "ice_permit=10.0.0.0/8", "stun_acl=outside,missing")
    files |= {"acl.conf": "[outside]\ndeny=0.0.0.0/0\npermit=192.0.2.0/24\n"}
    async with running_system(tmp_path, files) as system:
        hosts = system.services["rtp"].hosts
        assert hosts.of("10.1.1.1", "10.1.1.1") == ["10.1.1.1"]
        assert hosts.of("192.0.2.1", "192.0.2.1") == []
        assert not servers_of(system).asks_stun("192.0.2.1")  # a list that is not there lets nobody through
        await reload(system, "[general]\nstun_acl=outside\n")
        assert [servers_of(system).asks_stun(host) for host in ("192.0.2.1", "10.1.1.1")] == [True, False]


async def test_host_candidates(tmp_path: Path) -> None:
    files = {
        **MODULES,
        "rtp.conf": "[general]\n[ice_host_candidates]\n10.0.0.1 => 203.0.113.9\n10.0.0.2 => 203.0.113.8,include_local_address\n",
    }
    files["rtp.conf"] += "10.0.0.3 => x\n10.0.0.4 => 203.0.113.7,other\n"
    with LogCapture(Level.WARNING) as log:
        async with running_system(tmp_path, files) as system:
            hosts = system.services["rtp"].hosts
            assert [hosts.of(host, host) for host in ("10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4")] == [
                ["203.0.113.9"], ["203.0.113.8", "10.0.0.2"], ["10.0.0.3"], ["203.0.113.7"],
            ]  # fmt: skip
    told = "\n".join(record.message for record in log.records)
    assert "'x' does not appear to be" in told
    assert "'other' is unknown" in told


async def test_stun_set_debug(tmp_path: Path) -> None:
    async with running_system(tmp_path, general("stunaddr=192.0.2.1")) as system:
        assert await run_command(system, "stun set debug on") == "STUN Debugging Enabled\n"
        watch = servers_of(system).watch
        assert watch is not None
        with LogCapture(Level.VERBOSE) as log:
            watch(True, ("192.0.2.1", 3478), StunMessage(Kind.REQUEST, bytes(12)).build())
            watch(False, ("192.0.2.1", 3478), b"\x40\0\0\1x")
        assert [record.message for record in log.records] == [
            "Sent STUN message to 192.0.2.1:3478: request",
            "Got STUN message from 192.0.2.1:3478: 5 bytes of a peer",
        ]
        assert await run_command(system, "stun set debug off") == "STUN Debugging Disabled\n"
        assert servers_of(system).watch is None
        assert "Usage" in await run_command(system, "stun set debug perhaps")


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        (["turnaddr=192.0.2.2"], ["192.0.2.2:3478 (UDP)", "192.0.2.2:3478 (TCP)"]),
        (["turnaddr=192.0.2.2", "turnport=99"], ["192.0.2.2:99 (UDP)", "192.0.2.2:99 (TCP)"]),
        (["turnaddr=192.0.2.2:98", "turnport=99"], ["192.0.2.2:98 (UDP)", "192.0.2.2:98 (TCP)"]),
        (["turnaddr=turn:192.0.2.2"], ["192.0.2.2:3478 (UDP)"]),
        (["turnaddr=turn:192.0.2.2?transport=udp"], ["192.0.2.2:3478 (UDP)"]),
        (["turnaddr=TURN:192.0.2.2:98?transport=TCP"], ["192.0.2.2:98 (TCP)"]),
        (["turnaddr=turns:192.0.2.2"], ["192.0.2.2:5349 (TLS)"]),
        (["turnaddr=turns:[2001:db8::1]:98?transport=tcp"], ["[2001:db8::1]:98 (TLS)"]),
    ],
)
async def test_ways_to_a_turn_server(tmp_path: Path, lines: list[str], wanted: list[str]) -> None:
    async with running_system(tmp_path, general(*lines)) as system:
        assert [str(server) for server in servers_of(system).turns] == wanted
        ways = ", ".join(re.findall(r"\((\w+)\)", " ".join(wanted)))
        assert f"Transport:      {ways}" in await run_command(system, "rtp show settings")


@pytest.mark.parametrize(
    "value",
    [
        "turn:",
        "turn:a:b",
        "turns:192.0.2.2?transport=udp",
        "turn:192.0.2.2?transport=sctp",
        "turn:192.0.2.2?via=tcp",
        "192.0.2.2:0",
    ],
)
async def test_a_turn_server_that_cannot_be_one(tmp_path: Path, value: str) -> None:
    with LogCapture() as log:
        async with running_system(tmp_path, general(f"turnaddr={value}")) as system:
            assert servers_of(system).turns == ()
    told = f"rtp.conf:2: bad value '{value}' of option 'turnaddr'"
    assert [record.message.startswith(told) for record in log.records] == [True]


async def test_authorities_that_cannot_be_read(tmp_path: Path) -> None:
    with LogCapture() as log:
        lines = ["turnaddr=turns:192.0.2.2", f"turncafile={tmp_path / 'none.pem'}"]
        async with running_system(tmp_path, general(*lines)):
            loading = [task for task in asyncio.all_tasks() if "authorities" in task.get_name()]
            await asyncio.wait_for(asyncio.gather(*loading), 45)
    assert ["turncafile: No such file" in record.message for record in log.records] == [True]
