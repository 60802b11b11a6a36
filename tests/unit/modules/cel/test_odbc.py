"""cel_odbc: events in tables of databases of res_odbc.conf (here SQLite files)."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.support.testtech import World

pytestmark = pytest.mark.virtual_time

PLAN = "[default]\nexten => 1,1,CELGenUserEvent(mine,x)\nsame => n,Wait(1)\n"
TABLE = (
    "CREATE TABLE cel (id INTEGER PRIMARY KEY, eventtype {type}, eventtime DATETIME, cid_name TEXT, cid_num VARCHAR(2), "
    "channame TEXT, amaflags INTEGER, linkedid TEXT, userdeftype TEXT, extra TEXT, server TEXT, other TEXT)"
)


def run(path: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as connection, connection:
        return connection.execute(sql).fetchall()


async def events(root: Path, options: str, type_: str = "TEXT") -> list[tuple[Any, ...]]:
    run(root / "cel.sqlite3", TABLE.format(type=type_))
    files = {
        "res_odbc.conf": f"[first]\nenabled=yes\ndsn=sqlite:///{root}/cel.sqlite3\n",
        "cel.conf": "[general]\nenable=yes\nevents=CHAN_START,USER_DEFINED,CHAN_END\n",
        "cel_odbc.conf": f"[general]\n[first]\nconnection=first\ntable=cel\n{options}",
    }
    async with await World.start(PLAN, files=files, root=root) as w:
        w.phone("alice", "100", "Alice").dials("1")
        await w.all_gone()
        await w.settle(1)
    return run(root / "cel.sqlite3", "SELECT * FROM cel ORDER BY id")


async def test_columns_are_filled_by_their_names_and_types(tmp_path: Path) -> None:
    start, mine, end = await events(tmp_path, 'static "here" => server\nalias context => other\nusegmtime=yes\n')
    assert (start[1], mine[1], end[1]) == ("CHAN_START", "mine", "CHAN_END")
    assert start[2].startswith("2023-11-14 22:13:20")
    assert (start[3], start[4], start[6], start[10], start[11]) == ("Alice", "10", 3, "here", "default")
    assert (mine[8], mine[9]) == ("mine", '{"extra":"x"}')
    assert start[7] == end[7]


async def test_numbers_of_events_and_whole_seconds(tmp_path: Path) -> None:
    start, mine, end = await events(tmp_path, "allowleapsecond=no\nfilter eventtype != CHAN_END\n", "INTEGER") + [None]
    assert (start[1], mine[1], end) == (1, 13, None)
    assert start[2].endswith(".000000")


async def test_user_defined_events_by_their_kind(tmp_path: Path) -> None:
    (mine,) = await events(tmp_path, "show_user_defined=yes\nfilter eventenum => USER_DEFINED\n")
    assert (mine[1], mine[8]) == ("USER_DEFINED", "mine")
