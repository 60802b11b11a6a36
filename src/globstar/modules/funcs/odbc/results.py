"""Rows that a channel has not fetched yet, by the id of their query."""

from __future__ import annotations

import itertools
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from globstar.core.functions import FunctionError
from globstar.core.sql.statements import Rows

if TYPE_CHECKING:
    from globstar.core.channel import Channel

_KEY = "odbc results"
COLUMNS = "~ODBCFIELDS~"
#: Queries of one channel whose rows wait; the oldest is forgotten.
MAX_RESULTS = 64

_numbers = itertools.count(1)


@dataclass(slots=True)
class _Result:
    names: str
    rows: deque[str]


def row_text(row: tuple[str, ...], *, escapes: bool) -> str:
    """The values of a row with commas between them."""
    if not escapes:
        return ",".join(row)
    return ",".join(value.replace("\\", "\\\\").replace(",", "\\,") for value in row)


def keep(channel: Channel, found: Rows, *, escapes: bool) -> str:
    """Keep the rows of a query; gives the id."""
    held: dict[str, _Result] = channel.data.setdefault(_KEY, {})
    while len(held) >= MAX_RESULTS:
        del held[next(iter(held))]
    number = str(next(_numbers))
    held[number] = _Result(",".join(found.columns), deque(row_text(row, escapes=escapes) for row in found.rows))
    return number


def next_row(channel: Channel | None, number: str) -> str:
    """Take the next row of a query."""
    if channel is None:
        raise FunctionError("a channel is needed")
    held: dict[str, _Result] = channel.data.get(_KEY, {})
    result = held.get(number)
    if result is None or not result.rows:
        channel.variables.set("ODBC_FETCH_STATUS", "FAILURE")
        held.pop(number, None)
        return ""
    channel.variables.set(COLUMNS, result.names)
    channel.variables.set("ODBC_FETCH_STATUS", "SUCCESS")
    return result.rows.popleft()


def forget(channel: Channel, number: str) -> None:
    """Forget the rest."""
    held: dict[str, _Result] = channel.data.get(_KEY, {})
    held.pop(number, None)
