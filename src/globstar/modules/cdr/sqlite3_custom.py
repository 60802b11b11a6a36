"""SQLite3 Custom CDR Module."""

from __future__ import annotations

from typing import Any

from globstar.base.log import Logger
from globstar.core.cdr.engine import SERVICE, CdrEngine
from globstar.core.cdr.posting import CdrBackendSpec
from globstar.core.cdr.record import FinishedRecord
from globstar.core.cdr.scope import RecordScope, field_of, find_field
from globstar.core.loader import ModuleDeclined
from globstar.core.sqlitetables import SqliteTable, SqliteTables, read_tables
from globstar.core.system import System

logger = Logger("cdr_sqlite3_custom")

_STATE = "cdr_sqlite3_custom"


def _read(system: System) -> list[SqliteTable]:
    return read_tables(
        system, "cdr_sqlite3_custom.conf", "cdr", find_field, field_of, lambda record: RecordScope(system, record), logger
    )


async def load(system: System) -> None:
    """Begin to write; declines if there are no tables."""
    tables = _read(system)
    if not tables:
        raise ModuleDeclined("cdr_sqlite3_custom.conf names no tables")
    state = system.services[_STATE] = SqliteTables(system, "cdr_sqlite3_custom")
    await state.configure(tables)


async def reload(system: System) -> None:
    """Read the tables again."""
    await system.services[_STATE].configure(_read(system))


async def unload(system: System) -> None:
    """Write what waits."""
    engine = system.service(SERVICE, CdrEngine)
    if engine is not None:
        engine.hand_over_all()
    state: SqliteTables | None = system.services.pop(_STATE, None)
    if state is not None:
        await state.close()


def _post(system: Any, records: list[FinishedRecord]) -> None:
    state: SqliteTables | None = system.services.get(_STATE)
    if state is not None:
        for record in records:
            state.put(record)


backend = CdrBackendSpec(name="cdr_sqlite3_custom", description="CDR sqlite3 custom backend", post=_post)
