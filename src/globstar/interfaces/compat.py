"""`globstar compat report`: which of Asterisk's applications, options, functions and variables are here, shown by a test."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

from globstar.core.registry import ApplicationSpec, FunctionSpec
from globstar.interfaces.check import registered_names
from globstar.interfaces.compat_reasons import LEFT_OUT, reason_for

#: The table that tools/compat_tests.py writes: kind, name, test.
TABLE = "compat_coverage.tsv"
KINDS = {"application": "applications", "option": "options", "function": "functions", "variable": "variables"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing of Asterisk's. ``test`` exercises it, "" if none does; ``is_here`` whether this version offers it."""

    kind: str
    name: str
    test: str
    is_here: bool

    @property
    def counts(self) -> bool:
        """Whether it is here and shown by a test."""
        return self.is_here and bool(self.test)

    @property
    def reason(self) -> str:
        """Why it does not count; "" if it does."""
        if self.counts:
            return ""
        if self.is_here:
            return "no test runs it"
        return reason_for(self.name)


def read_coverage() -> list[Entry]:
    """Every entry, with what this installation offers."""
    applications = {name.lower() for name in registered_names(ApplicationSpec)}
    functions = set(registered_names(FunctionSpec))
    entries = []
    for line in resources.files("globstar.interfaces").joinpath(TABLE).read_text(encoding="utf-8").splitlines():
        kind, name, test = line.split("\t")
        match kind:
            case "application":
                is_here = name.lower() in applications
            case "option":
                is_here = name.partition(" ")[0].lower() in applications and name not in LEFT_OUT
            case "function":
                is_here = name in functions
            case _:
                is_here = bool(test)
        entries.append(Entry(kind, name, test, is_here))
    return entries


def main(argv: list[str]) -> int:
    """Run ``globstar compat ...``; returns the exit status."""
    parser = argparse.ArgumentParser(prog="globstar compat", description="Compatibility with Asterisk.")
    commands = parser.add_subparsers(dest="command", required=True)
    report = commands.add_parser("report", help="print how much of Asterisk is here, each entry shown by a test")
    report.add_argument("--missing", action="store_true", help="name what does not count, with the reason")
    report.add_argument("--tests", action="store_true", help="name the test of every entry that counts")
    report.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(argv)
    entries = read_coverage()
    if options.json:
        print(json.dumps([_as_json(entry) for entry in entries], indent=1))
        return 0
    for kind, title in KINDS.items():
        of_kind = [entry for entry in entries if entry.kind == kind]
        print(f"{title:<13} {sum(entry.counts for entry in of_kind):>4} of {len(of_kind)}")
        if options.tests:
            for entry in of_kind:
                if entry.counts:
                    print(f"  {entry.name:<32} {entry.test}")
        if options.missing:
            for entry in of_kind:
                if not entry.counts:
                    print(f"  {entry.name:<32} {entry.reason}")
    return 0


def _as_json(entry: Entry) -> dict[str, object]:
    return {"kind": entry.kind, "name": entry.name, "counts": entry.counts, "test": entry.test, "reason": entry.reason}


def page(entries: Sequence[Entry]) -> str:
    """The page of the documentation."""
    lines = [
        "# Compatibility with Asterisk 23",
        "",
        "Made by `tools/compat_tests.py`; `globstar compat report` prints the same for an installation. An entry counts only",
        "when this version has it and a named test exercises it.",
        "",
        "| | counted | of |",
        "| --- | --- | --- |",
    ]
    for kind, title in KINDS.items():
        of_kind = [entry for entry in entries if entry.kind == kind]
        lines.append(f"| {title} | {sum(entry.counts for entry in of_kind)} | {len(of_kind)} |")
    for kind, title in KINDS.items():
        of_kind = [entry for entry in entries if entry.kind == kind]
        missing = [entry for entry in of_kind if not entry.counts]
        lines += ["", f"## {title.capitalize()}", ""]
        if kind != "option":
            lines += ["| | shown by |", "| --- | --- |"]
            lines += [f"| `{entry.name}` | `{entry.test}` |" for entry in of_kind if entry.counts]
        else:
            lines += _options_by_application(of_kind)
        if missing:
            lines += ["", f"Not counted ({len(missing)}):", "", "| | why |", "| --- | --- |"]
            lines += [f"| `{entry.name}` | {entry.reason} |" for entry in missing]
    return "\n".join([*lines, ""])


def _options_by_application(entries: Sequence[Entry]) -> list[str]:
    lines = ["| application | options that count |", "| --- | --- |"]
    by_application: dict[str, list[str]] = {}
    for entry in entries:
        if entry.counts:
            application, _, letter = entry.name.partition(" ")
            by_application.setdefault(application, []).append(f"`{letter}`")
    return lines + [f"| `{application}` | {' '.join(letters)} |" for application, letters in by_application.items()]
