"""What an engine of realtime does, and how rows become variables."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol, runtime_checkable

from globstar.base.errors import GlobstarError

#: The columns of one row in their order, as text; NULL is left out.
Row = list[tuple[str, str]]
#: What rows must match: column, perhaps with an operator (``exten LIKE``), and value.
Criteria = Sequence[tuple[str, str]]

_ENCODED = re.compile(r"\^(3B|3b|5E|5e)")


class RealtimeFault(GlobstarError):
    """An engine could not do what it was asked; the message says why."""


class NotMapped(RealtimeFault):
    """extconfig.conf maps no such family."""


class FieldType(Enum):
    """What a column must be able to hold (``requirements``)."""

    CHAR = "char"
    INTEGER = "integer"
    FLOAT = "float"
    DATETIME = "datetime"


@dataclass(frozen=True, slots=True)
class Requirement:
    """A column that somebody is going to use."""

    column: str
    type: FieldType = FieldType.CHAR
    size: int = 80


@runtime_checkable
class RealtimeEngine(Protocol):
    """A store of families. ``database`` and ``table`` are those of extconfig.conf. All methods raise RealtimeFault."""

    async def load(self, database: str, table: str, criteria: Criteria) -> Row | None:
        """The first row that matches, None if there is none."""

    async def load_multi(self, database: str, table: str, criteria: Criteria) -> list[Row]:
        """All rows that match, ordered by the column of the first criterion."""

    async def update(self, database: str, table: str, criteria: Criteria, fields: Sequence[tuple[str, str]]) -> int:
        """Change the rows that match; how many there were."""

    async def store(self, database: str, table: str, fields: Sequence[tuple[str, str]]) -> str:
        """Add a row; its number where the store gives one, else an empty text."""

    async def destroy(self, database: str, table: str, criteria: Criteria) -> int:
        """Remove the rows that match; how many there were."""

    async def load_file(self, database: str, table: str, file: str) -> list[StaticLine]:
        """The lines of a configuration file, in order."""

    async def require(self, database: str, table: str, requirements: Sequence[Requirement]) -> list[str]:
        """See that the table has these columns, by the engine's option ``requirements``; the names of those missing still."""


@dataclass(frozen=True, slots=True)
class StaticLine:
    """A variable of a whole file that stands in a table."""

    category: str
    name: str
    value: str
    metric: int = 0


def split_operator(column: str) -> tuple[str, str]:
    """``exten LIKE`` is column and operator; without one it is ``=``."""
    name, _, operator = column.strip().partition(" ")
    return name, operator.strip() or "="


def variables_of(row: Row, *, keep_empty: bool = False) -> Row:
    """A row as variables: a value with semicolons is several of one name; ``^3B`` is a semicolon, ``^5E`` a caret.

    Empty values are left out unless ``keep_empty``; a single blank stands for an empty value that counts.
    """
    found: Row = []
    for name, value in row:
        if value == " ":
            found.append((name, ""))
            continue
        parts = value.split(";") if ";" in value else [value]
        for part in parts:
            text = decode(part.strip()) if len(parts) > 1 else decode(part)
            if text or (keep_empty and len(parts) == 1):
                found.append((name, text))
    return found


def decode(text: str) -> str:
    """Undo :func:`encode`."""
    return _ENCODED.sub(lambda found: chr(int(found[1], 16)), text) if "^" in text else text


def encode(text: str) -> str:
    """A value in which semicolons do not separate."""
    return text.replace("^", "^5E").replace(";", "^3B")
