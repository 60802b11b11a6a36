"""`globstar dialplan check DIR`: reads a configuration directory, checks its dialplan and prints what is wrong."""

from __future__ import annotations

import argparse
import functools
import importlib
import json
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType

from globstar.base.packages import installed, submodules
from globstar.config.errors import ConfigError
from globstar.config.file import ConfigFile
from globstar.config.reader import read_config
from globstar.config.source import FileSource
from globstar.core.cli import plural
from globstar.core.loader import PREFIXES
from globstar.core.registry import ApplicationSpec, FunctionSpec, specs_of
from globstar.core.settings import read_settings
from globstar.dialplan.ael import AelFault, compile_ael, parse_ael
from globstar.dialplan.check import Catalogue, Finding, Severity, Surroundings, check_dialplan
from globstar.dialplan.reader import LoadedDialplan, read_extensions

#: Exit codes: nothing found, something found, the directory cannot be read.
CLEAN, FOUND, UNREADABLE = 0, 1, 2

#: Options of other files that name a context where calls begin or come to.
_CONTEXT_OPTION = re.compile(r"\w*context\w*|exten(?:sion)?_?context", re.IGNORECASE)
_LUA_TABLE = re.compile(r"\[\s*[\"']([^\"']+)[\"']\s*\]\s*=\s*\{|\b([A-Za-z_]\w*)\s*=\s*\{")
_WORD = re.compile(r"[A-Za-z0-9_.-]+")
_DECORATED = re.compile(r"@application\(\s*[\"'](\w+)[\"']|@application\b[^\n]*\n(?:@.*\n)*\s*async def (\w+)")
_DECORATED_FUNCTION = re.compile(r"@function\(\s*[\"'](\w+)[\"']|@function\b[^\n]*\n(?:@.*\n)*\s*(?:async )?def (\w+)")


def build_parser() -> argparse.ArgumentParser:
    """The command line behind ``globstar dialplan``."""
    parser = argparse.ArgumentParser(prog="globstar dialplan", description="Tools for dialplans.")
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser("check", help="check the dialplan of a configuration directory")
    check.add_argument("directory", type=Path, metavar="DIR", help="the directory that has extensions.conf")
    check.add_argument("--json", action="store_true", help="print JSON")
    check.add_argument("--notes", action="store_true", help="tell notes, too")
    check.add_argument("--ignore", action="append", default=[], metavar="KIND", help="leave a kind of finding out")
    return parser


def main(argv: list[str]) -> int:
    """Run ``globstar dialplan ...``; returns the exit status."""
    arguments = build_parser().parse_args(argv)
    try:
        findings = check_directory(arguments.directory)
    except (ConfigError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return UNREADABLE
    findings = [one for one in findings if one.kind not in arguments.ignore]
    counted = [one for one in findings if one.severity is not Severity.NOTE]
    shown = findings if arguments.notes else counted
    if arguments.json:
        print(json.dumps({"directory": str(arguments.directory), "findings": [_as_json(one) for one in shown]}, indent=2))
    else:
        for finding in shown:
            print(finding)
        errors = sum(one.severity is Severity.ERROR for one in counted)
        print(f"{plural(errors, 'error')}, {plural(len(counted) - errors, 'warning')}")
    return FOUND if counted else CLEAN


def _as_json(finding: Finding) -> dict[str, object]:
    return {
        "kind": finding.kind, "severity": finding.severity.value, "file": finding.file, "line": finding.line,
        "context": finding.context, "extension": finding.extension, "priority": finding.priority, "message": finding.message,
    }  # fmt: skip


def check_directory(directory: Path) -> list[Finding]:
    """What is wrong with the dialplan of a configuration directory. Raises ConfigError and OSError if it cannot be read."""
    if not directory.is_dir():
        raise NotADirectoryError(f"{directory} is no directory")
    source = FileSource(directory)
    there = {path.name for path in directory.iterdir()}
    others = [name for name in ("extensions.ael", "extensions.lua") if name in there]
    config = ConfigFile("extensions.conf")
    if "extensions.conf" in there or not others:
        config = read_config("extensions.conf", source)
    loaded = read_extensions(config)
    faults = _add_ael(loaded, source) if "extensions.ael" in others else []
    loaded.warnings = [one for one in loaded.warnings if "is not available while the dialplan is read" not in one.message]
    modules = _user_modules(source)
    catalogue = Catalogue(
        [*registered_names(ApplicationSpec), *_decorated(modules, _DECORATED, camel=True)],
        [*registered_names(FunctionSpec), *_decorated(modules, _DECORATED_FUNCTION, camel=False)],
    )
    surroundings = _surroundings(directory, source, config, modules)
    if "extensions.lua" in others:
        surroundings.made = {*surroundings.made, *_contexts_of_lua(source.read("extensions.lua"))}
        surroundings.programs = True
    found = check_dialplan(config, loaded, catalogue, surroundings)
    return faults + [one for one in found if not _is_made_by_compiler(one, loaded)]


def _add_ael(loaded: LoadedDialplan, source: FileSource) -> list[Finding]:
    """Add what extensions.ael makes to a dialplan; what is wrong with the file itself comes back."""
    try:
        ael = compile_ael(parse_ael("extensions.ael", source))
    except AelFault as fault:
        message = str(fault).partition(": ")[2]
        return [Finding("syntax", fault.file, fault.line, message)]
    loaded.globals.update(ael.globals)
    refused = loaded.plan.adopt(ael.plan, ())
    return [Finding("syntax", place.file, place.line, message) for place, message in ael.warnings] + [
        Finding("syntax", one.existing.file, one.existing.line, f"{one}, and by extensions.ael") for one in refused
    ]


def _is_made_by_compiler(finding: Finding, loaded: LoadedDialplan) -> bool:
    """Whether a step that never runs is none that somebody wrote: the end of a block behind a break or return."""
    if finding.kind != "unreachable" or not finding.file.endswith(".ael"):
        return False
    step = loaded.plan.contexts[finding.context].get(finding.extension, None)
    made = step.steps.get(finding.priority) if step is not None else None
    return made is not None and made.app_name in ("Goto", "NoOp", "Return")


def _contexts_of_lua(text: str) -> set[str]:
    """Names that may be contexts of extensions.lua; it is read, not run."""
    return {bracketed or plain for bracketed, plain in _LUA_TABLE.findall(text)}


# -- what there is -----------------------------------------------------------------------------------------------------------


def _own_modules() -> Iterator[ModuleType]:
    """Every module that comes with the server, and those of installed packages."""
    folders = [*PREFIXES, "builtin"]
    for folder in folders:
        package = importlib.import_module(f"globstar.modules.{folder}")
        for name in submodules(package):
            yield importlib.import_module(f"globstar.modules.{folder}.{name}")
    for point in installed("globstar.modules"):
        try:
            yield importlib.import_module(point.value)
        except Exception as error:
            sys.stderr.write(f"module {point.name} cannot be imported: {error}\n")


@functools.cache
def registered_names(kind: type[ApplicationSpec] | type[FunctionSpec]) -> list[str]:
    """The names of all applications or functions that the modules of this installation offer."""
    return [spec.name for module in _own_modules() for spec in specs_of(module) if isinstance(spec, kind)]


def _user_modules(source: FileSource) -> list[str]:
    """The texts of the user's modules; they are read, not run."""
    directories, _, _ = read_settings(source, is_told=False)
    given = directories.given()
    folders = [source.root / "modules"]
    if "astmoddir" in given:
        folders.append(Path(directories.astmoddir))
    files = sorted({file.resolve() for folder in folders if folder.is_dir() for file in folder.glob("*.py")})
    return [file.read_text(encoding="utf-8", errors="replace") for file in files]


def _decorated(texts: Iterable[str], pattern: re.Pattern[str], *, camel: bool) -> Iterator[str]:
    """The names that decorators of the user's modules give."""
    for text in texts:
        for given, function in pattern.findall(text):
            if given:
                yield given
            elif camel:
                yield "".join(word[:1].upper() + word[1:] for word in function.split("_"))
            else:
                yield function.upper()


# -- what the other files say --------------------------------------------------------------------------------------------------


def _surroundings(directory: Path, source: FileSource, extensions: ConfigFile, modules: list[str]) -> Surroundings:
    own = {Path(name).name for name in extensions.files} | {"extensions.conf"}
    others = [file for file in sorted(directory.glob("*.conf")) if file.name not in own]
    entries: set[str] = set()
    variables: set[str] = set()
    words: set[str] = set()
    made = {"parkedcalls"} if "res_parking.conf" in {file.name for file in others} else set()
    for file in others:
        try:
            config = read_config(file.name, source)
        except (ConfigError, OSError):
            continue
        for category in config.sections:
            for line in category:
                name = line.name.lower()
                if file.name == "res_parking.conf" and name == "context":
                    made.add(line.value.strip())
                elif _CONTEXT_OPTION.fullmatch(name):
                    entries.add(line.value.strip())
                if name in ("set_var", "setvar"):
                    variables.add(line.value.partition("=")[0].strip().lstrip("_"))
                words.update(_WORD.findall(line.value))
    for text in modules:
        words.update(_WORD.findall(text))
        variables.update(re.findall(r"[\"']_*([A-Za-z_]\w*)[\"']", text))
    return Surroundings(
        entries=entries | {"default"} if entries else None, made=made, words=words if entries else (), variables=variables
    )
