"""Realtime in SQL, the same for every database: one statement per question, its values never part of its text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from globstar.base.log import Logger
from globstar.core.realtime.engine import (
    Criteria,
    FieldType,
    RealtimeFault,
    Requirement,
    Row,
    StaticLine,
    split_operator,
)
from globstar.core.sql.database import SqlDatabase, SqlFault, text_of
from globstar.core.sql.reading import read_rows

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

logger = Logger("realtime")
T = TypeVar("T")

_OPERATORS = frozenset(
    {"=", "!=", "<>", "<", ">", "<=", ">=", "LIKE", "NOT LIKE", "ILIKE", "NOT ILIKE", "RLIKE", "REGEXP", "~", "~*"}
)
#: Types of columns in which an empty text has no place.
_NOT_TEXT = frozenset(
    {
        "FLOAT", "DOUBLE", "DOUBLE PRECISION", "DOUBLE_PRECISION", "REAL", "NUMERIC", "DECIMAL", "TIMESTAMP", "DATETIME", "DATE",
        "TIME", "BOOLEAN",
    }
)  # fmt: skip
#: Rows that one question gives at most.
MAX_ROWS = 200_000

#: ``requirements``: what is done about missing columns.
WARN, CREATE_CLOSE, CREATE_CHAR = "warn", "createclose", "createchar"

#: A column of a table: its name, type as the database calls it, and whether it may be NULL.
Column = tuple[str, str, bool]


class SqlRealtime:
    """Families in SQL tables.

    ``find(name, for_writing)`` gives the database that extconfig.conf calls ``name``, None if it is not configured.
    """

    def __init__(
        self,
        find: Callable[[str, bool], SqlDatabase | None],
        *,
        requirements: str = WARN,
        orders_multi: bool = True,
    ) -> None:
        self._find = find
        self.requirements = requirements
        #: whether several rows come ordered by the first column that was asked for
        self.orders_multi = orders_multi
        self._columns: dict[tuple[str, str], dict[str, Column]] = {}

    # -- questions ---------------------------------------------------------------------------------------------------

    async def load(self, database: str, table: str, criteria: Criteria) -> Row | None:
        """See RealtimeEngine."""
        rows = await self._select(database, table, criteria, only_one=True)
        return rows[0] if rows else None

    async def load_multi(self, database: str, table: str, criteria: Criteria) -> list[Row]:
        """See RealtimeEngine."""
        return await self._select(database, table, criteria, only_one=False)

    async def _select(self, database: str, table: str, criteria: Criteria, *, only_one: bool) -> list[Row]:
        def work(connection: Connection) -> list[Row]:
            quote = _quoter(connection)
            where, values = _where(connection, criteria, quote)
            order = (
                f" ORDER BY {quote(split_operator(criteria[0][0])[0])}" if criteria and not only_one and self.orders_multi else ""
            )
            limit = 1 if only_one else MAX_ROWS
            text = f"SELECT * FROM {_table(table, quote)}{where}{order}"
            names, rows = read_rows(connection, text, values, limit)
            return [
                [(name, value) for name, raw in zip(names, row, strict=True) if (value := text_of(raw)) is not None]
                for row in rows
            ]

        return await self._run(database, work)

    async def load_file(self, database: str, table: str, file: str) -> list[StaticLine]:
        """See RealtimeEngine: rows of the table ``ast_config`` and its like."""

        def work(connection: Connection) -> list[StaticLine]:
            quote = _quoter(connection)
            text = (
                f"SELECT category, var_name, var_val, cat_metric FROM {_table(table, quote)} "
                "WHERE filename = :file AND commented = 0 "
                "ORDER BY cat_metric DESC, var_metric ASC, category, var_name, var_val"
            )
            return [
                StaticLine(text_of(category) or "", text_of(name) or "", text_of(value) or "", int(metric or 0))
                for category, name, value, metric in _execute(connection, text, {"file": file}).fetchmany(MAX_ROWS)
            ]

        return await self._run(database, work)

    # -- changes -----------------------------------------------------------------------------------------------------

    async def update(self, database: str, table: str, criteria: Criteria, fields: Sequence[tuple[str, str]]) -> int:
        """See RealtimeEngine. Columns that the table does not have are left out."""
        known = await self.columns(database, table, for_writing=True)
        usable = self._usable(table, known, fields)
        if not usable:
            raise RealtimeFault(f"table '{table}' has none of the columns {', '.join(name for name, _ in fields)}")
        for column, _ in criteria:
            if split_operator(column)[0].lower() not in known:
                raise RealtimeFault(f"table '{table}' has no column '{split_operator(column)[0]}'")

        def work(connection: Connection) -> int:
            quote = _quoter(connection)
            where, values = _where(connection, criteria, quote)
            changes = ", ".join(f"{quote(name)} = :f{index}" for index, (name, _) in enumerate(usable))
            values |= {f"f{index}": value for index, (_, value) in enumerate(usable)}
            return int(_execute(connection, f"UPDATE {_table(table, quote)} SET {changes}{where}", values).rowcount)

        return await self._run(database, work, for_writing=True)

    async def store(self, database: str, table: str, fields: Sequence[tuple[str, str]]) -> str:
        """See RealtimeEngine. Columns that the table does not have are left out."""
        usable = self._usable(table, await self.columns(database, table, for_writing=True), fields)
        if not usable:
            raise RealtimeFault(f"table '{table}' has none of the columns {', '.join(name for name, _ in fields)}")

        def work(connection: Connection) -> str:
            quote = _quoter(connection)
            names = ", ".join(quote(name) for name, _ in usable)
            places = ", ".join(f":f{index}" for index in range(len(usable)))
            values = {f"f{index}": value for index, (_, value) in enumerate(usable)}
            done = _execute(connection, f"INSERT INTO {_table(table, quote)} ({names}) VALUES ({places})", values)
            row_id = done.lastrowid if connection.dialect.name in ("mysql", "mariadb", "sqlite") else None
            return str(row_id) if row_id else ""

        return await self._run(database, work, for_writing=True)

    async def destroy(self, database: str, table: str, criteria: Criteria) -> int:
        """See RealtimeEngine."""

        def work(connection: Connection) -> int:
            quote = _quoter(connection)
            where, values = _where(connection, criteria, quote)
            return int(_execute(connection, f"DELETE FROM {_table(table, quote)}{where}", values).rowcount)

        return await self._run(database, work, for_writing=True)

    def _usable(self, table: str, known: dict[str, Column], fields: Sequence[tuple[str, str]]) -> list[tuple[str, str | None]]:
        missing = [name for name, _ in fields if name.lower() not in known]
        if missing:
            logger.debug(1, f"table '{table}' has no column {', '.join(missing)}; not written")
        return [(held[0], _fitting(held[1], value)) for name, value in fields if (held := known.get(name.lower())) is not None]

    # -- columns -----------------------------------------------------------------------------------------------------

    def cached(self) -> dict[tuple[str, str], dict[str, Column]]:
        """Tables whose columns are known, by the names of extconfig.conf."""
        return self._columns

    def forget(self) -> None:
        """Look at tables anew."""
        self._columns.clear()

    async def columns(self, database: str, table: str, *, for_writing: bool = False) -> dict[str, Column]:
        """The columns of a table by their names in lower case. Raises RealtimeFault."""
        known = self._columns.get((database, table))
        if known is not None:
            return known

        def work(connection: Connection) -> dict[str, Column]:
            from sqlalchemy import inspect
            from sqlalchemy.exc import NoSuchTableError

            schema, _, name = table.rpartition(".")
            try:
                described = inspect(connection).get_columns(name, schema=schema or None)
            except NoSuchTableError:
                raise RealtimeFault(f"there is no table '{table}'") from None
            return {str(one["name"]).lower(): (str(one["name"]), str(one["type"]), bool(one["nullable"])) for one in described}

        found = await self._run(database, work, for_writing=for_writing)
        if not found:
            raise RealtimeFault(f"there is no table '{table}'")
        self._columns[database, table] = found
        return found

    async def require(self, database: str, table: str, requirements: Sequence[Requirement]) -> list[str]:
        """See RealtimeEngine."""
        known = await self.columns(database, table, for_writing=True)
        missing = [one for one in requirements if one.column.lower() not in known]
        if not missing or self.requirements == WARN:
            return [one.column for one in missing]

        def work(connection: Connection) -> None:
            quote = _quoter(connection)
            for one in missing:
                kind = FieldType.CHAR if self.requirements == CREATE_CHAR else one.type
                _execute(
                    connection, f"ALTER TABLE {_table(table, quote)} ADD COLUMN {quote(one.column)} {_type(kind, one.size)}", {}
                )

        await self._run(database, work, for_writing=True)
        self._columns.pop((database, table), None)
        return []

    async def _run(self, name: str, work: Callable[[Connection], T], *, for_writing: bool = False) -> T:
        database = self._find(name, for_writing)
        if database is None:
            raise RealtimeFault(f"there is no database '{name}'")
        try:
            return await database.run(work)
        except SqlFault as fault:
            raise RealtimeFault(str(fault)) from fault


def _fitting(kind: str, value: str) -> str | None:
    """A value as a column of that type takes it: no text is no number, and 3.000000 is a whole one."""
    kind = kind.partition("(")[0].upper()
    is_whole = "INT" in kind
    if not value and (is_whole or kind in _NOT_TEXT):
        return None
    if is_whole and "." in value:
        whole, _, rest = value.partition(".")
        if whole.removeprefix("-").isdecimal() and not rest.strip("0"):
            return whole
    return value


def _type(kind: FieldType, size: int) -> str:
    match kind:
        case FieldType.INTEGER:
            return "BIGINT"
        case FieldType.FLOAT:
            return "FLOAT"
        case FieldType.DATETIME:
            return "TIMESTAMP"
    return f"VARCHAR({max(size, 1)})"


def _quoter(connection: Connection) -> Callable[[str], str]:
    quote = connection.dialect.identifier_preparer.quote
    return lambda name: quote(name).replace(":", "\\:")


def _table(table: str, quote: Callable[[str], str]) -> str:
    """``schema.table`` with each part quoted where it must be."""
    return ".".join(quote(part) for part in table.split("."))


def _where(connection: Connection, criteria: Criteria, quote: Callable[[str], str]) -> tuple[str, dict[str, Any]]:
    """The condition and the values that it refers to. In a pattern of LIKE a backslash escapes, in every database."""
    escaping = " ESCAPE '\\\\'" if connection.dialect.name in ("mysql", "mariadb") else " ESCAPE '\\'"
    parts: list[str] = []
    values: dict[str, Any] = {}
    for index, (column, value) in enumerate(criteria):
        name, operator = split_operator(column)
        if operator.upper() not in _OPERATORS:
            raise RealtimeFault(f"operator '{operator}' is not known")
        escape = escaping if "LIKE" in operator.upper() else ""
        parts.append(f"{quote(name)} {operator.upper()} :c{index}{escape}")
        values[f"c{index}"] = value
    return (" WHERE " + " AND ".join(parts) if parts else ""), values


def _execute(connection: Connection, text: str, values: dict[str, Any]) -> Any:
    from sqlalchemy import text as sql

    return connection.execute(sql(text), values)
