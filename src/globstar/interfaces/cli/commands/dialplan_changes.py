"""dialplan add|remove include, ignorepat; dialplan save; dialplan debug; dialplan set extenpatternmatchnew."""

from __future__ import annotations

from pathlib import Path

from globstar.config.file import ConfigFile
from globstar.core.cli import CliFailure, CliUsage, cli_command
from globstar.core.configwrite import replace_config
from globstar.core.settings import Options
from globstar.core.system import System
from globstar.dialplan.context import Context, IgnorePattern, Include
from globstar.dialplan.save import GLOBALS, written_dialplan
from globstar.dialplan.show import pattern_tree
from globstar.dialplan.timing import parse_timing

_REGISTRAR = "CLI"


def _contexts(system: System, args: list[str]) -> list[str]:
    return ["into", "from"] if len(args) == 2 else list(system.plan.contexts)


def _place(args: list[str], word: str) -> tuple[str, str]:
    """``<what> into <context>``. Raises CliUsage."""
    if len(args) != 3 or args[1] != word:
        raise CliUsage
    return args[0], args[2]


def _context(system: System, name: str) -> Context:
    found = system.plan.contexts.get(name)
    if found is None:
        raise CliFailure(f"Context '{name}' does not exist")
    return found


@cli_command("dialplan add include", usage="dialplan add include <context> into <context>", complete=_contexts)
def add_include(system: System, args: list[str]) -> str:
    """Include a context in another one; a reload takes it back."""
    text, context = _place(args, "into")
    name, comma, times = text.partition(",")
    problems: list[str] = []
    timing = parse_timing(times, lambda problem: problems.append(problem)) if comma else None
    if problems:
        raise CliFailure(problems[0])
    if not system.plan.add_include(context, Include(name, timing, text, _REGISTRAR)):
        raise CliFailure(f"Context '{name}' already included in '{context}' context")
    return f"Context '{name}' included in '{context}' context"


@cli_command("dialplan remove include", usage="dialplan remove include <context> from <context>", complete=_contexts)
def remove_include(system: System, args: list[str]) -> str:
    """Take an included context out of another one."""
    name, context = _place(args, "from")
    _context(system, context)
    if not system.plan.remove_include(context, name):
        raise CliFailure(f"Context '{name}' is not included in '{context}'")
    return f"The dialplan no longer includes '{name}' into '{context}'"


@cli_command("dialplan add ignorepat", usage="dialplan add ignorepat <pattern> into <context>", complete=_contexts)
def add_ignore_pattern(system: System, args: list[str]) -> str:
    """Let the dial tone go on after these digits; a reload takes it back."""
    pattern, context = _place(args, "into")
    if not system.plan.add_ignore_pattern(context, IgnorePattern(pattern, _REGISTRAR)):
        raise CliFailure(f"Ignore pattern '{pattern}' already included in '{context}' context")
    return f"Ignore pattern '{pattern}' added into '{context}' context"


@cli_command("dialplan remove ignorepat", usage="dialplan remove ignorepat <pattern> from <context>", complete=_contexts)
def remove_ignore_pattern(system: System, args: list[str]) -> str:
    """Let the dial tone stop after these digits again."""
    pattern, context = _place(args, "from")
    _context(system, context)
    if not system.plan.remove_ignore_pattern(context, pattern):
        raise CliFailure(f"There is no existing ignore pattern '{pattern}' in '{context}' context")
    return f"Ignore pattern '{pattern}' removed from '{context}' context"


@cli_command("dialplan save", usage="dialplan save [/path/to/extension/file]")
async def save(system: System, args: list[str]) -> str:
    """Write what extensions.conf holds, with the changes made by commands, to a file.

    Without a path extensions.conf itself is written; that needs static=yes and writeprotect=no in its [general] section. Comments
    are lost, files that were included become part of the one file.
    """
    if len(args) > 1:
        raise CliUsage
    options = system.dialplan_options
    if not options.static or options.writeprotect:
        raise CliFailure("I can't save dialplan now, see '[general]' of extensions.conf: static=yes and writeprotect=no")
    target = Path(args[0] if args else "extensions.conf")
    if not target.is_absolute():
        target = Path(system.directories.astetcdir) / target
    config = system.configuration.read("extensions.conf") or ConfigFile("extensions.conf")
    general = [(line.name, line.value) for category in config.categories_named("general") for line in category]
    variables = [(line.name, line.value) for category in config.categories_named(GLOBALS) for line in category]
    text = written_dialplan(system.plan, general, variables, ("pbx_config", _REGISTRAR))
    try:
        target = await system.run_blocking(_replace, target, text, system.options)
    except OSError as error:
        raise CliFailure(f"Failed to save the dialplan to '{target}': {error.strerror or error}") from error
    return f"Dialplan successfully saved into '{target}'"


def _replace(target: Path, text: str, options: Options) -> Path:
    """Write a file, or ``extensions.conf`` in a folder, whole or not at all; gives the file."""
    if target.is_dir():
        target /= "extensions.conf"
    replace_config(target, text, options)
    return target


@cli_command("dialplan debug", usage="dialplan debug [context]", complete=lambda system, args: list(system.plan.contexts))
def debug(system: System, args: list[str]) -> str:
    """Show how the extensions of each context, or of one, are searched: character by character, the most specific first."""
    if len(args) > 1:
        raise CliUsage
    contexts = [_context(system, args[0])] if args else list(system.plan.contexts.values())
    lines: list[str] = []
    for context in contexts:
        lines += [f"[ Context '{context.name}' created by '{context.registrar}' ]", *pattern_tree(context), ""]
    return "\n".join([*lines, f"-= {len(contexts)} context{'' if len(contexts) == 1 else 's'}. =-"])


def _set_matching(system: System, is_new: bool) -> str:
    was = system.dialplan_options.extenpatternmatchnew
    system.dialplan_options.extenpatternmatchnew = is_new
    word = "new" if is_new else "old"
    if was == is_new:
        return f"Still using the {word} pattern matching algorithm in the dialplan; both match alike."
    return f"Using the {word} pattern matching algorithm in the dialplan; both match alike."


@cli_command("dialplan set extenpatternmatchnew true", usage="dialplan set extenpatternmatchnew true|false")
def matching_new(system: System, args: list[str]) -> str:
    """Note that extensions are to be matched by the newer algorithm of Asterisk; here there is one, which gives the same."""
    return _set_matching(system, True)


@cli_command("dialplan set extenpatternmatchnew false", usage="dialplan set extenpatternmatchnew true|false")
def matching_old(system: System, args: list[str]) -> str:
    """Note that extensions are to be matched by the older algorithm of Asterisk; here there is one, which gives the same."""
    return _set_matching(system, False)
