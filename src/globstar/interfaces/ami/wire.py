"""The bytes of AMI: lines of ``Name: value`` that end at an empty line, both ways."""

from __future__ import annotations

from collections.abc import Iterable

from globstar.base.errors import RemoteFault
from globstar.core.manager import Answer, Fields, ListItem, ManagerEvent, privilege_text

#: Longest line and most lines of one action; what is longer is refused and the connection goes on at the next action.
LINE_LIMIT = 64 * 1024
HEADER_LIMIT = 512

Headers = list[tuple[str, str]]


class BadMessage(RemoteFault):
    """An action that cannot be read: too long a line or too many of them."""


class ActionReader:
    """Cuts a stream of bytes into actions, whatever the pieces it comes in. Lines may end in CRLF or LF."""

    def __init__(self) -> None:
        self._rest = b""
        self._headers: Headers = []
        self._fault = ""
        #: in the middle of a line that is too long
        self._is_skipping = False

    def receive_data(self, data: bytes) -> list[Headers | BadMessage]:
        """The actions that are complete now, in order; a BadMessage stands for one that cannot be used."""
        found: list[Headers | BadMessage] = []
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            if self._is_skipping:
                self._is_skipping = False
                continue
            message = self._take(line.removesuffix(b"\r"))
            if message is not None:
                found.append(message)
        if len(self._rest) > LINE_LIMIT:
            self._rest = b""
            self._is_skipping = True
            self._fault = "line too long"
        elif self._is_skipping:
            self._rest = b""
        return found

    def _take(self, line: bytes) -> Headers | BadMessage | None:
        if line:
            if len(line) > LINE_LIMIT:
                self._fault = "line too long"
            elif len(self._headers) >= HEADER_LIMIT:
                self._fault = "too many lines"
            else:
                name, _, value = line.decode("utf-8", "surrogateescape").partition(":")
                self._headers.append((name.strip(), value.lstrip(" \t")))  # a line without a colon is one without value
            return None
        headers, self._headers = self._headers, []
        fault, self._fault = self._fault, ""
        if fault:
            return BadMessage(f"Failed to parse message: {fault}")
        return headers or None


_ESCAPES = str.maketrans({"\r": "\\r", "\n": "\\n", "\0": "\\0"})


def clean(text: str) -> str:
    """A value that cannot begin a line of its own: line ends are written ``\\r`` and ``\\n``."""
    return text.translate(_ESCAPES) if "\n" in text or "\r" in text or "\0" in text else text


def lines_of(fields: Iterable[tuple[str, str | None]]) -> str:
    """Fields as lines, cleaned: as one text first, as hardly any has something to clean."""
    lines = [name if value is None else f"{name}: {value}" for name, value in fields]
    if not lines:
        return ""
    text = "\r\n".join(lines)
    if text.count("\n") == text.count("\r") == len(lines) - 1 and "\0" not in text:
        return f"{text}\r\n"
    return "".join([f"{clean(line)}\r\n" for line in lines])


def encode(text: str) -> bytes:
    """The text as bytes; what came in as bytes that are not UTF-8 goes out as it came."""
    return text.encode("utf-8", "surrogateescape")


def event_text(event: ManagerEvent, extra: Fields = ()) -> str:
    """An event without the empty line that ends it; ``extra`` lines follow its privilege."""
    return f"Event: {event.name}\r\nPrivilege: {privilege_text(event.permission)}\r\n{lines_of(extra)}{lines_of(event.fields)}"


def answer_text(answer: Answer, action_id: str) -> str:
    """The response and, for a list, its events, each with the ActionID if there is one."""
    identity: list[tuple[str, str | None]] = [("ActionID", action_id)] if action_id else []
    head: list[tuple[str, str | None]] = [("Response", answer.status), *identity]
    if answer.complete:
        head.append(("EventList", "start"))
    if answer.message is not None:
        head.append(("Message", answer.message))
    parts = [lines_of([*head, *answer.fields])]
    parts += [_item_text(item, identity) for item in answer.items]
    if answer.complete:
        count = len(answer.items) if answer.counted is None else answer.counted
        counts = (("EventList", "Complete"), ("ListItems", str(count)))
        parts.append(lines_of([("Event", answer.complete), *identity, *counts, *answer.end_fields]))
    return "".join(f"{part}\r\n" for part in parts)


def _item_text(item: ListItem, identity: Fields) -> str:
    name = ("Event", item.name)
    return lines_of([name, *item.fields, *identity] if item.id_last else [name, *identity, *item.fields])
