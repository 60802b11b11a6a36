"""logger ...: log channels, levels, rotation."""

from __future__ import annotations

from globstar.base.log import Level
from globstar.core.cli import CliFailure, CliUsage, cli_command
from globstar.core.logfiles import LEVELS, LogSetup
from globstar.core.system import System


def _setup(system: System) -> LogSetup:
    setup = system.service("log", LogSetup)
    if setup is None:
        raise CliFailure("This system writes no log")
    return setup


@cli_command("logger show channels")
def show_channels(system: System, args: list[str]) -> str:
    """List the log channels."""
    setup = _setup(system)
    lines = [
        f"Logger queue limit: {setup.options.logger_queue_limit}",
        "",
        f"{'Channel':<35} {'Type':<8} {'Formatter':<9}  {'Status':<9} Configuration",
        f"{'-------':<35} {'----':<8} {'---------':<9}  {'------':<9} -------------",
    ]
    for channel in setup.channels:
        levels = " ".join(name.upper() for name, level in LEVELS.items() if level & channel.levels)
        status = "Disabled" if channel.failed else "Enabled"
        name = str(channel.path or channel.name)
        lines.append(f"{name[:35]:<35} {channel.kind:<8} {channel.formatter:<9}  {status:<9}  - {levels} ")
    return "\n".join([*lines, "", ""])


@cli_command("logger show levels")
def show_levels(system: System, args: list[str]) -> str:
    """List the log levels."""
    names = [level.name for level in Level]
    return "\n".join(["Level Name", "----- ----", *(f"{number:>5} {name}" for number, name in enumerate(names)), "", ""])


@cli_command("logger reload")
def reload(system: System, args: list[str]) -> str:
    """Read logger.conf again."""
    _setup(system).load(system.configuration.source)
    return ""


@cli_command("logger rotate")
def rotate(system: System, args: list[str]) -> str:
    """Begin new log files."""
    _setup(system).rotate()
    return ""


@cli_command("logger mute")
def mute(system: System, args: list[str]) -> str:
    """Show no log lines on the console, or show them again."""
    setup = _setup(system)
    setup.muted = not setup.muted
    return f"Console is {'muted' if setup.muted else 'not muted anymore'}."


@cli_command("logger add channel", usage="logger add channel <name> <levels>")
def add_channel(system: System, args: list[str]) -> str:
    """Open another log file until the next reload."""
    if len(args) != 2:
        raise CliUsage
    setup = _setup(system)
    if any(args[0] == channel.name for channel in setup.channels):
        raise CliFailure(f"Logger channel '{args[0]}' already exists")
    setup.add(args[0], args[1])
    return ""


@cli_command("logger remove channel", usage="logger remove channel <name>")
def remove_channel(system: System, args: list[str]) -> str:
    """Close a log file."""
    if len(args) != 1:
        raise CliUsage
    if not _setup(system).remove(args[0]):
        raise CliFailure(f"Unable to find logger channel '{args[0]}'")
    return f"Removed logger channel '{args[0]}'"
