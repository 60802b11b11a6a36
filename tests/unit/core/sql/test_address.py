"""Addresses of databases: URLs, data sources of unixODBC, connection strings."""

from __future__ import annotations

from pathlib import Path

import pytest

from globstar.base.errors import RemoteFault
from globstar.core.sql.address import DatabaseAddress, resolve

ODBC = """
# comment
[ODBC Data Sources]
[Asterisk-Connector]
Description = MySQL connection to 'asterisk' database
Driver = MySQL
Server = db.example.org
Database = asterisk
Port = 3307
Socket = /var/lib/mysql/mysql.sock
User = who
Password = s3:c/ret
[pg]
Driver=PostgreSQL Unicode
Servername=10.0.0.5
Database=calls
Username=pg
[lite]
Driver = /usr/lib/x86_64-linux-gnu/odbc/libsqlite3odbc.so
Database = /var/lib/x.sqlite3
[strange]
Driver = FreeTDS
"""
DRIVERS = "[MySQL]\nDriver = /usr/lib/libmaodbc.so\n"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "odbc.ini").write_text(ODBC)
    (tmp_path / "odbcinst.ini").write_text(DRIVERS)
    return {"ODBCSYSINI": str(tmp_path)}


def test_a_data_source_of_mysql(environment: dict[str, str]) -> None:
    address = resolve("asterisk-connector", environment)
    assert address.dialect == "mysql+pymysql"
    assert address.url == (
        "mysql+pymysql://who:s3%3Ac%2Fret@db.example.org:3307/asterisk?unix_socket=%2Fvar%2Flib%2Fmysql%2Fmysql.sock"
    )
    assert "s3" not in str(address)
    assert "s3" not in repr(address)


def test_a_data_source_of_postgresql_and_one_of_sqlite(environment: dict[str, str]) -> None:
    assert resolve("pg", environment).url == "postgresql+psycopg://pg@10.0.0.5/calls"
    assert resolve("lite", environment).url == "sqlite+pysqlite:////var/lib/x.sqlite3"


def test_a_connection_string_goes_over_its_data_source(environment: dict[str, str]) -> None:
    assert resolve("DSN=pg;Database=other;UID=me;PWD=x", environment).url == "postgresql+psycopg://me:x@10.0.0.5/other"
    assert resolve("Driver={PostgreSQL};Server=::1;Port=5433;Database=d", environment).url == "postgresql+psycopg://[::1]:5433/d"


def test_urls_with_and_without_a_driver(environment: dict[str, str]) -> None:
    assert resolve("postgresql://u:p%40@h/d", environment).url == "postgresql+psycopg://u:p%40@h/d"
    assert resolve("mysql://u@h:1/d?charset=utf8mb4", environment).url == "mysql+pymysql://u@h:1/d?charset=utf8mb4"
    assert resolve("mariadb+mariadbconnector://h/d", environment).dialect == "mariadb+mariadbconnector"
    assert resolve("sqlite:////a/b c.db", environment).database == "/a/b c.db"
    assert DatabaseAddress.of_url("postgresql://h/d").with_login("a", "b").url == "postgresql+psycopg://a:b@h/d"


@pytest.mark.parametrize("text", ["nowhere", "strange", "postgresql://h:port/d", "Driver={PostgreSQL};Port=x", "x=y"])
def test_what_leads_nowhere_is_refused(text: str, environment: dict[str, str]) -> None:
    with pytest.raises(RemoteFault):
        resolve(text, environment)
