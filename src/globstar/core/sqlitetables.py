"""Tables in SQLite files of one's own columns: cdr_sqlite3_custom.conf and cel_sqlite3_custom.conf."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from globstar.base.log import Logger
from globstar.config.options import Options, Report, handles, option
from globstar.config.values import integer, string
from globstar.core.outbox import BackendDown, Outbox, Row, RowRefused, RowsFailed
from globstar.core.recordline import Finder, compile_line
from globstar.core.recordmapping import Field, FieldFinder, read_fields
from globstar.core.sqlrows import storable
from globstar.core.system import System
from globstar.dialplan.substitute import Scope


class TableOptions(Options):
    """A section: a file with a table, and what its columns get."""

    table = option(string, "", help="The table.")
    busy_timeout = option(integer(0), 1000, unit="ms", help="How long another program's lock is waited for.")
    columns_text = values_text = fields_text = ""

    @handles("columns", help="The columns, apart by commas.")
    def _columns(self, text: str) -> None:
        self.columns_text = text

    @handles("values", help="What they get: as many lines of the dialplan, in single quotes and apart by commas.")
    def _values(self, text: str) -> None:
        self.values_text = text

    @handles("fields", help="Fields that are columns at once, instead of columns and values.")
    def _fields(self, text: str) -> None:
        self.fields_text = f"{self.fields_text},{text}" if self.fields_text else text


@dataclass(slots=True)
class SqliteTable:
    """One table: its file, and what of a record goes into which column."""

    section: str
    path: Path
    table: str
    columns: tuple[str, ...]
    getters: tuple[Callable[[Any], str | int | float], ...]
    busy_timeout_ms: int

    def row(self, record: Any) -> list[list[Any]]:
        """A record as JSON can hold it: columns and values."""
        values = (getter(record) for getter in self.getters)
        return [list(self.columns), [storable(value) if isinstance(value, str) else value for value in values]]

    def deliver(self, rows: Sequence[Row]) -> None:
        """Insert rows, all or none; file, table and columns are made if need be. Called off the loop."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self.path, timeout=self.busy_timeout_ms / 1000)) as connection:
                with connection:
                    self._prepare(connection, rows)
                    for columns, values in rows:
                        names = ", ".join(map(_quoted, columns))
                        marks = ", ".join("?" * len(columns))
                        connection.execute(f"INSERT INTO {_quoted(self.table)} ({names}) VALUES ({marks})", values)
        except (sqlite3.IntegrityError, sqlite3.DataError) as error:
            raise RowRefused(str(error)) from None
        except (sqlite3.ProgrammingError, sqlite3.InterfaceError) as error:
            raise RowsFailed(str(error)) from None
        except sqlite3.Error as error:
            raise BackendDown(f"{self.path}: {error}") from None

    def _prepare(self, connection: sqlite3.Connection, rows: Sequence[Row]) -> None:
        table = _quoted(self.table)
        known = {row[1].lower() for row in connection.execute(f"PRAGMA table_info({table})")}
        wanted = dict.fromkeys(column for columns, _ in rows for column in columns)
        if not known:
            columns = "".join(f", {_quoted(column)} VARCHAR" for column in wanted)
            connection.execute(f"CREATE TABLE {table} (AcctId INTEGER PRIMARY KEY{columns})")
            return
        for column in wanted:
            if column.lower() not in known:
                connection.execute(f"ALTER TABLE {table} ADD COLUMN {_quoted(column)} VARCHAR")


class SqliteTables:
    """The tables of one system, each with the rows on their way to it."""

    def __init__(self, system: System, module: str) -> None:
        self.system = system
        self.module = module
        self.tables: dict[str, SqliteTable] = {}
        self.outboxes: dict[str, Outbox] = {}

    async def configure(self, tables: Sequence[SqliteTable]) -> None:
        """Use these tables; what waits for one goes on to wait."""
        self.tables = {table.section: table for table in tables}
        for section in set(self.outboxes) - set(self.tables):
            await self.outboxes.pop(section).close()
        for section, table in self.tables.items():
            outbox = self.outboxes.get(section)
            if outbox is None:
                self.outboxes[section] = Outbox(self.system, f"{self.module}-{section}", table.deliver)
            else:
                outbox.deliver = table.deliver

    def put(self, record: Any) -> None:
        """Write a record into every table."""
        for section, table in self.tables.items():
            self.outboxes[section].put(table.row(record))

    async def close(self) -> None:
        """Write what waits."""
        for outbox in self.outboxes.values():
            await outbox.close()


def read_tables(
    system: System,
    file: str,
    default_table: str,
    find: Finder,
    find_field: FieldFinder,
    scope: Callable[[Any], Scope],
    logger: Logger,
) -> list[SqliteTable]:
    """The tables of ``file``; each section is an SQLite file below the log folder. What makes no sense is told and left out."""
    config = system.configuration.read(file)
    folder = Path(system.directories.astlogdir)
    found = []
    for category in config.categories if config is not None else ():
        report = Report()
        options = TableOptions.read(category, report)
        for warning in report.warnings:
            logger.log(warning.level, str(warning))
        try:
            fields = _read_fields(options, find, find_field, scope)
        except ValueError as error:
            logger.warning(f"{file}: section [{category.name}] is left out: {error}")
            continue
        path = folder / category.name
        found.append(
            SqliteTable(
                category.name,
                path if path.suffix == ".db" else path.with_name(f"{path.name}.db"),
                options.table or default_table,
                tuple(field.name for field in fields),
                tuple(field.read for field in fields),
                options.busy_timeout,
            )
        )
    return found


def _read_fields(options: TableOptions, find: Finder, find_field: FieldFinder, scope: Callable[[Any], Scope]) -> list[Field]:
    if options.fields_text:
        fields = list(read_fields(options.fields_text, find_field))
    else:
        columns = [name.strip() for name in options.columns_text.split(",") if name.strip()]
        values = split_values(options.values_text)
        if len(columns) != len(values):
            raise ValueError(f"there are {len(columns)} columns and {len(values)} values")
        lines = [compile_line(value, find, scope) for value in values]
        fields = [Field(name, line.render) for name, line in zip(columns, lines, strict=True)]
    if not fields:
        raise ValueError("no columns are given")
    return fields


def split_values(text: str) -> list[str]:
    """Split at commas outside of single quotes and braces; the quotes around a value are taken off."""
    parts: list[str] = []
    part = ""
    depth, is_quoted = 0, False
    for character in text:
        if character == "," and not is_quoted and not depth:
            parts.append(part)
            part = ""
            continue
        if character == "'" and not depth:
            is_quoted = not is_quoted
        depth += (character == "{") - (character == "}" and depth > 0)
        part += character
    parts.append(part)
    values = [part.strip() for part in parts] if text.strip() else []
    return [value[1:-1] if len(value) > 1 and value[0] == value[-1] == "'" else value for value in values]


def _quoted(name: str) -> str:
    doubled = name.replace('"', '""')
    return f'"{doubled}"'
