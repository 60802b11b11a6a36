"""``odbc read`` and ``odbc write``: functions of func_odbc.conf tried from the CLI."""

from __future__ import annotations

from globstar.core.cli import CliFailure, CliUsage, cli_command
from globstar.core.functions import FunctionError
from globstar.core.sql.database import SqlFault
from globstar.core.sql.statements import change, query
from globstar.core.system import System
from globstar.modules.funcs.odbc.queries import MAX_ROWS, QueryFunction
from globstar.modules.funcs.odbc.table import SERVICE, QueryTable


def _readable(system: System, args: list[str]) -> list[str]:
    table: QueryTable = system.services[SERVICE]
    return [name for name, (made, _) in table.functions.items() if made.query.readsql] if len(args) <= 1 else []


def _writable(system: System, args: list[str]) -> list[str]:
    table: QueryTable = system.services[SERVICE]
    return [name for name, (made, _) in table.functions.items() if made.query.writesql] if len(args) <= 1 else []


def _find(system: System, name: str, *, writes: bool) -> QueryFunction:
    table: QueryTable = system.services[SERVICE]
    held = table.functions.get(name)
    if held is None:
        raise CliFailure(f"No such query '{name}'")
    made = held[0]
    if not (made.query.writesql if writes else made.query.readsql):
        raise CliFailure(f"The query '{name}' has no {'writesql' if writes else 'readsql'} parameter.")
    return made


def _is_run(args: list[str], place: int) -> bool:
    if len(args) == place:
        return False
    if len(args) != place + 1 or args[place].lower() != "exec":
        raise CliUsage
    return True


@cli_command("odbc read", usage="odbc read <name> <args> [exec]", complete=_readable)
async def read_query(system: System, args: list[str]) -> str:
    """Show the query of a function with its arguments put in; with exec run it and show its rows."""
    if len(args) < 2:
        raise CliUsage
    is_run = _is_run(args, 2)
    made = _find(system, args[0], writes=False)
    try:
        text = await made.reading_text(None, args[1])
        if not is_run:
            return text
        limit = made.query.options.rowlimit or MAX_ROWS if made.query.options.mode == "multirow" else 1
        found, handle, place = await made.run(None, made.query.read_handles, query(text, limit))
    except (FunctionError, SqlFault) as fault:
        raise CliFailure(str(fault)) from fault
    if not found.rows:
        return f"Returned 0 rows.  Query executed on handle {place} [{handle}]"
    lines: list[str] = []
    for row in found.rows:
        lines += [f"{column:<20.20}  {value}" for column, value in zip(found.columns, row, strict=True)]
    count = len(found.rows)
    lines.append(f"Returned {count} row{'' if count == 1 else 's'}.  Query executed on handle {place} [{handle}]")
    return "\n".join(lines)


@cli_command("odbc write", usage="odbc write <name> <args> <value> [exec]", complete=_writable)
async def write_query(system: System, args: list[str]) -> str:
    """Show the statement of a function with arguments and value put in; with exec run it."""
    if len(args) < 3:
        raise CliUsage
    is_run = _is_run(args, 3)
    made = _find(system, args[0], writes=True)
    try:
        text, insert = await made.writing_texts(None, args[1], args[2])
        if not is_run:
            return text
        count, handle, place = await made.run(None, made.query.write_handles, change(text))
        if count == 0 and insert:
            count, handle, _ = await made.run(None, [handle], change(insert))
    except (FunctionError, SqlFault) as fault:
        raise CliFailure(str(fault)) from fault
    return f"Affected {count} row{'' if count == 1 else 's'}.  Query executed on handle {place} [{handle}]"
