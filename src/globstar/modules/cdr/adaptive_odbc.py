"""Adaptive ODBC CDR backend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from globstar.base.log import Logger
from globstar.core.adaptivetables import AdaptiveTable, database_of, read_tables
from globstar.core.cdr.columns import column_value, record_of, row_of
from globstar.core.cdr.engine import SERVICE, CdrEngine
from globstar.core.cdr.posting import CdrBackendSpec
from globstar.core.cdr.record import FinishedRecord
from globstar.core.cdr.scope import read_field
from globstar.core.loader import ModuleDeclined
from globstar.core.outbox import Outbox, Row
from globstar.core.sqlrows import Column, SqlRows, Value
from globstar.core.system import System

logger = Logger("cdr_adaptive_odbc")

_STATE = "cdr_adaptive_odbc"


class _State:
    """The tables of one system, each with the records on their way to it, by section."""

    def __init__(self) -> None:
        self.outboxes: dict[str, Outbox] = {}


def _rows(system: System, table: AdaptiveTable) -> SqlRows:
    options = table.options

    def values(row: Row, columns: Sequence[Column]) -> dict[str, Value] | None:
        record = record_of(row)
        if not table.is_wanted(
            {name: read_field(record, name.lower()) or read_field(record, name) for name, _, _ in table.filters}
        ):
            return None
        found: dict[str, Value] = {}
        for column in columns:
            value = table.static(column)
            if value is None:
                name = table.aliases.get(column.name.lower(), column.name)
                value = column_value(record, name, column, table.zone)
            if value is not None:
                found[column.name] = value
        return found

    return SqlRows(
        system.loop,
        lambda: database_of(system, options.connection),
        options.table,
        values,
        schema=options.schema,
        where=options.connection,
        is_quoted=bool(options.quoted_identifiers),
    )


async def _configure(system: System, state: _State) -> int:
    tables = read_tables(system.configuration.read("cdr_adaptive_odbc.conf"), "cdr", logger)
    for section in set(state.outboxes) - {table.section for table in tables}:
        await state.outboxes.pop(section).close()
    for table in tables:
        deliver = _rows(system, table).deliver
        outbox = state.outboxes.get(table.section)
        if outbox is None:
            state.outboxes[table.section] = Outbox(system, f"cdr_adaptive_odbc-{table.section}", deliver)
        else:
            outbox.deliver = deliver
    return len(tables)


async def load(system: System) -> None:
    """Read the tables; declines if there are none."""
    state = _State()
    if not await _configure(system, state):
        raise ModuleDeclined("cdr_adaptive_odbc.conf names no tables")
    system.services[_STATE] = state


async def reload(system: System) -> None:
    """Read the tables and their columns again; what waits for a table goes on to wait."""
    await _configure(system, system.services[_STATE])


async def unload(system: System) -> None:
    """Write what waits."""
    engine = system.service(SERVICE, CdrEngine)
    if engine is not None and engine.settings.safeshutdown:
        engine.poster.submit()
    state: _State | None = system.services.pop(_STATE, None)
    for outbox in state.outboxes.values() if state is not None else ():
        await outbox.close()


def _post(system: Any, records: list[FinishedRecord]) -> None:
    state: _State | None = system.services.get(_STATE)
    for outbox in state.outboxes.values() if state is not None else ():
        for record in records:
            outbox.put(row_of(record))


backend = CdrBackendSpec(name="Adaptive ODBC", description="Adaptive ODBC", post=_post)
