#!/usr/bin/env python3
"""Writes the tables of `globstar dialplan check` from the compat data: `tools/check_tables.py`.

``applications.tsv``: name, which argument holds option letters (0: none), the letters ("x" or "x()" with an argument).
``names.txt``: functions and variables that Asterisk knows, one a line (``function NAME``, ``variable NAME``).
"""

from __future__ import annotations

import csv
import os
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("GLOBSTAR_SHARED") or ROOT.parent / "shared")
TARGET = ROOT / "src" / "globstar" / "dialplan" / "check"


def rows(name: str) -> list[dict[str, str]]:
    """One compat file."""
    with (SHARED / "compat" / name).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def arguments(syntax: str) -> list[str]:
    """The arguments of a syntax line, split at commas outside of brackets of options and nested forms."""
    inside = syntax.partition("(")[2].rpartition(")")[0]
    found, depth, current = [], 0, ""
    for character in inside:
        if character in "{<(":
            depth += 1
        elif character in "}>)":
            depth -= 1
        if character == "," and not depth:
            found.append(current)
            current = ""
        else:
            current += character
    return [*found, current]


def letters(text: str) -> list[str]:
    """``A([x][:y]) a b(place)`` as ``A() a b()``."""
    found, position = [], 0
    while position < len(text):
        word = re.match(r"\s*([^\s({=]+)", text[position:])
        if word is None:
            break
        position += word.end()
        has_argument = position < len(text) and text[position] in "(="
        if has_argument and text[position] == "(":
            depth = 0
            while position < len(text):
                depth += {"(": 1, ")": -1}.get(text[position], 0)
                position += 1
                if not depth:
                    break
        rest = re.match(r"=\S*", text[position:])
        position += rest.end() if rest else 0
        found.append(word[1] + ("()" if has_argument else ""))
    return found


def main() -> int:
    """Write both files."""
    lines: dict[str, str] = {}
    for row in rows("applications.tsv"):
        index, options = 0, []
        for number, argument in enumerate(arguments(row["syntax"]), 1):
            options_of = re.search(r"options?\{(.*)\}", argument)
            if options_of:
                index, options = number, letters(options_of[1])
        merged: dict[str, str] = {}
        for option in options:
            name = option.removesuffix("()")
            merged[name] = option if option.endswith("()") or name not in merged else merged[name]
        lines[row["name"]] = f"{row['name']}\t{index}\t{' '.join(merged.values())}".rstrip()
    (TARGET / "applications.tsv").write_text("\n".join(lines[name] for name in sorted(lines)) + "\n")
    functions = {row["name"] for row in rows("functions.tsv")}
    variables = {row["variable"] for row in rows("channel_variables.tsv")}
    for row in rows("applications.tsv"):
        for part in row["variables_set(values)"].split(";"):
            variables.add(part.partition("=")[0].strip())
        variables |= set(row["variables_mentioned"].split()) | set(row["other_vars_module_sets_in_code"].split())
    for row in rows("functions.tsv"):
        variables |= {part.partition("=")[0] for part in row["variables_named"].replace(";", " ").split()}
    known = sorted(name for name in variables if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name))
    text = [f"function {name}" for name in sorted(functions)] + [f"variable {name}" for name in known]
    (TARGET / "names.txt").write_text("\n".join(text) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
