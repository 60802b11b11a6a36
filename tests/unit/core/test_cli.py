"""CLI: words, dispatch, completion, failures."""

from __future__ import annotations

import asyncio
from pathlib import Path

from globstar.core.cli import complete_line, run_command, split_words
from globstar.core.dialing import request_channel
from globstar.core.system import System
from globstar.interfaces.cli.commands import register_commands
from tests.support.calls import Call, load_dialplan
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
            "No such command 'core show nosuch' (type 'core show help core show nosuch' for other possible commands)\n"
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
            "Unable to load module nosuch.so\nCommand 'module load nosuch.so' failed.\n"
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


async def test_commands_that_take_nothing_show_their_usage_for_words_that_are_too_many(tmp_path: Path) -> None:
    async with running_system(tmp_path, prepare=register_commands) as system:
        bare = [spec for spec in system.registry("cli command") if spec.most_args == 0]
        assert {"core show version", "bridge technology show", "udptl show config"} <= {spec.name for spec in bare}
        for spec in bare:
            assert await run(system, f"{spec.name} more") == spec.usage, spec.name


async def test_a_bug_in_a_command_is_told_and_the_rest_works(tmp_path: Path) -> None:
    async with running_system(tmp_path, prepare=register_commands) as system:
        spec = system.registry("cli command").get("core show uptime")
        spec.handler, before = (lambda system, args: 1 / 0), spec.handler
        try:
            assert "failed" in await run(system, "core show uptime")
        finally:
            spec.handler = before
        assert "System uptime" in await run(system, "core show uptime")


CHANGES = """
[general]
static=yes
writeprotect=no
[globals]
A=1
[main]
exten => 100,1,Set(X=a\\;b)
exten => 100/555,1,NoOp()
exten => _1XX,1(start),NoOp(${EXTEN},$[1 + 1])
 same => n(end),Hangup()
exten => _1X[1-3]!,1,NoOp()
exten => 7,hint,Test/x&Test/y
include => other,9:00-17:00,mon-fri,*,*
switch => Loopback/other@main
ignorepat => 9
[other]
exten => _X.,1,NoOp(x)
"""


async def test_includes_and_ignore_patterns_come_and_go(tmp_path: Path) -> None:
    async with running_system(tmp_path, {"extensions.conf": CHANGES}, prepare=register_commands) as system:
        assert await run(system, "dialplan add include main into other") == "Context 'main' included in 'other' context\n"
        assert system.plan.exists("other", "7", -1)
        assert "already included" in await run(system, "dialplan add include main into other")
        assert "no longer includes" in await run(system, "dialplan remove include main from other")
        assert not system.plan.exists("other", "7", -1)
        assert "is not included" in await run(system, "dialplan remove include main from other")
        assert "does not exist" in await run(system, "dialplan remove include main from nosuch")
        assert (await run(system, "dialplan add include main")).startswith("Usage: dialplan add include <context> into")
        assert "failed" in await run(system, "dialplan add include main,25:00-x into other")
        assert "added" in await run(system, "dialplan add ignorepat 0 into main")
        assert system.plan.ignore_pattern("main", "0")
        assert "failed" in await run(system, "dialplan add ignorepat 0 into main")
        assert "removed" in await run(system, "dialplan remove ignorepat 0 from main")
        assert not system.plan.ignore_pattern("main", "0")
        assert "failed" in await run(system, "dialplan remove ignorepat 0 from main")


async def test_what_is_saved_reads_as_the_same_dialplan(tmp_path: Path) -> None:
    async with running_system(tmp_path, {"extensions.conf": CHANGES}, prepare=register_commands) as system:
        await run(system, "dialplan add extension 8,1,NoOp(added) into main")
        await run(system, "dialplan remove extension _1X[1-3]!@main")
        before = await run(system, "dialplan show main")
        target = tmp_path / "saved.conf"
        assert "successfully saved" in await run(system, f"dialplan save {target}")
        text = target.read_text()
    assert text.startswith("[general]\nstatic=yes\nwriteprotect=no\n\n[globals]\nA => 1\n")
    async with running_system(tmp_path / "b", {"extensions.conf": text}, prepare=register_commands) as system:
        after = await run(system, "dialplan show main")

        def steps(listing: str) -> list[str]:
            return [line[:65].rstrip() for line in listing.splitlines() if "context" not in line.lower()]

        assert steps(after) == steps(before)
        assert system.plan.find("main", "100", 1, "555").app_name == "NoOp"  # type: ignore[union-attr]


async def test_the_dialplan_is_saved_only_where_the_file_allows_it(tmp_path: Path) -> None:
    async with running_system(tmp_path, {"extensions.conf": DIALPLAN}, prepare=register_commands) as system:
        assert "static=yes" in await run(system, f"dialplan save {tmp_path / 'x'}")
        assert not (tmp_path / "x").exists()
    async with running_system(tmp_path, {"extensions.conf": CHANGES}, prepare=register_commands) as system:
        assert "failed" in await run(system, "dialplan save /nonexistent/folder/x")
        await system.run_blocking(Path(system.directories.astetcdir).mkdir)
        assert "successfully" in await run(system, "dialplan save")
        assert (Path(system.directories.astetcdir) / "extensions.conf").read_text().count("exten =>") == 7


async def test_dialplan_debug_shows_the_search(tmp_path: Path) -> None:
    async with running_system(tmp_path, {"extensions.conf": CHANGES}, prepare=register_commands) as system:
        assert await run(system, "dialplan debug main") == (
            "[ Context 'main' created by 'pbx_config' ]\n"
            "  100 => '100/555' (1 priority) '100' (1 priority)\n"
            "  7 => '7' (1 priority)\n"
            "  1X\n"
            "    [1-3]! => '_1X[1-3]!' (1 priority)\n"
            "    X => '_1XX' (2 priorities)\n"
            "\n"
            "-= 1 context. =-\n"
        )
        assert "does not exist" in await run(system, "dialplan debug nosuch")
        assert "both match alike" in await run(system, "dialplan set extenpatternmatchnew true")
        assert "Still" in await run(system, "dialplan set extenpatternmatchnew true")


async def test_an_application_runs_without_a_call(tmp_path: Path) -> None:
    async with running_system(tmp_path, {"extensions.conf": CHANGES}, prepare=register_commands) as system:
        assert await run(system, 'dialplan exec application Set "GLOBAL(B)=${A}2"') == "Set ended\n"
        assert system.globals.get("B") == "12"
        assert await run(system, "dialplan exec application Hangup") == "Hangup ended and asked for the end of the call\n"
        assert "did you mean Hangup" in await run(system, "dialplan exec application Hagnup")
        assert (await run(system, "dialplan exec application")).startswith("Usage")
        assert not system.channels


async def test_locks_are_listed(tmp_path: Path) -> None:
    async with running_system(tmp_path, {"extensions.conf": CHANGES}, prepare=register_commands) as system:
        assert "0 locks" in await run(system, "dialplan locks show")
        plan = "[default]\nexten => s,1,Set(R=${LOCK(mine)})\nsame => n,Wait(60)\n"
        load_dialplan(system, plan)
        one, two = Call(system, name="Scripted/1").start(), Call(system, name="Scripted/2").start()
        for _ in range(5):
            await asyncio.sleep(0)
        assert "       2        1 Scripted/1" in await run(system, "dialplan locks show")
        for call in (one, two):
            call.hang_up()
            await call.end()


async def test_words_are_offered_by_their_place(tmp_path: Path) -> None:
    files = {"extensions.conf": "[default]\nexten => 6001,hint,Custom:lamp\n"}
    async with running_system(tmp_path, files, prepare=register_commands) as system:
        system.database.put("family", "key", "1")
        for line, wanted in (
            ("core show applications ", ["describing", "like"]), ("core show applications like ", []),
            ("core show hint ", ["6001"]), ("core show codec 46", ["46"]), ("core show channeltype loc", ["Local"]),
            ("bridge technology suspend sim", ["simple_bridge"]), ("database get ", ["family"]), ("database get family ", []),
            ("indication show u", ["us"]), ("core show translation p", ["paths"]), ("core show translation paths ula", ["ulaw"]),
            ("devstate change x RINGI", ["RINGING", "RINGINUSE"]), ("mixmonitor ", ["list", "start", "stop"]),
            ("core show uptime s", ["seconds"]), ("core show uptime seconds ", []), ("dialplan show 6001@", ["6001@default"]),
            ("dialplan remove extension 6001@d", ["6001@default"]), ("parking show d", ["default"]),
            ("parking show default ", []), ("module load app_ech", ["app_echo"]), ("module load app_echo ", []),
            ("agi show commands topic an", ["answer"]), ("logger add channel x not", ["NOTICE"]), ("logger add channel n", []),
        ):  # fmt: skip
            assert complete_line(system, line) == wanted, line
        owner = request_channel(system, "Local/6001@default")
        assert complete_line(system, "channel redirect Local/6001@default-00000000;1") == [owner.name]
        assert complete_line(system, f"channel redirect {owner.name} ") == []
        assert complete_line(system, f"channel request hangup {owner.name} ") == [owner.name, f"{owner.name[:-1]}2"]
        owner.hangup()
