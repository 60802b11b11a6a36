"""How log lines look: for files, consoles, syslog and as JSON."""

from __future__ import annotations

import json
import os
import re
import socket
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum

from globstar.base.log import Level, Record, level_name
from globstar.base.redact import redact

FORMATTERS = ("default", "json", "plain")
_COLOURS = {Level.ERROR: "31;1", Level.WARNING: "31;1", Level.NOTICE: "33;1", Level.DEBUG: "32;1", Level.SECURITY: "35;1"}
#: The same where bright ones can hardly be read.
_ON_LIGHT = {Level.ERROR: "31", Level.WARNING: "31", Level.NOTICE: "34", Level.DEBUG: "32", Level.SECURITY: "35"}
#: What stands before verbose lines on a console, by verbosity.
_PREFIXES = {0: "", 1: "", 2: "  == ", 3: "    -- "}


def verbose_prefix(verbosity: int) -> str:
    """``  == ``, ``    -- `` or ``       > ``."""
    return _PREFIXES.get(verbosity, "       > ")


class Palette(Enum):
    """Colours of a console, by its background."""

    NONE = "none"
    #: for dark ones, on whatever there is
    DARK = "dark"
    #: the same on black (-B, ``forceblackbackground``)
    BLACK = "black"
    #: for light ones (-W, ``lightbackground``)
    LIGHT = "light"

    def level(self, text: str, level: Level) -> str:
        """The name of a level in its colour."""
        colours = _ON_LIGHT if self is Palette.LIGHT else _COLOURS
        return self._paint(text, colours.get(level, "0"))

    def place(self, text: str) -> str:
        """A part of a place in the source: stands out from the message."""
        return self._paint(text, "30;1" if self is Palette.LIGHT else "1;37")

    def _paint(self, text: str, code: str) -> str:
        if self is Palette.NONE:
            return text
        ground = ";40" if self is Palette.BLACK else ""
        return f"\033[{code}{ground}m{text}\033[0m"


def format_time(wall: float, pattern: str) -> str:
    """``wall`` (UTC seconds) in local time by strftime's rules, with Asterisk's ``%q`` (tenths ... ``%3q`` milliseconds)."""
    fraction = wall - int(wall)

    def digits(match: re.Match[str]) -> str:
        count = int(match[1] or 3)
        return f"{int(fraction * 10**count):0{count}d}"

    local = datetime.fromtimestamp(wall, UTC).astimezone()
    return local.strftime(re.sub(r"%([1-9]?)q", digits, pattern))


@dataclass(slots=True)
class LineFormat:
    """Makes the text of records; times of one second are made once."""

    dateformat: str = "%b %e %T"
    shows_call_ids: bool = True
    #: verbose lines on the console have a time, too (-T)
    stamps_console: bool = False
    hostname: str = field(default_factory=socket.gethostname)
    _second: int = -1
    _when: str = ""

    def time_text(self, wall: float) -> str:
        """The time as ``dateformat`` says."""
        if "q" in self.dateformat:
            return format_time(wall, self.dateformat)
        if int(wall) != self._second:
            self._second, self._when = int(wall), format_time(wall, self.dateformat)
        return self._when

    def file_line(self, record: Record, wall: float) -> str:
        """A line of a log file."""
        message = redact(record.message)
        call = f"[{record.call_id}]" if record.call_id and self.shows_call_ids else ""
        head = f"[{self.time_text(wall)}] {level_name(record.level)}[{os.getpid()}]{call} {record.file}: "
        return head + message

    def json_line(self, record: Record, wall: float) -> str:
        """A line of JSON with the members that Asterisk's has."""
        identifiers: dict[str, object] = {"lwp": os.getpid()}
        if record.call_id and self.shows_call_ids:
            identifiers["callid"] = record.call_id
        return json.dumps(
            {
                "hostname": self.hostname,
                "timestamp": self.time_text(wall),
                "identifiers": identifiers,
                "logmsg": {
                    "location": {"filename": record.file, "function": record.function, "line": record.line},
                    "level": level_name(record.level),
                    "message": redact(record.message),
                },
            },
            ensure_ascii=False,
        ).encode("utf-8", "backslashreplace").decode()  # fmt: skip

    def console_line(self, record: Record, wall: float, palette: Palette = Palette.NONE) -> str:
        """A line of a console: notices and worse with time and place, verbose ones bare unless -T was given."""
        message = redact(record.message)
        call = f"[{record.call_id}]" if record.call_id and self.shows_call_ids else ""
        if record.level is Level.VERBOSE:
            stamp = f"[{self.time_text(wall)}] " if self.stamps_console else ""
            return f"{stamp}{verbose_prefix(record.verbosity)}{message}"
        name = palette.level(level_name(record.level), record.level)
        place = f"{palette.place(record.file)}:{palette.place(f'{record.line} {record.function}')}"
        return f"[{self.time_text(wall)}] {name}[{os.getpid()}]{call}: {place}: {message}"

    def syslog_line(self, record: Record) -> str:
        """A line for syslog, which adds the time itself; a message of several lines is one."""
        call = f"[{record.call_id}]" if record.call_id and self.shows_call_ids else ""
        message = redact(record.message).replace("\n", " | ")
        return f"{level_name(record.level)}[{os.getpid()}]{call}: {record.file}:{record.line} in {record.function}: {message}"
