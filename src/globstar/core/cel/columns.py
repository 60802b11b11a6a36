"""What the columns of a table get of an event, and events as rows that wait on disk."""

from __future__ import annotations

from dataclasses import astuple, fields
from datetime import tzinfo
from typing import Any

from globstar.core.cel.event import NUMBERS, CelEvent
from globstar.core.cel.scope import FIELDS
from globstar.core.outbox import RowRefused
from globstar.core.sqlrows import Column, Value

_COUNT = len(fields(CelEvent))
#: Columns of tables that are called otherwise than the fields of files.
_NAMES = {
    "cid_name": "cidname", "cid_num": "cidnum", "cid_ani": "cidani", "cid_rdnis": "cidrdnis", "cid_dnid": "ciddnid",
    "extra": "eventextra",
}  # fmt: skip


def row_of(event: CelEvent) -> list[Any]:
    """An event as JSON can hold it."""
    return list(astuple(event))


def event_of(row: list[Any]) -> CelEvent:
    """An event from :func:`row_of`. Raises RowRefused."""
    if len(row) != _COUNT:
        raise RowRefused("it is of another version")
    return CelEvent(*row)


def field_text(event: CelEvent, name: str) -> str | None:
    """A field by the name of a column or of a file; None if there is none."""
    lower = name.lower()
    getter = FIELDS.get(_NAMES.get(lower, lower))
    return getter(event) if getter is not None else None


def column_value(
    event: CelEvent,
    name: str,
    column: Column,
    zone: tzinfo | None,
    *,
    shows_kind: bool = False,
    has_fractions: bool = True,
) -> Value:
    """The field ``name`` as ``column`` takes it; None if there is nothing to write.

    The type of an event is a number in a column of numbers. ``shows_kind``: an event of CELGenUserEvent is USER_DEFINED instead
    of its own name. ``has_fractions``: times are not cut to whole seconds.
    """
    match name.lower():
        case "eventtype":
            if column.is_number:
                return NUMBERS[event.kind]
            return column.of_text(event.kind if shows_kind else event.name)
        case "eventtime":
            return column.of_time(event.time if has_fractions else int(event.time), zone)
    text = field_text(event, name)
    return column.of_text(text) if text is not None else None
