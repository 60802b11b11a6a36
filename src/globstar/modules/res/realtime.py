"""Realtime Data Lookup/Rewrite."""

from __future__ import annotations

from globstar.core.cli import CliFailure, CliUsage, cli_command
from globstar.core.realtime.engine import RealtimeFault
from globstar.core.system import System

_LOG = "Check the debug log for possible data repository related entries."
#: Most pairs of column and value that one command takes.
MAX_PAIRS = 5


def _families(system: System, args: list[str]) -> list[str]:
    return sorted({mapping.family for mapping in system.realtime.mappings}) if len(args) <= 1 else []


def _pairs(words: list[str]) -> list[tuple[str, str]]:
    if not words or len(words) % 2 or len(words) > 2 * MAX_PAIRS:
        raise CliUsage
    return list(zip(words[::2], words[1::2], strict=True))


@cli_command("realtime load", usage="realtime load <family> <colmatch> <value>", complete=_families)
async def load_row(system: System, args: list[str]) -> str:
    """Print the first row of a family whose column has a value."""
    if len(args) != 3:
        raise CliUsage
    family, column, value = args
    try:
        row = await system.realtime.load(family, [(column, value)], keep_empty=True)
    except RealtimeFault as fault:
        raise CliFailure(str(fault)) from fault
    if row is None:
        return "No rows found matching search criteria."
    lines = [f"{'Column Name':>30}  {'Column Value':<30}", f"{'--------------------':>30}  {'--------------------':<30}"]
    lines += [f"{name:>30}  {text:<30}" for name, text in row]
    return "\n".join([*lines, ""])


async def _update(system: System, family: str, criteria: list[tuple[str, str]], changes: list[tuple[str, str]]) -> str:
    try:
        count = await system.realtime.update(family, criteria, changes)
    except RealtimeFault as fault:
        return f"Failed to update. {_LOG} ({fault})"
    return f"Updated {count} RealTime record{'' if count == 1 else 's'}."


@cli_command(
    "realtime update", usage="realtime update <family> <colmatch> <valuematch> <colupdate> <newvalue>", complete=_families
)
async def update_row(system: System, args: list[str]) -> str:
    """Change one column of the rows of a family whose column has a value."""
    if len(args) != 5:
        raise CliUsage
    return await _update(system, args[0], [(args[1], args[2])], [(args[3], args[4])])


@cli_command(
    "realtime update2",
    usage="realtime update2 <family> <colmatch> <valuematch> [... <colmatch5> <valuematch5>] NULL <colupdate> <newvalue>",
    complete=_families,
)
async def update_rows(system: System, args: list[str]) -> str:
    """Change columns of the rows of a family in which several columns have certain values; NULL stands between the two."""
    words = [word.upper() for word in args]
    if "NULL" not in words[1:]:
        raise CliUsage
    middle = words.index("NULL", 1)
    return await _update(system, args[0], _pairs(args[1:middle]), _pairs(args[middle + 1 :]))


@cli_command(
    "realtime store",
    usage="realtime store <family> <colname1> <value1> [<colname2> <value2> [... <colname5> <value5>]]",
    complete=_families,
)
async def store_row(system: System, args: list[str]) -> str:
    """Add a row to a family."""
    if len(args) < 3:
        raise CliUsage
    try:
        number = await system.realtime.store(args[0], _pairs(args[1:]))
    except RealtimeFault as fault:
        return f"Failed to store record. {_LOG} ({fault})"
    return f"Stored RealTime record{f' {number}' if number else ''}."


@cli_command(
    "realtime destroy",
    usage="realtime destroy <family> <colmatch1> <valuematch1> [<colmatch2> <valuematch2> [... <colmatch5> <valuematch5>]]",
    complete=_families,
)
async def destroy_rows(system: System, args: list[str]) -> str:
    """Remove the rows of a family in which columns have certain values."""
    if len(args) < 3:
        raise CliUsage
    try:
        count = await system.realtime.destroy(args[0], _pairs(args[1:]))
    except RealtimeFault as fault:
        return f"Failed to remove. {_LOG} ({fault})"
    return f"Removed {count} RealTime record{'' if count == 1 else 's'}."
