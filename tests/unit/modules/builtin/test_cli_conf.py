"""cli.conf: commands at the start."""

from __future__ import annotations

import asyncio
from pathlib import Path

from globstar.base.log import Level
from globstar.interfaces.cli.commands import register_commands
from tests.support.switch import LogCapture, running_system

CONF = """\
[startup_commands]
core set verbose 0 = yes
core show uptime = fully-booted
core show version = no
core show calls = pre-init
no such thing = true
"""


async def test_startup_commands_run_when_all_is_loaded(tmp_path: Path) -> None:
    with LogCapture() as log:
        files = {"modules.conf": "[modules]\nautoload=no\n", "cli.conf": CONF}
        async with running_system(tmp_path, files, prepare=register_commands) as system:
            commands = [task for task in asyncio.all_tasks() if "startup commands" in task.get_name()]
            assert len(commands) == 1
            await commands[0]
            assert system.tasks.names() == []
    said = [text for text in log.texts(Level.NOTICE) if "startup" in text or "pre-init" in text]
    assert [text.partition("'")[2].partition("'")[0] for text in said] == [
        "core show calls", "core set verbose 0", "core show uptime", "core show calls", "no such thing",
    ]  # fmt: skip
    assert "No such command" in said[-1]
    assert not any("core show version" in text for text in log.texts(Level.NOTICE))
