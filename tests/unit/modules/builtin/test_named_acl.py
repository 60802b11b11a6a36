"""``acl show`` and the reload of acl.conf."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from globstar.base.log import Level
from globstar.config import MemorySource
from globstar.core.acl import SERVICE, allows_all
from globstar.core.cli import complete_line, run_command
from globstar.core.system import System
from tests.support.realtime import realtime_system
from tests.support.switch import LogCapture, running_system

pytestmark = pytest.mark.virtual_time
ACL = "[broken]\npermit=nobody\n[office]\ndeny=0.0.0.0/0.0.0.0\npermit=10.0.0.0/8,2001:db8::/32\n[empty]\n"


async def test_lists_are_shown(tmp_path: Path) -> None:
    async with running_system(tmp_path, {"acl.conf": ACL}) as system:
        assert await run_command(system, "acl show") == "acl\n---\nbroken\nempty\noffice\n"
        printed = (await run_command(system, "acl show office")).splitlines()
        assert printed[0] == "ACL: office"
        assert printed[2:] == [
            "  0:  deny - 0.0.0.0/0.0.0.0",
            "  1: allow - 10.0.0.0/255.0.0.0",
            "  2: allow - 2001:db8::/32",
        ]
        assert "it lets nobody in" in await run_command(system, "acl show broken")
        assert "Could not find" in await run_command(system, "acl show nowhere")
        assert "Usage" in await run_command(system, "acl show a b")
        assert complete_line(system, "acl show of") == ["office"]


async def test_a_reload_takes_new_lists(tmp_path: Path) -> None:
    async with running_system(tmp_path, {"acl.conf": ACL}) as system:
        await _reload(system, "[other]\npermit=192.0.2.1\n")
        assert await run_command(system, "acl show") == "acl\n---\nother\n"


@pytest.mark.leaks_threads
async def test_lists_in_realtime(tmp_path: Path) -> None:
    schema = """
CREATE TABLE acls (name TEXT, rule_order INTEGER, sense TEXT, rule TEXT);
INSERT INTO acls VALUES ('branch', 2, 'permit', '10.1.0.0/16'), ('branch', 1, 'deny', '0.0.0.0/0'), ('office', 1, 'deny', '::/0'),
  ('odd', 1, 'maybe', '10.0.0.0/8');
"""
    with LogCapture() as log:
        async with realtime_system(tmp_path, schema, "acls => odbc,asterisk", {"acl.conf": ACL}) as (system, database):
            await asyncio.sleep(0.1)
            assert await run_command(system, "acl show") == "acl\n---\nbranch\nbroken\nempty\nodd\noffice\n"
            lists = system.services[SERVICE]
            assert allows_all(lists, ("branch",), "10.1.2.3") == ""
            assert allows_all(lists, ("branch",), "10.2.2.3") == "branch"
            assert allows_all(lists, ("office",), "10.2.2.3") == "", "acl.conf goes first"
            assert allows_all(lists, ("odd",), "10.2.2.3") == "odd"
            assert allows_all(lists, ("new",), "10.2.2.3") == "new"
            database.run("INSERT INTO acls VALUES ('new', 1, 'permit', '10.0.0.0/8')")
            database.run("DELETE FROM acls WHERE name='branch'")
            await asyncio.sleep(1)
            for name in ("new", "branch"):
                lists.get(name)
            await asyncio.sleep(0.1)
            assert allows_all(lists, ("new",), "10.2.2.3") == ""
            assert allows_all(lists, ("branch",), "10.1.2.3") == "branch"
            database.run("DROP TABLE acls")
            await asyncio.sleep(1)
            lists.get("new")
            await asyncio.sleep(0.1)
            assert allows_all(lists, ("new",), "10.2.2.3") == ""
    assert "neither permit nor deny" in " ".join(log.texts(Level.WARNING))


async def _reload(system: System, text: str) -> None:
    system.configuration.source = MemorySource({"acl.conf": text, "extensions.conf": ""})
    await system.loader.reload("builtin_named_acl")
