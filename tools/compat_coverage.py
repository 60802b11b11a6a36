#!/usr/bin/env python3
"""Prints how much of Asterisk's compat data this version has: `tools/compat_coverage.py [--missing]`.

The data (`compat/*.tsv`) stands in the shared folder beside the repository, or where GLOBSTAR_SHARED points.
"""

from __future__ import annotations

import argparse
import ast
import asyncio
import csv
import os
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from globstar.base.log import Level, Record, hub
from globstar.config import MemorySource
from globstar.core.boot import boot, shut_down
from globstar.core.settings import Directories
from globstar.core.system import System
from globstar.interfaces.ami.server import ManagerServer
from globstar.interfaces.cli.commands import register_commands
from globstar.modules.channels.pjsip.coverage import coverage

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("GLOBSTAR_SHARED") or ROOT.parent / "shared")


def names(file: str, column: str) -> set[str]:
    """The names of one column of a compat file."""
    with (SHARED / "compat" / file).open(encoding="utf-8", newline="") as lines:
        return {row[column].strip() for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE) if row[column]}


def command_words(text: str) -> str:
    """``core show channels [concise|verbose]`` as the words that every form begins with."""
    return text.partition("[")[0].partition("<")[0].partition("{")[0].strip()


async def registered() -> dict[str, set[str]]:
    """What a system with every module offers, by kind."""
    with tempfile.TemporaryDirectory() as folder:
        system = System(directories=Directories.below(Path(folder)))
        register_commands(system)
        await boot(
            system,
            MemorySource(
                {
                    "extensions.conf": "",
                    "pjsip.conf": "",
                    "cdr_pgsql.conf": "[global]\n",
                    "cdr_custom.conf": "[mappings]\nM => x\n",
                }
            ),
            keep_database=False,
        )
        manager = ManagerServer(system)
        found = {
            "applications": {spec.name for spec in system.applications},
            "functions": {spec.name for spec in system.function_registry},
            "CLI commands": {spec.name for spec in system.registry("cli command")},
            "AMI actions": {spec.name for spec in system.registry("manager action")},
            "modules": {module.name for module in system.loader.modules.values()},
        }
        await manager.stop()
        await shut_down(system)
        return found


def told_events(wanted: set[str]) -> set[str]:
    """The events of AMI whose names, or the beginnings that they are made of, stand in the source."""
    texts = {
        node.value
        for file in (ROOT / "src" / "globstar").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    made_up = {"HangupHandler": "HangupHandler", "AOC-": "AOC-", "NewExten": "Newexten"}
    return {
        name
        for name in wanted
        if name in texts
        or (name.endswith("Complete") and name.removesuffix("Complete") in texts)
        or any(name.startswith(start) and text in texts for start, text in made_up.items())
    }


def report(kind: str, wanted: Iterable[str], has: set[str], show_missing: bool) -> None:
    """One line for a kind, and what is missing if asked for."""
    known = {name.lower() for name in has}
    missing = sorted(name for name in set(wanted) if name.lower() not in known)
    total = len(set(wanted))
    print(f"{kind:<14} {total - len(missing):>4} of {total}")
    if show_missing:
        print("  missing: " + ", ".join(missing))


def pjsip_options() -> set[tuple[str, str]]:
    """Type and name of every documented option of pjsip.conf, names in lower case.

    ``type`` stands in every object; ``*`` means any name; users write no subscription_persistence.
    """
    with (SHARED / "compat" / "config_files.tsv").open(encoding="utf-8", newline="") as lines:
        return {
            (row["section_or_object"], row["option"].lower())
            for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
            if row["file"] == "pjsip.conf" and row["found_in"] == "xmldoc" and row["option"] not in ("type", "*")
            and row["section_or_object"] != "subscription_persistence"
        }  # fmt: skip


def missing_pjsip_options() -> list[str]:
    """``type: option`` for what is neither supported nor named as without effect."""
    has = {one.kind: one for one in coverage()}
    wanted = sorted(pjsip_options())
    return [f"{kind}: {name}" for kind, name in wanted if kind not in has or name not in has[kind].known]


def report_pjsip(show_missing: bool) -> None:
    """The options of pjsip.conf: with effect, without, missing."""
    found, wanted, missing = coverage(), pjsip_options(), missing_pjsip_options()
    without = {(one.kind, name) for one in found for name in one.unsupported}
    counted = len(wanted & without)
    print(f"{'pjsip.conf':<14} {len(wanted) - counted - len(missing):>4} of {len(wanted)}, {counted} without effect")
    if show_missing:
        print("  without effect: " + ", ".join(f"{kind}: {name}" for kind, name in sorted(wanted & without)))
        print("  missing: " + ", ".join(missing))


def main() -> int:
    """Print the report; fails only where there is no data."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--missing", action="store_true", help="name what is missing")
    options = parser.parse_args()
    if not (SHARED / "compat").is_dir():
        sys.stderr.write(f"no compat data at {SHARED}\n")
        return 1

    def show_errors(record: Record) -> None:
        sys.stderr.write(f"{record.message}\n")

    hub.add(Level.ERROR, show_errors)
    has = asyncio.run(registered())
    report("applications", names("applications.tsv", "name"), has["applications"], options.missing)
    report("functions", names("functions.tsv", "name"), has["functions"], options.missing)
    commands = {command_words(text) for text in names("cli.tsv", "command")}
    report("CLI commands", commands, has["CLI commands"], options.missing)
    report("AMI actions", names("manager_actions.tsv", "action"), has["AMI actions"], options.missing)
    events = names("manager_events.tsv", "event")
    report("AMI events", events, told_events(events), options.missing)
    report("modules", names("modules.tsv", "module"), has["modules"], options.missing)
    report_pjsip(options.missing)
    return 0


if __name__ == "__main__":
    sys.exit(main())
