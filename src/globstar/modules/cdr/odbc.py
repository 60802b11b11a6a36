"""ODBC CDR Backend."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from typing import Any

from globstar.base.log import Logger
from globstar.config.options import Options, Report, option
from globstar.config.values import boolean, string
from globstar.core.adaptivetables import database_of
from globstar.core.cdr.columns import column_value, record_of, row_of
from globstar.core.cdr.engine import SERVICE, CdrEngine
from globstar.core.cdr.posting import CdrBackendSpec
from globstar.core.cdr.record import FinishedRecord
from globstar.core.cdr.scope import read_field
from globstar.core.loader import ModuleDeclined
from globstar.core.outbox import BackendDown, Outbox, Row
from globstar.core.sqlrows import Column, SqlRows, Value
from globstar.core.system import System

logger = Logger("cdr_odbc")

_STATE = "cdr_odbc"

_ALWAYS = (
    "calldate", "clid", "src", "dst", "dcontext", "channel", "dstchannel", "lastapp", "lastdata", "duration", "billsec",
    "disposition", "amaflags", "accountcode",
)  # fmt: skip


class OdbcOptions(Options):
    """``[global]`` of cdr_odbc.conf."""

    dsn = option(string, "", help="Section of res_odbc.conf.")
    table = option(string, "cdr", help="The table.")
    loguniqueid = option(boolean, False, help="Write uniqueid and userfield.")
    newcdrcolumns = option(boolean, False, help="Write peeraccount, linkedid and sequence.")
    dispositionstring = option(boolean, False, help="Write the disposition as text instead of its number.")
    usegmtime = option(boolean, False, help="Write times in UTC instead of local time.")
    hrtime = option(boolean, False, help="Write duration and billsec with their fractions.")

    @property
    def columns(self) -> tuple[str, ...]:
        """What is written, whatever else the table has."""
        unique = ("uniqueid", "userfield") if self.loguniqueid else ()
        return (*_ALWAYS, *unique, *(("peeraccount", "linkedid", "sequence") if self.newcdrcolumns else ()))


class _State:
    """The table of one system and the records on their way to it."""

    def __init__(self, system: System, options: OdbcOptions) -> None:
        self.rows: SqlRows
        self.take(system, options)
        self.outbox = Outbox(system, "cdr_odbc", self.deliver)

    def take(self, system: System, options: OdbcOptions) -> None:
        """Use another configuration."""
        self.rows = SqlRows(
            system.loop,
            lambda: database_of(system, options.dsn),
            options.table,
            lambda row, columns: _values(record_of(row), columns, options),
            where=options.dsn,
        )

    def deliver(self, rows: Sequence[Row]) -> None:
        """Insert records. Called off the loop."""
        self.rows.deliver(rows)


def _values(record: FinishedRecord, columns: Sequence[Column], options: OdbcOptions) -> dict[str, Value]:
    known = {column.name.lower(): column for column in columns}
    missing = [name for name in options.columns if name not in known]
    if missing:
        raise BackendDown(f"the table has no column '{missing[0]}'")
    zone = UTC if options.usegmtime else None
    found: dict[str, Value] = {}
    for name in options.columns:
        column = known[name]
        if name == "disposition":
            value = column.of_text(record.disposition if options.dispositionstring else read_field(record, name, "u"))
        elif name in ("duration", "billsec"):
            value = column.of_text(read_field(record, name, "f" if options.hrtime else ""))
        elif name == "amaflags":
            value = column.of_text(read_field(record, name, "u"))
        else:
            value = column_value(record, "start" if name == "calldate" else name, column, zone)
        found[column.name] = value
    return found


def _read(system: System) -> OdbcOptions | None:
    config = system.configuration.read("cdr_odbc.conf")
    sections = config.categories_named("global") if config is not None else []
    if not sections:
        return None
    report = Report()
    options = OdbcOptions.read(sections[-1], report)
    for warning in report.warnings:
        logger.log(warning.level, str(warning))
    return options if options.dsn else None


def load(system: System) -> None:
    """Read cdr_odbc.conf; declines without a dsn."""
    options = _read(system)
    if options is None:
        raise ModuleDeclined("cdr_odbc.conf has no dsn in a section [global]")
    system.services[_STATE] = _State(system, options)


def reload(system: System) -> None:
    """Read cdr_odbc.conf and the columns of the table again; without a dsn the old settings stay."""
    state: _State = system.services[_STATE]
    options = _read(system)
    if options is None:
        logger.warning("cdr_odbc.conf has no dsn any more; the settings stay")
    else:
        state.take(system, options)


async def unload(system: System) -> None:
    """Write what waits."""
    engine = system.service(SERVICE, CdrEngine)
    if engine is not None:
        engine.hand_over_all()
    state: _State | None = system.services.pop(_STATE, None)
    if state is not None:
        await state.outbox.close()


def _post(system: Any, records: list[FinishedRecord]) -> None:
    state: _State | None = system.services.get(_STATE)
    if state is not None:
        for record in records:
            state.outbox.put(row_of(record))


backend = CdrBackendSpec(name="ODBC", description="ODBC", post=_post)
