"""fail2ban's stock filter for Asterisk reads our security log: who is to be banned, and nobody else."""

from __future__ import annotations

import re
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from globstar.config import MemorySource
from globstar.core.logfiles import LogSetup
from globstar.core.security import SecurityEventType, address_text, is_wanted, report
from globstar.core.system import System
from tests.interop.support.programs import require
from tests.support.switch import running_system

FILTER = Path("/etc/fail2ban/filter.d/asterisk.conf")
#: What the filter bans for.
BANNED = {
    SecurityEventType.FAILED_ACL, SecurityEventType.INVALID_ACCOUNT_ID, SecurityEventType.CHALLENGE_RESPONSE_FAILED,
    SecurityEventType.INVALID_PASSWORD,
}  # fmt: skip
FORMATS = {"default": "%b %e %T", "iso": "%F %T", "milliseconds": "%F %T.%3q"}


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    files = {"modules.conf": "[modules]\nautoload=no\nload=res_security_log\n", "logger.conf": "[general]\nqueue_log=no\n"}
    async with running_system(tmp_path / "system", files) as system:
        yield system


def banned(log: Path) -> tuple[set[str], int]:
    """The addresses that fail2ban finds, and how many lines matched."""
    program = require("fail2ban-regex")
    done = subprocess.run([program, "-v", str(log), str(FILTER)], capture_output=True, text=True, timeout=60, check=False)
    counts = re.search(r"Lines: \d+ lines, \d+ ignored, (\d+) matched", done.stdout)
    assert counts is not None, done.stdout + done.stderr
    return set(re.findall(r"^\|\s+(\S+)\s+\w{3} \w{3} +\d+ ", done.stdout, re.MULTILINE)), int(counts[1])


@pytest.mark.parametrize("dateformat", FORMATS.values(), ids=FORMATS)
async def test_every_kind_of_event(system: System, tmp_path: Path, dateformat: str) -> None:
    setup = LogSetup(tmp_path, wall_time=system.wall_time)
    setup.load(MemorySource({"logger.conf": f"[general]\ndateformat={dateformat}\n[logfiles]\nsecurity => security\n"}))
    wanted: set[str] = set()
    for number, kind in enumerate(SecurityEventType, 1):
        for host in (f"198.51.100.{number}", f"2001:db8::{number:x}"):
            report(
                system, kind, service="PJSIP", account="100", session="abc", local=address_text("UDP", "192.0.2.1", 5060),
                remote=address_text("UDP", host, 5060), Challenge="", Response="", ExpectedResponse="",
            )  # fmt: skip
            if kind in BANNED:
                wanted.add(host)
    setup.close()
    addresses, count = banned(tmp_path / "security")
    assert addresses == wanted
    assert count == len(wanted)


@pytest.mark.parametrize(
    "account",
    [
        'x",RemoteAddress="IPV4/UDP/203.0.113.9/5060"', 'x\\",RemoteAddress="IPV4/UDP/203.0.113.9/5060",A="',
        'x\n[2026-01-01 00:00:00] SECURITY[1] x.c: SecurityEvent="InvalidPassword",RemoteAddress="IPV4/UDP/203.0.113.9/1"',
        "x\r\n", "\u2028", "\udcff", "a" * 500,
    ],
    ids=["quote", "escaped quote", "line of its own", "line end", "separator", "no UTF-8", "long"],
)  # fmt: skip
async def test_a_guesser_cannot_have_others_banned(system: System, tmp_path: Path, account: str) -> None:
    setup = LogSetup(tmp_path, wall_time=system.wall_time)
    setup.load(MemorySource({"logger.conf": "[general]\ndateformat=%F %T\n[logfiles]\nsecurity => security\n"}))
    report(
        system, SecurityEventType.INVALID_ACCOUNT_ID, service="PJSIP", account=account, session="s",
        local=address_text("UDP", "192.0.2.1", 5060), remote=address_text("UDP", "198.51.100.7", 5060),
    )  # fmt: skip
    setup.close()
    assert (tmp_path / "security").read_bytes().count(b"\n") == 1
    addresses, _ = banned(tmp_path / "security")
    assert addresses == {"198.51.100.7"}


async def test_without_res_security_log_nothing_is_logged(system: System, tmp_path: Path) -> None:
    setup = LogSetup(tmp_path, wall_time=system.wall_time)
    setup.load(MemorySource({"logger.conf": "[logfiles]\nsecurity => security\n"}))
    assert is_wanted(system)
    await system.loader.unload("res_security_log")
    assert not is_wanted(system)
    report(
        system, SecurityEventType.INVALID_PASSWORD, service="AMI", account="x", session="s",
        local=address_text("TCP", "192.0.2.1", 5038), remote=address_text("TCP", "198.51.100.7", 40000),
    )  # fmt: skip
    setup.close()
    assert (tmp_path / "security").read_text() == ""
