"""logger ..., logger filter ..., core show call-log."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from globstar.base.log import Level, Logger, call_id, hub
from globstar.config import MemorySource
from globstar.core import calllog
from globstar.core.calllog import CallLog, search_files
from globstar.core.cli import run_command
from globstar.core.format import FormatCapabilities
from globstar.core.local import LocalTech
from globstar.core.logfiles import LogSetup
from globstar.core.system import System
from globstar.core.tech import DialRequest
from globstar.interfaces.cli.commands import register_commands
from tests.support.switch import running_system

log = Logger("app_test")


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    before = hub.verbosity
    files = {"modules.conf": "[modules]\nautoload=no\n", "logger.conf": "[logfiles]\nfull => notice,verbose(3)\n"}
    async with running_system(tmp_path, files, prepare=register_commands) as system:
        setup = LogSetup(tmp_path / "log", wall_time=system.wall_time)
        setup.load(system.configuration.source)
        calls = CallLog(system, system.wall_time)
        calls.start()
        system.services.update({"log": setup, "call log": calls})
        yield system
        calls.stop()
        setup.close()
    hub.verbosity = before


def say(call: str, text: str) -> None:
    token = call_id.set(call)
    log.notice(text)
    call_id.reset(token)


async def test_channels_and_levels(system: System, tmp_path: Path) -> None:
    lines = (await run_command(system, "logger show channels")).splitlines()
    path = str(tmp_path / "log" / "full")
    assert lines[0] == "Logger queue limit: 1000"
    assert lines[4] == f"{path[:35]:<35} {'File':<8} {'default':<9}  {'Enabled':<9}  - NOTICE VERBOSE "
    rows = json.loads(await run_command(system, "logger show channels --json"))
    assert rows[0]["verbosity"] == 3
    assert "   19 SECURITY\n" in await run_command(system, "logger show levels")


async def test_channels_come_and_go(system: System, tmp_path: Path) -> None:
    assert await run_command(system, "logger add channel extra warning,error") == ""
    assert "already exists" in await run_command(system, "logger add channel extra error")
    assert "no name" in await run_command(system, "logger add channel ../x error")
    log.warning("for extra only")
    assert "for extra only" in (tmp_path / "log" / "extra").read_text()
    assert await run_command(system, "logger rotate") == ""
    assert (tmp_path / "log" / "extra.0").exists()
    assert await run_command(system, "logger reload") == ""
    assert "/extra" in await run_command(system, "logger show channels --json")
    assert await run_command(system, "logger remove channel extra") == "Removed logger channel 'extra'\n"
    assert "Unable to find" in await run_command(system, "logger remove channel extra")
    (tmp_path / "log" / "blocked").mkdir()
    assert "Unable to create" in await run_command(system, "logger add channel blocked error")
    assert "blocked" not in await run_command(system, "logger show channels --json")


async def test_another_file_and_a_broken_one(system: System) -> None:
    assert isinstance(system.configuration.source, MemorySource)
    system.configuration.source.files["other.conf"] = "[logfiles]\nsecond => error\n"  # type: ignore[index]
    assert await run_command(system, "logger reload other.conf") == ""
    assert "/second" in await run_command(system, "logger show channels --json")
    system.configuration.source.files["logger.conf"] = "[logfiles\n"  # type: ignore[index]
    assert "Failed to reload" in await run_command(system, "logger reload")
    assert "/second" in await run_command(system, "logger show channels --json")


async def test_mute_and_levels_of_the_server_s_console(system: System) -> None:
    assert await run_command(system, "logger mute") == "Console is muted.\n"
    assert await run_command(system, "logger mute silent") == ""
    setup = system.services["log"]
    assert not setup.muted
    assert await run_command(system, "logger set level debug on") == "Logger status for 'DEBUG' has been set to 'on'.\n"
    assert setup.find("console").levels == Level.DEBUG
    await run_command(system, "logger set level notice on")
    await run_command(system, "logger set level debug off")
    assert setup.find("console").levels == Level.NOTICE
    assert (await run_command(system, "logger set level nothing on")).startswith("Usage")
    assert (await run_command(system, "logger set level debug maybe")).startswith("Usage")
    assert "Waiting:         0" in await run_command(system, "logger show status")


async def test_the_lines_of_a_call(system: System) -> None:
    say("C-0000000a", "first secret=x")
    say("C-0000000b", "another call's")
    say("C-0000000a", "second")
    text = await run_command(system, "core show call-log C-0000000A")
    assert [line.rpartition(": ")[2] for line in text.splitlines()] == [
        "first secret=<redacted>",
        "second",
        "2 lines of call C-0000000a",
    ]
    rows = json.loads(await run_command(system, "core show call-log [C-0000000b] --json"))
    assert [row["message"] for row in rows] == ["another call's"]
    assert "No call is known" in await run_command(system, "core show call-log 17.3")
    assert (await run_command(system, "core show call-log")).startswith("Usage")


async def test_a_call_by_its_channels_alive_and_gone(system: System) -> None:
    channel = LocalTech(system).request(
        DialRequest(system=system, destination="100@default", capabilities=FormatCapabilities(), requestor=None)
    )
    channel.call_id = "C-00000011"
    say("C-00000011", "it began")
    assert "it began" in await run_command(system, f"core show call-log {channel.unique_id}")
    channel.hangup()
    assert channel.name not in system.channels
    for name in (channel.unique_id, channel.name):
        assert "it began" in await run_command(system, f"core show call-log {name}")


async def test_what_memory_has_no_more_is_looked_for_in_files(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calllog, "MOST_CALLS", 2)
    for number in range(4):
        say(f"C-0000000{number}", f"call {number}")
    text = await run_command(system, "core show call-log C-00000000")
    assert "call 0" in text
    assert "1 lines of call C-00000000, from log files" in text
    assert search_files([Path("/nowhere")], "C-00000000") == []


async def test_bounds_keep_the_first_and_the_last_lines(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calllog, "FIRST_LINES", 2)
    for number in range(calllog.LAST_LINES + 12):
        say("C-00000007", f"line {number}")
    lines = (await run_command(system, "core show call-log C-00000007")).splitlines()
    assert lines[0].endswith("line 0")
    assert lines[2].endswith("line 12")
    assert lines[-1] == f"{calllog.LAST_LINES + 2} lines of call C-00000007, 10 in the middle were dropped"


async def test_all_calls_together_are_bounded(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calllog, "MOST_LINES", 10)
    for number in range(4):
        for line in range(4):
            say(f"C-0000003{number}", f"line {line}")
    kept = [number for number in range(4) if system.services["call log"].lines(f"C-0000003{number}")[0]]
    assert kept == [2, 3]
    assert system.services["call log"]._total == 8


async def test_groups_of_calls(system: System, tmp_path: Path) -> None:
    hub.verbosity = 3
    channel = LocalTech(system).request(
        DialRequest(system=system, destination="100@default", capabilities=FormatCapabilities(), requestor=None)
    )
    channel.call_id = "C-00000021"
    assert await run_command(system, "logger filter show") == "Log filtering is off\n"
    system.functions.write(channel, "LOG_GROUP", "", "vip")
    assert "'vip' is on" in await run_command(system, "logger filter changroup vip on")
    for call in ("C-00000021", "C-00000022"):
        token = call_id.set(call)
        log.verbose(3, f"detail of {call}")
        log.notice(f"notice of {call}")
        call_id.reset(token)
    text = (tmp_path / "log" / "full").read_text()
    assert "detail of C-00000021" in text
    assert "detail of C-00000022" not in text
    assert "notice of C-00000022" in text
    assert "'vip' is on: C-00000021" in (await run_command(system, "logger filter show")).replace("Channel group ", "")
    channel.hangup()
    assert "no calls" in await run_command(system, "logger filter show")
    assert await run_command(system, "logger filter reset") == "Log filtering is off\n"
    assert hub.line_filter is None
    assert (await run_command(system, "logger filter changroup vip maybe")).startswith("Usage")
