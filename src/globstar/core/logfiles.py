"""logger.conf: where log lines go, and who writes them."""

from __future__ import annotations

import re
import sys
import syslog
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from globstar.base.log import Level, Logger, Record, hub, level_named, level_names, register_level
from globstar.base.programs import run_shell
from globstar.config.errors import ConfigFileMissing
from globstar.config.options import Options, Report, option
from globstar.config.reader import read_config
from globstar.config.source import ConfigSource
from globstar.config.values import boolean, integer, string
from globstar.core.logformat import FORMATTERS, LineFormat, Palette, format_time
from globstar.core.logrotate import STRATEGIES, rotate_file

__all__ = ["Channel", "LogSetup", "LoggerOptions", "format_time", "parse_levels"]

logger = Logger("logger")

FACILITIES = {
    name: getattr(syslog, f"LOG_{name.upper()}")
    for name in (
        "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
        *(f"local{number}" for number in range(8)),
    )
    if hasattr(syslog, f"LOG_{name.upper()}")
}  # fmt: skip
_PRIORITIES = {
    Level.ERROR: syslog.LOG_ERR, Level.WARNING: syslog.LOG_WARNING, Level.NOTICE: syslog.LOG_NOTICE,
    Level.VERBOSE: syslog.LOG_INFO, Level.DEBUG: syslog.LOG_DEBUG, Level.TRACE: syslog.LOG_DEBUG,
}  # fmt: skip


def _strategy(text: str) -> str:
    if text.strip().lower() not in STRATEGIES:
        raise ValueError(f"expected one of {', '.join(STRATEGIES)}")
    return text.strip().lower()


class LoggerOptions(Options):
    """``[general]`` of logger.conf."""

    dateformat = option(string, "%b %e %T", help="strftime format of the time; %q and %3q are fractions of a second.")
    appendhostname = option(boolean, False, help="Add the host's name to the names of log files.")
    use_callids = option(boolean, True, aliases=("display_callids",), help="Show [C-00000001] on lines of a call.")
    queue_log = option(boolean, True, help="Write queue_log.")
    queue_log_to_file = option(boolean, False, help="Write queue_log to the file even with a realtime backend.")
    queue_log_name = option(string, "queue_log", help="Name of the queue log.")
    queue_log_realtime_use_gmt = option(boolean, False, help="GMT in a realtime queue log.")
    rotatestrategy = option(_strategy, "sequential", help="sequential, rotate, timestamp or none.")
    exec_after_rotate = option(string, "", help="Command to run after a rotation; ${filename} is the file.")
    logger_queue_limit = option(integer(1), 1000, help="Lines that may wait to be written; more are discarded and counted.")
    custom_levels = option(string, "", help="More level names, separated by commas.")


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
    #: made by ``logger add channel``: it outlives a reload
    is_dynamic: bool = False

    def wants(self, record: Record) -> bool:
        """Whether a record is for it."""
        if not record.level & self.levels:
            return False
        if record.level is not Level.VERBOSE:
            return True
        return record.verbosity <= (hub.verbosity if self.verbosity is None else self.verbosity)


@dataclass(slots=True)
class LogSetup:
    """The log channels of this process. With :meth:`start` a thread writes; before, and without it, lines are written at once."""

    directory: Path
    wall_time: Callable[[], float] = time.time
    options: LoggerOptions = field(default_factory=LoggerOptions)
    channels: list[Channel] = field(default_factory=list)
    muted: bool = False
    palette: Palette = Palette.NONE
    #: -c: the console shows verbose lines up to the root verbosity, whatever logger.conf says of it
    is_interactive: bool = False
    #: -T: times on verbose lines of the console
    timestamp: bool = False
    #: where console lines go; None: to stderr as it is when a line is written (a prompt puts its own in place of it)
    console: TextIO | None = None
    #: lines that found the queue full, ever
    discarded: int = 0
    _format: LineFormat = field(default_factory=LineFormat)
    _queue: deque[tuple[Record, float]] = field(default_factory=deque)
    _wake: threading.Event = field(default_factory=threading.Event)
    _writing: threading.RLock = field(default_factory=threading.RLock)
    _thread: threading.Thread | None = None
    _is_ending: bool = False
    _full_since: int = 0
    #: called with the options when they were read again, in whatever thread that was
    listeners: list[Callable[[LoggerOptions], None]] = field(default_factory=list)
    #: called, in whatever thread that was, when a file could not be written (with the error), and when it can be again
    on_state: Callable[[str, OSError | ValueError | None], None] = lambda name, error: None
    #: gives files that others write and that are rotated with the rest
    others: list[Callable[[], Path]] = field(default_factory=list)

    # -- configuration ---------------------------------------------------------------------------------------------------

    def load(self, source: ConfigSource, name: str = "logger.conf") -> None:
        """Read logger.conf and open what it names; without one, notices and worse go to the console.

        Channels of ``logger add channel`` stay. Raises ``ConfigError`` when the file is broken; nothing changes then.
        """
        entries: list[tuple[str, str, str]] = []
        report = Report()
        options = LoggerOptions()
        try:
            config = read_config(name, source)
        except ConfigFileMissing:
            entries.append(("console", "notice,warning,error", ""))
        else:
            general = config.category("general")
            if general is not None:
                options = LoggerOptions.read(general, report)
            for category in config.categories_named("logfiles"):
                entries += [(variable.name, variable.value, f"{variable.file}:{variable.line}") for variable in category]
        kept = [channel for channel in self.channels if channel.is_dynamic]
        self.close(keep_thread=True)
        self.options = options
        self._format = LineFormat(options.dateformat, options.use_callids, self.timestamp)
        for word in options.custom_levels.split(","):
            if word.strip():
                try:
                    register_level(word)
                except ValueError as error:
                    logger.error(f"{name}: custom_levels: {error}")
        for entry, levels, place in entries:
            self.add(entry, levels, place)
        if self.is_interactive:
            root = self.find("console") or self.add("console", "")
            self.set_levels(root, root.levels | Level.VERBOSE)
        for channel in kept:
            if not self.find(channel.name):
                self.add(channel.name, channel.configuration).is_dynamic = True
        for warning in report.warnings:
            logger.log(warning.level, str(warning))
        for listener in self.listeners:
            listener(options)

    def add(self, name: str, levels: str, place: str = "") -> Channel:
        """Open one log channel, ``name => levels`` of logger.conf."""
        formatter = "default"
        if match := re.match(r"\s*\[(\w*)\](.*)", levels):
            formatter, levels_text = match[1].lower(), match[2]
        else:
            levels_text = levels
        mask, verbosity, unknown = parse_levels(levels_text)
        for word in unknown:
            logger.warning(f"{place or 'logger'}: unknown log level '{word}'")
        if formatter not in FORMATTERS:
            logger.warning(f"{place or 'logger'}: unknown formatter '{formatter}'")
            formatter = "default"
        channel = Channel(name, mask, "File", verbosity, formatter, levels.strip())
        if name.lower() == "console":
            channel.kind, channel.stream = "Console", self.console
        elif name.lower().startswith("syslog."):
            channel.kind = "Syslog"
            facility = FACILITIES.get(name[7:].lower())
            if facility is None:
                logger.warning(f"{place or 'logger'}: unknown syslog facility '{name[7:]}'; local0 is used")
            channel.facility = syslog.LOG_LOCAL0 if facility is None else facility
            syslog.openlog("asterisk", syslog.LOG_PID)
        else:
            suffix = f".{self._format.hostname}" if self.options.appendhostname else ""
            channel.path = self.directory / f"{name}{suffix}"
            self._open(channel)
        with self._writing:
            self.channels.append(channel)
        self._install()
        return channel

    def find(self, name: str) -> Channel | None:
        """The channel of that name or path."""
        return next((channel for channel in self.channels if name in (channel.name, str(channel.path))), None)

    def set_levels(self, channel: Channel, levels: Level) -> None:
        """Let a channel show other levels until the next reload."""
        channel.levels = levels
        self._install()

    @property
    def line_format(self) -> LineFormat:
        """How lines look."""
        return self._format

    @property
    def waiting(self) -> int:
        """Lines that are not written yet."""
        return len(self._queue)

    def remove(self, name: str) -> bool:
        """Close the log channel called ``name``; False if there is none."""
        channel = self.find(name)
        if channel is None:
            return False
        with self._writing:
            self._drain()
            self.channels.remove(channel)
            self._close(channel)
        self._install()
        return True

    def _open(self, channel: Channel) -> None:
        assert channel.path is not None
        try:
            channel.path.parent.mkdir(parents=True, exist_ok=True)
            channel.stream = channel.path.open("a", buffering=1, encoding="utf-8", errors="surrogateescape")
        except OSError as error:
            sys.stderr.write(f"cannot open log file {channel.path}: {error.strerror}\n")
            self._failed(channel, error)
        else:
            self._works(channel)

    def _failed(self, channel: Channel, error: OSError | ValueError) -> None:
        if not channel.failed:
            channel.failed = True
            self.on_state(str(channel.path or channel.name), error)

    def _works(self, channel: Channel) -> None:
        if channel.failed:
            channel.failed = False
            self.on_state(str(channel.path or channel.name), None)

    def _close(self, channel: Channel) -> None:
        hub.wish(id(channel), None)
        self._close_file(channel)

    def _close_file(self, channel: Channel) -> None:
        """What could not be written yet may fail once more then."""
        stream, channel.stream = channel.stream, None
        if channel.path is not None and stream is not None:
            try:
                stream.close()
            except OSError as error:
                self._failed(channel, error)

    def close(self, *, keep_thread: bool = False) -> None:
        """Write what waits and close every log channel."""
        hub.remove(self.handle)
        if self._thread is not None and not keep_thread:
            self._is_ending = True
            self._wake.set()
            self._thread.join(5)
            self._thread = None
        with self._writing:
            self._drain()
            for channel in self.channels:
                self._close(channel)
            self.channels.clear()

    def _install(self) -> None:
        hub.remove(self.handle)
        mask = Level(0)
        for channel in self.channels:
            mask |= channel.levels
            wants_verbose = channel.levels & Level.VERBOSE and channel.verbosity is not None
            hub.wish(id(channel), channel.verbosity if wants_verbose else None)
        if mask:
            hub.add(mask, self.handle)

    # -- writing ---------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """From now on a thread writes, so that a slow disk holds up nothing."""
        if self._thread is None:
            self._is_ending = False
            self._thread = threading.Thread(target=self._run, name="logger", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while not self._is_ending:
            self._wake.wait()
            self._wake.clear()
            try:
                with self._writing:
                    self._drain()
            except Exception as error:  # a line that cannot be written must not end all logging
                sys.stderr.write(f"the log lost a line: {error!r}\n")
                self._wake.set()

    def flush(self) -> None:
        """Write what waits, now."""
        with self._writing:
            self._drain()

    def _drain(self) -> None:
        while self._queue:
            record, wall = self._queue.popleft()
            self._write(record, wall)
        if self._full_since:
            count, self._full_since = self._full_since, 0
            noted = Record(Level.WARNING, _resumed(count), "logger", "logfiles.py", 0, "handle", "")
            self._write(noted, self.wall_time())

    def handle(self, record: Record) -> None:
        """Write ``record`` to every log channel that wants it, or let the thread do it."""
        wall = self.wall_time()
        if self._thread is None:
            with self._writing:
                self._write(record, wall)
            return
        if len(self._queue) >= self.options.logger_queue_limit:
            if not self._full_since:
                limit = self.options.logger_queue_limit
                self._queue.append((Record(Level.WARNING, _full(limit), "logger", "logfiles.py", 0, "handle", ""), wall))
            self._full_since += 1
            self.discarded += 1
            return
        self._queue.append((record, wall))
        if not self._wake.is_set():
            self._wake.set()

    def _write(self, record: Record, wall: float) -> None:
        form = self._format
        for channel in self.channels:
            if not channel.wants(record) or (channel.kind == "Console" and self.muted):
                continue
            if channel.formatter == "json":
                text = form.json_line(record, wall)
            elif channel.kind == "Console":
                text = form.console_line(record, wall, self.palette if channel.formatter == "default" else Palette.NONE)
            elif channel.kind == "Syslog":
                text = form.syslog_line(record)
            else:
                text = form.file_line(record, wall)
            if channel.kind == "Syslog":
                syslog.syslog(channel.facility | _PRIORITIES.get(record.level, syslog.LOG_INFO), text.replace("\0", "?"))
                continue
            stream = sys.stderr if channel.kind == "Console" and channel.stream is None else channel.stream
            if stream is not None:
                try:
                    stream.write(text + "\n")
                    if channel.failed:
                        self._works(channel)
                except (OSError, ValueError) as error:
                    if not channel.failed:
                        sys.stderr.write(f"log channel {channel.name}: {error}\n")
                    self._failed(channel, error)

    def rotate(self) -> None:
        """Begin new files; old ones are kept as the rotation strategy says."""
        with self._writing:
            self._drain()
            for channel in self.channels:
                if channel.path is not None:
                    self._close_file(channel)
                    self._rotate(channel.path)
                    self._open(channel)
            for other in self.others:
                self._rotate(other())

    def _rotate(self, path: Path) -> None:
        strategy = self.options.rotatestrategy
        try:
            rotated = rotate_file(path, strategy, self.wall_time())
        except OSError as error:
            sys.stderr.write(f"cannot rotate {path}: {error.strerror}\n")
            rotated = None
        command = self.options.exec_after_rotate
        if rotated is not None and command:
            # With "rotate" the numbers of all files change, so commands name the one that they mean: ${filename}.2
            command = command.replace("${filename}", str(path if strategy == "rotate" else rotated))
            threading.Thread(target=_execute, args=(command,), name="after log rotation", daemon=True).start()


def _execute(command: str) -> None:
    done = run_shell(command, capture_output=True)
    if done.returncode:
        logger.warning(f"exec_after_rotate ended with {done.returncode}: {done.stderr.decode(errors='replace').strip()}")


def _full(limit: int) -> str:
    return f"Log queue threshold ({limit}) exceeded.  Discarding new messages."


def _resumed(count: int) -> str:
    return f"Logging resumed.  {count} message{'' if count == 1 else 's'} discarded."


def parse_levels(text: str) -> tuple[Level, int | None, list[str]]:
    """``notice,warning,verbose(3)`` as a mask, the verbosity limit (None: the root console's) and the unknown words.

    ``*`` is every level, of the user's own ones as well.
    """
    mask = Level(0)
    verbosity: int | None = None
    unknown: list[str] = []
    for word in text.split(","):
        name = word.strip().lower()
        known = level_named(name)
        if match := re.fullmatch(r"verbose\(\s*(\d+|\*)\s*\)", name):
            mask |= Level.VERBOSE
            verbosity = int(match[1]) if match[1].isdigit() else None
        elif name == "*":
            for level in level_names().values():
                mask |= level
        elif known is not None:
            mask |= known
        elif name:
            unknown.append(word.strip())
    return mask, verbosity, unknown
