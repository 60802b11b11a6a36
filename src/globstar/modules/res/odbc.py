"""ODBC resource."""

from __future__ import annotations

from datetime import datetime

from globstar.base.errors import RemoteFault
from globstar.base.log import Logger
from globstar.base.programs import set_environment
from globstar.config.file import Category
from globstar.config.options import Options, Report, option
from globstar.config.values import boolean, enumeration, integer, string
from globstar.core.cli import CliUsage, cli_command
from globstar.core.cli_data import CliText
from globstar.core.sql.address import resolve
from globstar.core.sql.classes import SERVICE, DatabaseClass, DatabaseClasses
from globstar.core.sql.database import DatabaseSettings, SqlDatabase
from globstar.core.system import System

logger = Logger("res_odbc")

#: Names of isolation levels, and those of SQLAlchemy.
ISOLATION = {
    "read_committed": "READ COMMITTED",
    "read_uncommitted": "READ UNCOMMITTED",
    "repeatable_read": "REPEATABLE READ",
    "serializable": "SERIALIZABLE",
}
_GONE = ("pooling", "share", "limit", "idlecheck")


def _isolation(text: str) -> str:
    level = ISOLATION.get(text.strip().lower().replace(" ", "_"))
    if level is None:
        raise ValueError("expected " + ", ".join(ISOLATION))
    return level


class ClassOptions(Options):
    """A section of res_odbc.conf."""

    enabled = option(boolean, True, help="Whether this database is used.")
    dsn: str = option(string, "", help="A URL (postgresql://, mysql://, sqlite:///), a data source of odbc.ini, or its keywords.")
    username: str = option(string, "", help="Who connects, instead of what the data source says.")
    password: str = option(string, "", secret=True, help="The password.")
    pre_connect = option(boolean, False, name="pre-connect", help="Connect when this file is read.")
    sanitysql: str = option(string, "", help="What tests a connection before it is used again.")
    isolation: str = option(_isolation, "", help="Isolation of transactions.")
    forcecommit = option(boolean, False, help="Transactions that nobody ended are committed at the end of their call.")
    backslash_is_escape = option(boolean, True, help="Backslashes in literals escape.")
    connect_timeout = option(integer(1), 10, unit="s", help="How long connecting may take.")
    negative_connection_cache = option(integer(0), 5, unit="s", help="Nobody tries again for so long after a failure.")
    max_connections = option(integer(1, 500), 1, help="Connections at a time.")
    cache_type = option(
        enumeration("stack", "roundrobin"), "stack", help="Which idle connection is used next.", aliases=("cache-type",)
    )
    cache_size = option(integer(0), -1, help="Idle connections that are kept.", aliases=("cache-size",))
    logging = option(boolean, False, help="Count statements, and keep the longest for 'odbc show'.")
    slow_query_limit = option(integer(0), 5000, unit="ms", help="Statements that take longer are told of; 0 none.")


async def _read_class(system: System, category: Category, report: Report) -> DatabaseClass | None:
    options = ClassOptions.read(category, report, ignore=_GONE)
    for variable in category:
        if variable.name.lower() in _GONE:
            report(variable, f"option '{variable.name}' has no effect; max_connections says how many connections there may be")
    if not options.enabled:
        return None
    if not options.dsn:
        logger.warning(f"{category.file}:{category.line}: [{category.name}] has no dsn and is left out")
        return None
    try:
        address = await system.run_blocking(resolve, options.dsn)
    except RemoteFault as fault:
        logger.error(f"{category.file}:{category.line}: [{category.name}] is left out: {fault}")
        return None
    settings = DatabaseSettings(
        address.with_login(options.username, options.password),
        max_connections=options.max_connections,
        kept_connections=options.cache_size if options.cache_size >= 0 else None,
        round_robin=options.cache_type == "roundrobin",
        connect_timeout=float(options.connect_timeout),
        negative_cache=float(options.negative_connection_cache),
        slow_query_limit=options.slow_query_limit / 1000,
        isolation=options.isolation,
        sanity_sql=options.sanitysql,
        backslash_is_escape=options.backslash_is_escape,
    )
    database = SqlDatabase(category.name, settings, system.loop)
    found = DatabaseClass(category.name, options.dsn, database, options.forcecommit, options.logging)
    if options.pre_connect:
        system.tasks.start(database.check(), name=f"connect {category.name}")
    return found


async def _read(system: System, held: DatabaseClasses) -> DatabaseClasses:
    """What res_odbc.conf says. Databases that did not change stay as they are. Raises ConfigError."""
    config = system.configuration.read("res_odbc.conf")
    found = DatabaseClasses()
    report = Report()
    for category in config.categories if config is not None else ():
        if category.name.upper() == "ENV":
            for variable in category:
                set_environment(variable.name, variable.value)
            continue
        read = await _read_class(system, category, report)
        if read is None:
            continue
        known = held.get(category.name)
        if known is not None and known.database.settings == read.database.settings:
            known.force_commit, known.logs_statements = read.force_commit, read.logs_statements
            read = known
        found[category.name] = read
    for warning in report.warnings:
        logger.warning(str(warning))
    return found


async def load(system: System) -> None:
    """Read res_odbc.conf."""
    system.services[SERVICE] = await _read(system, DatabaseClasses())


async def reload(system: System) -> None:
    """Read res_odbc.conf again; connections of databases that did not change stay, others until their transactions have ended."""
    classes: DatabaseClasses = system.services[SERVICE]
    new = await _read(system, classes)
    gone = [held.database for name, held in classes.items() if new.get(name) is not held]
    classes.clear()
    classes.update(new)
    for database in gone:
        system.tasks.start(database.close(None), name=f"end of database {database.name}")


async def unload(system: System) -> None:
    """Close all connections."""
    classes: DatabaseClasses = system.services.pop(SERVICE)
    for held in classes.values():
        await held.database.close()


def _names(system: System, args: list[str]) -> list[str]:
    return list(system.services[SERVICE]) if len(args) <= 1 else []


@cli_command("odbc show", usage="odbc show [class]", complete=_names)
def show(system: System, args: list[str]) -> str:
    """List the databases of res_odbc.conf, or one of them, with their connections."""
    if len(args) > 1:
        raise CliUsage
    classes: DatabaseClasses = system.services[SERVICE]
    lines = ["", "ODBC DSN Settings", "-----------------", ""]
    data: list[dict[str, object]] = []
    for name, held in classes.items():
        if args and args[0].lower() not in (name.lower(), "all"):
            continue
        database = held.database
        settings = database.settings
        kept = settings.max_connections if settings.kept_connections is None else settings.kept_connections
        failed = datetime.fromtimestamp(database.last_negative_wall)
        lines += [
            f"  Name:   {name}",
            f"  DSN:    {_shown(held)}",
            f"    Last fail connection attempt: {failed:%Y-%m-%d %H:%M:%S}",
            f"    Number of active connections: {database.connections} (out of {settings.max_connections})",
            f"    Cache Type: {'round-robin' if settings.round_robin else 'stack (last release, first re-use)'}",
            f"    Cache Usage: {min(database.connections, kept)} cached out of {kept}",
            f"    Logging: {'Enabled' if held.logs_statements else 'Disabled'}",
        ]
        if held.logs_statements:
            lines.append(f"    Number of queries executed: {database.statements}")
            if database.longest_statement:
                longest = f"{database.longest * 1000:.0f} milliseconds"
                lines.append(f"    Longest running SQL query: {database.longest_statement} ({longest})")
        if database.down_since is not None:
            lines.append(f"    Down for {system.now() - database.down_since:.0f} s: {database.down_reason}")
        lines.append("")
        data.append({
            "name": name, "dsn": _shown(held), "connections": database.connections, "max_connections": settings.max_connections,
            "statements": database.statements, "down": database.down_reason if database.down_since is not None else None,
        })  # fmt: skip
    return CliText("\n".join(lines), data)


def _shown(held: DatabaseClass) -> str:
    """The data source as the file names it; a URL without its password."""
    return str(held.database.settings.address) if "://" in held.dsn or "=" in held.dsn else held.dsn
