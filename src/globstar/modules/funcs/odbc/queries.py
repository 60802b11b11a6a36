"""A function of func_odbc.conf: its statements with the arguments put in, run in a database."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from globstar.base.log import Logger
from globstar.core.channel import Channel
from globstar.core.functions import FunctionError
from globstar.core.sql.classes import SERVICE as ODBC
from globstar.core.sql.classes import DatabaseClasses
from globstar.core.sql.database import DatabaseDown, SqlFault
from globstar.core.sql.statements import Rows, change, query
from globstar.core.sql.transactions import active_session
from globstar.core.system import System
from globstar.dialplan.arguments import split_arguments
from globstar.dialplan.substitute import compile_template
from globstar.modules.funcs.odbc.results import COLUMNS, keep, row_text
from globstar.modules.funcs.odbc.settings import Query
from globstar.modules.funcs.odbc.table import QueryTable

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

logger = Logger("func_odbc")
T = TypeVar("T")

#: Rows of a query with several where rowlimit says nothing.
MAX_ROWS = 100_000

SUCCESS, FAILURE, NO_DATA = "SUCCESS", "FAILURE", "NODATA"


class _PlainScope:
    """Arguments and global variables, for statements without a channel."""

    def __init__(self, system: System, values: dict[str, str]) -> None:
        self._system = system
        self._values = values

    def get_variable(self, name: str) -> str | None:
        """An argument or a global variable."""
        value = self._values.get(name)
        return value if value is not None else self._system.globals.get(name)

    def call_function(self, name: str, args: str) -> str:
        """A function read without a channel."""
        return self._system.functions.read(None, name, args)

    def warn(self, level: str, message: str) -> None:
        """A complaint of substitution."""
        logger.log(level, message)


class QueryFunction:
    """One function. ODBCROWS and ODBCSTATUS tell how it went."""

    def __init__(self, system: System, settings: Query, table: QueryTable) -> None:
        self.system = system
        self.query = settings
        self._table = table

    # -- reading and writing -----------------------------------------------------------------------------------------

    async def read(self, channel: Channel | None, args: str) -> str:
        """``${ODBC_X(args)}``: the row, or an id for ODBC_FETCH()."""
        options = self.query.options
        is_multirow = options.mode == "multirow"
        if is_multirow and channel is None:
            raise FunctionError("a query with several rows needs a channel")
        self._tell(channel, "0", FAILURE)
        text = await self.reading_text(channel, args)
        limit = (options.rowlimit or MAX_ROWS) if is_multirow else 1
        try:
            found, _, _ = await self.run(channel, self.query.read_handles, query(text, limit))
        except SqlFault as fault:
            raise FunctionError(f"{fault} [{text}]") from fault
        if channel is not None and found.columns:
            channel.variables.set(COLUMNS, ",".join(found.columns))
        if not found.rows:
            self._tell(channel, "0", NO_DATA)
            return ""
        self._tell(channel, str(len(found.rows)), SUCCESS)
        if is_multirow and channel is not None:
            return keep(channel, found, escapes=options.escapecommas)
        return row_text(found.rows[0], escapes=options.escapecommas)

    async def write(self, channel: Channel | None, args: str, value: str) -> None:
        """``Set(ODBC_X(args)=value)``."""
        self._tell(channel, "-1", FAILURE)
        text, insert = await self.writing_texts(channel, args, value)
        try:
            count, handle, _ = await self.run(channel, self.query.write_handles, change(text))
            if count == 0 and insert:
                count, _, _ = await self.run(channel, [handle], change(insert))
        except SqlFault as fault:
            raise FunctionError(f"{fault} [{text}]") from fault
        self._tell(channel, str(count), SUCCESS)

    # -- its parts, also for the CLI ---------------------------------------------------------------------------------

    async def reading_text(self, channel: Channel | None, args: str) -> str:
        """The query with the arguments put in."""
        return await self._render(channel, self.query.readsql, self._arguments(args))

    async def writing_texts(self, channel: Channel | None, args: str, value: str) -> tuple[str, str]:
        """The statement and the one for a row that is not there yet, with arguments and value put in."""
        values = self._arguments(args)
        values["VALUE"] = value
        values |= {f"VAL{number}": part for number, part in enumerate(split_arguments(value), 1)}
        insert = self.query.insertsql
        text = await self._render(channel, self.query.writesql, values)
        return text, await self._render(channel, insert, values) if insert else ""

    def _arguments(self, args: str) -> dict[str, str]:
        arguments = split_arguments(args)
        least = self.query.options.minargs
        if len(arguments) < least:
            raise FunctionError(f"{self.query.name} needs {least} argument{'' if least == 1 else 's'}, not {len(arguments)}")
        return {f"ARG{number}": text for number, text in enumerate(arguments, 1)}

    async def run(self, channel: Channel | None, handles: Sequence[str], work: Callable[[Connection], T]) -> tuple[T, str, int]:
        """Run a job in the first database that can be had; gives the result, that database and its place in the list.

        Only a database that is down leads to the next one: a statement is not tried twice. Raises SqlFault.
        """
        classes = self.system.service(ODBC, DatabaseClasses)
        last: SqlFault = SqlFault("no database can be had")
        for place, name in enumerate(handles):
            session = active_session(channel, name)
            found = classes.get(name) if classes is not None else None
            if session is None and found is None:
                last = DatabaseDown(f"there is no database '{name}' in res_odbc.conf")
                continue
            lock = self._table.lock(name)
            try:
                async with lock or contextlib.nullcontext():
                    if session is not None:
                        return await session.run(work), name, place
                    assert found is not None
                    return await found.database.run(work), name, place
            except DatabaseDown as down:
                last = down
        raise last

    async def _render(self, channel: Channel | None, text: str, values: dict[str, str]) -> str:
        template = compile_template(text)
        if channel is None:
            rendered = self.system.functions.render_in(_PlainScope(self.system, values), template)
            return rendered if isinstance(rendered, str) else str(await rendered)
        variables = channel.variables
        # the arguments hide variables of these names, as in Asterisk, for functions in the statement that take names
        hidden = {name: (variables.own(name), variables.inheritance(name)) for name in values}
        for name, value in values.items():
            variables.assign(name, value)
        try:
            rendered = self.system.functions.render_in(variables, template)
            return rendered if isinstance(rendered, str) else str(await rendered)
        finally:
            for name, (held, level) in hidden.items():
                if held is None:
                    variables.delete(name)
                else:
                    variables.assign("_" * level + name, held)

    @staticmethod
    def _tell(channel: Channel | None, rows: str, status: str) -> None:
        if channel is not None:
            channel.variables.set("ODBCROWS", rows)
            channel.variables.set("ODBCSTATUS", status)


__all__ = ["QueryFunction", "Rows"]
