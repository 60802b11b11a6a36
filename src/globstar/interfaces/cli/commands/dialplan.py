"""dialplan ...: showing and changing the dialplan and its variables."""

from __future__ import annotations

from globstar.core.cli import CliFailure, CliUsage, by_place, cli_command
from globstar.core.cli_data import CliText
from globstar.core.functions import FunctionError
from globstar.core.nobody import channel_of_nobody
from globstar.core.system import System
from globstar.dialplan.context import HINT, Step
from globstar.dialplan.show import list_dialplan, missing_text


def _contexts(system: System, args: list[str]) -> list[str]:
    return list(system.plan.contexts)


def _extensions(system: System, word: str) -> list[str]:
    """``exten@context`` for a word that begins so; the contexts themselves before there is an ``@``."""
    if "@" not in word:
        return []
    contexts = system.plan.contexts.values()
    return [f"{one.name}@{context.name}" for context in contexts for one in (*context.extensions, *context.patterns)]


def _contexts_or_extensions(system: System, args: list[str]) -> list[str]:
    word = args[0] if args else ""
    return [*_contexts(system, args), *_extensions(system, word)]


@cli_command("dialplan show", usage="dialplan show [[exten@]context]", complete=_contexts_or_extensions)
def show(system: System, args: list[str]) -> str:
    """Show the dialplan, a context of it, or an extension."""
    if len(args) > 1:
        raise CliUsage
    exten, at, context = args[0].partition("@") if args else ("", "", "")
    if not at:
        exten, context = "", exten
    listing = list_dialplan(system.plan, context, exten)
    if listing.is_empty:
        raise CliFailure(missing_text(context, exten, listing))
    return CliText(str(listing), listing.rows)


@cli_command("dialplan show globals")
def show_globals(system: System, args: list[str]) -> str:
    """List the global variables."""
    lines = [f"   {name}={value}" for name, value in system.globals]
    return CliText("\n".join([*lines, "", f"    -- {len(lines)} variable(s)"]), dict(system.globals))


@cli_command("dialplan set global", usage="dialplan set global <name> <value>")
def set_global(system: System, args: list[str]) -> str:
    """Set a global variable."""
    if len(args) != 2:
        raise CliUsage
    system.globals.set(args[0], args[1])
    return f"\n    -- Global variable '{args[0]}' set to '{args[1]}'"


@cli_command("dialplan show chanvar", usage="dialplan show chanvar <channel>", complete=lambda s, a: list(s.channels))
def show_channel_variables(system: System, args: list[str]) -> str:
    """List the variables of a channel."""
    if len(args) != 1:
        raise CliUsage
    channel = system.find_channel(args[0])
    if channel is None:
        raise CliFailure(f"Channel '{args[0]}' not found")
    variables = list(channel.variables)
    return CliText("\n".join(f"{name}={value}" for name, value in reversed(variables)), dict(variables))


@cli_command(
    "dialplan set chanvar",
    usage="dialplan set chanvar <channel> <varname> <value>",
    complete=by_place(lambda system: system.channels),
)
def set_channel_variable(system: System, args: list[str]) -> str:
    """Set a variable of a channel."""
    if len(args) != 3:
        raise CliUsage
    channel = system.find_channel(args[0])
    if channel is None:
        raise CliFailure(f"Channel '{args[0]}' not found")
    channel.set_variable(args[1], args[2])
    return f"\n    -- Channel variable '{args[1]}' set to '{args[2]}' for '{channel.name}'"


@cli_command("dialplan eval function", usage="dialplan eval function <name(args)>")
async def eval_function(system: System, args: list[str]) -> str:
    """Read a dialplan function outside any call."""
    name, parenthesis, rest = " ".join(args).partition("(")
    if not parenthesis:
        raise CliUsage
    if name not in system.function_registry:
        raise CliFailure(f"Function {name} not registered")
    try:
        value = await system.functions.read_async(channel_of_nobody(system), name, rest.rpartition(")")[0])
    except FunctionError as error:
        raise CliFailure(str(error)) from error
    return f"Return Value: Success (0)\nResult: {value}"


@cli_command("dialplan reload")
async def dialplan_reload(system: System, args: list[str]) -> str:
    """Read extensions.conf again; calls that run keep the dialplan that they began with."""
    await system.loader.reload("pbx_config")
    return "Dialplan reloaded."


@cli_command("dialplan add extension", usage="dialplan add extension <exten>,<priority>,<app> into <context> [replace]")
def add_extension(system: System, args: list[str]) -> str:
    """Add a priority to an extension; it is gone after a reload."""
    if len(args) not in (3, 4) or args[1] != "into" or args[3:] not in ([], ["replace"]):
        raise CliUsage
    parts = args[0].split(",", 2)
    if len(parts) != 3:
        raise CliUsage
    exten, priority, application = parts
    name, _, caller = exten.partition("/")
    number = HINT if priority == "hint" else int(priority) if priority.isdecimal() else 0
    if not number:
        raise CliFailure(f"Invalid priority '{priority}'")
    app, parenthesis, rest = application.partition("(")
    data = rest.rpartition(")")[0] if parenthesis else ""
    if number == HINT:
        app, data = application, ""
    step = Step(args[2], name, number, app, data, caller_id=caller or None, registrar="CLI")
    system.plan.add_context(args[2], "CLI")
    try:
        system.plan.add_step(step, replace=bool(args[3:]))
    except Exception as error:
        raise CliFailure(f"Failed to add '{exten},{priority},{application}' extension: {error}") from error
    return f"Extension '{exten},{priority},{application}' added into '{args[2]}' context"


@cli_command(
    "dialplan remove extension",
    usage="dialplan remove extension exten[/cid]@context [priority]",
    complete=lambda system, args: _extensions(system, args[0]) if len(args) == 1 else [],
)
def remove_extension(system: System, args: list[str]) -> str:
    """Remove an extension or one of its priorities."""
    if len(args) not in (1, 2) or "@" not in args[0]:
        raise CliUsage
    exten, _, context = args[0].rpartition("@")
    name, _, caller = exten.partition("/")
    priority = int(args[1]) if args[1:] and args[1].isdecimal() else None
    if not system.plan.remove_steps(context, name, priority, caller_id=caller or None):
        raise CliFailure(f"Extension {args[0]} does not exist")
    what = f"Extension {args[0]}" if priority is None else f"Extension {args[0]} with priority {priority}"
    return f"{what} removed"


@cli_command("dialplan remove context", usage="dialplan remove context <context>", complete=_contexts)
def remove_context(system: System, args: list[str]) -> str:
    """Remove a whole context."""
    if len(args) != 1:
        raise CliUsage
    if not system.plan.remove_context(args[0]):
        raise CliFailure(f"There is no existence of '{args[0]}' context")
    return f"Removed context '{args[0]}'"


@cli_command("core show switches")
def show_switches(system: System, args: list[str]) -> str:
    """List the alternative switches."""
    lines = ["", "    -= Registered Asterisk Alternative Switches =-"]
    lines += [f"{spec.name}: {spec.description}" for spec in system.registry("switch")]
    return "\n".join(lines if len(lines) > 2 else ["There are no registered alternative switches"])
