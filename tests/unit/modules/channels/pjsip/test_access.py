"""Access lists at the door: type=acl, and acl, permit and deny of endpoints, on the source and on Contact."""

from __future__ import annotations

from pathlib import Path

import pytest

from globstar.base.log import Level
from tests.support.sip_phone import phone_section, sip_office
from tests.support.switch import LogCapture

pytestmark = pytest.mark.virtual_time
ALICE = phone_section("alice")
LISTS = {"acl.conf": "[inside]\ndeny=0.0.0.0/0\npermit=127.0.0.1\n[elsewhere]\ndeny=0.0.0.0/0\npermit=192.0.2.0/24\n"}


@pytest.mark.parametrize(
    ("endpoint", "section", "status"),
    [
        ({}, "", 200),
        ({"acl": "inside"}, "", 200),
        ({"acl": "inside,elsewhere"}, "", 403),
        ({"acl": "nowhere"}, "", 403),
        ({"deny": "127.0.0.1"}, "", 403),
        ({"contact_acl": "inside"}, "", 200),
        ({"contact_acl": "elsewhere"}, "", 403),
        ({"contact_deny": "127.0.0.0/8"}, "", 403),
        ({}, "[wall]\ntype=acl\nacl=inside\ncontact_acl=inside\n", 200),
        ({}, "[wall]\ntype=acl\nacl=elsewhere\n", 403),
        ({}, "[wall]\ntype=acl\ndeny=0.0.0.0/0\npermit=192.0.2.1\n", 403),
        ({}, "[wall]\ntype=acl\ndeny=0.0.0.0/0\npermit=127.0.0.1\n", 200),
        ({}, "[wall]\ntype=acl\ncontact_deny=127.0.0.0/8\n", 403),
        ({}, "[wall]\ntype=acl\ncontact_permit=127.0.0.0/8\n[second]\ntype=acl\ncontact_acl=elsewhere\n", 403),
        ({"deny": "10.0.0.0/99"}, "", 403),
        ({"contact_permit": "nobody"}, "", 403),
        ({}, "[wall]\ntype=acl\npermit=127.0.0.0/x\n", 403),
        ({}, "[empty]\ntype=acl\n", 200),
    ],
)
async def test_registration(tmp_path: Path, endpoint: dict[str, str], section: str, status: int) -> None:
    async with sip_office(tmp_path, phone_section("alice", **endpoint) + section, files=LISTS) as office:
        assert (await office.phone("alice").register()).status == status


async def test_a_stranger_is_refused_before_anything_else(tmp_path: Path) -> None:
    """Who may not talk to us learns nothing from a challenge, and leaves nothing behind."""
    async with sip_office(tmp_path, ALICE + "[wall]\ntype=acl\ndeny=127.0.0.1\n") as office:
        with LogCapture(Level.NOTICE) as log:
            assert (await office.phone("stranger").register()).status == 403
        assert any("denied by 'wall'" in text for text in log.texts(Level.NOTICE))
        assert office.driver.counters["unidentified"] == 0
        assert office.driver.counters["refused by address"] == 1
        assert not office.driver.sip.layer.servers


async def test_a_reload_of_acl_conf_counts_at_once(tmp_path: Path) -> None:
    async with sip_office(tmp_path, phone_section("alice", acl="inside"), files=LISTS) as office:
        alice = office.phone("alice")
        assert (await alice.register()).status == 200
        office.system.configuration.source.files["acl.conf"] = "[inside]\ndeny=127.0.0.1\n"
        await office.system.loader.reload("builtin_named_acl")
        assert (await alice.register()).status == 403
