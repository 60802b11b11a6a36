"""Statements that users write themselves, run as they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from globstar.core.sql.database import text_of

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection


@dataclass(frozen=True, slots=True)
class Rows:
    """What a query gave: the names of its columns and its rows, NULL as an empty text."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


#: a percent sign in the text is one: there are no parameters
_AS_IT_IS = {"no_parameters": True}


def query(text: str, limit: int) -> Callable[[Connection], Rows]:
    """A job that gives at most ``limit`` rows of ``text``."""

    def work(connection: Connection) -> Rows:
        found = connection.exec_driver_sql(text, None, _AS_IT_IS)
        if not found.returns_rows:
            return Rows((), ())
        columns = tuple(str(name) for name in found.keys())  # noqa: SIM118
        rows = tuple(tuple(text_of(value) or "" for value in row) for row in found.fetchmany(limit))
        found.close()
        return Rows(columns, rows)

    return work


def change(text: str) -> Callable[[Connection], int]:
    """A job that runs ``text`` and gives how many rows it changed, -1 where the database does not say."""
    return lambda connection: int(connection.exec_driver_sql(text, None, _AS_IT_IS).rowcount)
