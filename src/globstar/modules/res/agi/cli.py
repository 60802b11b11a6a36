"""``agi show commands``, ``agi set debug``, ``agi dump html`` and ``agi exec``."""

from __future__ import annotations

import html
from pathlib import Path

from globstar.core.agi import AgiCommandSpec
from globstar.core.cli import CliFailure, CliUsage, by_place, cli_command
from globstar.core.cli_data import CliText
from globstar.core.system import System
from globstar.modules.res.agi.service import service_of


def _commands(system: System) -> list[AgiCommandSpec]:
    return list(system.registry("agi command"))


def _find(system: System, words: list[str]) -> list[AgiCommandSpec]:
    """The commands whose names begin with ``words``; the one of exactly that name alone."""
    name = " ".join(words).upper()
    exact = system.registry("agi command").get(name)
    return [exact] if exact is not None else [spec for spec in _commands(system) if spec.name.startswith(name)]


@cli_command(
    "agi show commands",
    usage="agi show commands [topic <command>]",
    complete=by_place(("topic",), lambda system: {spec.name.lower().split()[0] for spec in _commands(system)}),
)
def agi_show_commands(system: System, args: list[str]) -> str:
    """List the AGI commands, or describe one.

    Lists the commands of scripts; Dead tells whether they run on a channel that is hung up. With topic, one is described.
    """
    if not args:
        lines = [f"{'Dead':>5}{'Command':>31}   Description"]
        lines += [
            f"{'Yes' if spec.runs_dead else 'No':>5}{spec.name.lower():>31}   {spec.synopsis}" for spec in _commands(system)
        ]
        data = [{"command": s.name.lower(), "runs_dead": s.runs_dead, "synopsis": s.synopsis} for s in _commands(system)]
        return CliText("\n".join(lines), data)
    if args[0].lower() != "topic" or len(args) < 2:
        raise CliUsage
    found = _find(system, args[1:])
    if not found:
        return f"No help available for '{' '.join(args[1:])}'"
    if len(found) > 1:
        return "\n".join(f"{spec.name.lower():>31}   {spec.synopsis}" for spec in found)
    spec = found[0]
    description = spec.description or spec.synopsis
    return (
        f"\n  -= Info about agi '{spec.name}' =- \n\n[Synopsis]\n{spec.synopsis}\n\n[Description]\n{description}\n\n"
        f"[Syntax]\n{spec.syntax}\n\n[Runs Dead]\n{'Yes' if spec.runs_dead else 'No'}\n"
    )


@cli_command("agi set debug", usage="agi set debug {on|off}", complete=lambda system, args: ("on", "off"))
def agi_set_debug(system: System, args: list[str]) -> str:
    """Log the dialogues of scripts.

    on logs every line in both directions on the console, off stops that.
    """
    if len(args) != 1 or args[0].lower() not in ("on", "off"):
        raise CliUsage
    service_of(system).debug = is_on = args[0].lower() == "on"
    return f"AGI Debugging {'Enabled' if is_on else 'Disabled'}"


@cli_command("agi dump html", usage="agi dump html <filename>")
async def agi_dump_html(system: System, args: list[str]) -> str:
    """Write the list of AGI commands as HTML.

    To a file.
    """
    if len(args) != 1:
        raise CliUsage
    rows = [
        f"<h2>{html.escape(spec.name)}</h2>\n<p>{html.escape(spec.synopsis)}</p>\n<pre>{html.escape(spec.syntax)}</pre>\n"
        f"<p>{html.escape(spec.description)}</p>\n"
        for spec in _commands(system)
    ]
    page = (
        '<!DOCTYPE html>\n<html>\n<head><meta charset="utf-8"><title>AGI Commands</title></head>\n<body>\n<h1>AGI Commands</h1>\n'
        f"{''.join(rows)}</body>\n</html>\n"
    )
    try:
        await system.run_blocking(lambda: Path(args[0]).write_text(page, encoding="utf-8"))
    except OSError as error:
        raise CliFailure(f"Could not create file '{args[0]}': {error.strerror}") from error
    return "AGI HTML commands dumped to: " + args[0]


@cli_command("agi exec", usage="agi exec <channel name> <command> [id]", complete=by_place(lambda system: system.channels))
def agi_exec(system: System, args: list[str]) -> str:
    """Give a command to a channel in AGI(agi:async).

    A command of several words stands in quotes. The id comes back with the event of its answer.
    """
    if len(args) not in (2, 3):
        raise CliUsage
    channel = system.find_channel(args[0])
    if channel is None:
        raise CliFailure(f"Channel {args[0]} does not exist.")
    if not service_of(system).enqueue(channel, args[1], args[2] if len(args) > 2 else ""):
        raise CliFailure(
            f"Failed to add AGI command to queue of channel {channel.name}: it is not in AGI(agi:async), or its queue is full"
        )
    return f"Added AGI command to channel {channel.name} queue"
