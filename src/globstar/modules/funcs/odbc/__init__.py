"""ODBC lookups."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.core.channel import Channel
from globstar.core.registry import FunctionSpec, application, function
from globstar.core.system import System
from globstar.modules.funcs.odbc.commands import read_query, write_query
from globstar.modules.funcs.odbc.queries import QueryFunction
from globstar.modules.funcs.odbc.results import forget, next_row
from globstar.modules.funcs.odbc.settings import read_settings
from globstar.modules.funcs.odbc.table import SERVICE, QueryTable

logger = Logger("func_odbc")

REQUIRES = ("res_odbc",)

__all__ = ["finish", "odbc_fetch", "read_query", "sql_escape", "sql_escape_backslashes", "write_query"]


@function("SQL_ESC", syntax="SQL_ESC(string)")
def sql_escape(channel: Channel | None, args: str) -> str:
    """The text with each single quote doubled, for a literal of SQL."""
    return args.replace("'", "''")


@function("SQL_ESC_BACKSLASHES", syntax="SQL_ESC_BACKSLASHES(string)")
def sql_escape_backslashes(channel: Channel | None, args: str) -> str:
    """The text with each backslash doubled, for a literal of a database to which backslashes escape."""
    return args.replace("\\", "\\\\")


@function("ODBC_FETCH", syntax="ODBC_FETCH(result-id)")
def odbc_fetch(channel: Channel | None, args: str) -> str:
    """The next row of a query with several rows, whose function gave the id.

    ODBC_FETCH_STATUS is SUCCESS, or FAILURE when there are no more rows or no such query.
    """
    return next_row(channel, args.strip())


@application("ODBCFinish", syntax="ODBCFinish(result-id)")
def finish(channel: Channel, data: str) -> None:
    """Forget the rows of a query that are not fetched yet."""
    forget(channel, data.strip())


def _register(system: System, table: QueryTable) -> None:
    """Make the functions of func_odbc.conf those of the dialplan; a name that is taken is told of."""
    for query in table.settings.queries.values():
        made = QueryFunction(system, query, table)
        spec = FunctionSpec(
            name=query.name,
            module="func_odbc",
            read=made.read if query.readsql else None,
            write=made.write if query.writesql else None,
            is_blocking=True,
            synopsis=query.synopsis or "A query of func_odbc.conf",
            description=query.description(),
            syntax=query.syntax or f"{query.name}(<arg1>[...[,<argN>]])",
        )
        if spec.name in system.function_registry:
            logger.error(f"{query.where}: there is a function {spec.name} already")
            continue
        system.function_registry.register(spec)
        table.functions[spec.name] = (made, spec)


def _unregister(system: System, table: QueryTable) -> None:
    for _, spec in table.functions.values():
        system.function_registry.unregister(spec)
    table.functions.clear()


def load(system: System) -> None:
    """Read func_odbc.conf and make its functions."""
    table = QueryTable(read_settings(system.configuration.read("func_odbc.conf")))
    system.services[SERVICE] = table
    _register(system, table)


def reload(system: System) -> None:
    """Read func_odbc.conf again; a broken file leaves the functions as they are."""
    settings = read_settings(system.configuration.read("func_odbc.conf"))
    table: QueryTable = system.services[SERVICE]
    _unregister(system, table)
    table.settings = settings
    _register(system, table)


def unload(system: System) -> None:
    """Take the functions back."""
    _unregister(system, system.services.pop(SERVICE))
