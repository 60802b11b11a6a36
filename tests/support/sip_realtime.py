"""PJSIP objects in a database with the columns of Asterisk's schema."""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.realtime import TestDatabase, realtime_files
from tests.support.sip_phone import SipOffice, sip_office

TABLES = ("ps_endpoints", "ps_auths", "ps_aors", "ps_contacts", "ps_endpoint_id_ips", "ps_domain_aliases", "ps_registrations")

EXTCONFIG = "\n".join(f"{table} => odbc,asterisk" for table in TABLES)
SORCERY = """
[res_pjsip]
endpoint=realtime,ps_endpoints
auth=realtime,ps_auths
aor=realtime,ps_aors
domain_alias=realtime,ps_domain_aliases
contact=realtime,ps_contacts
[res_pjsip_endpoint_identifier_ip]
identify=realtime,ps_endpoint_id_ips
"""


def schema(*tables: str) -> str:
    """CREATE TABLE statements for tables of Asterisk's schema, as SQLite takes them."""
    columns: dict[str, list[str]] = {}
    with Path(__file__).with_name("realtime_schema.tsv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            columns.setdefault(row["table"], []).append(row["column"])
    statements = []
    for table in tables:
        names = ", ".join(f'"{name}" TEXT' + (" PRIMARY KEY" if name == "id" else "") for name in columns[table])
        statements.append(f"CREATE TABLE {table} ({names});")
    return "\n".join(statements)


def phone_rows(name: str, password: str = "secret", **options: str) -> str:
    """INSERT statements for one phone; ``options`` are its endpoint's."""
    values = {
        "aors": name,
        "auth": name,
        "context": "default",
        "disallow": "all",
        "allow": "ulaw",
        "direct_media": "no",
        **options,
    }
    names = ", ".join(f'"{key}"' for key in ("id", *values))
    texts = ", ".join(f"'{value}'" for value in (name, *values.values()))
    return f"""
INSERT INTO ps_endpoints ({names}) VALUES ({texts});
INSERT INTO ps_auths (id, auth_type, username, password) VALUES ('{name}', 'userpass', '{name}', '{password}');
INSERT INTO ps_aors (id, max_contacts) VALUES ('{name}', '2');
"""


@asynccontextmanager
async def realtime_office(
    root: Path,
    rows: str,
    extensions: str = "",
    *,
    sorcery: str = SORCERY,
    pjsip: str = "",
    extconfig: str = EXTCONFIG,
    files: Mapping[str, str] | None = None,
) -> AsyncIterator[tuple[SipOffice, TestDatabase]]:
    """A system whose endpoints are in a database with these rows."""
    database = TestDatabase(root / "realtime.sqlite3")
    database.script(schema(*TABLES) + rows)
    texts = {**realtime_files(database, extconfig), "sorcery.conf": sorcery, **(files or {})}
    async with sip_office(root, pjsip, extensions, texts) as office:
        yield office, database
