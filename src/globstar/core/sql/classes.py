"""The databases of res_odbc.conf, as the modules see them that use databases by these names (service ``odbc``)."""

from __future__ import annotations

from dataclasses import dataclass

from globstar.core.sql.database import SqlDatabase

#: The service that gives :class:`DatabaseClasses`.
SERVICE = "odbc"


@dataclass(slots=True)
class DatabaseClass:
    """A section of res_odbc.conf: a database with how it is to be used."""

    name: str
    dsn: str
    database: SqlDatabase
    #: whether a transaction that nobody ended is committed at the end of its call
    force_commit: bool = False
    logs_statements: bool = False

    @property
    def backslash_is_escape(self) -> bool:
        """Whether backslashes in literals escape."""
        return self.database.settings.backslash_is_escape


class DatabaseClasses(dict[str, DatabaseClass]):
    """All of them, by name."""

    def database(self, name: str, for_writing: bool = False) -> SqlDatabase | None:
        """The database of that name, None if there is none."""
        found = self.get(name)
        return found.database if found is not None else None
