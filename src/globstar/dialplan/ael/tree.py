"""What a file of AEL holds, as values."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Place:
    """File and line."""

    file: str
    line: int


@dataclass(slots=True)
class Statement:
    """One statement; ``kind`` says which. What the kind does not need is empty.

    block: body. application: text (name), data. assign: text (left side), data (right side). local: the same. label: text.
    goto, jump: text. call: text (macro), data. if, random, ifTime: text (condition), body, other. while: text, body.
    for: text (start), data (test), step, body. switch: text, cases. return, break, continue: nothing.
    """

    kind: str
    place: Place
    text: str = ""
    data: str = ""
    step: str = ""
    body: list[Statement] = field(default_factory=list)
    other: list[Statement] = field(default_factory=list)
    cases: list[Case] = field(default_factory=list)


@dataclass(slots=True)
class Case:
    """One ``case``, ``pattern`` or ``default`` of a switch."""

    kind: str
    text: str
    place: Place
    body: list[Statement] = field(default_factory=list)


@dataclass(slots=True)
class Extension:
    """``[hint(devices)] name => statement``."""

    name: str
    place: Place
    hint: str = ""
    body: list[Statement] = field(default_factory=list)


@dataclass(slots=True)
class ContextPart:
    """A ``context`` or ``macro``: parts with one name make one context."""

    name: str
    place: Place
    is_macro: bool = False
    is_extended: bool = False
    arguments: list[str] = field(default_factory=list)
    extensions: list[Extension] = field(default_factory=list)
    includes: list[tuple[str, Place]] = field(default_factory=list)
    switches: list[tuple[str, bool, Place]] = field(default_factory=list)
    ignored: list[tuple[str, Place]] = field(default_factory=list)


@dataclass(slots=True)
class AelFile:
    """A whole file with what it includes."""

    contexts: list[ContextPart] = field(default_factory=list)
    globals: list[tuple[str, str, Place]] = field(default_factory=list)
    warnings: list[tuple[Place, str]] = field(default_factory=list)
