"""The engine ``text``: families in configuration files, each category a row. They are read only."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from globstar.config.errors import ConfigError, ConfigFileMissing
from globstar.config.file import Category
from globstar.config.reader import read_config
from globstar.core.realtime.engine import Criteria, RealtimeFault, Requirement, Row, StaticLine, split_operator

if TYPE_CHECKING:
    from globstar.core.system import System

#: Columns that stand for the category's name where it has no such variable.
_NAMES = ("id", "name")


class FilesEngine:
    """``family => text,file.conf``: each category is a row, with its variables as columns and its name as ``id`` and ``name``."""

    def __init__(self, system: System) -> None:
        self._system = system

    async def load(self, database: str, table: str, criteria: Criteria) -> Row | None:
        """See RealtimeEngine."""
        rows = await self._matching(database, table, criteria)
        return rows[0] if rows else None

    async def load_multi(self, database: str, table: str, criteria: Criteria) -> list[Row]:
        """See RealtimeEngine."""
        rows = await self._matching(database, table, criteria)
        first = split_operator(criteria[0][0])[0] if criteria else "id"
        return sorted(rows, key=lambda row: next((value for name, value in row if name == first), ""))

    async def _matching(self, database: str, table: str, criteria: Criteria) -> list[Row]:
        name = database or f"{table}.conf"
        source = self._system.configuration.source
        try:
            config = await self._system.run_blocking(read_config, name, source)
        except ConfigFileMissing:
            raise RealtimeFault(f"there is no {name}") from None
        except ConfigError as error:
            raise RealtimeFault(str(error)) from None
        return [row for row in map(_row, config.categories) if all(_matches(row, *criterion) for criterion in criteria)]

    async def update(self, database: str, table: str, criteria: Criteria, fields: Sequence[tuple[str, str]]) -> int:
        """See RealtimeEngine."""
        raise RealtimeFault(f"{database or table} is a file and is not written to")

    async def store(self, database: str, table: str, fields: Sequence[tuple[str, str]]) -> str:
        """See RealtimeEngine."""
        raise RealtimeFault(f"{database or table} is a file and is not written to")

    async def destroy(self, database: str, table: str, criteria: Criteria) -> int:
        """See RealtimeEngine."""
        raise RealtimeFault(f"{database or table} is a file and is not written to")

    async def load_file(self, database: str, table: str, file: str) -> list[StaticLine]:
        """The variables of another file, ``database``."""
        name = database or file
        try:
            config = await self._system.run_blocking(read_config, name, self._system.configuration.source)
        except ConfigError as error:
            raise RealtimeFault(str(error)) from None
        return [
            StaticLine(category.name, variable.name, variable.value, metric)
            for metric, category in enumerate(config.categories)
            for variable in category
        ]

    async def require(self, database: str, table: str, requirements: Sequence[Requirement]) -> list[str]:
        """See RealtimeEngine: a file has whatever columns it is given."""
        return []


def _row(category: Category) -> Row:
    values: dict[str, str] = {}
    for variable in category:
        name = variable.name
        values[name] = f"{values[name]};{variable.value}" if name in values else variable.value
    for name in _NAMES:
        values.setdefault(name, category.name)
    return list(values.items())


def _matches(row: Row, column: str, wanted: str) -> bool:
    name, operator = split_operator(column)
    value = next((value for held, value in row if held.lower() == name.lower()), None)
    if value is None:
        return operator in ("!=", "<>")
    match operator.upper():
        case "=":
            return value == wanted
        case "!=" | "<>":
            return value != wanted
        case "LIKE":
            return re.fullmatch(like_expression(wanted), value, re.IGNORECASE | re.DOTALL) is not None
        case "NOT LIKE":
            return re.fullmatch(like_expression(wanted), value, re.IGNORECASE | re.DOTALL) is None
        case "<" | ">" | "<=" | ">=" as comparison:
            return _compares(value, wanted, comparison)
    raise RealtimeFault(f"operator '{operator}' is not known")


def like_expression(pattern: str) -> str:
    """SQL's LIKE, with a backslash as escape, as a regular expression."""
    return "".join({"%": ".*", "_": "."}.get(part, re.escape(part[-1])) for part in re.findall(r"\\.|.", pattern, re.DOTALL))


def _compares(value: str, wanted: str, operator: str) -> bool:
    left: float | str
    right: float | str
    try:
        left, right = float(value), float(wanted)
    except ValueError:
        left, right = value, wanted
    if operator[0] == "<":
        return left < right or (operator == "<=" and left == right)  # type: ignore[operator]
    return left > right or (operator == ">=" and left == right)  # type: ignore[operator]
