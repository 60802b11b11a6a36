"""What the columns of a table get of a record, and records as rows that wait on disk."""

from __future__ import annotations

from dataclasses import astuple, fields
from datetime import tzinfo
from typing import Any

from globstar.core.cdr.record import FinishedRecord
from globstar.core.cdr.scope import read_field
from globstar.core.outbox import RowRefused
from globstar.core.sqlrows import Column, Value

_TIMES = ("start", "answer", "end")
_COUNT = len(fields(FinishedRecord))


def row_of(record: FinishedRecord) -> list[Any]:
    """A record as JSON can hold it."""
    return list(astuple(record))


def record_of(row: list[Any]) -> FinishedRecord:
    """A record from :func:`row_of`. Raises RowRefused."""
    if len(row) != _COUNT:
        raise RowRefused("it is of another version")
    return FinishedRecord(*row)


def column_value(record: FinishedRecord, name: str, column: Column, zone: tzinfo | None) -> Value:
    """The field or variable ``name`` as ``column`` takes it; None if there is nothing to write.

    Times that are not set are left out. Dispositions and AMA flags are numbers in columns of numbers, lengths have fractions in
    columns of fractions. Only a text may be empty.
    """
    field = name.lower()
    if field in _TIMES:
        return column.of_time(getattr(record, field), zone)
    options = ""
    if (field in ("duration", "billsec") and column.kind == "float") or (
        field in ("disposition", "amaflags") and column.is_number
    ):
        options = "fu"
    text = read_field(record, field, options)
    if not text and not is_field(field):
        text = record.variables.get(name, "")
        if not text:
            return None
    return column.of_text(text)


_FIELDS = frozenset({
    "accountcode", "src", "dst", "dcontext", "clid", "channel", "dstchannel", "lastapp", "lastdata", "duration", "billsec",
    "disposition", "amaflags", "uniqueid", "userfield", "peeraccount", "linkedid", "sequence", "tenantid", "peertenantid",
    *_TIMES,
})  # fmt: skip


def is_field(name: str) -> bool:
    """Whether every record has a field of that name."""
    return name in _FIELDS
