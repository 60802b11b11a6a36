"""ODBC CEL backend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from globstar.base.log import Logger
from globstar.core.adaptivetables import AdaptiveTable, TableOutboxes, read_tables
from globstar.core.cel.columns import column_value, event_of, field_text, row_of
from globstar.core.cel.engine import CelBackendSpec
from globstar.core.cel.event import CelEvent
from globstar.core.loader import ModuleDeclined
from globstar.core.outbox import Row
from globstar.core.sqlrows import Column, Value
from globstar.core.system import System

logger = Logger("cel_odbc")

_STATE = "cel_odbc"


def _fill(table: AdaptiveTable, row: Row, columns: Sequence[Column]) -> dict[str, Value] | None:
    event, options = event_of(row), table.options
    if not table.is_wanted({name: field_text(event, name) or "" for name, _, _ in table.filters}):
        return None
    found: dict[str, Value] = {}
    for column in columns:
        value = table.static(column)
        if value is None:
            name = table.aliases.get(column.name.lower(), column.name)
            shows_kind, has_fractions = options.show_user_defined, options.allowleapsecond
            value = column_value(event, name, column, table.zone, shows_kind=shows_kind, has_fractions=has_fractions)
        if value is not None:
            found[column.name] = value
    return found


def _read(system: System) -> list[AdaptiveTable]:
    return read_tables(system.configuration.read("cel_odbc.conf"), "cel", logger, skipped=("general",))


async def load(system: System) -> None:
    """Read the tables; declines if there are none."""
    tables = _read(system)
    if not tables:
        raise ModuleDeclined("cel_odbc.conf names no tables")
    state = system.services[_STATE] = TableOutboxes(system, "cel_odbc", _fill)
    await state.configure(tables)


async def reload(system: System) -> None:
    """Read the tables and their columns again."""
    await system.services[_STATE].configure(_read(system))


async def unload(system: System) -> None:
    """Write what waits."""
    state: TableOutboxes | None = system.services.pop(_STATE, None)
    if state is not None:
        await state.close()


def _post(system: Any, event: CelEvent) -> None:
    state: TableOutboxes | None = system.services.get(_STATE)
    if state is not None:
        state.put(row_of(event))


backend = CelBackendSpec(name="cel_odbc", description="ODBC CEL backend", post=_post)
