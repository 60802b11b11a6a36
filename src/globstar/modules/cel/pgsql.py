"""PostgreSQL CEL Backend."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from typing import Any

from globstar.base.log import Logger
from globstar.core.cel.columns import column_value, event_of, row_of
from globstar.core.cel.engine import CelBackendSpec
from globstar.core.cel.event import CelEvent
from globstar.core.loader import ModuleDeclined
from globstar.core.outbox import Outbox, Row
from globstar.core.pgsqlsettings import PgsqlOptions, read_pgsql
from globstar.core.sql import SqlDatabase
from globstar.core.sqlrows import Column, SqlRows, Value
from globstar.core.system import System

logger = Logger("cel_pgsql")

_STATE = "cel_pgsql"


class _State:
    """The table of one system and the events on their way to it."""

    def __init__(self, system: System, options: PgsqlOptions) -> None:
        self.database: SqlDatabase
        self.rows: SqlRows
        self.take(system, options)
        self.outbox = Outbox(system, "cel_pgsql", self.deliver)

    def take(self, system: System, options: PgsqlOptions) -> None:
        """Use another configuration."""
        database = self.database = options.database(system, "cel_pgsql")
        zone = UTC if options.usegmtime else None

        def values(row: Row, columns: Sequence[Column]) -> dict[str, Value]:
            event = event_of(row)
            found: dict[str, Value] = {}
            for column in columns:
                value = column_value(event, column.name, column, zone, shows_kind=options.show_user_defined)
                if value is not None:
                    found[column.name] = value
            return found

        self.rows = SqlRows(
            system.loop, lambda: database, options.table, values, schema=options.schema, where=options.dbname
        )  # fmt: skip

    def deliver(self, rows: Sequence[Row]) -> None:
        """Insert events. Called off the loop."""
        self.rows.deliver(rows)


def load(system: System) -> None:
    """Read cel_pgsql.conf; declines without its section global."""
    options = read_pgsql(system, "cel_pgsql.conf", "cel", logger)
    if options is None:
        raise ModuleDeclined("cel_pgsql.conf has no section [global]")
    system.services[_STATE] = _State(system, options)


async def reload(system: System) -> None:
    """Read cel_pgsql.conf and the columns of the table again; without a section the old settings stay."""
    state: _State = system.services[_STATE]
    options = read_pgsql(system, "cel_pgsql.conf", "cel", logger)
    if options is None:
        logger.warning("cel_pgsql.conf has no section [global] any more; the settings stay")
        return
    old = state.database
    state.take(system, options)
    await old.close()


async def unload(system: System) -> None:
    """Write what waits."""
    state: _State | None = system.services.pop(_STATE, None)
    if state is not None:
        await state.outbox.close()
        await state.database.close()


def _post(system: Any, event: CelEvent) -> None:
    state: _State | None = system.services.get(_STATE)
    if state is not None:
        state.outbox.put(row_of(event))


backend = CelBackendSpec(name="cel_pgsql", description="CEL PGSQL backend", post=_post)
