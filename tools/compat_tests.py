#!/usr/bin/env python3
"""Finds the tests that exercise Asterisk's applications, options, functions and variables: `tools/compat_tests.py`.

Files that a recorded run wrote say what really ran; applications and options of tests in this process count by them alone, and
stay in the table for as long as their tests do. Every test function of tests/flow, tests/unit and tests/interop is read with what
it refers to in its file (constants, helpers): the functions and variables in its texts count, and in tests/interop, where other
processes run them, the steps of dialplans. The observed cases (`vectors/`) count by what they were seen to run. Writes
``src/globstar/interfaces/compat_coverage.tsv`` (kind, name, test) and ``docs/compatibility.md``.
"""

from __future__ import annotations

import argparse
import ast
import csv
import functools
import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from globstar.dialplan.arguments import parse_options, split_arguments
from globstar.dialplan.check.catalogue import Catalogue
from globstar.interfaces.compat import TABLE, page, read_coverage

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("GLOBSTAR_SHARED") or ROOT.parent / "shared")
TESTS = ROOT / "tests"
#: Tests that call applications wrongly or break them off show no use of them.
_NO_USE = ("tests/flow/test_bad_input.py", "tests/flow/test_hangup_meanwhile.py", "tests/fuzz/")

_CALL = re.compile(r"(?<=,)([A-Za-z_]\w*)\(")
_ANY_CALL = re.compile(r"(?<![\w${])[A-Za-z_]\w*\(")
_FUNCTION = re.compile(r"(?:\$\{|\bSet\(|\bMSet\(|[,?:=&({\[ ])([A-Z][A-Z0-9_]*)\(")
_VARIABLE = re.compile(r"\$\{_*([A-Za-z_]\w*)[:}]|\bM?Set\(_*([A-Za-z_]\w*)=")
_NAME = re.compile(r"[A-Za-z_]\w*")


def rows(name: str) -> list[dict[str, str]]:
    """One compat file."""
    with (SHARED / "compat" / name).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


class Coverage:
    """Entries by kind and folded name, with the first test that exercises each."""

    def __init__(self) -> None:
        self.catalogue = Catalogue((), ())
        self.wanted: dict[tuple[str, str], str] = {}
        self.tests: dict[tuple[str, str], str] = {}
        for facts in self.catalogue.facts.values():
            self.wanted["application", facts.name.lower()] = facts.name
            for letter in facts.letters:
                self.wanted["option", f"{facts.name.lower()}:{letter}"] = f"{facts.name} {letter}"
        for row in rows("functions.tsv"):
            self.wanted["function", row["name"]] = row["name"]
        for row in rows("channel_variables.tsv"):
            if _NAME.fullmatch(row["variable"]) and (row["documented_in"] or row["set_in_code_by"] or row["builtin"]):
                self.wanted["variable", row["variable"]] = row["variable"]

    def note(self, kind: str, name: str, test: str) -> None:
        """A test exercises an entry."""
        key = (kind, name)
        if key in self.wanted and not (kind in ("application", "option") and test.startswith(_NO_USE)):
            self.tests.setdefault(key, test)

    def application(self, name: str, data: str, test: str) -> None:
        """An application with its data, options included."""
        facts = self.catalogue.facts_of(name)
        if facts is None:
            return
        self.note("application", name.lower(), test)
        arguments = split_arguments(data, raw=True)
        if facts.option_index and len(arguments) >= facts.option_index:
            text = arguments[facts.option_index - 1].strip()
            for letter in _options(text, facts.letters):
                self.note("option", f"{name.lower()}:{letter}", test)

    def text(self, text: str, test: str, *, has_steps: bool) -> None:
        """A text that may hold dialplan lines; with ``has_steps`` they are run."""
        for found in _CALL.finditer(text) if has_steps else ():
            data = _inside(text, found.end())
            if data is not None and self.catalogue.facts_of(found[1]) is not None:
                self.application(found[1], data, test)
        for found in re.finditer(r"\bEXEC\s+(\w+)\s*(.*)", text) if has_steps else ():
            self.application(found[1], found[2].strip('"'), test)
        for name in _FUNCTION.findall(text):
            self.note("function", name, test)
        for read, written in _VARIABLE.findall(text):
            self.note("variable", read or written, test)
        if _NAME.fullmatch(text):
            self.note("variable", text, test)


def _options(text: str, letters: Mapping[str, bool]) -> Iterable[str]:
    """The options in an argument: letters, or words where the application takes such; one lone word stands for any value."""
    if all(len(one) == 1 for one in letters):
        return parse_options(text, letters).letters
    words = re.split(r"[&,|]", text)
    return letters if len(letters) == 1 and any(words) else words


def _inside(text: str, start: int) -> str | None:
    """What stands between the parenthesis before ``start`` and the one that closes it, on one line."""
    depth = 1
    for index in range(start, len(text)):
        character = text[index]
        if character == "\n":
            return None
        depth += (character == "(") - (character == ")")
        if not depth:
            return text[start:index]
    return None


Template = list[str | None]


def texts(tree: ast.AST) -> Iterator[str | Template]:
    """Every text of a piece of code; one with placeholders as its pieces, None for each placeholder."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            yield [part.value if isinstance(part, ast.Constant) and isinstance(part.value, str) else None for part in node.values]


def rendered(template: Template, values: Iterable[str]) -> Iterator[str]:
    """A template with each value in the place of each placeholder, nothing in the others."""
    places = [index for index, part in enumerate(template) if part is None]
    yield "".join(part or "" for part in template)
    for place in places:
        for value in values:
            yield "".join(value if index == place else part or "" for index, part in enumerate(template))


def definitions(tree: ast.Module) -> dict[str, ast.AST]:
    """The functions, classes and constants of a file, and those that it imports from tests.support."""
    own: dict[str, ast.AST] = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            own[node.name] = node
        elif isinstance(node, ast.Assign):
            own |= {target.id: node for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            own[node.target.id] = node
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tests.support."):
            file = ROOT / f"{(node.module or '').replace('.', '/')}.py"
            if file.is_file():
                others = definitions(parsed(file))
                own |= {alias.asname or alias.name: others[alias.name] for alias in node.names if alias.name in others}
                own |= {name: other for name, other in others.items() if name not in own}
    return own


@functools.cache
def parsed(file: Path) -> ast.Module:
    """A file of Python."""
    return ast.parse(file.read_text(encoding="utf-8"))


def read_tests(coverage: Coverage, file: Path, *, has_steps: bool) -> None:
    """Every test function of a file, with the constants and helpers that it names; with ``has_steps`` dialplan lines count.

    A text with placeholders, in the test or a helper, is looked at with every text of the test in their place: that is how
    arguments reach a dialplan.
    """
    tree = parsed(file)
    own = definitions(tree)
    place = file.relative_to(ROOT).as_posix()
    for name, node in own.items():
        if not name.startswith("test_") or node not in tree.body:
            continue
        reached, pending = {name}, [node]
        plain: list[str] = []
        templates: list[Template] = []
        while pending:
            current = pending.pop()
            for text in texts(current):
                plain.append(text) if isinstance(text, str) else templates.append(text)
            for inner in ast.walk(current):
                if isinstance(inner, ast.Name) and inner.id in own and inner.id not in reached:
                    reached.add(inner.id)
                    if not inner.id.startswith("test_"):
                        pending.append(own[inner.id])
        values = {text for text in texts(node) if isinstance(text, str) and len(text) < 100 and "\n" not in text}
        for text in plain:
            coverage.text(text, f"{place}::{name}", has_steps=has_steps)
        for template in templates:
            if any(part and _ANY_CALL.search(part + "x)") for part in template):
                for text in rendered(template, sorted(values)):
                    coverage.text(text, f"{place}::{name}", has_steps=has_steps)


def read_vectors(coverage: Coverage) -> None:
    """The observed cases, by what ran in them."""
    for kind in ("flows", "functions", "substitution", "agi"):
        test = f"tests/vectors/test_{'functions' if kind == 'functions' else kind}.py"
        for line in (SHARED / "vectors" / "dialplan" / f"{kind}.jsonl").read_text(encoding="utf-8").splitlines():
            case = json.loads(line)
            named = f"{test}[{case['id']}]"
            for _, _, _, application, data, *_ in case.get("executed", ()):
                coverage.application(application, data, named)
            for found in _FUNCTION.findall(case.get("conf", "")):
                coverage.note("function", found, named)
            for name, _ in case.get("varset", ()):
                coverage.note("variable", name.lstrip("_"), named)
            for name in _VARIABLE.findall(case.get("conf", "")):
                coverage.note("variable", name, named)


def read_table(coverage: Coverage) -> None:
    """What the table has already, where the test is still there: recorded runs are not made each time."""
    by_name = {(kind, shown): name for (kind, name), shown in coverage.wanted.items()}
    for line in (ROOT / "src" / "globstar" / "interfaces" / TABLE).read_text(encoding="utf-8").splitlines():
        kind, shown, test = line.split("\t")
        place, _, name = test.partition("::")
        if name and (kind, shown) in by_name and (ROOT / place).is_file() and f"def {name}" in (ROOT / place).read_text():
            coverage.note(kind, by_name[kind, shown], test)


def read_recorded(coverage: Coverage, files: Iterable[Path]) -> None:
    """What ran while tests were recorded (tests/support/compat_record.py)."""
    for file in files:
        for line in file.read_text(encoding="utf-8").split("\n"):  # data may hold other characters that end lines
            if line.count("\t") != 3:
                continue
            kind, name, data, test = line.split("\t")
            if kind == "application":
                coverage.application(name, data, test)
            else:
                coverage.note(kind, name, test)


def main() -> int:
    """Write the table and the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recorded", nargs="*", type=Path, help="files written by GLOBSTAR_COMPAT_RECORD=FILE pytest ...")
    parser.add_argument("--anew", action="store_true", help="forget what the table has: the recorded run was of all tests")
    options = parser.parse_args()
    if not (SHARED / "compat").is_dir():
        sys.stderr.write(f"no compat data at {SHARED}\n")
        return 1
    coverage = Coverage()
    if not options.anew:
        read_table(coverage)
    read_recorded(coverage, options.recorded)
    for folder in ("flow", "unit", "interop"):
        for file in sorted((TESTS / folder).rglob("test_*.py")):
            read_tests(coverage, file, has_steps=folder == "interop")
    read_vectors(coverage)
    order = {"application": 0, "option": 1, "function": 2, "variable": 3}
    keys = sorted(coverage.wanted, key=lambda key: (order[key[0]], coverage.wanted[key].lower()))
    lines = [f"{kind}\t{coverage.wanted[kind, name]}\t{coverage.tests.get((kind, name), '')}" for kind, name in keys]
    (ROOT / "src" / "globstar" / "interfaces" / TABLE).write_text("\n".join(lines) + "\n", encoding="utf-8")
    (ROOT / "docs" / "compatibility.md").write_text(page(read_coverage()), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
