"""Rows of a question as the driver gives them.

SQLAlchemy describes every column of every answer anew when the columns are not known before (``SELECT *``), which costs more
than the question itself: tables of PJSIP objects have more than a hundred columns. So the statement is made by SQLAlchemy for its
dialect, once, and asked with the driver's own cursor; faults are still SQLAlchemy's.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Dialect

#: Key in ``connection.info`` of what is told how long a statement took.
TOOK = "told of statements"


@lru_cache(maxsize=500)
def _compiled(text: str, dialect: Dialect) -> tuple[str, tuple[str, ...] | None]:
    """The statement in the driver's words, and the order of its values where they have no names."""
    from sqlalchemy import text as sql

    compiled = sql(text).compile(dialect=dialect)
    names = tuple(compiled.positiontup) if compiled.positional and compiled.positiontup is not None else None
    return str(compiled), names


def read_rows(connection: Connection, text: str, values: Mapping[str, Any], limit: int) -> tuple[list[str], list[Any]]:
    """Names of the columns, and at most ``limit`` rows; ``:name`` in ``text`` stands for a value. Raises SQLAlchemyError."""
    from sqlalchemy.exc import DBAPIError

    dialect = connection.dialect
    statement, order = _compiled(text, dialect)
    given: Any = {**values} if order is None else tuple(values[name] for name in order)
    driver = connection.connection
    cursor = driver.cursor()
    begun = time.monotonic()
    try:
        cursor.execute(statement, given)
        names = [str(column[0]) for column in cursor.description]
        rows = list(cursor.fetchmany(limit))
    except dialect.loaded_dbapi.Error as error:
        is_broken = dialect.is_disconnect(error, driver.dbapi_connection, cursor)
        if is_broken:
            connection.invalidate(error)
        raise DBAPIError.instance(
            statement, given, error, dialect.loaded_dbapi.Error, connection_invalidated=is_broken, dialect=dialect
        ) from error
    finally:
        cursor.close()
    took: Callable[[float, str], None] | None = connection.info.get(TOOK)
    if took is not None:
        took(time.monotonic() - begun, statement)
    return names, rows
