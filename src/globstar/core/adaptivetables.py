"""The tables of cdr_adaptive_odbc.conf and cel_odbc.conf: which database, other names of columns, fixed values, filters."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo

from globstar.base.log import Logger
from globstar.config.file import Category, ConfigFile
from globstar.config.options import Options, Report, option
from globstar.config.values import boolean, string
from globstar.core.outbox import Outbox, Row
from globstar.core.sql.classes import SERVICE, DatabaseClasses
from globstar.core.sql.database import SqlDatabase
from globstar.core.sqlrows import Column, SqlRows, Value
from globstar.core.system import System

_SPECIAL = re.compile(r"\s*(alias|static|filter)\s+(.+?)\s*(!?)\s*", re.IGNORECASE | re.DOTALL)


class TableOptions(Options):
    """A section: a table of a database of res_odbc.conf."""

    connection = option(string, "", help="Section of res_odbc.conf.")
    table = option(string, "", help="The table.")
    schema = option(string, "", help="Its schema.")
    usegmtime = option(boolean, False, help="Write times in UTC instead of local time.")
    quoted_identifiers = option(string, "", help="Put names in quotes, whatever they are.")
    allowleapsecond = option(boolean, True, help="Times keep their fractions.")
    show_user_defined = option(boolean, False, help="Write USER_DEFINED and the name apart instead of the name alone.")


@dataclass(slots=True)
class AdaptiveTable:
    """One table and how its columns are filled. ``aliases``: column (in lower case) and what is written into it."""

    section: str
    options: TableOptions
    aliases: dict[str, str] = field(default_factory=dict)
    statics: dict[str, str] = field(default_factory=dict)
    #: field, value, and whether rows with that value are the ones that are left out
    filters: list[tuple[str, str, bool]] = field(default_factory=list)

    @property
    def zone(self) -> tzinfo | None:
        """In which zone times are written, None for the machine's."""
        return UTC if self.options.usegmtime else None

    def is_wanted(self, read: dict[str, str]) -> bool:
        """Whether a record with these fields passes the filters."""
        return all((read.get(name, "") == value) is not is_negated for name, value, is_negated in self.filters)

    def static(self, column: Column) -> Value:
        """The fixed value of a column, None if it has none."""
        text = self.statics.get(column.name.lower())
        return column.of_text(text) if text is not None else None


def read_tables(
    config: ConfigFile | None, default_table: str, logger: Logger, skipped: Sequence[str] = ()
) -> list[AdaptiveTable]:
    """The tables of a file; sections without a connection are told and left out."""
    return [
        table
        for category in (config.categories if config is not None else ())
        if category.name.lower() not in skipped and (table := _read_table(category, default_table, logger)) is not None
    ]


def _read_table(category: Category, default_table: str, logger: Logger) -> AdaptiveTable | None:
    report = Report()
    plain = []
    table = AdaptiveTable(category.name, TableOptions())
    for variable in category:
        found = _SPECIAL.fullmatch(variable.name)
        if found is None:
            plain.append(variable)
            continue
        kind, what, negation, value = found[1].lower(), found[2], found[3], variable.value.strip()
        if kind == "alias" and value:
            table.aliases[value.lower()] = what
        elif kind == "static" and value:
            table.statics[value.lower()] = what.removeprefix('"').removesuffix('"')
        elif kind == "filter":
            table.filters.append((what, value, bool(negation)))
        else:
            report(variable, f"{kind} needs the name of a column")
    table.options = TableOptions.read(plain, report)
    for warning in report.warnings:
        logger.log(warning.level, str(warning))
    if not table.options.connection:
        logger.warning(f"section [{category.name}] has no connection and is left out")
        return None
    if not table.options.table:
        table.options.table = default_table
    return table


#: ``fill(table, row, columns)``: what a row puts where; None if the table's filters leave it out.
Filler = Callable[[AdaptiveTable, Row, Sequence[Column]], dict[str, Value] | None]


class TableOutboxes:
    """The tables of one module of one system, each with the rows on their way to it."""

    def __init__(self, system: System, module: str, fill: Filler) -> None:
        self.system = system
        self.module = module
        self.fill = fill
        self.outboxes: dict[str, Outbox] = {}

    async def configure(self, tables: Sequence[AdaptiveTable]) -> None:
        """Use these tables, whose columns are looked up again; what waits for a table goes on to wait."""
        for section in set(self.outboxes) - {table.section for table in tables}:
            await self.outboxes.pop(section).close()
        for table in tables:
            deliver = self._rows(table).deliver
            outbox = self.outboxes.get(table.section)
            if outbox is None:
                self.outboxes[table.section] = Outbox(self.system, f"{self.module}-{table.section}", deliver)
            else:
                outbox.deliver = deliver

    def _rows(self, table: AdaptiveTable) -> SqlRows:
        options = table.options
        return SqlRows(
            self.system.loop,
            lambda: database_of(self.system, options.connection),
            options.table,
            lambda row, columns: self.fill(table, row, columns),
            schema=options.schema,
            where=options.connection,
            is_quoted=bool(options.quoted_identifiers),
        )

    def put(self, row: Row) -> None:
        """Write a row into every table that wants it."""
        for outbox in self.outboxes.values():
            outbox.put(row)

    async def close(self) -> None:
        """Write what waits."""
        for outbox in self.outboxes.values():
            await outbox.close()


def database_of(system: System, name: str) -> SqlDatabase | None:
    """A database of res_odbc.conf."""
    classes = system.service(SERVICE, DatabaseClasses)
    return classes.database(name, True) if classes is not None else None
