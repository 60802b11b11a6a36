"""What the configuration files of the SQL engines have in common, and how their databases live over a reload."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.config.options import Report
from globstar.config.values import enumeration
from globstar.core.realtime.sqlengine import CREATE_CHAR, CREATE_CLOSE, WARN, Column, SqlRealtime
from globstar.core.sql.database import DatabaseSettings, SqlDatabase

if TYPE_CHECKING:
    from globstar.core.system import System

logger = Logger("realtime")

#: what is done about columns that a table lacks
requirements = enumeration(WARN, CREATE_CLOSE, CREATE_CHAR)


class EngineDatabases:
    """The databases of one engine by name, and the engine that ``system.realtime`` has under ``driver``."""

    def __init__(self, system: System, driver: str) -> None:
        self.system = system
        self.driver = driver
        self.databases: dict[str, SqlDatabase] = {}

    async def configure(self, settings: dict[str, DatabaseSettings], engine: SqlRealtime) -> None:
        """Take over a new configuration; databases that stay the same keep their connections."""
        old = self.databases
        self.databases = {}
        for name, wanted in settings.items():
            known = old.get(name)
            keep = known is not None and known.settings == wanted
            self.databases[name] = known if keep and known is not None else SqlDatabase(name, wanted, self.system.loop)
        if settings:
            self.system.realtime.add_engine(self.driver, engine)
        else:
            self.system.realtime.remove_engine(self.driver)
        for name, database in old.items():
            if self.databases.get(name) is not database:
                await database.close()

    async def close(self) -> None:
        """Give all back."""
        self.system.realtime.remove_engine(self.driver)
        for database in self.databases.values():
            await database.close()
        self.databases = {}


def log_report(report: Report) -> None:
    """Tell what is wrong with a file."""
    for warning in report.warnings:
        logger.warning(str(warning))


def columns_text(table: str, columns: dict[str, Column]) -> str:
    """The columns of a table as a table."""
    lines = [f"Columns for Table Cache '{table}':", f"{'Name':<20} {'Type':<20} {'Nullable':<8}"]
    lines += [f"{'-' * 20} {'-' * 20} {'-' * 8}"]
    lines += [f"{name:<20} {kind:<20} {'NULL' if nullable else 'NOT NULL':<8}" for name, kind, nullable in columns.values()]
    return "\n".join(lines)


def uptime_text(seconds: float) -> str:
    """``3 hours, 2 minutes, 1 second``."""
    parts: list[str] = []
    rest = int(seconds)
    for size, unit in ((31_536_000, "year"), (604_800, "week"), (86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
        count, rest = divmod(rest, size)
        if count or (size == 1 and not parts):
            parts.append(f"{count} {unit}{'' if count == 1 else 's'}")
    return ", ".join(parts)
