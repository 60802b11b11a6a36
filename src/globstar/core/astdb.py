"""AstDB: Asterisk's persistent key-value store, in the same SQLite file and table (astdb.sqlite3).

All of it is held in memory, so that dialplan functions read without waiting; writes go to the file through one thread
in order, those of a moment in one transaction, and every write has reached the file when :meth:`AstDb.close` returns.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Empty, SimpleQueue

from globstar.base.log import Logger

logger = Logger("db")

#: Longest key (family and key with slashes) that Asterisk accepts.
MAXIMUM_KEY = 255
#: Values go there as bytes, which need not be UTF-8.
_PUT = "INSERT OR REPLACE INTO astdb (key, value) VALUES (CAST(? AS TEXT), CAST(? AS TEXT))"
_DELETE = "DELETE FROM astdb WHERE key = CAST(? AS TEXT)"
#: Seconds that a change waits for others to be written with it.
GATHER_TIME = 0.1


class AstDb:
    """Families of keys with text values. Keys are compared with case, as ``/family/key``."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._entries: dict[str, str] = {}
        #: changes in order, events to set when those before them are written, None at the end
        self._queue: SimpleQueue[tuple[str, tuple[bytes, ...]] | threading.Event | None] = SimpleQueue()
        #: somebody waits for the file
        self._is_urgent = threading.Event()
        self._thread: threading.Thread | None = None
        self.failures = 0
        #: who is told of changes, by full key
        self._watchers: dict[str, dict[Callable[[str], None], None]] = {}
        if path is not None:
            self._open(path)

    def _open(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            connection = _connect(path)
            try:
                connection.execute("CREATE TABLE IF NOT EXISTS astdb(key VARCHAR(256), value VARCHAR(256), PRIMARY KEY(key))")
                connection.commit()
                self._entries = _read(connection)
            finally:
                connection.close()
        except (sqlite3.Error, OSError) as error:
            self.path = None
            logger.error(f"AstDB: {path} cannot be used: {error}; what is stored is lost at the end of this run")
            return
        self._thread = threading.Thread(target=self._write_all, name="globstar-astdb", daemon=True)
        self._thread.start()

    def _write_all(self) -> None:
        assert self.path is not None
        connection = _connect(self.path)
        try:
            while True:
                entries = [self._queue.get()]
                self._is_urgent.wait(GATHER_TIME)
                self._is_urgent.clear()
                with contextlib.suppress(Empty):
                    while True:
                        entries.append(self._queue.get_nowait())
                self._write(connection, [entry for entry in entries if isinstance(entry, tuple)])
                for entry in entries:
                    if isinstance(entry, threading.Event):
                        entry.set()
                if None in entries:
                    return
        finally:
            connection.close()

    def _write(self, connection: sqlite3.Connection, changes: list[tuple[str, tuple[bytes, ...]]]) -> None:
        """Make changes in one transaction; one that fails does not keep the others from the file."""
        for change in changes:
            try:
                connection.execute(*change)
            except sqlite3.Error as error:
                self._failed(1, error)
        try:
            connection.commit()
        except sqlite3.Error as error:
            self._failed(len(changes), error)

    def _failed(self, count: int, error: sqlite3.Error) -> None:
        self.failures += count
        logger.error(f"AstDB: {count} changes did not reach {self.path}: {error}")

    def close(self) -> None:
        """Write what waits and close the file."""
        if self._thread is not None:
            self._queue.put(None)
            self._is_urgent.set()
            self._thread.join()
            self._thread = None

    def flush(self) -> None:
        """Wait until every change has reached the file."""
        if self._thread is not None:
            written = threading.Event()
            self._queue.put(written)
            self._is_urgent.set()
            written.wait()

    def _store(self, sql: str, *values: str) -> None:
        if self._thread is not None:
            self._queue.put((sql, tuple(value.encode("utf-8", "surrogateescape") for value in values)))

    @staticmethod
    def _key(family: str, key: str) -> str:
        return f"/{family.strip('/')}/{key}"

    def get(self, family: str, key: str) -> str | None:
        """The value, None if there is none."""
        return self._entries.get(self._key(family, key))

    def put(self, family: str, key: str, value: str) -> bool:
        """Store a value; False if the key is too long."""
        full = self._key(family, key)
        if len(full) > MAXIMUM_KEY:
            logger.warning(f"AstDB: family and key are longer than {MAXIMUM_KEY} characters: {full[:60]}...")
            return False
        is_same = self._entries.get(full) == value
        self._entries[full] = value
        if self._watchers and not is_same:
            self._tell(full)
        self._store(_PUT, full, value)
        return True

    def delete(self, family: str, key: str) -> bool:
        """Remove a key; False if there was none."""
        full = self._key(family, key)
        if self._entries.pop(full, None) is None:
            return False
        self._store(_DELETE, full)
        if self._watchers:
            self._tell(full)
        return True

    def delete_tree(self, family: str = "", key_tree: str = "") -> int:
        """Remove a family, or its keys below ``key_tree``; all entries if no family is given. Returns how many."""
        doomed = [full for full, _ in self.tree(family, key_tree)]
        for full in doomed:
            del self._entries[full]
            self._store(_DELETE, full)
        if self._watchers:
            for full in doomed:
                self._tell(full)
        return len(doomed)

    def watch(self, family: str, key: str, watcher: Callable[[str], None]) -> None:
        """Call ``watcher(family)`` when the value of a key becomes another one, or goes."""
        self._watchers.setdefault(self._key(family, key), {})[watcher] = None

    def unwatch(self, family: str, key: str, watcher: Callable[[str], None]) -> None:
        """Call it no more."""
        full = self._key(family, key)
        watchers = self._watchers.get(full)
        if watchers is not None:
            watchers.pop(watcher, None)
            if not watchers:
                del self._watchers[full]

    def _tell(self, full: str) -> None:
        for watcher in tuple(self._watchers.get(full, ())):
            watcher(full[1:].partition("/")[0])

    def tree(self, family: str = "", key_tree: str = "") -> Iterator[tuple[str, str]]:
        """Full keys and values, sorted, of everything, of a family, or of its keys below ``key_tree``."""
        prefix = ""
        if family:
            prefix = f"/{family.strip('/')}" + (f"/{key_tree.strip('/')}" if key_tree else "")
        for full in sorted(self._entries):
            if not prefix or full == prefix or full.startswith(prefix + "/"):
                yield full, self._entries[full]

    def with_key(self, key: str) -> Iterator[tuple[str, str]]:
        """Every entry whose last part is ``key``."""
        for full in sorted(self._entries):
            if full.endswith("/" + key):
                yield full, self._entries[full]

    def query(self, sql: str) -> tuple[list[str], list[tuple[object, ...]]]:
        """Run SQL on the file and return column names and rows; waits for the disk, so call it off the loop.

        Raises ``sqlite3.Error``. What waits to be written is written first.
        """
        if self.path is None:
            return [], []
        self.flush()
        connection = _connect(self.path)
        try:
            cursor = connection.execute(sql)
            rows = cursor.fetchall()
            names = [column[0] for column in cursor.description or ()]
            connection.commit()
            self._entries = _read(connection)
            return names, rows
        finally:
            connection.close()


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=10)
    # values need not be UTF-8: what a device sent is kept as it is
    connection.text_factory = lambda data: data.decode("utf-8", "surrogateescape")
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _read(connection: sqlite3.Connection) -> dict[str, str]:
    """Everything in the file as text, whatever somebody has put there; no value is an empty one."""
    rows = connection.execute("SELECT CAST(key AS TEXT), CAST(value AS TEXT) FROM astdb WHERE key IS NOT NULL")
    return {key: value or "" for key, value in rows}
