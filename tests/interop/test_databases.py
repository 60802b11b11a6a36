"""CDR and CEL in PostgreSQL and MariaDB: servers that the test starts, stops in the middle, and starts again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from globstar.core.cli import run_command
from globstar.core.outbox import SERVICE
from globstar.core.sql import database
from tests.interop.support.databases import DatabaseServer, mariadb, postgresql, program
from tests.support.testtech import World

SERVERS: dict[str, tuple[Callable[[Path], AbstractContextManager[DatabaseServer]], str]] = {
    "postgresql": (postgresql, "pg_ctl"),
    "mariadb": (mariadb, "mariadbd"),
}
CDR = (
    "CREATE TABLE cdr (calldate TIMESTAMP NULL, clid VARCHAR(80), src VARCHAR(80), dst VARCHAR(80), dcontext VARCHAR(80), "
    "channel VARCHAR(80), dstchannel VARCHAR(80), lastapp VARCHAR(80), lastdata VARCHAR(80), duration INTEGER, billsec FLOAT, "
    "disposition VARCHAR(45), amaflags INTEGER, accountcode VARCHAR(3), uniqueid VARCHAR(150), userfield VARCHAR(256), "
    "colour VARCHAR(20), sequence BIGINT, answer TIMESTAMP NULL)"
)
CEL = (
    "CREATE TABLE cel (eventtype VARCHAR(30), eventtime TIMESTAMP NULL, userdeftype VARCHAR(255), cid_name VARCHAR(80), "
    "cid_num VARCHAR(80), exten VARCHAR(80), context VARCHAR(80), channame VARCHAR(80), appname VARCHAR(80), amaflags INTEGER, "
    "uniqueid VARCHAR(150), linkedid VARCHAR(150), peer VARCHAR(80), extra VARCHAR(512))"
)
PLAN = """[default]
exten => _X.,1,Set(CHANNEL(accountcode)=sales)
same => n,Answer()
same => n,Set(CDR(colour)=blau 'grün' "\\;)
same => n,CELGenUserEvent(mine,${EXTEN})
same => n,Hangup()
"""


@pytest.fixture(scope="module", params=list(SERVERS))
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DatabaseServer]:
    begin, needed = SERVERS[request.param]
    if program(needed) is None:
        pytest.skip(f"{needed} is not installed (tools/install-test-tools)")
    with begin(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture
def server(running: DatabaseServer) -> DatabaseServer:
    running.run("DROP TABLE IF EXISTS cdr", "DROP TABLE IF EXISTS cel")
    return running


def files(server: DatabaseServer) -> dict[str, str]:
    url = server.url.replace("+psycopg", "").replace("+pymysql", "")
    found = {
        "res_odbc.conf": f"[first]\nenabled=yes\ndsn={url}\nnegative_connection_cache=0\nconnect_timeout=2\n",
        "cdr.conf": "[general]\nenable=yes\nunanswered=yes\n",
        "cel.conf": "[general]\nenable=yes\nevents=CHAN_START,ANSWER,USER_DEFINED,CHAN_END\n",
    }
    if server.kind == "postgresql":
        place = f"[global]\nhostname=127.0.0.1\nport={server.port}\ndbname=asterisk\nuser=asterisk\n"
        found["cdr_pgsql.conf"] = f"{place}timezone=UTC\nencoding=UTF8\n"
        found["cel_pgsql.conf"] = f"{place}usegmtime=yes\n"
    else:
        found["cdr_adaptive_odbc.conf"] = "[first]\nconnection=first\ntable=cdr\nalias start => calldate\nusegmtime=yes\n"
        found["cel_odbc.conf"] = "[first]\nconnection=first\ntable=cel\nusegmtime=yes\n"
    return found


async def world(server: DatabaseServer, root: Path) -> World:
    world = await World.start(PLAN, files=files(server), root=root / "globstar")
    world.phone("alice", "100", "Älice")
    return world


async def until(is_so: Callable[[], bool], what: str) -> None:
    for _ in range(3000):
        if is_so():
            return
        await asyncio.sleep(0.02)
    raise TimeoutError(what)


async def call(w: World, extension: str) -> None:
    w.tech.phones["alice"].dials(extension)
    await until(lambda: not w.system.channels, "the call ends")


def waiting(w: World) -> int:
    return sum(outbox.waiting for outbox in w.system.services[SERVICE].values())


async def test_rows_are_written_with_their_types(server: DatabaseServer, tmp_path: Path) -> None:
    server.run(CDR, CEL)
    async with await world(server, tmp_path) as w:
        await call(w, "10")
        await until(lambda: not waiting(w), "all is written")
        if server.kind == "postgresql":
            status = await run_command(w.system, "cdr show pgsql status")
            assert f"Connected to asterisk@127.0.0.1, port {server.port} using table cdr" in status
            assert "Wrote 1 record since last restart, 0 waiting." in status
    (row,) = server.run("SELECT clid, src, dst, duration, billsec, disposition, amaflags, accountcode, colour, calldate FROM cdr")
    assert row[:3] == ('"Älice" <100>', "100", "10")
    assert 0 <= int(row[4]) <= row[3] < 60  # seconds of a busy machine, whole ones in the one column
    assert row[5:9] == ("ANSWERED", 3, "sal", "blau 'grün' \";")
    assert str(row[9]).startswith("2023-11-14 22:1")
    events = server.run("SELECT eventtype, extra, eventtime FROM cel")
    assert [event[0] for event in events] == ["CHAN_START", "ANSWER", "mine", "CHAN_END"]
    assert events[2][1] == '{"extra":"10"}'
    assert str(events[0][2]).startswith("2023-11-14 22:1")


async def test_nothing_is_lost_while_the_server_is_down(server: DatabaseServer, tmp_path: Path) -> None:
    server.run(CDR, CEL)
    async with await world(server, tmp_path) as w:
        await call(w, "10")
        await until(lambda: not waiting(w), "all is written")
        await asyncio.to_thread(server.stop)
        for number in range(11, 31):
            await call(w, str(number))
        await until(lambda: waiting(w) == 20 + 4 * 20, "rows wait")
        async with asyncio.timeout(60):  # it is known once somebody has tried
            while "down:" not in await run_command(w.system, "cdr show backends"):  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.02)
    async with await world(server, tmp_path) as w:
        await call(w, "31")
        await until(lambda: waiting(w) == 21 + 4 * 21, "rows of the earlier run wait as well")
        await asyncio.to_thread(server.start)
        await until(lambda: not waiting(w), "all is written")
    assert [row[0] for row in server.run("SELECT dst FROM cdr")] == [str(number) for number in range(10, 32)]
    mine = server.run("SELECT extra FROM cel WHERE eventtype = 'mine'")
    assert [row[0] for row in mine] == [f'{{"extra":"{number}"}}' for number in range(10, 32)]


async def test_a_row_that_the_table_refuses_does_not_hold_up_the_others(server: DatabaseServer, tmp_path: Path) -> None:
    server.run(CDR.replace("dst VARCHAR(80)", "dst VARCHAR(80) UNIQUE"), CEL)
    async with await world(server, tmp_path) as w:
        for number in ("10", "10", "11"):
            await call(w, number)
        await until(lambda: not waiting(w), "all is written or refused")
        assert sum(outbox.refused for outbox in w.system.services[SERVICE].values()) == 1
    assert [row[0] for row in server.run("SELECT dst FROM cdr")] == ["10", "11"]


def refused(w: World) -> int:
    return sum(outbox.refused for outbox in w.system.services[SERVICE].values())


#: A trigger that lets no record of extension 13 pass, with an error that says nothing about its kind.
TRIGGERS = {
    "postgresql": (
        (
            "CREATE OR REPLACE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN IF NEW.dst = '13' THEN RAISE EXCEPTION 'not this one'; END IF; RETURN NEW; END $$"
        ),
        "CREATE TRIGGER no BEFORE INSERT ON cdr FOR EACH ROW EXECUTE FUNCTION no()",
    ),
    "mysql": (
        (
            "CREATE TRIGGER no BEFORE INSERT ON cdr FOR EACH ROW BEGIN IF NEW.dst = '13' THEN "
            "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not this one'; END IF; END"
        ),
    ),
}


async def test_a_row_that_always_fails_does_not_hold_up_the_others(server: DatabaseServer, tmp_path: Path) -> None:
    server.run(CDR, CEL, *TRIGGERS[server.kind])
    async with await world(server, tmp_path) as w:
        for number in ("13", "10", "13", "11", "13", "12"):
            await call(w, number)
        await until(lambda: not waiting(w), "all is written or refused")
        assert refused(w) == 3
    assert [row[0] for row in server.run("SELECT dst FROM cdr")] == ["10", "11", "12"]
    assert server.run("SELECT count(*) FROM cel WHERE eventtype = 'mine'") == [(6,)]


async def test_letters_that_a_table_lacks_and_octets_that_are_none_cost_no_row(server: DatabaseServer, tmp_path: Path) -> None:
    server.run(CDR, CEL)
    if server.kind == "mysql":
        server.run("ALTER TABLE cdr CONVERT TO CHARACTER SET latin1")
    async with await world(server, tmp_path) as w:
        w.phone("odd", "101", "\u0141uk \udcff \U0001f600 \0x")
        w.tech.phones["odd"].dials("10")
        await until(lambda: not w.system.channels, "the call ends")
        await call(w, "11")
        await until(lambda: not waiting(w), "all is written")
        assert refused(w) == 0
    names = [row[0] for row in server.run("SELECT clid FROM cdr ORDER BY dst")]
    odd = '"?uk ? ? x" <101>' if server.kind == "mysql" else '"\u0141uk \ufffd \U0001f600 x" <101>'
    assert names == [odd, '"\u00c4lice" <100>']


async def test_a_server_that_stands_still_gets_each_row_once(
    server: DatabaseServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "JOB_TIMEOUT", 1.0)
    server.run(CDR, CEL)
    async with await world(server, tmp_path) as w:
        await call(w, "10")
        await until(lambda: not waiting(w), "all is written")
        with server.frozen():
            for number in range(11, 21):
                await call(w, str(number))
            boxes = w.system.services[SERVICE].values()
            await until(lambda: sum(bool(box.error) for box in boxes) == 2, "it is found out")
            for number in range(21, 31):
                await call(w, str(number))
        await until(lambda: not waiting(w), "all is written")
    assert [row[0] for row in server.run("SELECT dst FROM cdr")] == [str(number) for number in range(10, 31)]
    assert server.run("SELECT count(*) FROM cel WHERE eventtype = 'mine'") == [(21,)]


async def test_columns_of_types_that_are_no_texts(server: DatabaseServer, tmp_path: Path) -> None:
    if server.kind == "postgresql":
        server.run("DROP TYPE IF EXISTS mood", "CREATE TYPE mood AS ENUM ('good', 'bad')")
        types = "JSONB", "BOOLEAN", "mood", "INET", "TIMESTAMPTZ"
    else:
        types = "JSON", "BIT", "ENUM('good', 'bad')", "VARBINARY(20)", "TIMESTAMP NULL"
    extra, flag, mood, address, moment = types
    server.run(
        f"CREATE TABLE cdr (dst TEXT, start {moment}, flag {flag}, mood {mood}, address {address})",
        f"CREATE TABLE cel (eventtype TEXT, eventextra {extra})",
    )
    plan = (
        "[default]\nexten => 10,1,Set(CDR(flag)=1)\nsame => n,Set(CDR(mood)=bad)\nsame => n,Set(CDR(address)=10.0.0.1)\n"
        "same => n,Answer()\nexten => 11,1,Answer()\n"
    )
    texts = {**files(server), "cel.conf": "[general]\nenable=yes\nevents=CHAN_START,HANGUP\n"}
    async with await World.start(plan, files=texts, root=tmp_path / "globstar") as w:
        w.phone("alice", "100", "Alice")
        await call(w, "10")
        await call(w, "11")
        await until(lambda: not waiting(w), "all is written")
        assert refused(w) == 0
    assert server.run("SELECT eventtype, count(*) FROM cel GROUP BY eventtype ORDER BY 1") == [("CHAN_START", 2), ("HANGUP", 2)]
    first, second = server.run("SELECT mood, CAST(address AS CHAR(8)), start FROM cdr ORDER BY dst")
    assert first[:2] == ("bad", "10.0.0.1")
    assert second[:2] == (None, None)
    if server.kind == "postgresql":
        assert server.run("SELECT eventextra->>'hangupcause' FROM cel WHERE eventtype = 'HANGUP'") == [("0",)] * 2
        assert server.run("SELECT flag FROM cdr ORDER BY dst") == [(True,), (None,)]
        assert server.run("SELECT extract(epoch FROM start) BETWEEN 1700000000 AND 1700000020 FROM cdr") == [(True,)] * 2
