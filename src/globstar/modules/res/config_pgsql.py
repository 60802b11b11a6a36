"""PostgreSQL RealTime Configuration Driver."""

from __future__ import annotations

from globstar.config.options import Options, Report, option
from globstar.config.values import boolean, integer, string
from globstar.core.cli import CliUsage, cli_command
from globstar.core.realtime.engine import RealtimeFault
from globstar.core.realtime.settings import EngineDatabases, columns_text, log_report, requirements, uptime_text
from globstar.core.realtime.sqlengine import SqlRealtime
from globstar.core.sql.address import DatabaseAddress
from globstar.core.sql.database import DatabaseSettings, SqlDatabase
from globstar.core.system import System

DRIVER = "pgsql"
_SERVICE = "realtime pgsql"


class PgsqlOptions(Options):
    """``[general]`` of res_pgsql.conf."""

    dbhost: str = option(string, "", help="The server; empty: the local one, through its socket.")
    dbport = option(integer(1, 65535), 5432, help="Its port.")
    dbname: str = option(string, "asterisk", help="The database.")
    dbuser: str = option(string, "asterisk", help="Who connects.")
    dbpass: str = option(string, "", secret=True, help="The password.")
    dbsock: str = option(string, "", help="Folder of the server's socket, instead of dbhost.")
    dbappname: str = option(string, "", help="What the server shows this program as.")
    requirements: str = option(requirements, "warn", help="What is done about columns that a table lacks.")
    order_multi_row_results_by_initial_column = option(boolean, True, help="Several rows come ordered by their first column.")

    def address(self) -> DatabaseAddress:
        """Where that is."""
        options = [("application_name", self.dbappname)] if self.dbappname else []
        if not self.dbhost and self.dbsock:
            # the socket's folder, also where its file was named
            folder = self.dbsock.rpartition("/.s.PGSQL.")[0] or self.dbsock
            options.append(("host", folder))
        return DatabaseAddress(
            "postgresql+psycopg", self.dbhost, self.dbport, self.dbname, self.dbuser, self.dbpass, tuple(options)
        )


def _engine(system: System, options: PgsqlOptions) -> SqlRealtime:
    def find(name: str, for_writing: bool) -> SqlDatabase | None:
        # res_pgsql.conf has one database, whatever extconfig.conf calls it
        databases: EngineDatabases = system.services[_SERVICE]
        return next(iter(databases.databases.values()), None)

    return SqlRealtime(find, requirements=options.requirements, orders_multi=options.order_multi_row_results_by_initial_column)


async def reload(system: System) -> None:
    """Read res_pgsql.conf again."""
    databases: EngineDatabases = system.services[_SERVICE]
    config = system.configuration.read("res_pgsql.conf")
    general = config.category("general") if config is not None else None
    report = Report()
    options = PgsqlOptions.read(general, report) if general is not None else PgsqlOptions()
    log_report(report)
    settings = {options.dbname: DatabaseSettings(options.address())} if general is not None else {}
    await databases.configure(settings, _engine(system, options))


async def load(system: System) -> None:
    """Read res_pgsql.conf; without one there is no such engine."""
    system.services[_SERVICE] = EngineDatabases(system, DRIVER)
    await reload(system)


async def unload(system: System) -> None:
    """Close the connections."""
    databases: EngineDatabases = system.services.pop(_SERVICE)
    await databases.close()


@cli_command("realtime show pgsql status", usage="realtime show pgsql status")
def show_status(system: System, args: list[str]) -> str:
    """Tell whether the database of res_pgsql.conf is connected."""
    databases: EngineDatabases = system.services[_SERVICE]
    if not databases.databases:
        return "There is no res_pgsql.conf."
    name, database = next(iter(databases.databases.items()))
    address = database.settings.address
    where = f"{address.host}, port {address.port}" if address.host else "the local socket"
    who = f" with username {address.user}" if address.user else ""
    if database.down_since is not None:
        since = uptime_text(system.now() - database.down_since)
        return f"Not connected to {name}@{where}{who} for {since}: {database.down_reason}."
    state = "Connected to" if database.is_connected else "No connection yet to"
    return f"{state} {name}@{where}{who}; {database.jobs} questions asked, {database.failures} failed."


@cli_command("realtime show pgsql cache", usage="realtime show pgsql cache [<table>]")
async def show_cache(system: System, args: list[str]) -> str:
    """List the tables whose columns are known, or the columns of one table."""
    if len(args) > 1:
        raise CliUsage
    engine = system.realtime.engines.get(DRIVER)
    if not isinstance(engine, SqlRealtime):
        return "There is no res_pgsql.conf."
    if not args:
        return "\n".join(sorted({table for _, table in engine.cached()})) or "No table was used yet."
    try:
        columns = await engine.columns("", args[0])
    except RealtimeFault as fault:
        return f"No such table '{args[0]}': {fault}"
    return columns_text(args[0], columns)
