"""AstDB: Asterisk's persistent key-value store, in the same SQLite file and table (astdb.sqlite3).

All of it is held in memory, so that dialplan functions read without waiting; writes go to the file through one thread
in order, those of a moment in one transaction, and every write has reached the file when :meth:`AstDb.close` returns. What
cannot be written (a full disk, another program's lock) is kept and tried again.
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
#: Seconds for which the lock of another program is waited for.
BUSY_TIME = 10.0
#: Seconds after which what could not be written is tried again.
RETRY_TIME = 5.0
#: What may be over by then: SQLITE_BUSY, LOCKED, NOMEM, READONLY, IOERR, FULL, CANTOPEN and PROTOCOL.
_PASSING = frozenset({5, 6, 7, 8, 10, 13, 14, 15})

#: A statement and its values, of which the first is the key.
_Change = tuple[str, tuple[bytes, ...]]


class AstDb:
    """Families of keys with text values. Keys are compared with case, as ``/family/key``."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._entries: dict[str, str] = {}
        #: changes in order, events to set when those before them are written, None at the end
        self._queue: SimpleQueue[_Change | threading.Event | None] = SimpleQueue()
        #: the last change of each key that did not reach the file yet
        self._unsaved: dict[bytes, _Change] = {}
        #: what is changed while a query runs: key and value, None for a removal
        self._journal: list[tuple[str, str | None]] | None = None
        self._lock, self._query_lock = threading.Lock(), threading.Lock()
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
                entries = self._next()
                self._is_urgent.wait(GATHER_TIME)
                self._is_urgent.clear()
                with contextlib.suppress(Empty):
                    while True:
                        entries.append(self._queue.get_nowait())
                self._write_or_keep(connection, [entry for entry in entries if isinstance(entry, tuple)])
                for entry in entries:
                    if isinstance(entry, threading.Event):
                        entry.set()
                if None in entries:
                    if self._unsaved:
                        self.failures += len(self._unsaved)
                        logger.error(f"AstDB: {len(self._unsaved)} changes never reached {self.path} and are lost")
                    return
        finally:
            connection.close()

    def _next(self) -> list[_Change | threading.Event | None]:
        """Wait for a change, or until what was not written is to be tried again."""
        try:
            return [self._queue.get(timeout=RETRY_TIME if self._unsaved else None)]
        except Empty:
            return []

    def _write_or_keep(self, connection: sqlite3.Connection, changes: list[_Change]) -> None:
        """Write changes, after those that could not be written before; told once until they can."""
        was_failing = bool(self._unsaved)
        pending = [*self._unsaved.values(), *changes]
        if not pending:
            return
        try:
            self._write(connection, pending)
        except sqlite3.Error as error:
            kept: dict[bytes, _Change] = {}
            for change in pending:
                kept.pop(change[1][0], None)  # the newest of a key counts, and comes last
                kept[change[1][0]] = change
            self._unsaved = kept
            if not was_failing:
                logger.error(f"AstDB: changes do not reach {self.path} at present: {error}; they are kept and tried again")
            return
        self._unsaved = {}
        if was_failing:
            logger.notice(f"AstDB: changes that waited are in {self.path}")

    def _write(self, connection: sqlite3.Connection, changes: list[_Change]) -> None:
        """Make changes in one transaction. One that can never be made does not keep the others from the file.

        Raises sqlite3.Error where none could be made now.
        """
        try:
            for change in changes:
                connection.execute(*change)
            connection.commit()
        except sqlite3.Error as error:
            connection.rollback()
            if error.sqlite_errorcode & 0xFF in _PASSING:
                raise
            if len(changes) > 1:
                for change in changes:
                    self._write(connection, [change])
                return
            self.failures += 1
            logger.error(f"AstDB: a change did not reach {self.path}: {error}")

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

    def _change(self, full: str, value: str | None) -> None:
        with self._lock:
            if value is None:
                self._entries.pop(full, None)
            else:
                self._entries[full] = value
            if self._journal is not None:
                self._journal.append((full, value))

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
        self._change(full, value)
        if self._watchers and not is_same:
            self._tell(full)
        self._store(_PUT, full, value)
        return True

    def delete(self, family: str, key: str) -> bool:
        """Remove a key; False if there was none."""
        full = self._key(family, key)
        if full not in self._entries:
            return False
        self._change(full, None)
        self._store(_DELETE, full)
        if self._watchers:
            self._tell(full)
        return True

    def delete_tree(self, family: str = "", key_tree: str = "") -> int:
        """Remove a family, or its keys below ``key_tree``; all entries if no family is given. Returns how many."""
        doomed = [full for full, _ in self.tree(family, key_tree)]
        for full in doomed:
            self._change(full, None)
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
        with self._query_lock:
            with self._lock:
                self._journal = []
            try:
                return self._query(self.path, sql)
            finally:
                with self._lock:
                    self._journal = None

    def _query(self, path: Path, sql: str) -> tuple[list[str], list[tuple[object, ...]]]:
        self.flush()
        connection = _connect(path)
        try:
            cursor = connection.execute(sql)
            rows = cursor.fetchall()
            names = [column[0] for column in cursor.description or ()]
            connection.commit()
            if connection.total_changes:
                entries = _read(connection)
                with self._lock:  # what changed meanwhile, or is not in the file yet, is newer
                    unsaved = [(_text(values[0]), *map(_text, values[1:])) for _, values in self._unsaved.values()]
                    for full, *value in [*unsaved, *(self._journal or ())]:
                        if value and value[0] is not None:
                            entries[full] = value[0]
                        else:
                            entries.pop(full, None)
                    self._entries = entries
            return names, rows
        finally:
            connection.close()


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_TIME)
    # values need not be UTF-8: what a device sent is kept as it is
    connection.text_factory = _text
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
