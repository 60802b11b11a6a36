"""cdr_adaptive_odbc and cdr_odbc: records in tables of databases of res_odbc.conf (here SQLite files)."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from globstar.core.cli import run_command
from tests.support.testtech import World

pytestmark = pytest.mark.virtual_time

PLAN = """[default]
exten => 1,1,Set(CHANNEL(accountcode)=sales)
same => n,Answer()
same => n,Set(CDR(colour)=blue)
same => n,Set(CDR(count)=7)
same => n,Set(CDR(userfield)=a long user field)
same => n,Wait(2)
exten => 2,1,Hangup(17)
"""
TABLE = (
    "CREATE TABLE calls (id INTEGER PRIMARY KEY, calldate DATETIME, answer DATETIME, src VARCHAR(2), dst TEXT, duration INTEGER, "
    "billsec FLOAT, disposition INTEGER, amaflags TEXT, userfield VARCHAR(6), colour TEXT, count INTEGER, server TEXT, "
    "who TEXT DEFAULT 'nobody')"
)


def run(path: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as connection, connection:
        return connection.execute(sql).fetchall()


async def world(root: Path, **files: str) -> World:
    odbc = f"[first]\nenabled=yes\ndsn=sqlite:///{root}/cdr.sqlite3\nnegative_connection_cache=0\n"
    world = await World.start(
        PLAN,
        files={
            "res_odbc.conf": odbc,
            "cdr.conf": "[general]\nenable=yes\nunanswered=yes\n",
            **{f"{name}.conf": text for name, text in files.items()},
        },
        root=root,
    )
    world.phone("alice", "100", "Alice")
    return world


ADAPTIVE = """[calls]
connection=first
table=calls
alias start => calldate
alias clid => who
static "main server" => server
filter dst != 9
"""


async def test_columns_are_filled_by_their_names_and_types(tmp_path: Path) -> None:
    run(tmp_path / "cdr.sqlite3", TABLE)
    async with await world(tmp_path, cdr_adaptive_odbc=ADAPTIVE) as w:
        w.tech.phones["alice"].dials("1")
        await w.all_gone()
        w.tech.phones["alice"].dials("2")
        await w.all_gone()
        await w.settle(1)
        shown = await run_command(w.system, "cdr show backends")
        assert "cdr_adaptive_odbc-calls" in shown
        first, second = run(tmp_path / "cdr.sqlite3", "SELECT * FROM calls ORDER BY id")
    (_, calldate, answer, src, dst, duration, billsec, disposition, amaflags, userfield, colour, count, server, who) = first
    assert calldate[:4] == answer[:4] == "2023"
    assert (src, dst, duration, disposition, amaflags) == ("10", "1", 2, 8, "DOCUMENTATION")
    assert billsec == pytest.approx(2.5, abs=0.1)
    assert (userfield, colour, count, server, who) == ("a long", "blue", 7, "main server", '"Alice" <100>')
    assert (second[2], second[7], second[9], second[10], second[11]) == (None, 4, "", None, None)


async def test_filters(tmp_path: Path) -> None:
    run(tmp_path / "cdr.sqlite3", TABLE)
    run(tmp_path / "cdr.sqlite3", TABLE.replace("calls", "others"))
    text = (
        "[a]\nconnection=first\ntable=calls\nfilter accountcode => sales\n"
        "[b]\nconnection=first\ntable=others\nfilter accountcode != sales\n[c]\ntable=x\n"
    )
    async with await world(tmp_path, cdr_adaptive_odbc=text) as w:
        assert any("[c] has no connection" in warning for warning in w.warnings)
        for extension in ("1", "2"):
            w.tech.phones["alice"].dials(extension)
            await w.all_gone()
        await w.settle(1)
    assert run(tmp_path / "cdr.sqlite3", "SELECT dst FROM calls") == [("1",)]
    assert run(tmp_path / "cdr.sqlite3", "SELECT dst FROM others") == [("2",)]


async def test_records_wait_for_a_table_and_follow_in_order(tmp_path: Path) -> None:
    async with await world(tmp_path, cdr_adaptive_odbc=ADAPTIVE) as w:
        for extension in ("1", "2", "1"):
            w.tech.phones["alice"].dials(extension)
            await w.all_gone()
        await w.settle(3)
        assert "there is no table 'calls'" in await run_command(w.system, "cdr show backends")
        run(tmp_path / "cdr.sqlite3", TABLE)
        await w.settle(61)
        assert run(tmp_path / "cdr.sqlite3", "SELECT dst FROM calls ORDER BY id") == [("1",), ("2",), ("1",)]


async def test_what_a_table_refuses_is_put_aside(tmp_path: Path) -> None:
    run(tmp_path / "cdr.sqlite3", "CREATE TABLE calls (dst TEXT UNIQUE)")
    async with await world(tmp_path, cdr_adaptive_odbc="[a]\nconnection=first\ntable=calls\n") as w:
        for extension in ("1", "1", "2"):
            w.tech.phones["alice"].dials(extension)
            await w.all_gone()
        await w.settle(1)
        assert run(tmp_path / "cdr.sqlite3", "SELECT dst FROM calls ORDER BY rowid") == [("1",), ("2",)]
    assert len((tmp_path / "spool" / "outbox" / "cdr_adaptive_odbc-a.refused").read_text().splitlines()) == 1


async def test_a_reload_takes_new_columns_and_tables(tmp_path: Path) -> None:
    run(tmp_path / "cdr.sqlite3", "CREATE TABLE calls (dst TEXT)")
    async with await world(tmp_path, cdr_adaptive_odbc="[a]\nconnection=first\ntable=calls\n") as w:
        w.tech.phones["alice"].dials("1")
        await w.all_gone()
        await w.settle(1)
        run(tmp_path / "cdr.sqlite3", "ALTER TABLE calls ADD COLUMN colour TEXT")
        await w.system.loader.reload("cdr_adaptive_odbc")
        w.tech.phones["alice"].dials("1")
        await w.all_gone()
        await w.settle(1)
        assert run(tmp_path / "cdr.sqlite3", "SELECT * FROM calls ORDER BY rowid") == [("1", None), ("1", "blue")]


FIXED = """CREATE TABLE cdr (calldate TEXT, clid TEXT, src TEXT, dst TEXT, dcontext TEXT, channel TEXT, dstchannel TEXT,
lastapp TEXT, lastdata TEXT, duration {n}, billsec {n}, disposition TEXT, amaflags INTEGER, accountcode TEXT, uniqueid TEXT,
userfield TEXT, peeraccount TEXT, linkedid TEXT, sequence INTEGER)"""


async def test_cdr_odbc_writes_its_columns(tmp_path: Path) -> None:
    run(tmp_path / "cdr.sqlite3", FIXED.format(n="INTEGER"))
    async with await world(tmp_path, cdr_odbc="[global]\ndsn=first\n") as w:
        w.tech.phones["alice"].dials("1")
        await w.all_gone()
        await w.settle(1)
        (row,) = run(tmp_path / "cdr.sqlite3", "SELECT * FROM cdr")
        assert row[1:5] == ('"Alice" <100>', "100", "1", "default")
        assert row[9:14] == (2, 2, "8", 3, "sales")
        assert row[14:] == (None,) * 5


async def test_cdr_odbc_with_all_options(tmp_path: Path) -> None:
    run(tmp_path / "cdr.sqlite3", FIXED.format(n="FLOAT"))
    options = "loguniqueid=yes\nnewcdrcolumns=yes\ndispositionstring=yes\nhrtime=yes\nusegmtime=yes\n"
    async with await world(tmp_path, cdr_odbc=f"[global]\ndsn=first\n{options}") as w:
        w.tech.phones["alice"].dials("1")
        await w.all_gone()
        await w.settle(1)
        (row,) = run(tmp_path / "cdr.sqlite3", "SELECT * FROM cdr")
        assert row[0] == "2023-11-14 22:13:20"
        assert (row[10], row[11]) == (pytest.approx(2.5, abs=0.1), "ANSWERED")
        assert (row[14], row[15], row[18]) == (row[17], "a long user field", 0)


async def test_cdr_odbc_needs_its_columns(tmp_path: Path) -> None:
    run(tmp_path / "cdr.sqlite3", "CREATE TABLE cdr (calldate TEXT)")
    async with await world(tmp_path, cdr_odbc="[global]\ndsn=first\n") as w:
        w.tech.phones["alice"].dials("1")
        await w.all_gone()
        await w.settle(1)
        assert "the table has no column 'clid'" in await run_command(w.system, "cdr show backends")


async def test_without_settings_the_modules_decline(tmp_path: Path) -> None:
    async with await world(tmp_path, cdr_odbc="[global]\ntable=cdr\n", cdr_adaptive_odbc="", cdr_pgsql="") as w:
        for module in ("cdr_odbc", "cdr_adaptive_odbc", "cdr_pgsql", "cel_odbc", "cel_pgsql", "cdr_sqlite3_custom"):
            assert w.system.loader.modules[module].status.name == "DECLINED", module


async def test_an_unknown_connection_is_told_and_records_wait(tmp_path: Path) -> None:
    async with await world(tmp_path, cdr_adaptive_odbc="[a]\nconnection=other\n") as w:
        w.tech.phones["alice"].dials("2")
        await w.all_gone()
        await w.settle(1)
        assert "there is no database 'other'" in await run_command(w.system, "cdr show backends")
    assert (tmp_path / "spool" / "outbox" / "cdr_adaptive_odbc-a.jsonl").exists()
