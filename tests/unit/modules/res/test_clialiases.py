"""cli_aliases.conf."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from globstar.base.log import Level
from globstar.core.cli import complete_line, run_command
from globstar.core.system import System
from globstar.interfaces.cli.commands import register_commands
from tests.support.switch import LogCapture, running_system

CONF = """\
[general]
template = friendly
template = mine
[friendly]
hangup request=channel request hangup
help=core show help
originate=channel originate
[mine]
Up=core show uptime
up seconds=core show uptime seconds
core show version=core show uptime
"""


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    files = {"modules.conf": "[modules]\nautoload=no\nload=res_clialiases\n", "cli_aliases.conf": CONF}
    async with running_system(tmp_path, files, prepare=register_commands) as system:
        yield system


async def test_aliases_run_what_they_stand_for(system: System) -> None:
    assert (await run_command(system, "up")).startswith("System uptime: ")
    assert re.fullmatch(r"System uptime: \d+", (await run_command(system, "UP seconds")).splitlines()[0])
    assert await run_command(system, "hangup request nobody") == "nobody is not a known channel\n"
    assert "core stop now" in await run_command(system, "help core stop")
    assert json.loads(await run_command(system, "up --json"))["fields"]["System uptime"]
    assert (await run_command(system, "core show help up")).startswith("Usage: up\n")


async def test_words_with_blanks_stay_together(system: System) -> None:
    assert await run_command(system, 'hangup request "no body"') == "no body is not a known channel\n"
    assert await run_command(system, r'hangup request "a\"b\\c"') == 'a"b\\c is not a known channel\n'


async def test_completion_goes_through(system: System) -> None:
    assert complete_line(system, "hangup req") == ["request"]
    assert "stop" in complete_line(system, "help core st")
    assert complete_line(system, "up sec") == ["seconds"]


async def test_a_command_is_not_covered_by_an_alias(system: System) -> None:
    assert "Asterisk" in await run_command(system, "core show version")
    shown = (await run_command(system, "cli show aliases")).splitlines()
    assert shown[0] == f"{'Alias Command':<30} {'Real Command':<50}"
    assert [line[:30].strip() for line in shown[1:]] == ["hangup request", "help", "originate", "up", "up seconds"]
    assert json.loads(await run_command(system, "cli show aliases --json"))[1] == {"alias": "help", "command": "core show help"}


async def test_a_reload_replaces_them_and_mistakes_are_told(system: System) -> None:
    files = system.configuration.source.files  # type: ignore[attr-defined]
    files["cli_aliases.conf"] = (
        "[general]\ntemplate=a\ntemplate=missing\ntemplates=a\n[a]\nx=y\ny=x\nself=self\nempty=\nnow=core show uptime\n"
    )
    with LogCapture() as log:
        await run_command(system, "module reload res_clialiases")
    assert {text.partition(": ")[2] for text in log.texts(Level.WARNING)} == {
        "there is no section [missing]",
        "unknown option 'templates'; did you mean 'template'?",
        "'self' stands for nothing else than itself; it is left out",
        "'empty' stands for nothing else than itself; it is left out",
    }
    assert (await run_command(system, "up")).startswith("No such command")
    assert (await run_command(system, "now")).startswith("System uptime")
    assert await run_command(system, "x") == "The alias 'x' leads back to itself\n"  # and the server goes on
    await system.loader.unload("res_clialiases")
    assert (await run_command(system, "now")).startswith("No such command")
