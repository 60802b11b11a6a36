"""SQLite3 Custom CEL Module."""

from __future__ import annotations

from typing import Any

from globstar.base.log import Logger
from globstar.core.cel.engine import CelBackendSpec
from globstar.core.cel.event import CelEvent
from globstar.core.cel.scope import EventScope, field_of, find_field
from globstar.core.loader import ModuleDeclined
from globstar.core.sqlitetables import SqliteTable, SqliteTables, read_tables
from globstar.core.system import System

logger = Logger("cel_sqlite3_custom")

_STATE = "cel_sqlite3_custom"


def _read(system: System) -> list[SqliteTable]:
    return read_tables(
        system, "cel_sqlite3_custom.conf", "cel", find_field, field_of, lambda event: EventScope(system, event), logger
    )


async def load(system: System) -> None:
    """Begin to write; declines if there are no tables."""
    tables = _read(system)
    if not tables:
        raise ModuleDeclined("cel_sqlite3_custom.conf names no tables")
    state = system.services[_STATE] = SqliteTables(system, "cel_sqlite3_custom")
    await state.configure(tables)


async def reload(system: System) -> None:
    """Read the tables again."""
    await system.services[_STATE].configure(_read(system))


async def unload(system: System) -> None:
    """Write what waits."""
    state: SqliteTables | None = system.services.pop(_STATE, None)
    if state is not None:
        await state.close()


def _post(system: Any, event: CelEvent) -> None:
    state: SqliteTables | None = system.services.get(_STATE)
    if state is not None:
        state.put(event)


backend = CelBackendSpec(name="cel_sqlite3_custom", description="CEL sqlite3 custom backend", post=_post)
