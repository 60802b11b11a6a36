"""func_odbc.conf: each section but ``[general]`` is a function."""

from __future__ import annotations

from dataclasses import dataclass, field

from globstar.base.log import Logger
from globstar.config.file import Category, ConfigFile
from globstar.config.options import Options, Report, option
from globstar.config.values import boolean, enumeration, integer, listing, string

logger = Logger("func_odbc")

#: Databases that are tried one after the other.
MAX_HANDLES = 5
handles = listing(string)


class QueryOptions(Options):
    """A section of func_odbc.conf."""

    prefix: str = option(string, "ODBC", help="What stands before the section's name; with an underscore between.")
    dsn = option(handles, (), help="Databases of res_odbc.conf, for what readhandle and writehandle do not say.")
    readhandle = option(handles, (), help="Databases to read from, tried one after the other.")
    writehandle = option(handles, (), help="Databases to write to, tried one after the other.")
    readsql: str = option(string, "", aliases=("read",), help="The query when the function is read.")
    writesql: str = option(string, "", aliases=("write",), help="The statement when the function is written.")
    insertsql: str = option(string, "", help="The statement when writesql has changed no row.")
    mode: str = option(enumeration("single", "multirow"), "single", help="multirow: the function gives an id for ODBC_FETCH().")
    rowlimit = option(integer(1), 0, help="Most rows of a query with several; 0: 100000.")
    minargs = option(integer(0), 0, help="Fewer arguments are refused.")
    escapecommas = option(boolean, True, help="Commas in values are escaped, so that ARRAY() splits them right.")
    synopsis: str = option(string, "", help="What the function is for.")
    syntax: str = option(string, "", help="How it is used; its name is put in front.")


@dataclass(slots=True)
class Query:
    """One function."""

    name: str
    options: QueryOptions
    where: str
    readsql: str = ""
    writesql: str = ""
    insertsql: str = ""
    read_handles: tuple[str, ...] = ()
    write_handles: tuple[str, ...] = ()

    @property
    def synopsis(self) -> str:
        """What it is for."""
        return self.options.synopsis

    @property
    def syntax(self) -> str:
        """How it is used."""
        return f"{self.name}({self.options.syntax})" if self.options.syntax else ""

    def description(self) -> str:
        """Its statements, for ``core show function``."""
        parts = [
            f"{title}:\n{text}"
            for title, text in (("Read", self.readsql), ("Write", self.writesql), ("Insert", self.insertsql))
            if text
        ]
        return "Runs these statements with ARG1, ARG2 ... (and VALUE, VAL1 ... when written) put in.\n\n" + "\n\n".join(parts)


@dataclass(slots=True)
class Settings:
    """All of func_odbc.conf."""

    queries: dict[str, Query] = field(default_factory=dict)
    single_connection: bool = False


def read_settings(config: ConfigFile | None) -> Settings:
    """Read the file; sections that make no function are told of and left out."""
    settings = Settings()
    report = Report()
    for category in config.categories if config is not None else ():
        if category.name.lower() == "general":
            try:
                settings.single_connection = boolean(category.get("single_db_connection") or "no")
            except ValueError as error:
                logger.warning(f"{category.file}:{category.line}: single_db_connection: {error}")
            continue
        query = _read(category, report)
        if query is not None:
            if query.name in settings.queries:
                logger.warning(f"{query.where}: {query.name} is defined twice; the later one counts")
            settings.queries[query.name] = query
    for warning in report.warnings:
        logger.warning(str(warning))
    return settings


def _read(category: Category, report: Report) -> Query | None:
    options = QueryOptions.read(category, report)
    where = f"{category.file}:{category.line}"
    if not options.readsql and not options.writesql:
        logger.error(f"{where}: [{category.name}] has neither readsql nor writesql and makes no function")
        return None
    if options.insertsql and not options.writesql:
        logger.error(f"{where}: [{category.name}] has insertsql, but no writesql before it, and makes no function")
        return None
    if not (options.dsn or options.readhandle or options.writehandle):
        logger.error(f"{where}: [{category.name}] names no database (dsn, readhandle or writehandle) and makes no function")
        return None
    writing = options.writehandle or options.dsn or options.readhandle
    reading = options.readhandle or options.dsn or options.writehandle
    for names in (reading, writing):
        if len(names) > MAX_HANDLES:
            logger.warning(f"{where}: [{category.name}] names more than {MAX_HANDLES} databases; the rest is not used")
    prefix = options.prefix
    return Query(
        f"{prefix}_{category.name}" if prefix else category.name,
        options,
        where,
        options.readsql,
        options.writesql,
        options.insertsql,
        reading[:MAX_HANDLES],
        writing[:MAX_HANDLES],
    )
