"""cdr_sqlite3_custom and cel_sqlite3_custom: tables of one's own in SQLite files."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from globstar.core.sqlitetables import split_values
from tests.support.testtech import World

pytestmark = pytest.mark.virtual_time

PLAN = "[default]\nexten => 1,1,Answer()\nsame => n,Set(CDR(colour)=it's blue, or so)\nsame => n,Wait(2)\n"
LEGACY = """[master]
table => calls
columns => calldate, who, colour, plain
values => '${CDR(start)}','${CDR(clid)}','${CDR(colour)}',${LEN(${CDR(src)})}
busy_timeout => 10
"""


def rows(path: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


async def world(root: Path, **files: str) -> World:
    world = await World.start(PLAN, files={f"{name}.conf": text for name, text in files.items()}, root=root)
    world.phone("alice", "100", "Alice")
    return world


async def call(w: World) -> None:
    w.tech.phones["alice"].dials("1")
    await w.all_gone()
    await w.settle(1)


async def test_columns_and_values(tmp_path: Path) -> None:
    async with await world(tmp_path, cdr_sqlite3_custom=LEGACY) as w:
        await call(w)
        await call(w)
        found = rows(tmp_path / "log" / "master.db", "SELECT * FROM calls ORDER BY AcctId")
        assert [row[0] for row in found] == [1, 2]
        assert found[0][2:] == ('"Alice" <100>', "it's blue, or so", "3")
        assert found[0][1].startswith("2023-")


async def test_fields_and_a_new_column_after_a_reload(tmp_path: Path) -> None:
    async with await world(tmp_path, cdr_sqlite3_custom="[calls.db]\nfields=src,duration\nfields=disposition\n") as w:
        await call(w)
        w.files["cdr_sqlite3_custom.conf"] = "[calls.db]\nfields=src,duration,disposition,dst\n"
        await w.system.loader.reload("cdr_sqlite3_custom")
        await call(w)
        found = rows(tmp_path / "log" / "calls.db", "SELECT src, duration, disposition, dst FROM cdr ORDER BY AcctId")
        assert found == [("100", "2", "ANSWERED", None), ("100", "2", "ANSWERED", "1")]


async def test_rows_wait_while_another_program_holds_the_file(tmp_path: Path) -> None:
    async with await world(tmp_path, cdr_sqlite3_custom=LEGACY) as w:
        await call(w)
        path = tmp_path / "log" / "master.db"
        with closing(sqlite3.connect(path)) as other:
            other.execute("BEGIN EXCLUSIVE")
            await call(w)
            assert any("locked" in warning for warning in w.warnings)
            other.rollback()
        await w.settle(61)
        assert rows(path, "SELECT count(*) FROM calls") == [(2,)]


async def test_events(tmp_path: Path) -> None:
    text = "[events]\ncolumns=what,who\nvalues='${eventtype}','${CALLERID(num)}'\n[more]\nfields=eventtype,amaflags\ntable=t\n"
    cel = "[general]\nenable=yes\nevents=CHAN_START,CHAN_END\n"
    async with await world(tmp_path, cel_sqlite3_custom=text, cel=cel) as w:
        await call(w)
        log = tmp_path / "log"
        assert rows(log / "events.db", "SELECT what, who FROM cel") == [("CHAN_START", "100"), ("CHAN_END", "100")]
        assert rows(log / "more.db", "SELECT eventtype, amaflags FROM t") == [("CHAN_START", "3"), ("CHAN_END", "3")]


async def test_what_makes_no_sense_is_told(tmp_path: Path) -> None:
    text = "[a]\ncolumns=x,y\nvalues='1'\n[b]\ntable=t\n[c]\nfields=src(x)\n"
    async with await world(tmp_path, cdr_sqlite3_custom=text) as w:
        assert sum("is left out" in warning for warning in w.warnings) == 3
        assert w.system.loader.modules["cdr_sqlite3_custom"].status.name == "DECLINED"


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("'a','b'", ["a", "b"]),
        ("'a,b' , c", ["a,b", "c"]),
        ("'${LEN(a,'b)}',x", ["${LEN(a,'b)}", "x"]),
        ("", []),
        ("''", [""]),
    ],
)
def test_values_are_split_at_commas_outside_of_quotes(text: str, values: list[str]) -> None:
    assert split_values(text) == values


async def test_octets_that_are_no_text_hold_nothing_up(tmp_path: Path) -> None:
    async with await world(tmp_path, cdr_sqlite3_custom="[calls.db]\nfields=clid\n") as w:
        w.phone("odd", "101", "\udcff\ud83d\0x")
        w.tech.phones["odd"].dials("1")
        await w.all_gone()
        await call(w)
        names = [row[0] for row in rows(tmp_path / "log" / "calls.db", "SELECT clid FROM cdr ORDER BY AcctId")]
    assert names == ['"\ufffd\ufffdx" <101>', '"Alice" <100>']
