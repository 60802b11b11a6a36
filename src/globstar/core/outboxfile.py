"""The file in which rows of an outbox wait, a line of JSON each, and the mark of how far it was handed over."""

from __future__ import annotations

import itertools
import json
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from globstar.base.log import Logger

logger = Logger("outbox")

#: Digits of the mark: it is written in place, so that a full disk does not keep it from being written.
_MARK_DIGITS = 20


class OutboxFile:
    """Rows are appended at the end and taken from the front; both may be done by two threads at once.

    Octets before the mark were handed over. A process that is killed between a hand-over and its mark hands these rows over
    once more: twice is better than never.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.path = folder / f"{name}.jsonl"
        self._mark = folder / f"{name}.done"
        self._lock = threading.Lock()
        #: octets that were handed over
        self._place = 0
        #: octets of the rows that are on their way in another thread, which were put here meanwhile
        self._ahead: list[int] = []
        #: rows that wait
        self.count = 0
        self.is_open = not self.path.exists()
        self._has_bad_mark = False
        self._is_given_up = False

    def open(self) -> None:
        """Count what was left when the server last stopped."""
        with self._lock:
            self.is_open = True
            self._place = self._read_mark()
            try:
                with self.path.open("rb+") as stream:
                    size = stream.seek(0, os.SEEK_END)
                    if self._place > size:
                        logger.error(f"{self._mark} is not that of {self.path}; rows may be written twice")
                        self._place = 0
                    if size:
                        stream.seek(-1, os.SEEK_END)
                        if stream.read(1) != b"\n":  # a row that was cut off must not take the next one with it
                            stream.write(b"\n")
                    stream.seek(self._place)
                    self.count = sum(1 for _ in stream)
            except FileNotFoundError:
                self._place = 0
            except OSError as error:
                logger.error(f"{self.path} cannot be read: {error}")

    def _read_mark(self) -> int:
        try:
            return int(self._mark.read_text())
        except FileNotFoundError:
            return 0
        except (OSError, ValueError) as error:
            logger.error(f"{self._mark} cannot be read: {error}; rows may be written twice")
            return 0

    def append(self, rows: Sequence[Any], moving: Sequence[Any] = ()) -> None:
        """Put rows at the end, all or none; they are on the disk then. Raises OSError.

        ``moving``: rows that another thread is handing over. They come before the others, so they are put here as well, once;
        that thread tells by :meth:`moved` how many arrived.
        """
        with self._lock:
            before = [] if self._ahead else [_line(row) for row in moving]
            data = b"".join([*before, *map(_line, rows)])
            if not self.count and not self.path.exists():
                self._place = 0
                self._write_mark()
            append_whole(self.path, data, is_synced=True)
            self._ahead += map(len, before)
            self.count += len(before) + len(rows)

    @property
    def has_moving(self) -> bool:
        """Whether rows that are being handed over are in the file as well."""
        return bool(self._ahead)

    def takes_over(self, rows: list[Any]) -> bool:
        """Whether ``rows``, which were on their way, are in the file; they are taken out of the list then, and wait here."""
        with self._lock:
            if not self._ahead:
                return False
            self._ahead.clear()
            rows.clear()
            return True

    def moved(self, rows: list[Any], taken: int) -> bool:
        """The first ``taken`` of ``rows`` arrived, which are taken out; whether the others are in the file, and taken out too."""
        with self._lock:
            del rows[:taken]
            if not self._ahead:
                return False
            rows.clear()
            if not self._is_given_up:
                self._place += sum(self._ahead[:taken])
                self.count -= taken
                self._write_mark()
            self._ahead.clear()
            return True

    def give_up(self) -> None:
        """The file is somebody else's from now on: a thread that is still under way leaves it alone."""
        with self._lock:
            self._is_given_up = True

    def first(self, count: int) -> list[bytes]:
        """The first lines that wait, at most ``count``; none if there are none. Raises OSError.

        Where nothing waits any more the file is removed.
        """
        with self._lock:
            if self._is_given_up:
                return []
            try:
                with self.path.open("rb") as stream:
                    stream.seek(self._place)
                    lines = list(itertools.islice(stream, count))
            except FileNotFoundError:
                if self.count:
                    logger.error(f"{self.path} was removed; the {self.count} rows in it are lost")
                self.count = self._place = 0
                self._mark.unlink(missing_ok=True)
                return []
            if not lines:
                self._mark.unlink(missing_ok=True)
                self.path.unlink()
                self.count = self._place = 0
            return lines

    def done(self, lines: Sequence[bytes]) -> None:
        """These lines, the first that wait, were handed over."""
        with self._lock:
            if self._is_given_up:
                return
            self._place += sum(map(len, lines))
            self.count -= len(lines)
            self._write_mark()

    def _write_mark(self) -> None:
        text = f"{self._place:{_MARK_DIGITS}d}".encode()
        try:
            self._mark.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._mark, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o666)
            try:
                os.write(descriptor, text)
                os.ftruncate(descriptor, len(text))
            finally:
                os.close(descriptor)
        except OSError as error:
            if not self._has_bad_mark:
                logger.error(f"{self._mark} cannot be written: {error}; after a restart rows may be written twice")
            self._has_bad_mark = True
        else:
            self._has_bad_mark = False


def _line(row: Any) -> bytes:
    return (json.dumps(row) + "\n").encode()


def append_whole(file: Path, data: bytes, *, is_synced: bool = False) -> None:
    """Append all of ``data`` or nothing; the folder is made if need be. Raises OSError.

    ``is_synced``: it is on the disk afterwards, so that a power failure does not take it.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
    try:
        size = os.fstat(descriptor).st_size
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(descriptor, view) :]
            if is_synced:
                os.fsync(descriptor)
        except OSError:
            os.ftruncate(descriptor, size)
            raise
    finally:
        os.close(descriptor)
