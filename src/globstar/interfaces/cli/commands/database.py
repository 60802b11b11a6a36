"""database ...: the AstDB."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from globstar.core.cli import CliFailure, CliUsage, by_place, cli_command
from globstar.core.cli_data import CliText
from globstar.core.system import System


def _table(entries: Iterable[tuple[str, str]]) -> str:
    found = dict(entries)
    lines = [f"{key:<50}: {value:<25}" for key, value in found.items()]
    return CliText("\n".join([*lines, f"{len(lines)} results found."]), found)


def _families(system: System) -> Iterable[str]:
    return {key.split("/")[1] for key, _ in system.database.tree()}


@cli_command("database show", usage="database show [family [keytree]]", complete=by_place(_families))
def show(system: System, args: list[str]) -> str:
    """List the entries of the AstDB, of a family, or of its keys below one."""
    if len(args) > 2:
        raise CliUsage
    return _table(system.database.tree(*args))


@cli_command("database showkey", usage="database showkey <keytree>")
def show_key(system: System, args: list[str]) -> str:
    """List the entries of every family that have this key."""
    if len(args) != 1:
        raise CliUsage
    return _table(system.database.with_key(args[0]))


@cli_command("database get", usage="database get <family> <key>", complete=by_place(_families))
def get(system: System, args: list[str]) -> str:
    """Show one entry."""
    if len(args) != 2:
        raise CliUsage
    value = system.database.get(*args)
    return "Database entry not found." if value is None else f"Value: {value}"


@cli_command("database put", usage="database put <family> <key> <value>", complete=by_place(_families))
def put(system: System, args: list[str]) -> str:
    """Add or change an entry."""
    if len(args) != 3:
        raise CliUsage
    return "Updated database successfully" if system.database.put(*args) else "Failed to update entry"


@cli_command("database del", usage="database del <family> <key>", complete=by_place(_families))
def delete(system: System, args: list[str]) -> str:
    """Remove an entry."""
    if len(args) != 2:
        raise CliUsage
    return "Database entry removed." if system.database.delete(*args) else "Database entry could not be removed."


@cli_command("database deltree", usage="database deltree <family> [keytree]", complete=by_place(_families))
def delete_tree(system: System, args: list[str]) -> str:
    """Remove a family, or its keys below one."""
    if len(args) not in (1, 2):
        raise CliUsage
    count = system.database.delete_tree(*args)
    return f"{count} database entries removed." if count else "Database entries do not exist."


@cli_command("database query", usage='database query "<SQL Statement>"')
async def query(system: System, args: list[str]) -> str:
    """Run an SQL statement on the AstDB's file."""
    if len(args) != 1:
        raise CliUsage
    try:
        names, rows = await system.run_blocking(system.database.query, args[0])
    except sqlite3.Error as error:
        raise CliFailure(f"SQL error: {error}") from error
    return "".join("".join(f"{f'{n}: {v}':<60}\n" for n, v in zip(names, row, strict=True)) + "\n" for row in rows)
