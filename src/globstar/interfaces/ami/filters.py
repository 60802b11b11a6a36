"""Which events a client wants: ``eventfilter`` of manager.conf in both its forms, and the action Filter."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from globstar.base.regex import BadPattern, Regex, compile_regex

_CRITERION = re.compile(r"\s*(\w+)\s*\(([^()]*)\)\s*(?:,|$)")
_METHODS = {"startswith": "starts_with", "endswith": "ends_with"}


@dataclass(slots=True)
class EventFilter:
    """One filter. Without ``event`` and ``header`` it looks at the whole text of any event.

    ``method`` is regex, exact, starts_with, ends_with, contains or none (name and header are enough).
    """

    is_exclusion: bool = False
    event: str = ""
    header: str = ""
    method: str = "none"
    expression: str = ""
    pattern: Regex | None = None

    def matches(self, name: str, text: str) -> bool:
        """Whether an event is one of these; ``text`` is all of its lines."""
        if self.event and name != self.event:
            return False
        if self.header:
            marker = f"{self.header.lower()}: "
            values = [line[len(marker) :] for line in text.split("\r\n") if line.lower().startswith(marker)]
            return any(self._fits(value) for value in values)
        return self._fits(text)

    def _fits(self, text: str) -> bool:
        if self.pattern is not None:
            return self.pattern.is_in(text)
        match self.method:
            case "exact":
                return text == self.expression
            case "starts_with":
                return text.startswith(self.expression)
            case "ends_with":
                return text.endswith(self.expression)
            case "contains":
                return self.expression in text
        return True

    def describe(self) -> str:
        """For ``manager show user``."""
        kind = "exclude" if self.is_exclusion else "include"
        parts = [f"action({kind})", *([f"name({self.event})"] if self.event else [])]
        parts += [f"header({self.header})"] if self.header else []
        return f"{','.join([*parts, f'method({self.method})'])} {self.expression}".rstrip()


def read_filter(criteria: str | None, expression: str) -> EventFilter:
    """A filter from its criteria (None in the old form, where a leading ``!`` excludes) and its expression.

    Raises ValueError.
    """
    if criteria is None:
        made = EventFilter(is_exclusion=expression.startswith("!"), method="regex")
        made.expression = expression.removeprefix("!")
    else:
        made = _read_criteria(criteria)
        made.expression = expression
    if bool(made.expression) != (made.method != "none"):
        raise ValueError("a method needs an expression and an expression needs a method")
    if made.method == "regex":
        try:
            made.pattern = compile_regex(made.expression)
        except BadPattern as error:
            raise ValueError(f"bad regular expression: {error}") from None
    return made


def _read_criteria(text: str) -> EventFilter:
    made = EventFilter()
    seen: set[str] = set()
    position = 0
    while position < len(text):
        found = _CRITERION.match(text, position)
        if found is None:
            raise ValueError(f"'{text[position:]}' is no criterion")
        position = found.end()
        kind, value = found[1].lower(), found[2].strip()
        if kind in seen:
            raise ValueError(f"{kind}() is given twice")
        seen.add(kind)
        if kind == "action" and value.lower() in ("include", "exclude"):
            made.is_exclusion = value.lower() == "exclude"
        elif kind == "name" and value:
            made.event = value
        elif kind == "header" and value:
            made.header = value.rstrip(":")
        elif kind == "method":
            made.method = _METHODS.get(value.lower(), value.lower())
            if made.method not in ("regex", "exact", "starts_with", "ends_with", "contains", "none"):
                raise ValueError(f"there is no method '{value}'")
        else:
            raise ValueError(f"{kind}({value}) is no criterion")
    if not made.event and not made.header and made.method == "none":
        raise ValueError("nothing is compared")
    return made


@dataclass(slots=True)
class FilterSet:
    """The filters of one client or user: an event passes if an inclusion fits it, or there is none, and no exclusion does."""

    inclusions: list[EventFilter] = field(default_factory=list)
    exclusions: list[EventFilter] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.inclusions or self.exclusions)

    def add(self, made: EventFilter) -> None:
        """Add one."""
        (self.exclusions if made.is_exclusion else self.inclusions).append(made)

    def copy(self) -> FilterSet:
        """An independent set of the same filters."""
        return FilterSet(list(self.inclusions), list(self.exclusions))

    def passes(self, name: str, text: str) -> bool:
        """Whether the client wants the event."""
        if self.inclusions and not any(one.matches(name, text) for one in self.inclusions):
            return False
        return not any(one.matches(name, text) for one in self.exclusions)
