"""Adaptive ODBC CDR backend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from globstar.base.log import Logger
from globstar.core.adaptivetables import AdaptiveTable, TableOutboxes, read_tables
from globstar.core.cdr.columns import column_value, record_of, row_of
from globstar.core.cdr.engine import SERVICE, CdrEngine
from globstar.core.cdr.posting import CdrBackendSpec
from globstar.core.cdr.record import FinishedRecord
from globstar.core.cdr.scope import read_field
from globstar.core.loader import ModuleDeclined
from globstar.core.outbox import Row
from globstar.core.sqlrows import Column, Value
from globstar.core.system import System

logger = Logger("cdr_adaptive_odbc")

_STATE = "cdr_adaptive_odbc"


def _fill(table: AdaptiveTable, row: Row, columns: Sequence[Column]) -> dict[str, Value] | None:
    record = record_of(row)
    if not table.is_wanted({name: read_field(record, name.lower()) or read_field(record, name) for name, _, _ in table.filters}):
        return None
    found: dict[str, Value] = {}
    for column in columns:
        value = table.static(column)
        if value is None:
            value = column_value(record, table.aliases.get(column.name.lower(), column.name), column, table.zone)
        if value is not None:
            found[column.name] = value
    return found


def _read(system: System) -> list[AdaptiveTable]:
    return read_tables(system.configuration.read("cdr_adaptive_odbc.conf"), "cdr", logger)


async def load(system: System) -> None:
    """Read the tables; declines if there are none."""
    tables = _read(system)
    if not tables:
        raise ModuleDeclined("cdr_adaptive_odbc.conf names no tables")
    state = system.services[_STATE] = TableOutboxes(system, "cdr_adaptive_odbc", _fill)
    await state.configure(tables)


async def reload(system: System) -> None:
    """Read the tables and their columns again."""
    await system.services[_STATE].configure(_read(system))


async def unload(system: System) -> None:
    """Write what waits."""
    engine = system.service(SERVICE, CdrEngine)
    if engine is not None:
        engine.hand_over_all()
    state: TableOutboxes | None = system.services.pop(_STATE, None)
    if state is not None:
        await state.close()


def _post(system: Any, records: list[FinishedRecord]) -> None:
    state: TableOutboxes | None = system.services.get(_STATE)
    if state is not None:
        for record in records:
            state.put(row_of(record))


backend = CdrBackendSpec(name="Adaptive ODBC", description="Adaptive ODBC", post=_post)
