"""CLI: words, dispatch, completion, failures."""

from __future__ import annotations

from pathlib import Path

from globstar.core.cli import complete_line, run_command, split_words
from globstar.core.system import System
from globstar.interfaces.cli.commands import register_commands
from tests.support.switch import running_system

DIALPLAN = """
[general]
[main]
exten => 100,1,Answer()
 same => n(again),Hangup()
include => other
ignorepat => 9
[other]
exten => _X.,1,NoOp(x)
"""


def test_split_words() -> None:
    assert split_words('database put gold b/c "two words"') == ["database", "put", "gold", "b/c", "two words"]
    assert split_words('a\\ b ""') == ["a b", ""]


async def run(system: System, line: str) -> str:
    return await run_command(system, line)


async def test_commands(tmp_path: Path) -> None:
    async with running_system(tmp_path, {"extensions.conf": DIALPLAN}, prepare=register_commands) as system:
        assert await run(system, "") == ""
        assert await run(system, "core show nosuch") == (
            "No such command 'core show nosuch' (type 'core show help core show' for other possible commands)\n"
        )
        assert await run(system, "database put gold") == (
            "Usage: database put <family> <key> <value>\n       Add or change an entry.\n"
        )
        assert await run(system, "database put gold a 1") == "Updated database successfully\n"
        assert await run(system, "DATABASE show gold") == (
            "/gold/a                                           : 1                        \n1 results found.\n"
        )
        assert await run(system, "dialplan show nosuch") == (
            "There is no existence of 'nosuch' context\nCommand 'dialplan show nosuch' failed.\n"
        )
        assert await run(system, "core show channels count") == "0 active channels\n0 active calls\n0 calls processed\n"
        assert await run(system, "module load nosuch.so") == (
            "Unable to load module nosuch.so\nthere is no module nosuch\nCommand 'module load nosuch.so' failed.\n"
        )


async def test_dialplan_show_has_asterisks_columns(tmp_path: Path) -> None:
    async with running_system(tmp_path, {"extensions.conf": DIALPLAN}, prepare=register_commands) as system:
        assert await run(system, "dialplan show main") == (
            "[ Context 'main' created by 'pbx_config' ]\n"
            "  '100' =>          1. Answer()                                   [extensions.conf:4]\n"
            "     [again]        2. Hangup()                                   [extensions.conf:5]\n"
            "  Include =>        'other'                                       [pbx_config]\n"
            "  Ignore pattern => '9'                                           [pbx_config]\n"
            "\n"
            "-= 1 extension (2 priorities) in 1 context. =-\n"
        )
        assert "-= 1 extension (1 priority) in 1 context. =-" in await run(system, "dialplan show 55@other")


async def test_dialplan_changes(tmp_path: Path) -> None:
    async with running_system(tmp_path, {"extensions.conf": DIALPLAN}, prepare=register_commands) as system:
        assert "added" in await run(system, "dialplan add extension 7,1,NoOp(a,b) into main")
        step = system.plan.find("main", "7", 1)
        assert step is not None
        assert (step.app_name, step.data) == ("NoOp", "a,b")
        assert "removed" in await run(system, "dialplan remove extension 7@main")
        assert system.plan.find("main", "7", 1, "") is None or system.plan.find("main", "7", 1).context == "other"  # type: ignore[union-attr]
        assert "Dialplan reloaded." in await run(system, "dialplan reload")


async def test_completion(tmp_path: Path) -> None:
    async with running_system(tmp_path, {"extensions.conf": DIALPLAN}, prepare=register_commands) as system:
        assert complete_line(system, "core sh") == ["show"]
        assert "channels" in complete_line(system, "core show ")
        assert complete_line(system, "dialplan show ma") == ["main"]
        assert complete_line(system, "core show channels c") == ["concise", "count"]


async def test_every_command_has_help(tmp_path: Path) -> None:
    async with running_system(tmp_path, prepare=register_commands) as system:
        for spec in system.registry("cli command"):
            assert spec.usage.startswith("Usage: "), spec.name
            assert spec.synopsis, spec.name
            assert (await run(system, f"core show help {spec.name}")).startswith("Usage: "), spec.name


async def test_a_bug_in_a_command_is_told_and_the_rest_works(tmp_path: Path) -> None:
    async with running_system(tmp_path, prepare=register_commands) as system:
        spec = system.registry("cli command").get("core show uptime")
        spec.handler, before = (lambda system, args: 1 / 0), spec.handler
        try:
            assert "failed" in await run(system, "core show uptime")
        finally:
            spec.handler = before
        assert "System uptime" in await run(system, "core show uptime")
