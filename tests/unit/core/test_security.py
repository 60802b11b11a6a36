"""Security events in the log and on the bus."""

from __future__ import annotations

from pathlib import Path

import pytest

from globstar.base.log import Level
from globstar.core.events import SecurityEvent
from globstar.core.security import SecurityEventType, address_text, is_wanted, report
from globstar.core.system import System
from tests.conftest import SHARED
from tests.support.switch import LogCapture, running_system

pytestmark = pytest.mark.virtual_time


def tell(system: System, account: str = "alice", **extra: str) -> None:
    report(
        system,
        SecurityEventType.INVALID_PASSWORD,
        service="AMI",
        account=account,
        session="0x7f",
        local=address_text("tcp", "127.0.0.1", 5038),
        remote=address_text("tcp", "2001:db8::1", 40000),
        **extra,
    )


async def test_the_log_line(tmp_path: Path) -> None:
    async with running_system(tmp_path) as system:
        with LogCapture(Level.SECURITY) as log:
            tell(system, Challenge="c", ReceivedChallenge="r", ReceivedHash="h")
        (line,) = log.texts(Level.SECURITY)
        assert line.startswith('SecurityEvent="InvalidPassword",EventTV="2023-11-')
        assert line.partition(',Severity="')[2] == (
            'Error",Service="AMI",EventVersion="2",AccountID="alice",SessionID="0x7f",LocalAddress="IPV4/TCP/127.0.0.1/5038",'
            'RemoteAddress="IPV6/TCP/2001:db8::1/40000",Challenge="c",ReceivedChallenge="r",ReceivedHash="h"'
        )


async def test_values_cannot_forge_fields_or_lines(tmp_path: Path) -> None:
    async with running_system(tmp_path) as system:
        with LogCapture(Level.SECURITY) as log:
            tell(system, 'x",RemoteAddress="IPV4/UDP/192.0.2.1/5060"\nSecurityEvent="FailedACL\\')
        (line,) = log.texts(Level.SECURITY)
        assert "\n" not in line
        assert line.count('RemoteAddress="') == 1
        assert 'AccountID="x\\",RemoteAddress=\\"IPV4/UDP/192.0.2.1/5060\\"?SecurityEvent=\\"FailedACL\\\\"' in line


async def test_listeners_get_all_fields(tmp_path: Path) -> None:
    async with running_system(tmp_path) as system:
        heard: list[SecurityEvent] = []
        forget = system.bus.subscribe(SecurityEvent, heard.append)
        tell(system, Challenge="c")
        forget()
        (event,) = heard
        assert event.name == "InvalidPassword"
        assert event.fields["Challenge"] == "c"
        assert "ReceivedHash" not in event.fields
        assert event.fields["AccountID"] == "alice"


async def test_nothing_is_built_when_nobody_hears(tmp_path: Path) -> None:
    async with running_system(tmp_path) as system:
        assert not is_wanted(system)
        published = system.bus.published
        tell(system)
        assert system.bus.published == published


def test_every_event_of_asterisk_is_there() -> None:
    """Names and fields of compat/manager_events.tsv."""
    table = SHARED / "compat" / "manager_events.tsv"
    if not table.is_file():
        pytest.skip(f"no {table}")
    rows = [line.split("\t") for line in table.read_text().splitlines()[1:]]
    known = {row[0]: row[4].split() for row in rows if row[2] == "security"}
    common = {"EventTV", "Severity=Informational|Error", "Service", "EventVersion", "AccountID", "SessionID", "LocalAddress"}
    common |= {"RemoteAddress", "Module", "SessionTV"}
    assert known
    assert {kind.title: set(kind.extra) for kind in SecurityEventType} == {
        name: set(fields) - common for name, fields in known.items()
    }
