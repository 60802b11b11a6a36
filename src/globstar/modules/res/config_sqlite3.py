"""SQLite 3 realtime config engine."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.config.options import Options, Report, option
from globstar.config.values import boolean, integer, string
from globstar.core.realtime.settings import EngineDatabases, log_report, requirements
from globstar.core.realtime.sqlengine import SqlRealtime
from globstar.core.sql.address import DatabaseAddress
from globstar.core.sql.database import DatabaseSettings, SqlDatabase
from globstar.core.system import System

logger = Logger("res_config_sqlite3")

DRIVER = "sqlite3"
_SERVICE = "realtime sqlite3"


class Sqlite3Options(Options):
    """A section of res_config_sqlite3.conf."""

    dbfile: str = option(string, "", help="The database's file.")
    debug = option(boolean, False, help="Show each statement at debug level 3.")
    requirements: str = option(requirements, "warn", help="What is done about columns that a table lacks.")
    batch = option(string, "", help="Accepted; a change is in the file when it is told to be done.")
    busy_timeout = option(integer(0), 1000, unit="ms", help="How long another program's lock is waited for.")


def _engine(system: System, policy: str) -> SqlRealtime:
    def find(name: str, for_writing: bool) -> SqlDatabase | None:
        databases: EngineDatabases = system.services[_SERVICE]
        return databases.databases.get(name)

    return SqlRealtime(find, requirements=policy)


async def reload(system: System) -> None:
    """Read res_config_sqlite3.conf again."""
    databases: EngineDatabases = system.services[_SERVICE]
    config = system.configuration.read("res_config_sqlite3.conf")
    report = Report()
    settings: dict[str, DatabaseSettings] = {}
    policy = "warn"
    for category in config.categories if config is not None else ():
        options = Sqlite3Options.read(category, report)
        if not options.dbfile:
            logger.warning(f"{category.file}:{category.line}: [{category.name}] has no dbfile and is left out")
            continue
        address = DatabaseAddress("sqlite+pysqlite", database=options.dbfile)
        settings[category.name] = DatabaseSettings(
            address, busy_timeout=options.busy_timeout / 1000, logs_statements=options.debug
        )
        policy = options.requirements if options.requirements != "warn" else policy
    log_report(report)
    await databases.configure(settings, _engine(system, policy))


async def load(system: System) -> None:
    """Read res_config_sqlite3.conf; without one there is no such engine."""
    system.services[_SERVICE] = EngineDatabases(system, DRIVER)
    await reload(system)


async def unload(system: System) -> None:
    """Close the files."""
    databases: EngineDatabases = system.services.pop(_SERVICE)
    await databases.close()
