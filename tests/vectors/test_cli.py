"""What commands printed on a running Asterisk 23.4.1 that had nothing to do, and on a fresh database.

What was printed beside calls is compared in test_calls_sip."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from globstar.config import MemorySource
from globstar.core.astdb import AstDb
from globstar.core.boot import boot, shut_down
from globstar.core.cli import run_command
from globstar.core.settings import Directories
from globstar.core.system import System
from globstar.interfaces.cli.commands import register_commands
from tests.support.sip_replay import SipReplay, recorded_system

#: Scenario and the commands that print the same here, once numbers of the machine are taken out.
SAME = {
    "g10_core_idle": [
        "core show version", "core show uptime", "core show uptime seconds", "core show sysinfo", "core show channels",
        "core show channels concise", "core show channels verbose", "core show channels count",
        "core show calls", "dialplan show ivr", "dialplan show 100@main", "dialplan show nosuch", "dialplan show globals",
        "dialplan show parkedcalls",
    ],
    "g10_misc_idle": [
        "module show like app_dial", "module show like nosuch", "bridge show all", "bridge technology show",
        "core show hint 6001",
        "core show hint nosuch", "core show image formats", "core show channeltype PJSIP", "logger show levels",
        "rtp show settings",
        "features show", "parking show", "parking show default", "devstate list", "presencestate list", "moh show classes",
        "indication show", "indication show us", "udptl show config", "timing test", "group show channels", "no such command",
        "core", "core show", "core show nosuch", "help nosuch", "core ping", "core show applications like nosuch",
        "core show applications describing nothingtosee", "voicemail show zones",
        "rtcp show stats", "core show config mappings",
    ],
    "g10_module_commands": [
        "module unload app_morsecode.so", "module load app_morsecode.so", "module load nosuch.so", "module unload nosuch.so",
        "module reload app_verbose.so", "module reload nosuch", "module refresh app_morsecode.so", "module show like app_morse",
        "core set verbose 3", "core set debug 0",
    ],
    "g10_database_commands": [],
    "g10_pjsip_set_and_send": ["pjsip send notify nosuch endpoint bob", "pjsip send unregister nosuch", "cdr submit"],
}  # fmt: skip
#: The order of these lines is that of a hash table.
UNORDERED = ["core show codecs", "core show codecs audio", "core show hints"]


@pytest.fixture(scope="module")
def replay(tmp_path_factory: pytest.TempPathFactory, shared: Path) -> Iterator[SipReplay]:
    folder = tmp_path_factory.mktemp("cli")
    replay = recorded_system(folder, shared)
    replay.system.database = AstDb(folder / "astdb.sqlite3")
    yield replay
    replay.close()


def recorded(shared: Path, scenario: str) -> list[tuple[str, str]]:
    """Each command with what it printed."""
    observed = json.loads((shared / "vectors" / "calls" / f"{scenario}.json").read_text())["observed"]
    return [(entry["command"], entry["output"]) for entry in observed["cli"] if "output" in entry]


def comparable(text: str) -> str:
    """Without numbers of the machine and names of its parts, with all columns."""
    text = re.sub(r"built by \S+ @ \S+ on a", "built by USER @ HOST on a", text)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", "DATE UTC", text)
    text = re.sub(r"(System uptime|Last reload): \d+( \w+)?", r"\1: N\2", text)
    text = re.sub(r"(RAM|Space|Uptime|Processes):( +)\d+", r"\1:\2N", text)
    return re.sub(r"'\w+' timing module", "'NAME' timing module", text)


@pytest.mark.parametrize("scenario", SAME)
def test_what_is_printed(replay: SipReplay, shared: Path, scenario: str) -> None:
    wanted = SAME[scenario]
    different = {}
    for command, output in recorded(shared, scenario):
        printed = replay.runner.run(run_command(replay.system, command))
        if (command in wanted or not wanted) and comparable(printed) != comparable(output) and "Usage:" not in output:
            different[command] = (output, printed)
    assert not different


@pytest.mark.parametrize("command", UNORDERED)
def test_the_same_lines(replay: SipReplay, shared: Path, command: str) -> None:
    output = dict(recorded(shared, "g10_misc_idle"))[command]
    printed = replay.runner.run(run_command(replay.system, command))
    assert sorted(printed.splitlines()) == sorted(output.splitlines())


async def test_commands_of_modules_that_are_not_loaded(shared: Path, tmp_path: Path) -> None:
    """Which words are told to ask help for depends on the commands that there are."""
    folder = shared / "vectors" / "calls" / "config"
    modules = (folder / "modules.conf").read_text() + "noload = res_mwi_external.so\n"
    system = System(directories=Directories.below(tmp_path))
    register_commands(system)
    await boot(system, MemorySource({"modules.conf": modules, "extensions.conf": ""}), keep_database=False)
    wanted = dict(recorded(shared, "g10_misc_idle"))
    for command in ("mwi show settings", "stun show status", "calendar show calendars"):
        assert await run_command(system, command) == wanted[command]
    await shut_down(system)
