"""What the lines of custom backends may refer to: a finished record instead of a channel."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core.cdr.record import AMA_FLAGS, DISPOSITION_TEXT, FinishedRecord, format_time
from globstar.core.logfiles import format_time as format_time_as
from globstar.core.recordmapping import Field

if TYPE_CHECKING:
    from globstar.core.system import System

logger = Logger("cdr")

_NUMBERS = {text: str(int(value)) for value, text in reversed(DISPOSITION_TEXT.items())}
_AMA_NUMBERS = {text: str(number) for number, text in AMA_FLAGS.items()}
_TIMES = ("start", "answer", "end")
_NAMES = {
    "accountcode": "account_code", "src": "src", "dst": "dst", "dcontext": "dcontext", "clid": "clid", "channel": "channel",
    "dstchannel": "dstchannel", "lastapp": "lastapp", "lastdata": "lastdata", "duration": "duration", "billsec": "billsec",
    "disposition": "disposition", "amaflags": "amaflags", "uniqueid": "uniqueid", "userfield": "userfield",
    "peeraccount": "peeraccount", "linkedid": "linkedid", "sequence": "sequence",
    "tenantid": "tenantid", "peertenantid": "peertenantid",
}  # fmt: skip


#: Fields that are numbers.
_NUMBERS_OF_FIELDS = frozenset({"duration", "billsec", "sequence"})


class RecordScope:
    """Renders ``${CDR(field)}`` with one record; other functions and global variables work as without a channel."""

    __slots__ = ("record", "system")

    def __init__(self, system: System, record: FinishedRecord) -> None:
        self.system = system
        self.record = record

    def get_variable(self, name: str) -> str | None:
        """A variable set with CDR(), or a global one."""
        value = self.record.variables.get(name)
        return value if value is not None else self.system.globals.get(name)

    def call_function(self, name: str, args: str) -> str:
        """``CDR(field[,options])`` of the record; other functions without a channel."""
        if name == "CDR":
            field, _, options = args.partition(",")
            return read_field(self.record, field.strip(), options)
        return self.system.functions.read(None, name, args)

    def warn(self, level: str, message: str) -> None:
        """A complaint of substitution."""
        logger.log(level, message)


def find_field(function: str, argument: str) -> Callable[[FinishedRecord], str] | None:
    """How ``${CDR(src)}`` is read; None for what needs the dialplan."""
    return _getter(argument) if function == "CDR" else None


def _getter(name: str) -> Callable[[FinishedRecord], str]:
    """As :func:`read_field` without options, decided once."""
    attribute = _NAMES.get(name)
    if name in _TIMES:
        seconds = attrgetter(name)
        return lambda record: format_time(seconds(record))
    if attribute is None:
        return lambda record: record.variables.get(name, "")
    read = attrgetter(attribute)
    return (lambda record: str(read(record))) if name in _NUMBERS_OF_FIELDS else read


def field_of(name: str, format: str) -> Field:
    """A field by the name that lists of fields use, or a variable of the record.

    ``start(%H:%M)`` is a time in a format, ``disposition(number)`` and ``amaflags(number)`` are numbers, ``duration(float)`` and
    ``billsec(float)`` have fractions. Raises ValueError.
    """
    field = name.lower() if name.lower() in _NAMES or name.lower() in _TIMES else name
    if field in _TIMES:
        return Field(name, _time_reader(field, format))
    match field, format:
        case ("duration" | "billsec", "float"):
            return Field(name, lambda record: float(read_field(record, field, "f")))
        case ("disposition" | "amaflags", "number"):
            return Field(name, lambda record: int(read_field(record, field, "u")))
        case (_, ""):
            return Field(name, attrgetter(_NAMES[field]) if field in _NUMBERS_OF_FIELDS else _getter(field))
    raise ValueError(f"field '{name}' takes no format '{format}'")


def _time_reader(field: str, format: str) -> Callable[[FinishedRecord], str]:
    if not format:
        return lambda record: read_field(record, field)
    return lambda record: format_time_as(seconds, format) if (seconds := getattr(record, field)) else ""


def read_field(record: FinishedRecord, name: str, options: str = "") -> str:
    """A field of a finished record, or one of its variables; "" if there is neither."""
    is_raw = "u" in options
    if name in _TIMES:
        seconds: float = getattr(record, name)
        return f"{seconds:.6f}" if is_raw else format_time(seconds)
    attribute = _NAMES.get(name)
    if attribute is None:
        return record.variables.get(name, "")
    if "f" in options and name in ("duration", "billsec"):
        begin = record.start if name == "duration" else record.answer
        return f"{max(0.0, record.end - begin) if begin else 0.0:.6f}"
    value = str(getattr(record, attribute))
    if is_raw and name == "disposition":
        return _NUMBERS[value]
    if is_raw and name == "amaflags":
        return _AMA_NUMBERS.get(value, "0")
    return value
