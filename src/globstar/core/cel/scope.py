"""What the lines of custom backends may refer to: an event instead of a channel."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core.cel.event import CelEvent
from globstar.core.logfiles import format_time
from globstar.core.recordmapping import Field

if TYPE_CHECKING:
    from globstar.core.system import System

logger = Logger("cel")

#: The fields of an event by the names that configuration files use.
FIELDS: dict[str, Callable[[CelEvent], str]] = {
    "eventtype": lambda event: event.name,
    "eventenum": lambda event: event.kind,
    "eventtime": lambda event: event.time_text,
    "cidname": lambda event: event.cid_name,
    "cidnum": lambda event: event.cid_num,
    "cidani": lambda event: event.cid_ani,
    "cidrdnis": lambda event: event.cid_rdnis,
    "ciddnid": lambda event: event.cid_dnid,
    "exten": lambda event: event.exten,
    "context": lambda event: event.context,
    "channame": lambda event: event.channel,
    "appname": lambda event: event.app,
    "appdata": lambda event: event.app_data,
    "amaflags": lambda event: str(event.ama_flags),
    "accountcode": lambda event: event.account_code,
    "peeraccount": lambda event: event.peer_account,
    "uniqueid": lambda event: event.unique_id,
    "linkedid": lambda event: event.linked_id,
    "userfield": lambda event: event.user_field,
    "peer": lambda event: event.peer,
    "userdeftype": lambda event: event.user_defined,
    "eventextra": lambda event: event.extra,
}
_CALLER = {
    "name": "cidname", "num": "cidnum", "number": "cidnum", "ani": "cidani", "ani-num": "cidani", "rdnis": "cidrdnis",
    "dnid": "ciddnid",
}  # fmt: skip
_CHANNEL = {
    "exten", "context", "channame", "appname", "appdata", "amaflags", "accountcode", "peeraccount", "uniqueid", "linkedid",
    "userfield", "peer",
}  # fmt: skip
_VARIABLES = {
    **dict.fromkeys(("eventtype", "eventenum", "eventtime", "userdeftype", "eventextra")),
    "BRIDGEPEER": "peer",
}


def find_field(function: str, argument: str) -> Callable[[CelEvent], str] | None:
    """How ``${CALLERID(num)}``, ``${CHANNEL(appname)}`` or ``${eventtype}`` is read; None if the event has no such thing."""
    if function == "CALLERID":
        return FIELDS.get(_CALLER.get(argument.lower(), ""))
    if function == "CHANNEL":
        return FIELDS[argument.lower()] if argument.lower() in _CHANNEL else None
    if not function and argument in _VARIABLES:
        return FIELDS[_VARIABLES[argument] or argument]
    return None


def field_of(name: str, format: str) -> Field:
    """A field by the name that lists of fields use; ``eventtime(%H:%M)`` is a time in a format. Raises ValueError."""
    getter = FIELDS.get(name.lower())
    if getter is None:
        raise ValueError(f"there is no field '{name}'")
    if name.lower() == "eventtime" and format:
        return Field(name, lambda event: format_time(event.time, format))
    if format:
        raise ValueError(f"field '{name}' takes no format")
    if name.lower() == "amaflags":
        return Field(name, lambda event: event.ama_flags)
    return Field(name, getter)


class EventScope:
    """Renders lines with one event; other functions and global variables work as without a channel."""

    __slots__ = ("event", "system")

    def __init__(self, system: System, event: CelEvent) -> None:
        self.system = system
        self.event = event

    def get_variable(self, name: str) -> str | None:
        """A variable of events, or a global one."""
        getter = find_field("", name)
        return getter(self.event) if getter is not None else self.system.globals.get(name)

    def call_function(self, name: str, args: str) -> str:
        """CALLERID() and CHANNEL() of the event; other functions without a channel."""
        if name == "CALLERID" and args.lower() == "all":
            return f'"{self.event.cid_name}" <{self.event.cid_num}>'
        getter = find_field(name, args.strip())
        if getter is not None:
            return getter(self.event)
        if name in ("CALLERID", "CHANNEL"):
            return ""
        return self.system.functions.read(None, name, args)

    def warn(self, level: str, message: str) -> None:
        """A complaint of substitution."""
        logger.log(level, message)
