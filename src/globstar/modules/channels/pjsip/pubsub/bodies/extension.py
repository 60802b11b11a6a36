"""The state of an extension as bodies tell it, whatever their format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Party(NamedTuple):
    """One side of a call that rings."""

    name: str
    number: str


@dataclass(slots=True)
class ExtensionBody:
    """What a body is made of. ``local`` and ``remote`` are the URIs of the resource and of the subscriber."""

    extension: str
    local: str
    remote: str
    #: extension state as in core.devicestate
    state: int
    #: host that identities of calls get
    host: str
    #: counts the bodies of one subscription
    version: int = 0
    #: state, subtype and message of the presence part of the hint
    presence: tuple[str, str, str] = ("not_set", "", "")
    #: who calls, and who is called, while it rings
    caller: Party | None = None
    callee: Party | None = None
    #: ringing is told of a device that is busy as well (notify_early_inuse_ringing)
    tells_early_in_use: bool = False


class Words(NamedTuple):
    """How formats call a state: of dialogs, whether it can be reached, what the person does, in words."""

    dialog: str
    is_open: bool
    is_busy: bool
    note: str


_IDLE = Words("terminated", True, False, "Ready")
_WORDS = {
    0: _IDLE,
    1: Words("confirmed", True, True, "On the phone"),
    2: Words("confirmed", True, True, "On the phone"),
    4: Words("terminated", False, False, "Unavailable"),
    8: Words("early", True, True, "Ringing"),
    16: Words("confirmed", True, True, "On hold"),
    17: Words("confirmed", True, True, "On hold"),
}
_RINGING_IN_USE = Words("confirmed", True, True, "Ringing")
_EARLY_IN_USE = Words("early", True, True, "Ringing")


def words(body: ExtensionBody) -> Words:
    """The words for a state."""
    if body.state == 9:
        return _EARLY_IN_USE if body.tells_early_in_use else _RINGING_IN_USE
    return _WORDS.get(body.state, _IDLE)


def is_on_hold(body: ExtensionBody) -> bool:
    """Whether the extension holds its call."""
    return body.state in (16, 17)


_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"})
#: what XML 1.0 cannot hold
_FORBIDDEN = {code: None for code in range(0x20) if code not in (9, 10, 13)}


def xml(text: str) -> str:
    """``text`` for an element or an attribute in double quotes."""
    return text.translate(_FORBIDDEN).translate(_ESCAPES)
