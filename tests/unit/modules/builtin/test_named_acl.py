"""``acl show`` and the reload of acl.conf."""

from __future__ import annotations

from pathlib import Path

import pytest

from globstar.config import MemorySource
from globstar.core.cli import complete_line, run_command
from globstar.core.system import System
from tests.support.switch import running_system

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


async def _reload(system: System, text: str) -> None:
    system.configuration.source = MemorySource({"acl.conf": text, "extensions.conf": ""})
    await system.loader.reload("builtin_named_acl")
