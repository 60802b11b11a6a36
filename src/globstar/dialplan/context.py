"""The parts of a dialplan: steps, extensions, includes, switches, contexts."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from operator import attrgetter
from typing import Any

from globstar.base.errors import RemoteFault
from globstar.dialplan.pattern import ANY_CALLER, CallerMatch, Key, Pattern, canonical, compile_pattern
from globstar.dialplan.substitute import Template, compile_template
from globstar.dialplan.timing import TimeSpec

# The priority of `exten => X,hint,device`.
HINT = -1


class PriorityInUse(RemoteFault):
    """An extension already has a step of that priority; `existing` is that step."""

    def __init__(self, existing: Step) -> None:
        super().__init__(f"priority {existing.priority} of '{existing.extension}' is in use")
        self.existing = existing


class Step:
    """One priority of an extension: an application with its data.

    For a hint (priority HINT) `app_name` is the whole text, devices and presence. `extension` is the name or
    pattern, not what was dialled. `binding` belongs to the executor, which keeps the application that it has looked
    up there.
    """

    __slots__ = (
        "app_name",
        "binding",
        "caller_id",
        "context",
        "data",
        "extension",
        "file",
        "label",
        "line",
        "priority",
        "registrar",
        "template",
    )

    def __init__(
        self,
        context: str,
        extension: str,
        priority: int,
        app_name: str,
        data: str = "",
        *,
        caller_id: str | None = None,
        label: str = "",
        registrar: str = "",
        file: str = "",
        line: int = 0,
    ) -> None:
        self.context = context
        self.extension = extension
        self.caller_id = caller_id
        self.priority = priority
        self.label = label
        self.app_name = app_name
        self.data = data
        self.template: Template = compile_template(data)
        self.registrar = registrar
        self.file = file
        self.line = line
        self.binding: Any = None

    def __repr__(self) -> str:
        return f"Step({self.context},{self.extension},{self.priority}: {self.app_name}({self.data}))"


class Extension:
    """An extension of a context: a name or pattern, perhaps for certain callers only, and its steps by priority."""

    __slots__ = ("caller", "first", "key", "length", "pattern", "steps")

    def __init__(self, pattern: Pattern, caller: CallerMatch | None) -> None:
        self.pattern = pattern
        self.caller = caller
        self.key: Key = extension_key(pattern, caller)
        #: how many characters the pattern matches, -1 for any number
        self.length = -1 if pattern.open_ended or not pattern.is_pattern else len(pattern.elements)
        #: the characters that what the pattern matches may begin with; "" stands for nothing at all
        self.first: Container[str] = pattern.elements[0] if pattern.elements else _ANY_FIRST
        #: by priority, the lowest first
        self.steps: dict[int, Step] = {}

    @property
    def name(self) -> str:
        """The name or pattern as it was first written."""
        return self.pattern.text

    def accepts(self, caller_number: str) -> bool:
        """Tell whether the extension is for this caller."""
        return self.caller is None or self.caller.matches(caller_number)

    def labelled(self, label: str) -> int | None:
        """Return the lowest priority with a label, or None."""
        return next((step.priority for step in self.steps.values() if step.label == label), None)

    def ordered_steps(self) -> list[Step]:
        """The steps in the order of priority, the hint first."""
        return list(self.steps.values())

    def put(self, step: Step) -> None:
        """Add a step, or put it in the place of one of its priority."""
        steps = self.steps
        is_last = not steps or step.priority in steps or step.priority > next(reversed(steps))
        steps[step.priority] = step
        if not is_last:
            self.steps = dict(sorted(steps.items()))

    def __lt__(self, other: Extension) -> bool:
        return self.key < other.key


def extension_key(pattern: Pattern, caller: CallerMatch | None) -> Key:
    """Return what orders extensions and tells whether two are the same."""
    return (pattern.key, ANY_CALLER if caller is None else caller.key)


class _Anything:
    """Contains everything: what a pattern may begin with that fixes no character."""

    def __contains__(self, _item: object) -> bool:
        return True


_ANY_FIRST = _Anything()
_key = attrgetter("key")
#: For so many first characters a context remembers which patterns may match.
_MAX_FIRST = 64


@dataclass(frozen=True, slots=True)
class Include:
    """`include => context,times`: another context that is searched after the own extensions."""

    context: str
    timing: TimeSpec | None = None
    text: str = ""
    registrar: str = ""


@dataclass(frozen=True, slots=True)
class Switch:
    """`switch => Name/data`: a program that is asked for extensions; `evaluates` means that data is substituted at each use."""

    name: str
    data: str = ""
    evaluates: bool = False
    registrar: str = ""


@dataclass(frozen=True, slots=True)
class IgnorePattern:
    """`ignorepat => 9`: after these digits the dial tone goes on."""

    pattern: str
    registrar: str = ""


class Context:
    """A named set of extensions, with what it includes."""

    __slots__ = (
        "_by_first", "_exact", "autohints", "extensions", "ignore_patterns", "includes", "name", "patterns", "registrar",
        "switches",
    )  # fmt: skip

    def __init__(self, name: str, registrar: str) -> None:
        self.name = name
        self.registrar = registrar
        self.extensions: list[Extension] = []
        self.patterns: list[Extension] = []
        self._exact: dict[str, list[Extension]] = {}
        #: the patterns that may match what begins with a character, as far as that was asked
        self._by_first: dict[str, Sequence[Extension]] = {}
        self.includes: list[Include] = []
        self.switches: list[Switch] = []
        self.ignore_patterns: list[IgnorePattern] = []
        self.autohints = False

    def matching(self, dialled: str) -> Sequence[Extension]:
        """Return the extensions that match a canonical string, most specific first, for whatever caller."""
        exact = self._exact.get(dialled, ())
        if not self.patterns:
            return exact
        first = dialled[:1]
        candidates = self._by_first.get(first)
        if candidates is None:
            candidates = self._beginning_with(first)
        if not candidates:
            return exact
        length = len(dialled)
        found = [
            extension for extension in candidates
            if extension.length in (length, -1) and extension.pattern.matches(dialled)
        ]  # fmt: skip
        return [*exact, *found] if found else exact

    def _beginning_with(self, first: str) -> Sequence[Extension]:
        if len(self._by_first) >= _MAX_FIRST:
            self._by_first.clear()
        found = self._by_first[first] = [extension for extension in self.patterns if first in extension.first] or ()
        return found

    def starting_with(self, dialled: str) -> Iterator[Extension]:
        """Yield the extensions with an exact name that begins with a canonical string."""
        start = bisect_left(self.extensions, ((0, dialled),), key=_key)
        for extension in islice(self.extensions, start, None):
            if extension.pattern.is_pattern or not extension.pattern.exact.startswith(dialled):
                return
            yield extension

    def get(self, name: str, caller_id: str | None) -> Extension | None:
        """Return the extension that is the same as this name or pattern and caller match, or None."""
        pattern = compile_pattern(name)
        key = extension_key(pattern, None if caller_id is None else CallerMatch(caller_id))
        candidates = self.patterns if pattern.is_pattern else self._exact.get(pattern.exact, [])
        return next((extension for extension in candidates if extension.key == key), None)

    def add(self, step: Step, replace: bool = False) -> None:
        """Add a step; raises PriorityInUse unless it may replace one."""
        extension = self.get(step.extension, step.caller_id)
        if extension is None:
            caller = None if step.caller_id is None else CallerMatch(step.caller_id)
            extension = Extension(compile_pattern(step.extension), caller)
            insort(self.extensions, extension)
            if extension.pattern.is_pattern:
                insort(self.patterns, extension)
                self._by_first.clear()
            else:
                insort(self._exact.setdefault(extension.pattern.exact, []), extension)
        existing = extension.steps.get(step.priority)
        if existing is not None and not replace:
            raise PriorityInUse(existing)
        extension.put(step)

    def discard(self, extension: Extension) -> None:
        """Take an extension out."""
        self.extensions.remove(extension)
        if extension.pattern.is_pattern:
            self.patterns.remove(extension)
            self._by_first.clear()
        else:
            same_name = self._exact[extension.pattern.exact]
            same_name.remove(extension)
            if not same_name:
                del self._exact[extension.pattern.exact]

    @property
    def is_empty(self) -> bool:
        """Whether nothing is in the context."""
        return not (self.extensions or self.includes or self.switches or self.ignore_patterns)

    @property
    def has_callers(self) -> bool:
        """Whether some extension is for certain callers only."""
        return any(extension.caller is not None for extension in self.extensions)

    def ignores(self, dialled: str) -> bool:
        """Tell whether dial tone goes on after this string."""
        text = canonical(dialled)
        return any(compile_pattern(entry.pattern).matches(text) for entry in self.ignore_patterns)
