"""MySQL RealTime Configuration Driver."""

from __future__ import annotations

from globstar.config.options import Options, Report, option
from globstar.config.values import integer, string
from globstar.core.cli import CliUsage, cli_command
from globstar.core.realtime.settings import EngineDatabases, columns_text, log_report, requirements, uptime_text
from globstar.core.realtime.sqlengine import SqlRealtime
from globstar.core.sql.address import DatabaseAddress
from globstar.core.sql.database import DatabaseSettings, SqlDatabase
from globstar.core.system import System

SUPPORT_LEVEL = "extended"
DRIVER = "mysql"
_SERVICE = "realtime mysql"


class MysqlOptions(Options):
    """A section of res_config_mysql.conf."""

    dbhost: str = option(string, "", help="The server; empty: the local one, through its socket.")
    dbname: str = option(string, "asterisk", help="The database.")
    dbuser: str = option(string, "", help="Who connects.")
    dbpass: str = option(string, "", secret=True, help="The password.")
    dbport = option(integer(1, 65535), 3306, help="The server's port.")
    dbsock: str = option(string, "", help="The server's socket.")
    dbcharset: str = option(string, "", help="Character set of the connection.")
    requirements: str = option(requirements, "warn", help="What is done about columns that a table lacks.")

    def address(self) -> DatabaseAddress:
        """Where that is."""
        options = [("charset", self.dbcharset)] if self.dbcharset else []
        if self.dbsock and self.dbhost in ("", "localhost"):
            options.append(("unix_socket", self.dbsock))
        return DatabaseAddress(
            "mysql+pymysql", self.dbhost or "localhost", self.dbport, self.dbname, self.dbuser, self.dbpass, tuple(options)
        )


def _engine(system: System, policy: str) -> SqlRealtime:
    def find(name: str, for_writing: bool) -> SqlDatabase | None:
        databases: EngineDatabases = system.services[_SERVICE]
        reading, slash, writing = name.partition("/")
        return databases.databases.get(writing if slash and for_writing else reading)

    return SqlRealtime(find, requirements=policy)


async def reload(system: System) -> None:
    """Read res_config_mysql.conf again."""
    databases: EngineDatabases = system.services[_SERVICE]
    config = system.configuration.read("res_config_mysql.conf")
    report = Report()
    settings: dict[str, DatabaseSettings] = {}
    policy = "warn"
    for category in config.categories if config is not None else ():
        options = MysqlOptions.read(category, report)
        settings[category.name] = DatabaseSettings(options.address())
        policy = options.requirements if options.requirements != "warn" else policy
    log_report(report)
    await databases.configure(settings, _engine(system, policy))


async def load(system: System) -> None:
    """Read res_config_mysql.conf; without one there is no such engine."""
    system.services[_SERVICE] = EngineDatabases(system, DRIVER)
    await reload(system)


async def unload(system: System) -> None:
    """Close the connections."""
    databases: EngineDatabases = system.services.pop(_SERVICE)
    await databases.close()


def _names(system: System, args: list[str]) -> list[str]:
    databases: EngineDatabases = system.services[_SERVICE]
    return list(databases.databases) if len(args) <= 1 else []


@cli_command("realtime mysql status", usage="realtime mysql status [<database>]", complete=_names)
def show_status(system: System, args: list[str]) -> str:
    """Tell of each database of res_config_mysql.conf, or of one, whether it is connected."""
    if len(args) > 1:
        raise CliUsage
    databases: EngineDatabases = system.services[_SERVICE]
    lines = []
    for name, database in databases.databases.items():
        if args and args[0] != name:
            continue
        address = database.settings.address
        socket = dict(address.options).get("unix_socket")
        where = f"socket file {socket}" if socket else f"{address.host}, port {address.port}"
        who = f" with username {address.user}" if address.user else ""
        if database.down_since is not None:
            since = uptime_text(system.now() - database.down_since)
            lines.append(f"{name} not connected to {address.database}@{where}{who} for {since}: {database.down_reason}.")
        else:
            state = "connected to" if database.is_connected else "not connected yet to"
            lines.append(f"{name} {state} {address.database}@{where}{who}; {database.jobs} questions asked.")
    return "\n".join(lines) or "No connections matched."


@cli_command("realtime mysql cache", usage="realtime mysql cache [<database> <table>]", complete=_names)
def show_cache(system: System, args: list[str]) -> str:
    """List the tables whose columns are known by database, or the columns of one table."""
    if len(args) not in (0, 2):
        raise CliUsage
    engine = system.realtime.engines.get(DRIVER)
    cached = engine.cached() if isinstance(engine, SqlRealtime) else {}
    if not args:
        return "\n".join(f"{database:<20.20} {table}" for database, table in sorted(cached)) or "No tables are in cache."
    columns = cached.get((args[0], args[1]))
    if columns is None:
        return f"No such table '{args[1]}' of '{args[0]}' in cache"
    return columns_text(args[1], columns)
