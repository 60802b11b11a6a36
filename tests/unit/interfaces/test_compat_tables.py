"""Commands and actions against the tables of what Asterisk has: what a built module lacks is named here with its reason."""

from __future__ import annotations

import csv
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from globstar.core.cli import find_command
from globstar.core.manager import read_permissions
from globstar.core.system import System
from globstar.interfaces.ami.reference import reference
from globstar.interfaces.cli.commands import register_commands
from tests.support.ami import start_manager
from tests.support.switch import running_system

#: Modules that decline to load without these, and the features with them.
FILES = {
    "extensions.ael": "context x { 1 => NoOp(); }\n", "pjsip_notify.conf": "[x]\nEvent=>y\n", "phoneprov.conf": "[general]\n",
    "pjsip.conf": "", "cdr_pgsql.conf": "[global]\n",
    "prometheus.conf": "[general]\nenabled=yes\n", "voicemail.conf": "[default]\n1 => 1,x\n",
}  # fmt: skip
_INSIDES = "looks at the insides of the C program"
#: Beginnings of commands that are left out.
WITHOUT = {
    "astobj2": _INSIDES, "memory": _INSIDES, "threadstorage": _INSIDES, "core show locks": _INSIDES,
    "core clear profile": _INSIDES, "core show profile": _INSIDES, "core set trace": _INSIDES,
    "core eat memory": "only in builds for tests", "test ": "the tests of this program are run by pytest",
    "dnsmgr": "names are looked up when their records expire; see 'dns show cache'",
    "pjproject": "the SIP stack is another one; see 'pjsip set logger' and 'core set debug'",
    "xmldoc reload": "the documentation is in the program",
    "translate sampletype": "translators are timed with one kind of sound",
}  # fmt: skip


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    async with running_system(tmp_path, FILES, prepare=register_commands) as system:
        server = await start_manager(system)
        yield system
        await server.stop()


def rows(shared: Path, file: str) -> list[dict[str, str]]:
    with (shared / "compat" / file).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def alternatives(text: str) -> Iterator[str]:
    """``rtp set debug {on|off}`` as the commands that it stands for."""
    choice = re.search(r"\{([^{}]*)\}", text)
    if choice is None:
        yield text
        return
    for word in choice[1].split("|"):
        yield from alternatives(text[: choice.start()] + word + text[choice.end() :])


async def test_every_command_of_a_built_module_is_there(system: System, shared: Path) -> None:
    built = {module.name for module in system.loader.modules.values()} | {"core"}
    missing: dict[str, str] = {}
    for row in rows(shared, "cli.tsv"):
        if row["module"] not in built:
            continue
        text = re.split(r"[\[<]", row["command"])[0].strip()
        fixed = text.partition("{")[0].split()
        for command in alternatives(text):
            spec = find_command(system, command.split())
            if spec is None or (len(spec.words) < min(2, len(fixed)) and spec.name != "mixmonitor"):
                missing[command] = row["module"]
    unexplained = {command for command in missing if not command.startswith(tuple(WITHOUT))}
    assert unexplained == set()
    for start in WITHOUT:
        assert any(command.startswith(start) for command in missing), f"{start} is there"


async def test_every_action_of_a_built_module_is_there_with_its_classes(system: System, shared: Path) -> None:
    built = {module.name for module in system.loader.modules.values()} | {"core"}
    actions = {spec.name.lower(): spec for spec in system.registry("manager action")}
    table = [row for row in rows(shared, "manager_actions.tsv") if row["module"] in built]
    assert len(table) >= 100
    assert [row["action"] for row in table if row["action"].lower() not in actions] == []
    for row in table:
        spec = actions[row["action"].lower()]
        assert spec.permissions == read_permissions(row["privilege"].replace("|", ",")), spec.name
        assert spec.synopsis, spec.name
        known = [parameter.partition("=")[0] for parameter in reference("action")[spec.name].fields]
        assert known == [parameter.partition("=")[0] for parameter in row["params(*=required)"].split()], spec.name
