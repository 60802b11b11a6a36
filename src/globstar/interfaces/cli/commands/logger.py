"""logger ...: log channels, levels, rotation; core show call-log."""

from __future__ import annotations

from globstar.base.log import Level, level_name, level_names
from globstar.config.errors import ConfigError
from globstar.core.calllog import CallLog, search_files
from globstar.core.cli import CliFailure, CliUsage, by_place, cli_command, current_session
from globstar.core.cli_data import CliText
from globstar.core.logfiles import LogSetup
from globstar.core.logformat import LineFormat
from globstar.core.system import System


def _setup(system: System) -> LogSetup:
    setup = system.service("log", LogSetup)
    if setup is None:
        raise CliFailure("This system writes no log")
    return setup


@cli_command("logger show channels")
def show_channels(system: System, args: list[str]) -> str:
    """List the log channels."""
    if args:
        raise CliUsage
    setup = _setup(system)
    lines = [
        f"Logger queue limit: {setup.options.logger_queue_limit}",
        "",
        f"{'Channel':<35} {'Type':<8} {'Formatter':<9}  {'Status':<9} Configuration",
        f"{'-------':<35} {'----':<8} {'---------':<9}  {'------':<9} -------------",
    ]
    data = []
    for channel in setup.channels:
        levels = [name for name, level in level_names().items() if level & channel.levels]
        status = "Disabled" if channel.failed else "Enabled"
        name = str(channel.path or channel.name)
        shown = " ".join(levels)
        lines.append(f"{name[:35]:<35} {channel.kind:<8} {channel.formatter:<9}  {status:<9}  - {shown} ")
        data.append(
            {
                "channel": name, "type": channel.kind, "formatter": channel.formatter, "status": status, "levels": levels,
                "verbosity": channel.verbosity,
            }
        )  # fmt: skip
    return CliText("\n".join([*lines, "", ""]), data)


@cli_command("logger show levels")
def show_levels(system: System, args: list[str]) -> str:
    """List the log levels."""
    if args:
        raise CliUsage
    numbers = {name: level.value.bit_length() - 1 for name, level in level_names().items()}
    lines = ["Level Name", "----- ----", *(f"{number:>5} {name}" for name, number in numbers.items()), "", ""]
    return CliText("\n".join(lines), numbers)


@cli_command("logger reload", usage="logger reload [<alt-conf>]")
async def reload(system: System, args: list[str]) -> str:
    """Read logger.conf again, or another file of its kind."""
    if len(args) > 1:
        raise CliUsage
    setup, source = _setup(system), system.configuration.source
    try:
        await system.run_blocking(setup.load, source, *args)
    except ConfigError as error:
        raise CliFailure(f"Failed to reload the logger: {error}") from error
    return ""


@cli_command("logger rotate")
async def rotate(system: System, args: list[str]) -> str:
    """Begin new log files."""
    if args:
        raise CliUsage
    await system.run_blocking(_setup(system).rotate)
    return ""


@cli_command("logger mute", usage="logger mute [silent]", complete=lambda system, args: ["silent"])
def mute(system: System, args: list[str]) -> str:
    """Show no log lines on this console, or show them again; silent does so without a word."""
    if args not in ([], ["silent"]):
        raise CliUsage
    console = current_session()
    holder = console if console is not None else _setup(system)
    holder.muted = not holder.muted
    return "" if args else f"Console is {'muted' if holder.muted else 'not muted anymore'}."


def _level_words(system: System, args: list[str]) -> list[str]:
    return list(level_names()) if len(args) <= 1 else ["on", "off"] if len(args) == 2 else []


@cli_command(
    "logger set level",
    usage="logger set level {DEBUG|TRACE|NOTICE|WARNING|ERROR|VERBOSE|DTMF} {on|off}",
    complete=_level_words,
)
def set_level(system: System, args: list[str]) -> str:
    """Show lines of a level on this console, or show them no more.

    On a console of its own (-r) it counts there, otherwise for the console of the server.
    """
    if len(args) != 2 or args[1].lower() not in ("on", "off"):
        raise CliUsage
    level = level_names().get(args[0].upper())
    if level is None:
        raise CliUsage
    is_on = args[1].lower() == "on"
    console = current_session()
    if console is not None:
        console.set_levels(console.levels | level if is_on else console.levels & ~level)
    else:
        setup = _setup(system)
        root = setup.find("console")
        if root is None and is_on:
            setup.add("console", level_name(level)).is_dynamic = True
        elif root is not None:
            setup.set_levels(root, root.levels | level if is_on else root.levels & ~level)
    return f"Logger status for '{level_name(level)}' has been set to '{args[1].lower()}'."


@cli_command(
    "logger add channel", usage="logger add channel <name> <levels>", complete=by_place((), lambda system: level_names())
)
async def add_channel(system: System, args: list[str]) -> str:
    """Open another log file, or syslog facility, until it is removed."""
    if len(args) != 2:
        raise CliUsage
    setup = _setup(system)
    if setup.find(args[0]) is not None:
        raise CliFailure(f"Logger channel '{args[0]}' already exists")
    if "/" in args[0] or args[0] in ("", ".", ".."):
        raise CliFailure(f"'{args[0]}' is no name for a log file: they all stand in {setup.directory}")
    channel = await system.run_blocking(setup.add, args[0], args[1])
    channel.is_dynamic = True
    if channel.failed:
        setup.remove(args[0])
        raise CliFailure(f"Unable to create log channel '{args[0]}'")
    return ""


@cli_command(
    "logger remove channel",
    usage="logger remove channel <name>",
    complete=lambda system, args: [channel.name for channel in _setup(system).channels] if len(args) <= 1 else [],
)
def remove_channel(system: System, args: list[str]) -> str:
    """Close a log channel."""
    if len(args) != 1:
        raise CliUsage
    if not _setup(system).remove(args[0]):
        raise CliFailure(f"Unable to find logger channel '{args[0]}'")
    return f"Removed logger channel '{args[0]}'"


def _calls(system: System, args: list[str]) -> list[str]:
    return list(system.channels_by_id) if len(args) <= 1 else []


@cli_command("core show call-log", usage="core show call-log <uniqueid>|<channel>|<call id>", complete=_calls)
async def show_call_log(system: System, args: list[str]) -> str:
    """Show all log lines of one call, of those that are running and of the last ones.

    The call is named by the unique id or the name of one of its channels, or by its call id (C-0000001a). Lines are there
    as far as they were logged somewhere; what memory has no more is looked for in the log files.
    """
    if len(args) != 1:
        raise CliUsage
    log = system.service("call log", CallLog)
    if log is None:
        raise CliFailure("This system keeps no log of calls")
    call = log.call_of(args[0])
    if not call:
        raise CliFailure(f"No call is known by '{args[0]}'")
    found, dropped = log.lines(call)
    setup = system.service("log", LogSetup)
    if not found:
        paths = [channel.path for channel in setup.channels if channel.path is not None] if setup is not None else []
        lines = await system.run_blocking(search_files, paths, call)
        return CliText("\n".join([*lines, f"{len(lines)} lines of call {call}, from log files"]), lines)
    options = setup.options if setup is not None else None
    form = LineFormat(options.dateformat) if options is not None else LineFormat()
    lines = [form.file_line(record, wall) for wall, record in found]
    note = f", {dropped} in the middle were dropped" if dropped else ""
    data = [
        {"time": wall, "level": level_name(record.level), "file": record.file, "line": record.line, "message": record.message}
        for wall, record in found
    ]
    return CliText("\n".join([*lines, f"{len(lines)} lines of call {call}{note}"]), data)


@cli_command("logger show status")
def show_status(system: System, args: list[str]) -> str:
    """Show how many lines wait to be written, and how many were discarded because too many waited."""
    if args:
        raise CliUsage
    setup = _setup(system)
    values = {
        "Queue limit": setup.options.logger_queue_limit,
        "Waiting": setup.waiting,
        "Discarded": setup.discarded,
        "Levels in use": " ".join(level.name or "" for level in Level if any(level & c.levels for c in setup.channels)),
    }
    return CliText("\n".join(f"{name + ':':<16} {value}" for name, value in values.items()), values)
