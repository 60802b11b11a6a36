"""Logging with Asterisk's levels, call ids and a cost of nothing when nobody listens.

The levels are those of logger.conf: debug, trace, verbose, notice, warning, error, dtmf, the dynamic ones (security, fax, cc)
and those that ``custom_levels`` adds.
A record goes to every handler whose level mask has its bit; handlers are set by
``core.logging`` from logger.conf. A call's id (``[C-00000001]``) is taken from the channel's
context so that every line of one call can be found.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from enum import IntFlag


class Level(IntFlag):
    """Levels as bits, so that a handler's wish is one mask."""

    DEBUG = 1
    TRACE = 2
    NOTICE = 4
    WARNING = 8
    ERROR = 16
    VERBOSE = 32
    DTMF = 64
    CC = 1 << 16
    FAX = 1 << 17
    PJSIP_HISTORY = 1 << 18
    SECURITY = 1 << 19


#: Numbers that are compared with a mask for every line; that of an enum takes three calls.
_DEBUG, _VERBOSE, _DTMF, _SECURITY = int(Level.DEBUG), int(Level.VERBOSE), int(Level.DTMF), int(Level.SECURITY)
#: Where ``custom_levels`` begin, and how many there may be.
_FIRST_CUSTOM, _MOST_CUSTOM = 20, 32
_custom: dict[str, Level] = {}


def register_level(name: str) -> Level:
    """A level of the user's own, made if it is new. Raises ``ValueError`` when there are too many or the name is bad."""
    name = name.strip().upper()
    known = level_named(name)
    if known is not None:
        return known
    if not name.replace("_", "").isalnum():
        raise ValueError(f"'{name}' is no name for a level")
    if len(_custom) >= _MOST_CUSTOM:
        raise ValueError(f"there are {_MOST_CUSTOM} levels of one's own already")
    level = _custom[name] = Level(1 << (_FIRST_CUSTOM + len(_custom)))
    return level


def level_named(name: str) -> Level | None:
    """The level of that name, in any case; None if there is none."""
    name = name.upper()
    return Level.__members__.get(name) or _custom.get(name)


def level_name(level: Level) -> str:
    """Its name, of the user's own ones as well."""
    return level.name or next((name for name, known in _custom.items() if known == level), str(level.value))


def level_names() -> dict[str, Level]:
    """Every level by its name, in the order of their numbers."""
    return {**Level.__members__, **_custom}


@dataclass(slots=True)
class Record:
    """One log line before formatting."""

    level: Level
    message: str
    module: str
    file: str
    line: int
    function: str
    call_id: str
    verbosity: int = 0


Handler = Callable[[Record], None]

#: The call id of the running task, ``C-00000001`` or "".
call_id: ContextVar[str] = ContextVar("call_id", default="")


_DETAILS = Level.DEBUG | Level.TRACE | Level.VERBOSE


class LogHub:
    """Where all loggers send records; one per process, as there is one stderr and one syslog."""

    __slots__ = (
        "_handlers",
        "_observers",
        "_verbosity",
        "_wishes",
        "debug_level",
        "debug_modules",
        "line_filter",
        "mask",
        "verbose_limit",
    )

    def __init__(self) -> None:
        self._handlers: list[tuple[int, Handler]] = []
        self._observers: tuple[Handler, ...] = ()
        self._verbosity = 0
        self._wishes: dict[object, int] = {}
        self.mask = 0
        #: the highest verbosity that anybody wants to see; what is above it is not built
        self.verbose_limit = 0
        self.debug_level = 0
        self.debug_modules: dict[str, int] = {}
        #: says which debug and verbose lines are let through; None: all
        self.line_filter: Callable[[Record], bool] | None = None

    @property
    def verbosity(self) -> int:
        """Verbosity of the root console, which log channels without a level of their own follow."""
        return self._verbosity

    @verbosity.setter
    def verbosity(self, level: int) -> None:
        self._verbosity = level
        self.verbose_limit = max(level, *self._wishes.values(), 0)

    def wish(self, who: object, verbosity: int | None) -> None:
        """``who`` (a remote console, a log channel) wants to see verbose lines up to a level, or no more (None)."""
        if verbosity is None:
            self._wishes.pop(who, None)
        else:
            self._wishes[who] = verbosity
        self.verbosity = self._verbosity

    def observe(self, handler: Handler) -> None:
        """Let ``handler`` see every record that is made because somebody wants it; it makes nothing be made."""
        self._observers = (*self._observers, handler)

    def stop_observing(self, handler: Handler) -> None:
        """End that; unknown ones are no error."""
        self._observers = tuple(known for known in self._observers if known != handler)

    def add(self, mask: int, handler: Handler) -> None:
        """Send every record whose level is in ``mask`` to ``handler``."""
        self._handlers.append((int(mask), handler))
        self._refresh()

    def remove(self, handler: Handler) -> None:
        """Forget ``handler``; it is no error if it is unknown."""
        self._handlers = [entry for entry in self._handlers if entry[1] != handler]
        self._refresh()

    def _refresh(self) -> None:
        self.mask = 0
        for mask, _ in self._handlers:
            self.mask |= mask

    def emit(self, record: Record) -> None:
        """Hand ``record`` to the handlers; a handler that fails is reported on stderr and the rest go on."""
        if not self._handlers:
            if record.level & (Level.WARNING | Level.ERROR):
                sys.stderr.write(f"{record.level.name}: {record.file}:{record.line} {record.message}\n")
            return
        if self.line_filter is not None and record.level & _DETAILS and not self.line_filter(record):
            return
        for observer in self._observers:
            observer(record)
        level = int(record.level)
        for mask, handler in self._handlers:
            if level & mask:
                try:
                    handler(record)
                except Exception as error:  # a broken log file must not end a call
                    sys.stderr.write(f"log handler failed: {error!r}; lost: {record.message}\n")


hub = LogHub()


class Logger:
    """Writes records under one module name (``app_dial``, ``chan_pjsip``, ``pbx``)."""

    __slots__ = ("module",)

    def __init__(self, module: str) -> None:
        self.module = module

    def _emit(self, level: Level, message: str, verbosity: int = 0) -> None:
        frame = sys._getframe(2)
        code = frame.f_code
        file = code.co_filename.rsplit("/", 1)[-1]
        hub.emit(Record(level, message, self.module, file, frame.f_lineno, code.co_name, call_id.get(), verbosity))

    def error(self, message: str, *, exception: BaseException | None = None) -> None:
        """Something is broken; with ``exception`` its traceback follows."""
        if exception is not None:
            message += "\n" + "".join(traceback.format_exception(exception)).rstrip()
        self._emit(Level.ERROR, message)

    def warning(self, message: str) -> None:
        """Something is probably not what the user wants."""
        self._emit(Level.WARNING, message)

    def notice(self, message: str) -> None:
        """Something worth knowing happened."""
        self._emit(Level.NOTICE, message)

    def verbose(self, verbosity: int, message: str) -> None:
        """Tell what happens, shown at ``core set verbose`` of at least ``verbosity``."""
        if hub.mask & _VERBOSE and verbosity <= hub.verbose_limit:
            self._emit(Level.VERBOSE, message, verbosity)

    def debug(self, level: int, message: str) -> None:
        """Details for the developer, shown at ``core set debug`` of at least ``level``."""
        if hub.mask & _DEBUG and (level <= hub.debug_level or level <= hub.debug_modules.get(self.module, 0)):
            self._emit(Level.DEBUG, message)

    def dtmf(self, message: str) -> None:
        """A digit was seen or sent."""
        if hub.mask & _DTMF:
            self._emit(Level.DTMF, message)

    def security(self, message: str) -> None:
        """A security event in Asterisk's ``SecurityEvent=...`` form."""
        if hub.mask & _SECURITY:
            self._emit(Level.SECURITY, message)

    def is_verbose(self, verbosity: int) -> bool:
        """Whether a verbose line of this level would be shown, to save building it."""
        return bool(hub.mask & _VERBOSE) and verbosity <= hub.verbose_limit

    def log(self, level: str, message: str) -> None:
        """Log under a level given by its name, as the Log() application does."""
        known = level_named(level)
        if known is None:
            raise KeyError(level)
        self._emit(known, message)
