"""Reading, replacing and appending parts of text files by bytes or lines. Everything here waits for the disk."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from enum import Enum

from globstar.base.errors import GlobstarError

#: Larger files are not taken into a variable.
MAXIMUM_SIZE = 64 << 20


class FileFault(GlobstarError):
    """A file cannot be read or written; the message says why."""


class LineFormat(Enum):
    """How lines end."""

    UNIX = "u"
    DOS = "d"
    MAC = "m"
    #: there is no end of line, or it is to be found out
    NONE = "x"

    @classmethod
    def parse(cls, text: str) -> LineFormat:
        """The format of a letter; raises ValueError for an unknown one."""
        letter = text.strip().lower()[:1]
        return cls(letter) if letter else cls.NONE

    @property
    def ending(self) -> bytes:
        """The bytes at the end of a line."""
        return _ENDINGS[self]


_ENDINGS = {LineFormat.UNIX: b"\n", LineFormat.DOS: b"\r\n", LineFormat.MAC: b"\r", LineFormat.NONE: b"\n"}
_ANY_ENDING = re.compile(rb"\r\n|\n|\r")


@dataclass(slots=True)
class TextFile:
    """A part of a file: ``length`` bytes or lines (None: all) from ``offset`` on.

    A negative offset counts from the end, a negative length leaves off so much at the end.
    """

    name: str
    offset: int = 0
    length: int | None = None
    by_lines: bool = False
    line_format: LineFormat = LineFormat.NONE

    def _load(self) -> bytes:
        try:
            with open(self.name, "rb") as file:
                if os.fstat(file.fileno()).st_size > MAXIMUM_SIZE:
                    raise FileFault(f"{self.name} is larger than {MAXIMUM_SIZE >> 20} MB")
                return file.read()
        except (OSError, ValueError) as error:
            raise FileFault(f"{self.name} cannot be read: {error}") from error

    def _save(self, contents: bytes, mode: str = "wb") -> None:
        try:
            with open(self.name, mode) as file:
                file.write(contents)
        except (OSError, ValueError) as error:
            raise FileFault(f"{self.name} cannot be written: {error}") from error

    def detect_format(self) -> LineFormat:
        """How the first line ends; NONE if none does."""
        return _format_of(self._load())

    def _lines(self, contents: bytes) -> list[bytes]:
        """The lines with their ends."""
        ending = self._format(contents).ending
        lines = [line + ending for line in contents.split(ending)]
        last = lines.pop()[: -len(ending)]
        return [*lines, last] if last else lines

    def _format(self, contents: bytes) -> LineFormat:
        return self.line_format if self.line_format is not LineFormat.NONE else _format_of(contents)

    def count_lines(self) -> int:
        """How many ends of line there are."""
        contents = self._load()
        line_format = self._format(contents)
        return 0 if line_format is LineFormat.NONE else contents.count(line_format.ending)

    def _span(self, total: int) -> tuple[int, int]:
        """First and behind the last item of the part, of ``total`` ones."""
        start = max(0, total + self.offset) if self.offset < 0 else self.offset
        if self.length is None:
            return start, max(start, total)
        return start, max(start, start + self.length if self.length >= 0 else total + self.length)

    def read(self) -> str:
        """The part; what comes behind a zero byte is lost."""
        contents = self._load()
        if self.by_lines:
            lines = self._lines(contents)
            start, end = self._span(len(lines))
            part = b"".join(lines[start:end])
        else:
            start, end = self._span(len(contents))
            part = contents[start:end]
        return part.partition(b"\0")[0].decode("utf-8", "surrogateescape")

    def _ended(self, value: str, line_format: LineFormat, is_bare: bool) -> bytes:
        encoded = value.encode("utf-8", "surrogateescape")
        return encoded if is_bare or not self.by_lines else encoded + line_format.ending

    def _format_for_writing(self) -> LineFormat:
        """The format to write lines in: the one asked for, or the file's own."""
        if not self.by_lines or self.line_format is not LineFormat.NONE:
            return self.line_format
        found = self.detect_format()
        if found is LineFormat.NONE:
            raise FileFault(f"{self.name} does not tell how its lines end; say it as u, d or m")
        return found

    def append(self, value: str, is_bare: bool = False) -> None:
        """Write behind the end of the file; with ``by_lines`` a whole line unless ``is_bare``."""
        line_format = self._format_for_writing()
        self._save(self._ended(value, line_format, is_bare), "ab")

    def replace(self, value: str, is_bare: bool = False) -> None:
        """Write ``value`` in the place of the part; a gap before the offset is filled with zero bytes."""
        line_format = self._format_for_writing()
        new = self._ended(value, line_format, is_bare)
        if self.offset == 0 and self.length is None:
            self._save(new)
            return
        contents = self._load()
        if self.by_lines:
            lines = self._lines(contents)
            start, end = self._span(len(lines))
            before = lines[:start] + [line_format.ending] * (start - len(lines))
            self._save(b"".join([*before, new, *lines[end:]]))
        else:
            start, end = self._span(len(contents))
            self._save(contents[:start].ljust(start, b"\0") + new + contents[end:])


def _format_of(contents: bytes) -> LineFormat:
    found = _ANY_ENDING.search(contents)
    if found is None:
        return LineFormat.NONE
    return {b"\n": LineFormat.UNIX, b"\r\n": LineFormat.DOS, b"\r": LineFormat.MAC}[found[0]]
