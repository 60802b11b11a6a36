"""A system whose realtime families are in an SQLite file of the test, reached as ODBC and as sqlite3."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from globstar.core.cli import run_command
from globstar.core.system import System
from tests.support.switch import running_system


class TestDatabase:
    """The file, for the test to look into and to change from outside."""

    __test__ = False

    def __init__(self, path: Path) -> None:
        self.path = path

    def run(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run one statement and give its rows."""
        with sqlite3.connect(self.path) as connection:
            rows = connection.execute(sql, values).fetchall()
        connection.close()
        return rows

    def script(self, sql: str) -> None:
        """Run statements."""
        with sqlite3.connect(self.path) as connection:
            connection.executescript(sql)
        connection.close()

    @property
    def url(self) -> str:
        """Its URL."""
        return f"sqlite:///{self.path}"


def realtime_files(database: TestDatabase, extconfig: str) -> dict[str, str]:
    """The configuration that reaches the file: as ``asterisk`` by ODBC, and by the engine sqlite3."""
    return {
        "extconfig.conf": f"[settings]\n{extconfig}\n",
        "res_odbc.conf": f"[asterisk]\nenabled=yes\ndsn={database.url}\nmax_connections=4\n",
        "res_config_sqlite3.conf": f"[asterisk]\ndbfile={database.path}\n",
    }


@asynccontextmanager
async def realtime_system(
    root: Path, schema: str, extconfig: str, files: Mapping[str, str] | None = None
) -> AsyncIterator[tuple[System, TestDatabase]]:
    """A running system with these tables and families."""
    database = TestDatabase(root / "realtime.sqlite3")
    database.script(schema)
    async with running_system(root, {**realtime_files(database, extconfig), **(files or {})}) as system:
        yield system, database


async def command(system: System, line: str) -> str:
    """What a CLI command prints."""
    return await run_command(system, line)
