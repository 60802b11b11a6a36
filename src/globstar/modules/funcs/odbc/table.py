"""What func_odbc holds while it is loaded."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from globstar.core.registry import FunctionSpec
from globstar.modules.funcs.odbc.settings import Settings

if TYPE_CHECKING:
    from globstar.modules.funcs.odbc.queries import QueryFunction

SERVICE = "func_odbc"


@dataclass(slots=True)
class QueryTable:
    """The queries of func_odbc.conf and the functions made of them."""

    settings: Settings
    functions: dict[str, tuple[QueryFunction, FunctionSpec]] = field(default_factory=dict)
    _locks: dict[str, asyncio.Lock] = field(default_factory=dict)

    def lock(self, database: str) -> asyncio.Lock | None:
        """What keeps statements with one database apart (single_db_connection), None where they need not be."""
        return self._locks.setdefault(database, asyncio.Lock()) if self.settings.single_connection else None
