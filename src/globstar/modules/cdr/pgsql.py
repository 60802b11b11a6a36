"""PostgreSQL CDR Backend."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from typing import Any

from globstar.base.log import Logger
from globstar.core.cdr.columns import column_value, record_of, row_of
from globstar.core.cdr.engine import SERVICE, CdrEngine
from globstar.core.cdr.posting import CdrBackendSpec
from globstar.core.cdr.record import FinishedRecord
from globstar.core.cli import CliUsage, cli_command, plural
from globstar.core.loader import ModuleDeclined
from globstar.core.outbox import Outbox, Row
from globstar.core.pgsqlsettings import PgsqlOptions, read_pgsql
from globstar.core.sql import SqlDatabase
from globstar.core.sqlrows import Column, SqlRows, Value, zone_of
from globstar.core.system import System

logger = Logger("cdr_pgsql")

_STATE = "cdr_pgsql"


class _State:
    """The table of one system and the records on their way to it."""

    def __init__(self, system: System, options: PgsqlOptions) -> None:
        self.database: SqlDatabase
        self.rows: SqlRows
        self.take(system, options)
        self.outbox = Outbox(system, "cdr_pgsql", self.deliver)
        self.since = system.now()

    def take(self, system: System, options: PgsqlOptions) -> None:
        """Use another configuration."""
        self.options = options
        database = self.database = options.database(system, "cdr_pgsql")
        zone = zone_of(options.timezone)

        def values(row: Row, columns: Sequence[Column]) -> dict[str, Value]:
            return _values(record_of(row), columns, zone)

        self.rows = SqlRows(
            system.loop, lambda: database, options.table, values, schema=options.schema, where=options.dbname
        )  # fmt: skip

    def deliver(self, rows: Sequence[Row]) -> None:
        """Insert records. Called off the loop."""
        self.rows.deliver(rows)


def _values(record: FinishedRecord, columns: Sequence[Column], zone: tzinfo | None) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for column in columns:
        name = "start" if column.name.lower() == "calldate" else column.name
        value = column_value(record, name, column, zone)
        if value is not None:
            found[column.name] = value
    return found


def load(system: System) -> None:
    """Read cdr_pgsql.conf; declines without its section global."""
    options = read_pgsql(system, "cdr_pgsql.conf", "cdr", logger)
    if options is None:
        raise ModuleDeclined("cdr_pgsql.conf has no section [global]")
    system.services[_STATE] = _State(system, options)


async def reload(system: System) -> None:
    """Read cdr_pgsql.conf and the columns of the table again; without a section the old settings stay."""
    state: _State = system.services[_STATE]
    options = read_pgsql(system, "cdr_pgsql.conf", "cdr", logger)
    if options is None:
        logger.warning("cdr_pgsql.conf has no section [global] any more; the settings stay")
        return
    old = state.database
    state.take(system, options)
    await old.close()


async def unload(system: System) -> None:
    """Write what waits."""
    engine = system.service(SERVICE, CdrEngine)
    if engine is not None:
        engine.hand_over_all()
    state: _State | None = system.services.pop(_STATE, None)
    if state is not None:
        await state.outbox.close()
        await state.database.close()


@cli_command("cdr show pgsql status")
def show_status(system: System, args: list[str]) -> str:
    """Tell whether the database of cdr_pgsql.conf is connected, and how many records it got."""
    if args:
        raise CliUsage
    state: _State = system.services[_STATE]
    options, outbox = state.options, state.outbox
    where = f"{options.dbname}@{options.hostname or 'localhost'}, port {options.port} using table {options.table}"
    if state.database.down_since is not None:
        head = f"Not currently connected to {where}: {state.database.down_reason}"
    elif state.database.is_connected:
        head = f"Connected to {where} with username {options.user}"
    else:
        head = f"No connection yet to {where}"
    return f"{head}.\n  Wrote {plural(outbox.delivered, 'record')} since last restart, {outbox.waiting} waiting."


def _post(system: Any, records: list[FinishedRecord]) -> None:
    state: _State | None = system.services.get(_STATE)
    if state is not None:
        for record in records:
            state.outbox.put(row_of(record))


backend = CdrBackendSpec(name="pgsql", description="pgsql", post=_post)
