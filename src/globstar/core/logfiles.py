"""logger.conf: where log lines go, how they look, and how files are rotated."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import syslog
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from globstar.base.log import Level, Logger, Record, hub
from globstar.config.errors import ConfigFileMissing
from globstar.config.options import Options, Report, option
from globstar.config.reader import read_config
from globstar.config.source import ConfigSource
from globstar.config.values import boolean, integer, string

logger = Logger("logger")

LEVELS: dict[str, Level] = {
    "debug": Level.DEBUG,
    "notice": Level.NOTICE,
    "warning": Level.WARNING,
    "error": Level.ERROR,
    "verbose": Level.VERBOSE,
    "dtmf": Level.DTMF,
    "security": Level.SECURITY,
}
ALL = Level.DEBUG | Level.NOTICE | Level.WARNING | Level.ERROR | Level.VERBOSE | Level.DTMF | Level.SECURITY
#: Levels that Asterisk knows and nothing here uses; naming them is no mistake.
_OTHER_LEVELS = {"trace", "fax", "cc", "pjsip_history"}
_COLOURS = {Level.ERROR: "31;1", Level.WARNING: "31", Level.NOTICE: "33", Level.DEBUG: "34", Level.VERBOSE: "0"}


class LoggerOptions(Options):
    """``[general]`` of logger.conf."""

    dateformat = option(string, "%b %e %T", help="strftime format of the time; %q and %3q are fractions of a second.")
    appendhostname = option(boolean, False, help="Add the host's name to the names of log files.")
    use_callids = option(boolean, True, aliases=("display_callids",), help="Show [C-00000001] on lines of a call.")
    queue_log = option(boolean, True, help="Write queue_log.")
    queue_log_to_file = option(boolean, False, help="Write queue_log to the file even with a realtime backend.")
    queue_log_name = option(string, "queue_log", help="Name of the queue log.")
    queue_log_realtime_use_gmt = option(boolean, False, help="GMT in a realtime queue log.")
    rotatestrategy = option(string, "sequential", help="sequential, rotate, timestamp or none.")
    exec_after_rotate = option(string, "", help="Command to run after a rotation; ${filename} is the rotated file.")
    logger_queue_limit = option(integer(1), 1000, help="Accepted; lines are written at once.")
    custom_levels = option(string, "", help="More level names, separated by commas.")


def format_time(wall: float, pattern: str) -> str:
    """``wall`` (UTC seconds) in local time by strftime's rules, with Asterisk's ``%q`` (tenths ... ``%3q`` milliseconds)."""
    fraction = wall - int(wall)

    def digits(match: re.Match[str]) -> str:
        count = int(match[1] or 3)
        return f"{int(fraction * 10**count):0{count}d}"

    local = datetime.fromtimestamp(wall, UTC).astimezone()
    return local.strftime(re.sub(r"%([1-9]?)q", digits, pattern))


@dataclass(slots=True)
class Channel:
    """One log channel: a file, the console or syslog."""

    name: str
    levels: Level
    kind: str
    verbosity: int | None
    formatter: str
    configuration: str
    path: Path | None = None
    stream: TextIO | None = None
    facility: int = 0
    failed: bool = False


@dataclass(slots=True)
class LogSetup:
    """The log channels of this process and their formatting."""

    directory: Path
    wall_time: Callable[[], float] = time.time
    options: LoggerOptions = field(default_factory=LoggerOptions)
    channels: list[Channel] = field(default_factory=list)
    muted: bool = False
    colour: bool = False
    console: TextIO = field(default_factory=lambda: sys.stderr)

    def load(self, source: ConfigSource) -> None:
        """Read logger.conf and open what it names; without one, warnings and errors go to the console."""
        entries: list[tuple[str, str, str]] = []
        report = Report()
        options = LoggerOptions()
        try:
            config = read_config("logger.conf", source)
        except ConfigFileMissing:
            entries.append(("console", "notice,warning,error", ""))
        else:
            general = config.category("general")
            if general is not None:
                options = LoggerOptions.read(general, report)
            for category in config.categories_named("logfiles"):
                entries += [(variable.name, variable.value, f"{variable.file}:{variable.line}") for variable in category]
        self.close()
        self.options = options
        for name, levels, place in entries:
            self.add(name, levels, place)
        for warning in report.warnings:
            logger.log(warning.level, str(warning))

    def add(self, name: str, levels: str, place: str = "") -> Channel:
        """Open one log channel, ``name => levels`` of logger.conf."""
        formatter = "default"
        if match := re.match(r"\s*\[(\w+)\](.*)", levels):
            formatter, levels_text = match[1], match[2]
        else:
            levels_text = levels
        mask, verbosity, unknown = parse_levels(levels_text)
        for word in unknown:
            logger.warning(f"{place or 'logger'}: unknown log level '{word}'")
        if formatter not in ("default", "json", "plain"):
            logger.warning(f"{place or 'logger'}: unknown formatter '{formatter}'")
            formatter = "default"
        channel = Channel(name, mask, "File", verbosity, formatter, levels_text.strip())
        if name.lower() == "console":
            channel.kind, channel.stream = "Console", self.console
        elif name.lower().startswith("syslog."):
            channel.kind = "Syslog"
            channel.facility = getattr(syslog, f"LOG_{name[7:].upper()}", syslog.LOG_LOCAL0)
            syslog.openlog("globstar", syslog.LOG_PID)
        else:
            suffix = f".{socket.gethostname()}" if self.options.appendhostname else ""
            channel.path = self.directory / f"{name}{suffix}"
            self._open(channel)
        self.channels.append(channel)
        self._install()
        return channel

    def remove(self, name: str) -> bool:
        """Close the log channel called ``name``; False if there is none."""
        for channel in self.channels:
            if name in (channel.name, str(channel.path)):
                self._close(channel)
                self.channels.remove(channel)
                self._install()
                return True
        return False

    def _open(self, channel: Channel) -> None:
        assert channel.path is not None
        try:
            channel.path.parent.mkdir(parents=True, exist_ok=True)
            channel.stream = channel.path.open("a", buffering=1, encoding="utf-8", errors="surrogateescape")
            channel.failed = False
        except OSError as error:
            channel.failed = True
            sys.stderr.write(f"cannot open log file {channel.path}: {error.strerror}\n")

    def _close(self, channel: Channel) -> None:
        if channel.path is not None and channel.stream is not None:
            channel.stream.close()
        channel.stream = None

    def close(self) -> None:
        """Close every log channel."""
        hub.remove(self.handle)
        for channel in self.channels:
            self._close(channel)
        self.channels.clear()

    def _install(self) -> None:
        hub.remove(self.handle)
        mask = Level(0)
        for channel in self.channels:
            mask |= channel.levels
        if mask:
            hub.add(mask, self.handle)

    def handle(self, record: Record) -> None:
        """Write ``record`` to every log channel that wants its level."""
        wall = self.wall_time()
        for channel in self.channels:
            if not record.level & channel.levels:
                continue
            if record.level is Level.VERBOSE and channel.verbosity is not None and record.verbosity > channel.verbosity:
                continue
            if channel.kind == "Console" and self.muted:
                continue
            if channel.kind == "Syslog":
                syslog.syslog(channel.facility | _SYSLOG.get(record.level, syslog.LOG_INFO), self._text(record, wall, channel))
            elif channel.stream is not None:
                try:
                    channel.stream.write(self._text(record, wall, channel) + "\n")
                except (OSError, ValueError) as error:
                    if not channel.failed:
                        channel.failed = True
                        sys.stderr.write(f"log channel {channel.name}: {error}\n")

    def _text(self, record: Record, wall: float, channel: Channel) -> str:
        when = format_time(wall, self.options.dateformat)
        level = record.level.name or ""
        if channel.formatter == "json":
            return json.dumps(
                {
                    "hostname": socket.gethostname(),
                    "timestamp": when,
                    "identifiers": {"lwp": os.getpid(), **({"callid": record.call_id} if record.call_id else {})},
                    "logmsg": {
                        "location": {"filename": record.file, "function": record.function, "line": record.line},
                        "level": level,
                        "message": record.message,
                    },
                }
            )
        call = f"[{record.call_id}]" if record.call_id and self.options.use_callids else ""
        if channel.kind == "Console":
            if record.level is Level.VERBOSE:
                return f"    -- {record.message}"
            label = f"\033[{_COLOURS.get(record.level, '0')}m{level}\033[0m" if self.colour else level
            return f"[{when}] {label}[{os.getpid()}]{call}: {record.file}:{record.line} {record.function}: {record.message}"
        if record.level is Level.VERBOSE:
            return f"[{when}] VERBOSE[{os.getpid()}]{call} {record.file}: {record.message}"
        return f"[{when}] {level}[{os.getpid()}]{call} {record.file}: {record.message}"

    def rotate(self) -> None:
        """Begin new files; old ones are kept as the rotation strategy says."""
        for channel in self.channels:
            if channel.path is None:
                continue
            self._close(channel)
            rotated = _rotate_file(channel.path, self.options.rotatestrategy, self.wall_time())
            self._open(channel)
            command = self.options.exec_after_rotate
            if rotated is not None and command:
                subprocess.Popen(["/bin/sh", "-c", command.replace("${filename}", str(rotated))])


_SYSLOG = {
    Level.ERROR: syslog.LOG_ERR,
    Level.WARNING: syslog.LOG_WARNING,
    Level.NOTICE: syslog.LOG_NOTICE,
    Level.VERBOSE: syslog.LOG_INFO,
    Level.DEBUG: syslog.LOG_DEBUG,
}


def parse_levels(text: str) -> tuple[Level, int | None, list[str]]:
    """``notice,warning,verbose(3)`` as a mask, the verbosity limit (None: the console's) and the unknown words."""
    mask = Level(0)
    verbosity: int | None = None
    unknown: list[str] = []
    for word in text.split(","):
        name = word.strip().lower()
        if match := re.fullmatch(r"verbose\((\d+|\*)\)", name):
            mask |= Level.VERBOSE
            verbosity = int(match[1]) if match[1].isdigit() else None
        elif name == "*":
            mask |= ALL
        elif name in LEVELS:
            mask |= LEVELS[name]
        elif name and name not in _OTHER_LEVELS:
            unknown.append(word.strip())
    return mask, verbosity, unknown


def _rotate_file(path: Path, strategy: str, wall: float) -> Path | None:
    if strategy == "none" or not path.exists():
        return None
    if strategy == "timestamp":
        target = path.with_name(f"{path.name}.{int(wall)}")
    elif strategy == "rotate":
        numbers = sorted(_numbers(path), reverse=True)
        for number in numbers:
            for ending in ("", ".gz"):
                old = path.with_name(f"{path.name}.{number}{ending}")
                if old.exists():
                    old.rename(path.with_name(f"{path.name}.{number + 1}{ending}"))
        target = path.with_name(f"{path.name}.0")
    else:
        target = path.with_name(f"{path.name}.{max(_numbers(path), default=-1) + 1}")
    path.rename(target)
    return target


def _numbers(path: Path) -> Iterable[int]:
    for sibling in path.parent.glob(f"{path.name}.*"):
        ending = sibling.name[len(path.name) + 1 :].removesuffix(".gz")
        if ending.isdigit():
            yield int(ending)
