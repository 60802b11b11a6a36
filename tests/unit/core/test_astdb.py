"""AstDB: what is stored stays, in Asterisk's own file."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from globstar.base.log import Level
from globstar.core import astdb
from globstar.core.astdb import AstDb
from tests.support.loopback import wait_until
from tests.support.switch import LogCapture


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


def test_whatever_is_in_the_file_is_text(tmp_path: Path) -> None:
    path = tmp_path / "astdb.sqlite3"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE astdb(key VARCHAR(256), value VARCHAR(256), PRIMARY KEY(key))")
        connection.executemany("INSERT INTO astdb VALUES (?, ?)", [("/a/number", 5), ("/a/null", None), ("/a/blob", b"\xfcx")])
        connection.execute("INSERT INTO astdb VALUES ('/a/latin', CAST(X'fc' AS TEXT))")
    database = AstDb(path)
    values = dict(database.tree("a"))
    assert values == {"/a/number": "5", "/a/null": "", "/a/blob": "\udcfcx", "/a/latin": "\udcfc"}
    database.put("a", "own", "\udcfc")
    database.put("a", "gone\udcfc", "x")
    database.delete("a", "gone\udcfc")
    database.close()
    assert database.failures == 0
    again = AstDb(path)
    assert (again.get("a", "own"), again.get("a", "gone\udcfc")) == ("\udcfc", None)
    again.close()


@pytest.mark.parametrize("contents", [b"this is no database, but long enough to be taken for one" * 100, None])
def test_a_file_that_is_none_is_told_of_and_the_server_goes_on(tmp_path: Path, contents: bytes | None) -> None:
    path = tmp_path / "astdb.sqlite3"
    if contents is None:
        path.mkdir()
    else:
        path.write_bytes(contents)
    with LogCapture() as log:
        database = AstDb(path)
    assert "cannot be used" in log.texts(Level.ERROR)[0]
    assert database.put("a", "b", "c")
    assert database.get("a", "b") == "c"
    database.close()
    assert contents is None or path.read_bytes() == contents


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


def test_changes_of_a_moment_are_one_transaction(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(astdb, "GATHER_TIME", 60.0)
    path = tmp_path / "astdb.sqlite3"
    database = AstDb(path)
    with sqlite3.connect(path) as reader:
        before = reader.execute("PRAGMA data_version").fetchone()[0]
        for number in range(50):
            database.put("cidname", str(number), "x")
        assert reader.execute("SELECT count(*) FROM astdb").fetchone() == (0,)
        database.flush()
        assert reader.execute("SELECT count(*) FROM astdb").fetchone() == (50,)
        assert reader.execute("PRAGMA data_version").fetchone()[0] == before + 1
    database.close()


def test_a_change_reaches_the_file_without_being_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "astdb.sqlite3"
    database = AstDb(path)
    database.put("cidname", "100", "Alice")
    with sqlite3.connect(path) as reader:
        wait_until(lambda: reader.execute("SELECT count(*) FROM astdb").fetchone() == (1,), 10, "the change is in the file")
    database.close()


def test_a_change_that_fails_is_counted_and_keeps_no_other_from_the_file(tmp_path: Path) -> None:
    database = AstDb(tmp_path / "astdb.sqlite3")
    database.put("cidname", "100", "Alice")
    database._store("INSERT INTO nowhere VALUES (?)", "x")
    database.put("cidname", "101", "Bob")
    with LogCapture() as log:
        assert database.query("SELECT count(*) FROM astdb")[1] == [(2,)]
    assert database.failures == 1
    assert "no such table" in log.texts(Level.ERROR)[0]
    database.close()


def test_what_cannot_be_written_is_kept_until_it_can(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(astdb, "BUSY_TIME", 0.01)
    monkeypatch.setattr(astdb, "RETRY_TIME", 0.05)
    path = tmp_path / "astdb.sqlite3"
    database = AstDb(path)
    database.put("a", "old", "1")
    database.flush()
    other = sqlite3.connect(path, isolation_level=None)
    with LogCapture() as log:
        other.execute("BEGIN IMMEDIATE")
        for value in ("1", "2", "3"):
            database.put("a", "key", value)
            database.flush()
        database.delete("a", "old")
        database.flush()
        other.execute("COMMIT")
        read = "SELECT key, value FROM astdb"
        wait_until(lambda: other.execute(read).fetchall() == [("/a/key", "3")], 10, "all is written")
        wait_until(lambda: not database._unsaved, 10, "nothing waits any more")
        assert len(log.texts(Level.ERROR)) == 1, "told once"
    assert database.failures == 0
    other.close()
    database.close()


def test_what_never_can_be_written_is_counted_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(astdb, "BUSY_TIME", 0.01)
    path = tmp_path / "astdb.sqlite3"
    database = AstDb(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other, LogCapture() as log:
        other.execute("BEGIN IMMEDIATE")
        database.put("a", "b", "1")
        database.put("a", "c", "1")
        database.close()
        other.execute("ROLLBACK")
    assert database.failures == 2
    assert "2 changes never reached" in log.texts(Level.ERROR)[-1]


def test_changes_while_a_query_runs_are_not_forgotten(tmp_path: Path) -> None:
    database = AstDb(tmp_path / "astdb.sqlite3")
    database.put("a", "gone", "x")
    database.put("a", "removed", "x")
    begun = threading.Event()
    real = astdb._read

    def slow(connection: sqlite3.Connection) -> dict[str, str]:
        entries = real(connection)
        database.put("a", "meanwhile", "y")
        database.delete("a", "removed")
        begun.set()
        return entries

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(astdb, "_read", slow)
        database.query("DELETE FROM astdb WHERE key = '/a/gone'")
    assert begun.is_set()
    assert list(database.tree()) == [("/a/meanwhile", "y")]
    database.close()
