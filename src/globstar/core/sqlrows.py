"""Rows on their way into a table whose columns are looked up: what each column gets is decided by its name and type."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, tzinfo
from typing import TYPE_CHECKING, Any

from globstar.base.log import Logger
from globstar.base.zones import find_zone, zone_or_utc
from globstar.core.outbox import BackendDown, Row, RowRefused, RowsFailed, octets_of
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
    """A column of a table. ``kind`` is text, integer, float, datetime, date, time, or other: a type that reads texts by itself.

    ``length`` is that of a text, 0 for any; ``is_zoned``: times are points in time, whatever the zone of the session.
    """

    name: str
    kind: str
    length: int = 0
    is_zoned: bool = False

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
        text = storable(text)
        if self.kind == "other":
            return text or None
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
        moment = datetime.fromtimestamp(round(seconds, 6), UTC).astimezone(zone)
        if self.is_zoned:
            return moment
        moment = moment.replace(tzinfo=None)
        match self.kind:
            case "datetime":
                return moment
            case "date":
                return moment.date()
            case "time":
                return moment.time()
        return self.of_text(moment.strftime(format))


def storable(text: str) -> str:
    """What a database takes as text: no NUL, and octets that were no UTF-8 are replaced."""
    if "\0" in text:
        text = text.replace("\0", "")
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return octets_of(text).decode("utf-8", "replace")
    return text


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
        try:
            try:
                self._run(database, rows)
            except (RowRefused, RowsFailed):
                if len(rows) > 1:
                    raise
                # neither letters that the table's character set lacks nor an empty text in a column of JSON must cost the row
                self._run(database, rows, is_plain=True)
        except (RowRefused, RowsFailed):
            self.forget_columns()  # somebody may have changed the table
            raise

    def _run(self, database: SqlDatabase, rows: Sequence[Row], *, is_plain: bool = False) -> None:
        work = database.run(lambda connection: self._insert(connection, rows, is_plain=is_plain))
        job = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            self.inserted += job.result(ANSWER_TIME)
        except TimeoutError:
            job.cancel()
            raise BackendDown(f"no answer within {ANSWER_TIME:g} s") from None
        except CancelledError:
            raise BackendDown("the server ends") from None
        except DatabaseDown as down:
            raise BackendDown(str(down)) from None
        except SqlFault as fault:
            raise fault_of(fault) from None

    # -- in the database's threads -------------------------------------------------------------------------------------

    def _insert(self, connection: Connection, rows: Sequence[Row], *, is_plain: bool) -> int:
        target = self._target
        if target is None:
            target = self._target = self._look_up(connection)
        values = (self._values(row, self._columns) for row in rows)
        count = 0
        for group in _groups(map(_plain, values) if is_plain else values):
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
        columns = self._columns = [_column(item["name"], item["type"]) for item in found]
        # a type that is not known here gets texts without a type, which the database reads as what its column is
        types = [
            sqlalchemy.types.NullType() if column.kind == "other" else item["type"]
            for column, item in zip(columns, found, strict=True)
        ]
        name = sqlalchemy.sql.quoted_name(self.table, True) if self._is_quoted else self.table
        return sqlalchemy.Table(
            name,
            sqlalchemy.MetaData(),
            *(
                sqlalchemy.Column(column.name, type_, quote=self._is_quoted or None)
                for column, type_ in zip(columns, types, strict=True)
            ),
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


def _plain(values: dict[str, Value] | None) -> dict[str, Value] | None:
    """The row in ASCII, a question mark for each other letter, and without empty texts."""
    if values is None:
        return None
    return {name: _ascii(value) if isinstance(value, str) else value for name, value in values.items() if value != ""}


def _ascii(text: str) -> str:
    return text.encode("ascii", "replace").decode()


def fault_of(fault: BaseException) -> BackendDown | RowRefused | RowsFailed:
    """What the failure of a statement means for the rows in it."""
    from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError

    cause = fault.__cause__
    while cause is not None and not isinstance(cause, SQLAlchemyError):
        cause = cause.__cause__
    if isinstance(cause, (DataError, IntegrityError)):
        return RowRefused(str(fault))
    if cause is None or getattr(cause, "connection_invalidated", False):
        return BackendDown(str(fault))
    return RowsFailed(str(fault))


def _column(name: str, type_: Any) -> Column:
    from sqlalchemy import types

    for kind, classes in (
        ("datetime", (types.DateTime,)), ("date", (types.Date,)), ("time", (types.Time,)), ("integer", (types.Integer,)),
        ("float", (types.Numeric, types.Float)),
    ):  # fmt: skip
        if isinstance(type_, classes):
            return Column(name, kind, is_zoned=kind == "datetime" and bool(getattr(type_, "timezone", False)))
    if type(type_).__name__ == "BIT" and type(type_).__module__.startswith("sqlalchemy.dialects.mysql"):
        return Column(name, "integer")
    if isinstance(type_, types.String) and not isinstance(type_, types.Enum):
        return Column(name, "text", type_.length or 0)
    return Column(name, "other")


def zone_of(name: str) -> tzinfo | None:
    """A time zone by its name, None (the machine's) without one, UTC for an unknown one, which is told."""
    if name and find_zone(name) is None:
        logger.warning(f"there is no time zone '{name}'; UTC is written")
    return zone_or_utc(name)
