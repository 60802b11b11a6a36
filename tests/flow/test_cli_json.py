"""``--json`` behind a command that shows a table: every table gives lists of objects, empty ones when there is nothing."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from globstar.core.cli import run_command
from globstar.core.system import System
from globstar.interfaces.cli.commands import register_commands
from tests.flow.test_subscriptions import Lamp
from tests.support.ami import start_manager
from tests.support.sip_phone import SipOffice
from tests.support.sip_transfer import talk, transfer_office

PLAN = "[default]\nexten => 6001,hint,Custom:door\nexten => 7,1,Park(,s)\ninclude => parkedcalls\n"
FILES = {
    "musiconhold.conf": "[default]\nmode=files\ndirectory=/nowhere\n[radio]\nmode=playlist\nentry=http://a.example/b\n",
    "res_parking.conf": "[default]\nparkpos=701-703\nparkext=700\n[second]\nparkpos=801-803\ncontext=others\n",
}
#: Tables, with what must stand in the first of their objects while two phones talk, one waits parked and one subscribes.
FILLED = {
    "core show channels": {"channel", "context", "priority"}, "core show applications": {"name"}, "core show functions": {"name"},
    "core show codecs": {"name"}, "core show file formats": {"name"}, "core show channeltypes": {"type", "module"},
    "core show hints": set(), "core show translation": set(), "core show taskprocessors": set(), "core show threads": set(),
    "core show config mappings": set(), "bridge show all": set(), "bridge technology show": set(), "module show": set(),
    "dialplan show globals": set(), "cdr show active": {"channel", "dst_channel", "duration"}, "devstate list": set(),
    "manager show commands": {"action", "privilege"}, "manager show connected": set(), "manager show users": set(),
    "manager show events": set(), "moh show classes": {"class", "mode"}, "moh show files": set(),
    "parking show": {"Parking Lot", "Parking Spaces", "calls"}, "pjsip show endpoints": set(), "pjsip show aors": set(),
    "pjsip show contacts": set(), "pjsip show auths": set(), "pjsip show transports": set(), "pjsip show channels": set(),
    "pjsip show channelstats": {"channel", "received", "lost", "rtt"},
    "pjsip show subscriptions inbound": {"endpoint", "resource", "expiry", "call_id"},
    "pjsip list subscriptions inbound": {"endpoint", "resource"}, "pjsip show identifiers": set(), "rtp show ports": set(),
}  # fmt: skip
#: The same where there is nothing.
EMPTY = (
    "presencestate list", "pjsip show subscriptions outbound", "pjsip list subscriptions outbound", "pjsip show history",
    "sla show trunks", "sla show stations", "agent show all", "agent show online", "odbc show", "calendar show calendars",
    "manager show connected", "manager show users",
)  # fmt: skip


@asynccontextmanager
async def busy_office(root: Path) -> AsyncIterator[SipOffice]:
    """Two talk, one is parked, one looks at a lamp."""
    async with transfer_office(root, PLAN, FILES) as (office, (alice, bob, carol, dave)):
        register_commands(office.system)
        server = await start_manager(office.system, "[general]\nenabled=yes\n[admin]\nsecret=x\n")
        await talk(alice, "101", bob)
        await carol.dial("7")
        lamp = Lamp(dave, "6001")
        await lamp.subscribe()
        yield office
        await lamp.subscribe(0)
        await server.stop()


async def as_data(system: System, command: str) -> Any:
    return json.loads(await run_command(system, f"{command} --json"))


async def test_tables_with_something_in_them(tmp_path: Path) -> None:
    async with busy_office(tmp_path) as office:
        for command, wanted in FILLED.items():
            data = await as_data(office.system, command)
            assert data not in (None, ""), command
            if wanted:
                assert isinstance(data, list), command
                assert wanted <= set(data[0]), (command, data[0])
        lots = await as_data(office.system, "parking show")
        assert [lot["Parking Lot"] for lot in lots] == ["default", "second"]
        assert [call["space"] for call in lots[0]["calls"]] == [701]
        assert {one["class"] for one in await as_data(office.system, "moh show classes")} == {"default", "radio"}
        assert await as_data(office.system, "manager show users") == ["admin"]


@pytest.mark.virtual_time
async def test_empty_tables_are_empty_lists(tmp_path: Path) -> None:
    async with transfer_office(tmp_path) as (office, _):
        register_commands(office.system)
        server = await start_manager(office.system, "[general]\nenabled=yes\n")
        for command in EMPTY:
            printed = await run_command(office.system, command)
            if "failed" not in printed and "not loaded" not in printed:
                assert await as_data(office.system, command) == [], command
        await server.stop()


async def test_errors_are_json_too(tmp_path: Path) -> None:
    async with busy_office(tmp_path) as office:
        for command, text in (
            ("core show nosuch", "No such command 'core show nosuch'"),
            ("bridge show", "Usage: bridge show"),
            ("devstate change Custom:x ODD", "Usage: devstate change"),
            ("pjsip show history entry 9", "Unable to find entry '9'"),
        ):
            data = await as_data(office.system, command)
            assert list(data) == ["error"]
            assert text in data["error"]
