"""AstDB: what is stored stays, in Asterisk's own file."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from globstar.core.astdb import AstDb


def test_values_survive_in_asterisks_table(tmp_path: Path) -> None:
    path = tmp_path / "astdb.sqlite3"
    database = AstDb(path)
    assert database.put("cidname", "100", "Alice")
    database.put("cidname", "101", "Bob")
    assert database.delete("cidname", "101")
    assert not database.delete("cidname", "101")
    database.close()
    rows = sqlite3.connect(path).execute("SELECT key, value FROM astdb").fetchall()
    assert rows == [("/cidname/100", "Alice")]
    again = AstDb(path)
    assert again.get("cidname", "100") == "Alice"
    again.close()


def test_reads_a_database_that_asterisk_wrote(tmp_path: Path) -> None:
    path = tmp_path / "astdb.sqlite3"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE astdb(key VARCHAR(256), value VARCHAR(256), PRIMARY KEY(key))")
        connection.execute("INSERT INTO astdb VALUES ('/registrar/contact/x', '{}')")
    database = AstDb(path)
    assert list(database.tree("registrar")) == [("/registrar/contact/x", "{}")]
    database.close()


def test_trees_and_keys() -> None:
    database = AstDb(None)
    for family, key in (("a", "x"), ("a", "b/x"), ("ab", "x")):
        database.put(family, key, "1")
    assert [key for key, _ in database.tree("a")] == ["/a/b/x", "/a/x"]
    assert [key for key, _ in database.tree("a", "b")] == ["/a/b/x"]
    assert [key for key, _ in database.with_key("x")] == ["/a/b/x", "/a/x", "/ab/x"]
    assert database.delete_tree("a") == 2
    assert [key for key, _ in database.tree()] == ["/ab/x"]


def test_too_long_a_key_is_refused() -> None:
    assert not AstDb(None).put("f", "k" * 300, "v")


def test_query_sees_what_was_put(tmp_path: Path) -> None:
    database = AstDb(tmp_path / "astdb.sqlite3")
    database.put("a", "b", "c")
    assert database.query("SELECT value FROM astdb") == (["value"], [("c",)])
    database.query("DELETE FROM astdb")
    assert database.get("a", "b") is None
    database.close()
