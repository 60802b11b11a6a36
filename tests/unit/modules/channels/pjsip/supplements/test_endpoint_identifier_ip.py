"""Host names of match=: looked up with and without SRV, again from time to time, and kept when the DNS is away."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from globstar.core.system import System
from globstar.modules.channels.pjsip.supplements.endpoint_identifier_ip import REFRESH, EndpointIdentifierIp
from tests.support.sip_network import MemorySipNetwork
from tests.support.sip_phone import GLOBAL
from tests.support.switch import running_system

pytestmark = pytest.mark.virtual_time

TRUNK = "[trunk]\ntype=endpoint\nallow=ulaw\n[trunk]\ntype=identify\nendpoint=trunk\n"


class Names:
    """A DNS."""

    def __init__(self) -> None:
        self.hosts: dict[str, list[str]] = {}
        self.services: dict[str, list[str]] = {}
        self.asked: list[str] = []

    async def addresses(self, host: str) -> list[str]:
        self.asked.append(host)
        if host not in self.hosts:
            raise OSError("no such name")
        return self.hosts[host]

    async def targets(self, service: str) -> list[str]:
        self.asked.append(service)
        return self.services.get(service, [])


def prepare(names: Names):
    def inside(system: System) -> None:
        system.services["sip network"] = MemorySipNetwork(system.loop)
        system.services["sip name lookup"] = names

    return inside


def who(system: System, host: str, port: int = 5060) -> str | None:
    found = system.services["pjsip"].identifier.addresses.find(host, port)
    return found.name if found is not None else None


@pytest.mark.parametrize(
    ("lines", "known", "unknown"),
    [
        ("match=pbx.example.com\n", [("192.0.2.1", 5060), ("192.0.2.77", 5060)], [("192.0.2.2", 5060)]),
        ("match=pbx.example.com\nsrv_lookups=no\n", [("192.0.2.1", 5060)], [("192.0.2.77", 5060)]),
        ("match=pbx.example.com:5070\n", [("192.0.2.1", 5070)], [("192.0.2.1", 5060), ("192.0.2.77", 5060)]),
    ],
)
async def test_names(tmp_path: Path, lines: str, known: list[tuple[str, int]], unknown: list[tuple[str, int]]) -> None:
    names = Names()
    names.hosts = {"pbx.example.com": ["192.0.2.1"], "edge.example.com": ["192.0.2.77"]}
    names.services = {"_sip._udp.pbx.example.com": ["edge.example.com"]}
    files = {"pjsip.conf": GLOBAL + TRUNK + lines}
    async with running_system(tmp_path, files, prepare=prepare(names)) as system:
        await asyncio.sleep(1)
        assert [who(system, *address) for address in known] == ["trunk"] * len(known)
        assert [who(system, *address) for address in unknown] == [None] * len(unknown)


async def test_names_are_looked_up_again(tmp_path: Path) -> None:
    names = Names()
    names.hosts = {"pbx.example.com": ["192.0.2.1"]}
    files = {"pjsip.conf": GLOBAL + TRUNK + "match=pbx.example.com\nsrv_lookups=no\n"}
    async with running_system(tmp_path, files, prepare=prepare(names)) as system:
        await asyncio.sleep(1)
        assert who(system, "192.0.2.1") == "trunk"
        names.hosts["pbx.example.com"] = ["192.0.2.9"]
        await asyncio.sleep(REFRESH)
        assert (who(system, "192.0.2.1"), who(system, "192.0.2.9")) == (None, "trunk")
        names.hosts.clear()
        await asyncio.sleep(REFRESH)
        assert who(system, "192.0.2.9") == "trunk", "the last answer stays when the DNS has none"
        await system.loader.reload("chan_pjsip")
        await asyncio.sleep(1)
        assert who(system, "192.0.2.9") == "trunk", "a reload keeps what was found"
        found = next(s for s in system.services["pjsip"].supplements if isinstance(s, EndpointIdentifierIp))
        assert found.describe() == {"pbx.example.com": "192.0.2.9/32"}


async def test_nothing_is_asked_without_names(tmp_path: Path) -> None:
    names = Names()
    files = {"pjsip.conf": GLOBAL + TRUNK + "match=192.0.2.0/24\n"}
    async with running_system(tmp_path, files, prepare=prepare(names)) as system:
        await asyncio.sleep(2 * REFRESH)
        assert not names.asked
        assert who(system, "192.0.2.1") == "trunk"
