"""The manager interface (AMI) as modules see it: permission classes, events on the wire, actions and their answers.

A module offers an action with :func:`manager_action` and a translation of its own bus event with :func:`manager_event`, at its
top level, as it offers applications. What listens on sockets, knows who is logged in and writes bytes is
``globstar.interfaces.ami``.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntFlag
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from globstar.base.errors import GlobstarError
from globstar.core.registry import Spec, attach

if TYPE_CHECKING:
    from globstar.core.bridge import Bridge
    from globstar.core.channel import Channel
    from globstar.core.party import PartyName, PartyNumber
    from globstar.core.system import System

#: Lines of a message: name and value in the order of the wire. A value of None makes a line that is the bare name.
Fields = Sequence[tuple[str, "str | None"]]
F = TypeVar("F", bound=Callable[..., Any])

#: What a version of the protocol is called in the banner.
PROTOCOL_VERSION = "12.0.0"
#: Name of the service that holds the names of variables which events about channels show (``channelvars``).
CHANNEL_VARIABLES = "manager channel variables"


class ManagerUsers(Protocol):
    """Service ``manager``: who is logged in."""

    def logged_in(self, name: str) -> int | None:
        """How many clients are, under that name; None if manager.conf has no such user."""

    def web_permissions(self, cookie: str, host: str) -> Permission:
        """What the client over HTTP may do whose session a cookie (``mansession_id``) from this address names."""


class Permission(IntFlag):
    """Classes of events (``read``) and actions (``write``), in the order in which they are written."""

    SYSTEM = 1
    CALL = 2
    LOG = 4
    VERBOSE = 8
    COMMAND = 16
    AGENT = 32
    USER = 64
    CONFIG = 128
    DTMF = 256
    REPORTING = 512
    CDR = 1024
    DIALPLAN = 2048
    ORIGINATE = 4096
    AGI = 8192
    CC = 16384
    AOC = 32768
    TEST = 65536
    SECURITY = 131072
    MESSAGE = 262144


NONE = Permission(0)
ALL = Permission((1 << len(Permission)) - 1)
_NAMES = {permission.name.lower(): permission for permission in Permission if permission.name}


def read_permissions(text: str) -> Permission:
    """Read ``call,system``, ``all`` or ``none``; unknown names count for nothing."""
    found = NONE
    for word in text.lower().split(","):
        word = word.strip()
        found |= ALL if word == "all" else _NAMES.get(word, NONE)
    return found


def unknown_permissions(text: str) -> list[str]:
    """The words of a list of permissions that are none."""
    words = [word.strip().lower() for word in text.split(",")]
    return [word for word in words if word and word not in _NAMES and word not in ("all", "none")]


def permission_names(permissions: Permission) -> list[str]:
    """The names of the single classes."""
    return [name for name, permission in _NAMES.items() if permissions & permission]


@cache
def privilege_text(permissions: Permission) -> str:
    """``system,call,all`` as events and ``ListCommands`` say it; ``<none>`` without any."""
    return ",".join([*permission_names(permissions), "all"]) if permissions else "<none>"


#: Classes whose bit in Asterisk's numbers is not the one that they have here: one bit below them belongs to no class.
_BITS = {
    Permission.CC: 1 << 15, Permission.AOC: 1 << 16, Permission.TEST: 1 << 17, Permission.SECURITY: 1 << 18,
    Permission.MESSAGE: 1 << 30,
}  # fmt: skip


def class_number(permissions: Permission) -> int:
    """Classes as Asterisk's number; all of them are every bit."""
    if permissions == ALL:
        return 0x7FFFFFFF
    return sum(_BITS.get(permission, int(permission)) for permission in Permission if permission & permissions)


def classes_of_number(number: int) -> Permission:
    """The classes that a number of Asterisk's stands for; bits of none count for nothing."""
    found = NONE
    for permission in Permission:
        if number & _BITS.get(permission, int(permission)):
            found |= permission
    return found


# -- events ------------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class ManagerEvent:
    """One event as clients get it. Published on the bus it reaches every client that may read ``permission``."""

    name: str
    permission: Permission
    fields: Fields


@dataclass(slots=True, kw_only=True)
class ManagerEventSpec(Spec):
    """How a bus event is told to clients: ``translate(event)`` gives none, one or several events, at the moment it happens."""

    event: type[Any]
    translate: Callable[[Any], Iterable[ManagerEvent]]

    @property
    def kind(self) -> str:
        """Their registry's name."""
        return "manager event"


def manager_event(event: type[Any]) -> Callable[[F], F]:
    """Make a function ``f(event)`` that yields :class:`ManagerEvent` the translation of a bus event."""

    def decorate(function: F) -> F:
        return attach(function, ManagerEventSpec(name=event.__name__, event=event, translate=function))

    return decorate


def channel_fields(channel: Channel, prefix: str = "") -> list[tuple[str, str | None]]:
    """The channel as it is now, as every event about channels shows it."""
    caller, connected = channel.caller.id, channel.connected.id
    fields: list[tuple[str, str | None]] = [
        (f"{prefix}Channel", channel.name),
        (f"{prefix}ChannelState", str(channel.state.value)),
        (f"{prefix}ChannelStateDesc", channel.state_text),
        (f"{prefix}CallerIDNum", known(caller.number)),
        (f"{prefix}CallerIDName", known(caller.name)),
        (f"{prefix}ConnectedLineNum", known(connected.number)),
        (f"{prefix}ConnectedLineName", known(connected.name)),
        (f"{prefix}Language", channel.language),
        (f"{prefix}AccountCode", channel.account_code),
        (f"{prefix}Context", channel.context),
        (f"{prefix}Exten", channel.extension),
        (f"{prefix}Priority", str(channel.priority)),
        (f"{prefix}Uniqueid", channel.unique_id),
        (f"{prefix}Linkedid", channel.linked_id),
    ]
    for name in channel.system.services.get(CHANNEL_VARIABLES, ()):
        value = channel.call_function(*_function(name)) if name.endswith(")") else channel.get_variable(name)
        fields.append((f"{prefix}ChanVariable", f"{name}={value or ''}"))
    return fields


def _function(text: str) -> tuple[str, str]:
    name, _, args = text.partition("(")
    return name, args.removesuffix(")")


def known(part: PartyName | PartyNumber) -> str:
    """A name or number, ``<unknown>`` where none is known."""
    return part.text if part.valid and part.text else "<unknown>"


def bridge_fields(
    bridge: Bridge, prefix: str = "", *, members: int | None = None, technology: str = ""
) -> list[tuple[str, str | None]]:
    """The bridge as it is now; ``members`` in place of how many it has, ``technology`` in place of what it has."""
    count = len(bridge.members) if members is None else members
    fields: list[tuple[str, str | None]] = [
        (f"{prefix}BridgeUniqueid", bridge.unique_id),
        (f"{prefix}BridgeType", bridge.kind),
        (f"{prefix}BridgeTechnology", technology or bridge.technology.name),
        (f"{prefix}BridgeCreator", bridge.creator or "<unknown>"),
        (f"{prefix}BridgeName", bridge.name or "<unknown>"),
        (f"{prefix}BridgeNumChannels", str(count)),
        (f"{prefix}BridgeVideoSourceMode", bridge.video_mode),
    ]
    if bridge.video_mode == "single" and bridge.video_source is not None:
        fields.append((f"{prefix}BridgeVideoSource", bridge.video_source.unique_id))
    return fields


# -- actions -----------------------------------------------------------------------------------------------------------------


class ManagerSession(Protocol):
    """A logged-in client, as an action sees it."""

    #: what it may do
    write: Permission
    #: the name that it logged in with
    account: str
    #: set on every channel that it originates
    variables: Sequence[tuple[str, str]]


@dataclass(slots=True)
class ActionRequest:
    """One action of a client."""

    system: System
    session: ManagerSession
    name: str
    #: every line, in order, the action's name and id included
    headers: list[tuple[str, str]]

    def get(self, name: str, default: str = "") -> str:
        """The first value of a header that is not empty; the case of names does not count."""
        wanted = name.lower()
        return next((value for key, value in self.headers if value and key.lower() == wanted), default)

    def get_all(self, name: str) -> list[str]:
        """Every value of a header."""
        wanted = name.lower()
        return [value for key, value in self.headers if key.lower() == wanted]

    def has(self, name: str) -> bool:
        """Whether there is such a header, even an empty one."""
        return bool(self.get_all(name))

    @property
    def action_id(self) -> str:
        """What the client wants to find in the answer."""
        return self.get("ActionID")

    def variables(self) -> list[tuple[str, str]]:
        """The values of ``Variable`` headers: ``NAME=value``, several in one header parted by commas outside of quotes."""
        found = []
        for text in self.get_all("Variable"):
            for part in split_variables(text):
                name, _, value = part.partition("=")
                if name.strip():
                    found.append((name.strip(), value))
        return found


def split_variables(text: str) -> list[str]:
    """Split at commas that stand neither in double quotes nor in parentheses nor after a backslash."""
    parts, part = [], ""
    depth, is_quoted, is_escaped = 0, False, False
    for character in text:
        if is_escaped:
            part, is_escaped = part + character, False
        elif character == "\\":
            is_escaped = True
        elif character == '"':
            is_quoted = not is_quoted
        elif character == "," and not is_quoted and not depth:
            parts.append(part)
            part = ""
        else:
            depth += not is_quoted and (character == "(") - (character == ")" and depth > 0)
            part += character
    return [*parts, part] if part or parts else []


class ActionFault(GlobstarError):
    """An action cannot be done; the client gets the message as an error."""


def requested_channel(request: ActionRequest, header: str = "Channel", *, missing: str = "No channel specified") -> Channel:
    """The channel that a header names, by its name (case does not count) or unique id. Raises ActionFault."""
    name = request.get(header)
    if not name:
        raise ActionFault(missing)
    channel = request.system.channels.get(name) or request.system.channels_by_id.get(name)
    if channel is None:
        lowered = name.lower()
        channel = next((found for key, found in request.system.channels.items() if key.lower() == lowered), None)
    if channel is None:
        raise ActionFault("No such channel")
    return channel


def is_true_word(text: str) -> bool:
    """Whether a header says yes, in one of the ways that clients say it."""
    return text.lower() in ("true", "yes", "y", "t", "1", "on")


@dataclass(slots=True)
class ListItem:
    """One event of a list that answers an action; ``id_last`` puts its ActionID behind the fields instead of before."""

    name: str
    fields: Fields
    id_last: bool = False


@dataclass(slots=True)
class Answer:
    """What an action is answered: a response, and for lists the items and the event that ends them.

    ``status`` is Success, Error or Goodbye. The end event of a list has its ``ListItems`` counted, ``end_fields`` follow.
    """

    status: str = "Success"
    message: str | None = None
    fields: Fields = ()
    items: list[ListItem] = field(default_factory=list)
    complete: str = ""
    end_fields: Fields = ()
    #: what ListItems says, where it is not the number of items
    counted: int | None = None
    #: called when the answer is sent
    then: Callable[[], None] | None = None
    #: nothing is sent at all
    is_silent: bool = False
    #: the connection ends after this answer
    is_last: bool = False


def success(message: str | None = None, *fields: tuple[str, str | None]) -> Answer:
    """It was done."""
    return Answer("Success", message, fields)


def failure(message: str) -> Answer:
    """It was not done."""
    return Answer("Error", message)


def listing(message: str, complete: str, items: Iterable[ListItem], *end_fields: tuple[str, str | None]) -> Answer:
    """A list; ``complete`` is the event that ends it."""
    return Answer("Success", message, items=list(items), complete=complete, end_fields=end_fields)


ActionHandler = Callable[[ActionRequest], "Answer | Awaitable[Answer]"]


@dataclass(slots=True, kw_only=True)
class ManagerActionSpec(Spec):
    """An action. A client may use it that has one of ``permissions``, or anybody when there are none."""

    handler: ActionHandler
    permissions: Permission = NONE
    synopsis: str = ""
    description: str = ""
    #: may be used before a login
    is_open: bool = False

    @property
    def kind(self) -> str:
        """Their registry's name."""
        return "manager action"


def manager_action(name: str, permissions: Permission = NONE, *, synopsis: str = "", is_open: bool = False) -> Callable[[F], F]:
    """Make ``handler(request)``, which returns or awaits an :class:`Answer`, the action ``name``.

    The docstring's first paragraph is the synopsis unless one is given, the rest the description.
    """

    def decorate(handler: F) -> F:
        head, _, rest = (inspect.getdoc(handler) or "").partition("\n\n")
        spec = ManagerActionSpec(
            name=name, handler=handler, permissions=permissions, synopsis=synopsis or " ".join(head.split()),
            description=rest.strip(), is_open=is_open,
        )  # fmt: skip
        return attach(handler, spec)

    return decorate
