"""Lines of custom backends: what a mapping of cdr_custom.conf or cel_custom.conf makes of a record.

A mapping is rendered like a line of the dialplan. Most are lists of ``${CSV_QUOTE(${CDR(src)})}``, which need no dialplan at all:
each part becomes one look-up.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from globstar.dialplan.substitute import Scope, Template, compile_template

#: Gives the value of a field of a record.
Getter = Callable[[Any], str]
#: ``find(function, argument)``: the getter of ``${CDR(src)}`` or of a variable (function is ""); None where it has none.
Finder = Callable[[str, str], Getter | None]

_PART = re.compile(r"\$\{CSV_QUOTE\((\$\{[\w()]+\})\)\}|(\$\{[\w()]+\})|([^$,]*)")
_REFERENCE = re.compile(r"\$\{(?:(\w+)\((\w+)\)|(\w+))\}")


class RecordLine(Protocol):
    """Something that makes a line of a record."""

    def render(self, record: Any) -> str:
        """The line without its end."""


class FieldsLine:
    """Values joined by a separator."""

    __slots__ = ("getters", "separator")

    def __init__(self, getters: Sequence[Getter], separator: str = ",") -> None:
        self.getters = tuple(getters)
        self.separator = separator

    def render(self, record: Any) -> str:
        """The line of a record."""
        return self.separator.join([getter(record) for getter in self.getters])


class TemplateLine:
    """A line that needs the dialplan's functions; ``scope(record)`` gives them the record."""

    __slots__ = ("scope", "template")

    def __init__(self, template: Template, scope: Callable[[Any], Scope]) -> None:
        self.template = template
        self.scope = scope

    def render(self, record: Any) -> str:
        """The line of a record."""
        return self.template.render(self.scope(record))


class JsonLine:
    """An object of JSON: names and values."""

    __slots__ = ("members",)

    def __init__(self, members: Sequence[tuple[str, Callable[[Any], object]]]) -> None:
        self.members = tuple(members)

    def render(self, record: Any) -> str:
        """The line of a record."""
        return json.dumps({name: read(record) for name, read in self.members}, separators=(",", ":"), ensure_ascii=False)


def quoted(text: str) -> str:
    """``CSV_QUOTE``: in double quotes, which are doubled within."""
    doubled = text.replace('"', '""')
    return f'"{doubled}"'


def compile_line(text: str, find: Finder, scope: Callable[[Any], Scope]) -> RecordLine:
    """The line of a mapping, without the dialplan where it needs none."""
    getters: list[Getter] = []
    place = 0
    while True:
        found = _PART.match(text, place)
        getter = _getter_of(found, find) if found is not None else None
        if found is None or getter is None:
            return TemplateLine(compile_template(text), scope)
        getters.append(getter)
        place = found.end()
        if place == len(text):
            return FieldsLine(getters)
        if text[place] != ",":
            return TemplateLine(compile_template(text), scope)
        place += 1


def _getter_of(found: re.Match[str], find: Finder) -> Getter | None:
    literal = found[3]
    if literal is not None:
        return (lambda record: literal) if "\\" not in literal else None
    reference = _REFERENCE.fullmatch(found[1] or found[2])
    if reference is None:
        return None
    getter = find(reference[1] or "", reference[2] or reference[3])
    if getter is None or found[2]:
        return getter
    read = getter
    return lambda record: quoted(read(record))
