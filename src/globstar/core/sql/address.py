"""Where a database is: an SQLAlchemy URL, an ODBC connection string, or a data source of odbc.ini, as one value.

ODBC itself is not used where a native driver is known for the database: the data sources of unixODBC are read, and their driver's
name tells the kind of database.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from globstar.base.errors import RemoteFault

#: SQLAlchemy's dialect with the driver that is used for it, by what the name of an ODBC driver contains.
_BY_DRIVER = (
    ("maria", "mysql+pymysql"),
    ("mysql", "mysql+pymysql"),
    ("myodbc", "mysql+pymysql"),
    ("maodbc", "mysql+pymysql"),
    ("postgres", "postgresql+psycopg"),
    ("psql", "postgresql+psycopg"),
    ("pgsql", "postgresql+psycopg"),
    ("sqlite", "sqlite+pysqlite"),
)
#: The drivers that are used when a URL names none.
_DEFAULT_DRIVERS = {
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
    "pgsql": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
    "sqlite": "sqlite+pysqlite",
    "sqlite3": "sqlite+pysqlite",
}

#: Keywords of data sources and connection strings, in lower case, and what they say.
_KEYWORDS = {
    "server": "host",
    "servername": "host",
    "host": "host",
    "hostname": "host",
    "port": "port",
    "database": "database",
    "db": "database",
    "dbname": "database",
    "user": "user",
    "uid": "user",
    "username": "user",
    "password": "password",
    "pwd": "password",
    "socket": "socket",
    "charset": "charset",
    "driver": "driver",
    "sslmode": "sslmode",
}


@dataclass(frozen=True, slots=True)
class DatabaseAddress:
    """A database and who connects to it. ``dialect`` is SQLAlchemy's (``postgresql+psycopg``)."""

    dialect: str
    host: str = ""
    port: int = 0
    database: str = ""
    user: str = ""
    password: str = field(default="", repr=False)
    options: tuple[tuple[str, str], ...] = ()

    @property
    def kind(self) -> str:
        """``postgresql``, ``mysql``, ``sqlite`` ..."""
        kind = self.dialect.partition("+")[0]
        return "mysql" if kind == "mariadb" else kind

    def __str__(self) -> str:
        """The address as a URL without its password."""
        return self._text(show_password=False)

    @property
    def url(self) -> str:
        """The URL for SQLAlchemy, with the password."""
        return self._text(show_password=True)

    def _text(self, *, show_password: bool) -> str:
        if self.kind == "sqlite":
            return f"{self.dialect}:///{self.database}" + self._query()
        who = quote(self.user, safe="")
        if self.password:
            who += ":" + (quote(self.password, safe="") if show_password else "***")
        host = f"[{self.host}]" if ":" in self.host else quote(self.host)
        place = host + (f":{self.port}" if self.port else "")
        return f"{self.dialect}://{who + '@' if who else ''}{place}/{quote(self.database, safe='')}" + self._query()

    def _query(self) -> str:
        return "?" + urlencode(self.options) if self.options else ""

    def with_login(self, user: str, password: str) -> DatabaseAddress:
        """The same with another user and password where they are given."""
        return replace(self, user=user or self.user, password=password or self.password)

    @classmethod
    def of_url(cls, text: str) -> DatabaseAddress:
        """Read an SQLAlchemy URL. Raises RemoteFault."""
        scheme, separator, rest = text.partition("://")
        if not separator:
            raise RemoteFault(f"'{text}' is no URL of a database")
        dialect = _DEFAULT_DRIVERS.get(scheme.lower(), scheme)
        if dialect.startswith("sqlite"):
            path, _, query = rest.partition("?")
            return cls(dialect, database=path.removeprefix("/"), options=tuple(parse_qsl(query)))
        try:
            parts = urlsplit(f"x://{rest}")
            port = parts.port or 0
        except ValueError as error:
            raise RemoteFault(f"the URL of a database is malformed: {error}") from None
        return cls(
            dialect,
            parts.hostname or "",
            port,
            unquote(parts.path.removeprefix("/")),
            unquote(parts.username or ""),
            unquote(parts.password or ""),
            tuple(parse_qsl(parts.query)),
        )

    @classmethod
    def of_keywords(cls, keywords: Mapping[str, str], name: str) -> DatabaseAddress:
        """Read the keywords of a data source (``Driver``, ``Server``, ``Port`` ...). Raises RemoteFault."""
        found: dict[str, str] = {}
        for key, value in keywords.items():
            known = _KEYWORDS.get(key.strip().lower())
            if known is not None and value.strip():
                found[known] = value.strip().strip("{}")
        driver = found.get("driver", "")
        dialect = next((dialect for part, dialect in _BY_DRIVER if part in driver.lower()), "")
        if not dialect:
            raise RemoteFault(
                f"data source '{name}': the ODBC driver '{driver}' is of no known database; "
                "give a URL (postgresql://, mysql://, sqlite:///) instead of the data source's name"
            )
        port = found.get("port", "0")
        if not port.isdecimal():
            raise RemoteFault(f"data source '{name}': '{port}' is no port")
        kind = dialect.partition("+")[0]
        options: list[tuple[str, str]] = []
        host = found.get("host", "")
        if kind == "mysql":
            options += [
                (theirs, found[ours]) for ours, theirs in (("socket", "unix_socket"), ("charset", "charset")) if ours in found
            ]
        elif kind == "postgresql":
            host = host or found.get("socket", "")
            if host.startswith("/"):
                options.append(("host", host))
                host = ""
            if "sslmode" in found:
                options.append(("sslmode", found["sslmode"].lower()))
        return cls(
            dialect,
            host,
            int(port),
            found.get("database", ""),
            found.get("user", ""),
            found.get("password", ""),
            tuple(options),
        )


def odbc_files(environment: Mapping[str, str] = os.environ) -> tuple[list[Path], list[Path]]:
    """Where unixODBC looks for data sources (odbc.ini), and for drivers (odbcinst.ini)."""
    system = Path(environment.get("ODBCSYSINI", "/etc"))
    home = environment.get("HOME")
    user = [Path(environment["ODBCINI"])] if "ODBCINI" in environment else [Path(home) / ".odbc.ini"] if home else []
    return [*user, system / "odbc.ini"], [system / environment.get("ODBCINSTINI", "odbcinst.ini")]


def _sections(path: Path) -> dict[str, dict[str, str]]:
    """The sections of an .ini file with their names in lower case; none where there is no such file."""
    found: dict[str, dict[str, str]] = {}
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return found
    section: dict[str, str] = {}
    for line in lines:
        text = line.strip()
        if not text or text[0] in "#;":
            continue
        if text[0] == "[":
            section = found.setdefault(text[1:].partition("]")[0].strip().lower(), {})
        else:
            key, equals, value = text.partition("=")
            if equals:
                section.setdefault(key.strip(), value.strip())
    return found


def resolve(dsn: str, environment: Mapping[str, str] = os.environ) -> DatabaseAddress:
    """The address behind ``dsn`` of res_odbc.conf: a URL, a connection string, or the name of a data source.

    Reads the files of unixODBC: call it off the loop. Raises RemoteFault when it leads nowhere.
    """
    text = dsn.strip()
    if "://" in text:
        return DatabaseAddress.of_url(text)
    sources, drivers = odbc_files(environment)
    keywords: dict[str, str] = {}
    if "=" in text:
        keywords = {
            key.strip().lower(): value for key, _, value in (part.partition("=") for part in text.split(";")) if key.strip()
        }
        text = keywords.pop("dsn", "")
    if text:
        for path in sources:
            section = _sections(path).get(text.lower())
            if section is not None:
                keywords = {**{key.lower(): value for key, value in section.items()}, **keywords}
                break
        else:
            where = " or ".join(str(path) for path in sources)
            raise RemoteFault(f"there is no data source '{text}' in {where}; a URL (postgresql://user@host/name) does without")
    driver = keywords.get("driver", "")
    for path in drivers:
        described = _sections(path).get(driver.lower())
        if described is not None:
            keywords["driver"] = " ".join([driver, described.get("Driver", ""), described.get("Driver64", "")])
    return DatabaseAddress.of_keywords(keywords, text or dsn)
