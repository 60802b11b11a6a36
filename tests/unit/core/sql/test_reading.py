"""Rows read with the driver's own cursor."""

from __future__ import annotations

from pathlib import Path

import pytest

from globstar.core.sql.address import DatabaseAddress
from globstar.core.sql.database import DatabaseSettings, SqlDatabase, SqlFault
from globstar.core.sql.reading import read_rows
from globstar.core.sql.statements import change

pytest.importorskip("sqlalchemy")
# the database has threads of its own, which end after it
pytestmark = pytest.mark.leaks_threads


async def database(folder: Path) -> SqlDatabase:
    """A table of three rows."""
    made = SqlDatabase("test", DatabaseSettings(DatabaseAddress("sqlite", database=str(folder / "x.sqlite3"))))
    await made.run(change("CREATE TABLE t (id TEXT, number INTEGER, blank TEXT)"))
    await made.run(change("INSERT INTO t VALUES ('a', 1, NULL), ('b', 2, NULL), ('c%', 3, NULL)"))
    return made


async def test_names_and_rows_and_no_more_than_asked_for(tmp_path: Path) -> None:
    made = await database(tmp_path)
    text = "SELECT * FROM t WHERE number >= :least OR number = :least ORDER BY id"
    assert await made.run(lambda connection: read_rows(connection, text, {"least": 2}, 10)) == (
        ["id", "number", "blank"], [("b", 2, None), ("c%", 3, None)],
    )  # fmt: skip
    assert len((await made.run(lambda connection: read_rows(connection, text, {"least": 1}, 2)))[1]) == 2
    await made.close()


async def test_percent_signs_and_colons_are_themselves(tmp_path: Path) -> None:
    made = await database(tmp_path)
    text = "SELECT id AS \"a\\:b\" FROM t WHERE id LIKE '%\\%' ESCAPE '\\'"
    assert await made.run(lambda connection: read_rows(connection, text, {}, 10)) == (["a:b"], [("c%",)])
    await made.close()


async def test_faults_and_times_are_told_as_of_other_statements(tmp_path: Path) -> None:
    made = await database(tmp_path)
    before = made.statements
    with pytest.raises(SqlFault, match="no such column: missing"):
        await made.run(lambda connection: read_rows(connection, "SELECT missing FROM t", {}, 1))
    await made.run(lambda connection: read_rows(connection, "SELECT id FROM t", {}, 1))
    assert made.statements == before + 1
    await made.close()
