"""ODBC CEL backend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from globstar.base.log import Logger
from globstar.core.adaptivetables import AdaptiveTable, database_of, read_tables
from globstar.core.cel.columns import column_value, event_of, field_text, row_of
from globstar.core.cel.engine import CelBackendSpec
from globstar.core.cel.event import CelEvent
from globstar.core.loader import ModuleDeclined
from globstar.core.outbox import Outbox, Row
from globstar.core.sqlrows import Column, SqlRows, Value
from globstar.core.system import System

logger = Logger("cel_odbc")

_STATE = "cel_odbc"


class _State:
    """The tables of one system, each with the events on their way to it, by section."""

    def __init__(self) -> None:
        self.outboxes: dict[str, Outbox] = {}


def _rows(system: System, table: AdaptiveTable) -> SqlRows:
    options = table.options

    def values(row: Row, columns: Sequence[Column]) -> dict[str, Value] | None:
        event = event_of(row)
        if not table.is_wanted({name: field_text(event, name) or "" for name, _, _ in table.filters}):
            return None
        found: dict[str, Value] = {}
        for column in columns:
            value = table.static(column)
            if value is None:
                name = table.aliases.get(column.name.lower(), column.name)
                value = column_value(
                    event,
                    name,
                    column,
                    table.zone,
                    shows_kind=options.show_user_defined,
                    has_fractions=options.allowleapsecond,
                )
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
    tables = read_tables(system.configuration.read("cel_odbc.conf"), "cel", logger, skipped=("general",))
    for section in set(state.outboxes) - {table.section for table in tables}:
        await state.outboxes.pop(section).close()
    for table in tables:
        deliver = _rows(system, table).deliver
        outbox = state.outboxes.get(table.section)
        if outbox is None:
            state.outboxes[table.section] = Outbox(system, f"cel_odbc-{table.section}", deliver)
        else:
            outbox.deliver = deliver
    return len(tables)


async def load(system: System) -> None:
    """Read the tables; declines if there are none."""
    state = _State()
    if not await _configure(system, state):
        raise ModuleDeclined("cel_odbc.conf names no tables")
    system.services[_STATE] = state


async def reload(system: System) -> None:
    """Read the tables and their columns again; what waits for a table goes on to wait."""
    await _configure(system, system.services[_STATE])


async def unload(system: System) -> None:
    """Write what waits."""
    state: _State | None = system.services.pop(_STATE, None)
    for outbox in state.outboxes.values() if state is not None else ():
        await outbox.close()


def _post(system: Any, event: CelEvent) -> None:
    state: _State | None = system.services.get(_STATE)
    for outbox in state.outboxes.values() if state is not None else ():
        outbox.put(row_of(event))


backend = CelBackendSpec(name="cel_odbc", description="ODBC CEL backend", post=_post)
