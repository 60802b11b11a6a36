"""Realtime, func_odbc and SIP phones over PostgreSQL and MariaDB with the types of Asterisk's own tables."""

from __future__ import annotations

import asyncio
import csv
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from globstar.base.log import Level
from globstar.core.switches import settled
from tests.interop.support.databases import DatabaseServer, mariadb, postgresql, program
from tests.support import sip_realtime
from tests.support.calls import Call, run_dialplan
from tests.support.realtime import command
from tests.support.sip_phone import sip_office
from tests.support.switch import LogCapture, running_system

pytestmark = [pytest.mark.virtual_time, pytest.mark.leaks_threads]

SERVERS: dict[str, tuple[Callable[[Path], AbstractContextManager[DatabaseServer]], str]] = {
    "postgresql": (postgresql, "pg_ctl"),
    "mariadb": (mariadb, "mariadbd"),
}
TABLES = [*sip_realtime.TABLES, "extensions", "voicemail"]
STATIC = """CREATE TABLE ast_config (id INTEGER PRIMARY KEY, cat_metric INTEGER, var_metric INTEGER, commented INTEGER,
filename VARCHAR(128), category VARCHAR(128), var_name VARCHAR(128), var_val VARCHAR(128))"""
EXTENSIONS = """\
[default]
exten => 101,1,Dial(PJSIP/bob,20)
exten => 600,1,Answer()
 same => n,Hangup()
"""


def _type(kind: str, text: str) -> str:
    """A type of the schema as the database calls it."""
    if found := re.match(r"String\((\d+)\)", text):
        # later revisions of the schema have room for contacts; a row of MariaDB has none for so many columns of VARCHAR
        return "TEXT" if kind == "mysql" else f"VARCHAR({max(int(found[1]), 255)})"
    if text.startswith("Numeric"):
        return "DECIMAL(5,2)"
    if "bool_values" in text or "yesno" in text or "YESNO" in text:
        return "yesno" if kind == "postgresql" else "ENUM('yes','no')"
    plain = {"Integer": "INTEGER", "BigInteger": "BIGINT", "DateTime()": "TIMESTAMP NULL"}
    return plain.get(text, "TEXT")


def _schema(kind: str) -> list[str]:
    quote = '"' if kind == "postgresql" else "`"
    columns: dict[str, list[str]] = {}
    path = Path(sip_realtime.__file__).with_name("realtime_schema.tsv")
    with path.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            columns.setdefault(row["table"], []).append(f"{quote}{row['column']}{quote} {_type(kind, row['type'])}")
    statements = [f"DROP TABLE IF EXISTS {table}" for table in (*TABLES, "ast_config")]
    if kind == "postgresql":
        statements += ["DROP TYPE IF EXISTS yesno", "CREATE TYPE yesno AS ENUM ('yes', 'no')"]
    statements += [f"CREATE TABLE {table} ({', '.join(columns[table])})" for table in TABLES]
    return [*statements, STATIC]


@pytest.fixture(scope="module", params=list(SERVERS))
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DatabaseServer]:
    begin, needed = SERVERS[request.param]
    if program(needed) is None:
        pytest.skip(f"{needed} is not installed (tools/install-test-tools)")
    with begin(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture
def server(running: DatabaseServer) -> DatabaseServer:
    running.run(*_schema(running.kind))
    return running


def files(server: DatabaseServer, extconfig: str) -> dict[str, str]:
    url = server.url.replace("+psycopg", "").replace("+pymysql", "")
    odbc = f"[asterisk]\ndsn={url}\nmax_connections=4\nnegative_connection_cache=0\nconnect_timeout=20\n"
    found = {"extconfig.conf": f"[settings]\n{extconfig}\n", "res_odbc.conf": odbc}
    if server.kind == "postgresql":
        found["res_pgsql.conf"] = f"[general]\ndbhost=127.0.0.1\ndbport={server.port}\ndbname=asterisk\ndbuser=asterisk\n"
    else:
        found["res_config_mysql.conf"] = f"[general]\ndbhost=127.0.0.1\ndbport={server.port}\ndbname=asterisk\ndbuser=root\n"
    return found


def own_driver(server: DatabaseServer) -> str:
    return "pgsql" if server.kind == "postgresql" else "mysql"


async def test_rows_are_found_and_changed_whatever_their_types(server: DatabaseServer, tmp_path: Path) -> None:
    mapping = f"endpoints => odbc,asterisk,ps_endpoints\nown => {own_driver(server)},general,ps_endpoints\n"
    async with running_system(tmp_path, files(server, mapping)) as system:
        realtime = system.realtime
        for family in ("endpoints", "own"):
            fields = [("id", "a%_'b"), ("rtp_symmetric", "yes"), ("rtp_timeout", "30"), ("allow", "ulaw;alaw"), ("nothing", "x")]
            await realtime.store(family, fields)
            row = await realtime.load(family, [("id", "a%_'b"), ("rtp_timeout", "30"), ("rtp_symmetric", "yes")])
            assert row == [
                ("id", "a%_'b"), ("allow", "ulaw"), ("allow", "alaw"), ("rtp_symmetric", "yes"), ("rtp_timeout", "30")
            ]  # fmt: skip
            assert await realtime.load(family, [("rtp_timeout >", "30")]) is None
            assert await realtime.load(family, [("id LIKE", "a%")]) is not None
            assert await realtime.update(family, [("id", "a%_'b")], [("rtp_timeout", "31"), ("rtp_symmetric", "no")]) == 1
            assert dict(await realtime.load(family, [("rtp_timeout", "31")]) or [])["rtp_symmetric"] == "no"
            assert await realtime.destroy(family, [("id", "a%_'b")]) == 1
        if server.kind == "postgresql":
            assert "Connected to asterisk@127.0.0.1" in await command(system, "realtime show pgsql status")
            assert "ps_endpoints" in await command(system, "realtime show pgsql cache")
            assert "rtp_timeout          INTEGER              NULL" in await command(
                system, "realtime show pgsql cache ps_endpoints"
            )
            assert "no table 'none'" in await command(system, "realtime show pgsql cache none")
        else:
            assert "general connected to asterisk@127.0.0.1" in await command(system, "realtime mysql status")
            assert "general              ps_endpoints" in await command(system, "realtime mysql cache")
            assert "rtp_timeout          INTEGER" in await command(system, "realtime mysql cache general ps_endpoints")


async def test_a_whole_file_in_a_table(server: DatabaseServer, tmp_path: Path) -> None:
    server.run(
        "INSERT INTO ast_config VALUES (1, 0, 0, 0, 'extensions.conf', 'main', 'exten', '1,1,NoOp(ü)')",
        "INSERT INTO ast_config VALUES (2, 0, 1, 0, 'extensions.conf', 'main', 'exten', '1,2,NoOp(b)')",
    )
    mapping = f"extensions.conf => {own_driver(server)},general,ast_config"
    async with running_system(tmp_path, files(server, mapping)) as system:
        steps = [system.plan.find("main", "1", priority) for priority in (1, 2)]
        assert [step.data for step in steps if step is not None] == ["ü", "b"]


async def test_functions_and_transactions(server: DatabaseServer, tmp_path: Path) -> None:
    func_odbc = """
[NUMBER]
dsn=asterisk
readsql=SELECT fullname, mailbox FROM voicemail WHERE mailbox LIKE '%${SQL_ESC(${ARG1})}%'
writesql=UPDATE voicemail SET fullname='${SQL_ESC(${VALUE})}' WHERE mailbox='${SQL_ESC(${ARG1})}'
insertsql=INSERT INTO voicemail (mailbox, fullname) VALUES ('${SQL_ESC(${ARG1})}', '${SQL_ESC(${VALUE})}')
"""
    plan = """[default]
exten => s,1,Set(ODBC_NUMBER(77)=O'Hara)
exten => s,2,Set(A=${ODBCROWS}:${ODBC_NUMBER(7)})
exten => s,3,Set(ODBC(transaction,asterisk)=t)
exten => s,4,Set(ODBC(isolation)=serializable)
exten => s,5,Set(ODBC_NUMBER(77)=Other)
exten => s,6,Set(B=${ODBC_NUMBER(77)})
exten => s,7,ODBC_Rollback()
exten => s,8,Set(C=${ODBC_NUMBER(77)}:${ROLLBACK_RESULT})
"""
    async with running_system(tmp_path, {**files(server, ""), "func_odbc.conf": func_odbc}) as system:
        call = await run_dialplan(system, plan)
        assert [call.variables[name] for name in "ABC"] == ["1:O'Hara,77", "Other,77", "O'Hara,77:OK"]


async def test_phones_of_a_database_that_goes_and_comes_back(server: DatabaseServer, tmp_path: Path) -> None:
    rows = sip_realtime.phone_rows("alice", "a1") + sip_realtime.phone_rows("bob", "b1")
    if server.kind == "mysql":
        rows = rows.replace('"', "`")
    server.run(*(statement for statement in rows.split(";\n") if statement.strip()))
    texts = {**files(server, sip_realtime.EXTCONFIG), "sorcery.conf": sip_realtime.SORCERY}
    async with sip_office(tmp_path, "", EXTENSIONS, texts) as office:
        alice, bob = office.phone("alice", "a1"), office.phone("bob", "b1")
        assert (await alice.register()).status == 200
        assert (await bob.register()).status == 200
        call = alice.call("101")
        await call.authorise()
        await alice.get(100)
        ringing = await bob.ring()
        await ringing.answer()
        await call.answered()
        await call.hang_up()
        await ringing.ended()
        while any(map(office.driver.contacts.is_writing, ("alice", "bob"))):  # noqa: ASYNC110 - nobody is told
            await asyncio.sleep(0.1)
        contacts = server.run("SELECT id, expiration_time, prune_on_boot, via_port FROM ps_contacts ORDER BY id")
        assert [(row[0].partition("@")[0], row[2]) for row in contacts] == [("alice^3B", "no"), ("bob^3B", "no")]
        server.stop()
        try:
            with LogCapture() as log:
                assert (await alice.register()).status == 200
                call = await alice.dial("600")
                await call.ended()
            assert len(log.texts(Level.ERROR)) == 1
        finally:
            server.start()
        server.run("UPDATE ps_auths SET password='new' WHERE id='alice'")
        assert (await alice.register()).status == 401
        alice.password = "new"
        assert (await alice.register()).status == 200


async def test_extensions_and_prefixes(server: DatabaseServer, tmp_path: Path) -> None:
    server.run(
        "INSERT INTO extensions (context, exten, priority, app, appdata) VALUES ('rt', '_2XX', 1, 'Set', 'A=${EXTEN}')",
        "INSERT INTO extensions (context, exten, priority, app, appdata) VALUES ('rt', '2001', 1, 'NoOp', 'long')",
        "INSERT INTO extensions (context, exten, priority, app, appdata) VALUES ('rt', '_2XX', 2, 'Set', 'B=${PRIORITY}')",
    )
    plan = {"extensions.conf": "[rt]\nswitch => Realtime/@extensions\n"}
    async with running_system(tmp_path, {**files(server, "extensions => odbc,asterisk"), **plan}) as system:
        call = await Call(system, "rt", "234").run()
        assert (call.variables["A"], call.variables["B"]) == ("234", "2")
        assert await settled(lambda: system.plan.match_more("rt", "200"))
        assert not await settled(lambda: system.plan.match_more("rt", "2001"))
        assert not await settled(lambda: system.plan.exists("rt", "2_1"))
        rows = await system.realtime.load_multi("extensions", [("exten LIKE", "\\_%"), ("context", "rt")])
        assert [dict(row)["exten"] for row in rows] == ["_2XX", "_2XX"]
