"""``[global]`` of cdr_pgsql.conf and cel_pgsql.conf: the PostgreSQL server and the table."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.config.options import Options, Report, option
from globstar.config.values import boolean, integer, string
from globstar.core.sql import DatabaseAddress, DatabaseSettings, SqlDatabase
from globstar.core.system import System


class PgsqlOptions(Options):
    """Where the table is and who connects."""

    hostname = option(string, "", help="The server; empty or a folder: the local one through its socket.")
    port = option(integer(1, 65535), 5432, help="Its port.")
    dbname = option(string, "asterisk", help="The database.")
    user = option(string, "asterisk", help="Who connects.")
    password = option(string, "", secret=True, help="The password.")
    table = option(string, "", help="The table; cdr or cel if not given.")
    schema = option(string, "", help="Its schema.")
    appname = option(string, "asterisk", help="What the server shows this program as.")
    encoding = option(string, "", help="How texts are encoded on the way, as PostgreSQL calls it.")
    timezone = option(string, "", help="Zone of the times of records; local time if not given.")
    usegmtime = option(boolean, False, help="Write times of events in UTC.")
    show_user_defined = option(boolean, False, help="Write USER_DEFINED and the name apart instead of the name alone.")

    def database(self, system: System, name: str) -> SqlDatabase:
        """The database; nothing is connected yet."""
        options = [("application_name", self.appname)] if self.appname else []
        if self.encoding:
            options.append(("client_encoding", self.encoding))
        host = self.hostname
        if host.startswith("/"):
            options.append(("host", host))
            host = ""
        address = DatabaseAddress(
            "postgresql+psycopg", host, self.port, self.dbname, self.user, self.password, tuple(options)
        )  # fmt: skip
        return SqlDatabase(name, DatabaseSettings(address, max_connections=1), system.loop)


def read_pgsql(system: System, file: str, table: str, logger: Logger) -> PgsqlOptions | None:
    """The options of ``[global]``, None if there is no such section."""
    config = system.configuration.read(file)
    sections = config.categories_named("global") if config is not None else []
    if not sections:
        return None
    report = Report()
    options = PgsqlOptions.read(sections[-1], report)
    for warning in report.warnings:
        logger.log(warning.level, str(warning))
    options.table = options.table or table
    return options
