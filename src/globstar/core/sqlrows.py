"""Rows on their way into a table whose columns are looked up: what each column gets is decided by its name and type."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, tzinfo
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from globstar.base.log import Logger
from globstar.core.outbox import BackendDown, Row, RowRefused
from globstar.core.sql import DatabaseDown, SqlDatabase, SqlFault

if TYPE_CHECKING:
    from sqlalchemy import Table
    from sqlalchemy.engine import Connection

logger = Logger("sql")

#: Longest wait for a database, beyond its own time-outs, seconds: so that no thread waits for ever for a loop that has ended.
ANSWER_TIME = 60.0

#: What a column can be given.
Value = str | int | float | datetime | date | time | None


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table. ``kind`` is text, integer, float, datetime, date or time; ``length`` that of a text, 0 for any."""

    name: str
    kind: str
    length: int = 0

    @property
    def is_number(self) -> bool:
        """Whether it holds numbers."""
        return self.kind in ("integer", "float")

    def of_text(self, text: str) -> Value:
        """A text as this column takes it: cut to its length, as a number or a time; None where it is none."""
        try:
            match self.kind:
                case "integer":
                    return int(float(text)) if text else None
                case "float":
                    return float(text) if text else None
                case "datetime":
                    return datetime.fromisoformat(text) if text else None
                case "date":
                    return date.fromisoformat(text[:10]) if text else None
                case "time":
                    return time.fromisoformat(text) if text else None
        except (ValueError, OverflowError):
            return None
        return text[: self.length] if self.length else text

    def of_time(self, seconds: float, zone: tzinfo | None, format: str = "%Y-%m-%d %H:%M:%S") -> Value:
        """A time (UTC seconds) in ``zone``, the machine's for None; None for 0."""
        if not seconds:
            return None
        match self.kind:
            case "integer":
                return int(seconds)
            case "float":
                return round(seconds, 6)
        moment = datetime.fromtimestamp(round(seconds, 6), UTC).astimezone(zone).replace(tzinfo=None)
        match self.kind:
            case "datetime":
                return moment
            case "date":
                return moment.date()
            case "time":
                return moment.time()
        return self.of_text(moment.strftime(format))


class SqlRows:
    """Inserts rows into one table; ``deliver`` is an outbox's.

    ``find()`` gives the database, None while there is none. ``values(row, columns)`` gives what the row puts where, or None if
    the row is not for this table.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        find: Callable[[], SqlDatabase | None],
        table: str,
        values: Callable[[Row, Sequence[Column]], dict[str, Value] | None],
        *,
        schema: str = "",
        where: str = "",
        is_quoted: bool = False,
    ) -> None:
        self._loop = loop
        self._find = find
        self.table = table
        self.schema = schema
        self._values = values
        self._where = where
        self._is_quoted = is_quoted
        self._columns: list[Column] = []
        self._target: Table | None = None
        self.inserted = 0

    def forget_columns(self) -> None:
        """Look the columns up again when the next row comes."""
        self._target = None

    def deliver(self, rows: Sequence[Row]) -> None:
        """Insert rows, all or none. Called off the loop."""
        database = self._find()
        if database is None:
            raise BackendDown(f"there is no database '{self._where}'")
        job = asyncio.run_coroutine_threadsafe(database.run(lambda connection: self._insert(connection, rows)), self._loop)
        try:
            self.inserted += job.result(ANSWER_TIME)
        except TimeoutError:
            job.cancel()
            raise BackendDown(f"no answer within {ANSWER_TIME:g} s") from None
        except DatabaseDown as down:
            raise BackendDown(str(down)) from None
        except SqlFault as fault:
            self.forget_columns()  # somebody may have changed the table
            if _is_refusal(fault.__cause__):
                raise RowRefused(str(fault)) from None
            raise BackendDown(str(fault)) from None

    # -- in the database's threads -------------------------------------------------------------------------------------

    def _insert(self, connection: Connection, rows: Sequence[Row]) -> int:
        target = self._target
        if target is None:
            target = self._target = self._look_up(connection)
        count = 0
        for group in _groups(self._values(row, self._columns) for row in rows):
            connection.execute(target.insert(), group)
            count += len(group)
        return count

    def _look_up(self, connection: Connection) -> Table:
        import sqlalchemy
        from sqlalchemy.exc import NoSuchTableError

        schema = self.schema or None
        try:
            found = sqlalchemy.inspect(connection).get_columns(self.table, schema)
        except NoSuchTableError:
            raise BackendDown(f"there is no table '{self.table}' in {self._where}") from None
        self._columns = [_column(item["name"], item["type"]) for item in found]
        name = sqlalchemy.sql.quoted_name(self.table, True) if self._is_quoted else self.table
        return sqlalchemy.Table(
            name,
            sqlalchemy.MetaData(),
            *(sqlalchemy.Column(item["name"], item["type"], quote=self._is_quoted or None) for item in found),
            schema=schema,
        )


def _groups(values: Iterator[dict[str, Value] | None]) -> Iterator[list[dict[str, Value]]]:
    """Rows that follow one another and name the same columns are inserted together."""
    group: list[dict[str, Value]] = []
    for row in values:
        if not row:
            continue
        if group and group[0].keys() != row.keys():
            yield group
            group = []
        group.append(row)
    if group:
        yield group


def _is_refusal(error: BaseException | None) -> bool:
    """Whether a statement failed for its values."""
    from sqlalchemy.exc import DataError, IntegrityError

    return isinstance(error, (DataError, IntegrityError))


def _column(name: str, type_: Any) -> Column:
    from sqlalchemy import types

    for kind, classes in (
        ("datetime", (types.DateTime,)), ("date", (types.Date,)), ("time", (types.Time,)), ("integer", (types.Integer,)),
        ("float", (types.Numeric, types.Float)),
    ):  # fmt: skip
        if isinstance(type_, classes):
            return Column(name, kind)
    return Column(name, "text", getattr(type_, "length", None) or 0)


def zone_of(name: str) -> tzinfo | None:
    """A time zone by its name, None (the machine's) for an empty or unknown one, which is told."""
    if not name:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        logger.warning(f"there is no time zone '{name}'; local time is written")
        return None
