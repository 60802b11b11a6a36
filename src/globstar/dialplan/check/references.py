"""The `${...}` and `$[...]` of a text as a tree, as substitution reads them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_OPENING = re.compile(r"\$[{\[]")
_MAX_DEPTH = 50


@dataclass(frozen=True, slots=True)
class Reference:
    """One reference. ``name`` is a variable or function, "" for an expression; ``inside`` is what stands in its brackets.

    ``arguments`` is the text in parentheses of a function, None for a variable. ``is_computed``: the name itself has references.
    """

    name: str
    inside: str
    arguments: str | None
    is_computed: bool
    is_cut: bool
    children: tuple[Reference, ...]
    is_closed: bool = True

    @property
    def is_expression(self) -> bool:
        """Whether it is `$[...]`."""
        return not self.name and not self.is_computed and self.arguments is None

    def walk(self) -> Iterator[Reference]:
        """Itself and all that is inside, the outermost first."""
        yield self
        for child in self.children:
            yield from child.walk()


def references(text: str, depth: int = 0) -> tuple[Reference, ...]:
    """The outermost references of a text, in order; those inside are their children."""
    if "$" not in text or depth > _MAX_DEPTH:
        return ()
    found: list[Reference] = []
    position = 0
    while opening := _OPENING.search(text, position):
        is_expression = text[opening.start() + 1] == "["
        inside, position, is_closed = _enclosed(text, opening.end(), "[]" if is_expression else "{}")
        children = references(inside, depth + 1)
        if is_expression:
            found.append(Reference("", inside, None, False, False, children, is_closed))
            continue
        name, parenthesis, rest = inside.partition("(")
        if not parenthesis:
            name, colon, _ = _cut_off(inside)
            is_computed = "$" in name
            name = "" if is_computed else name.strip()
            found.append(Reference(name, inside, None, is_computed, bool(colon), children, is_closed))
            continue
        arguments, _, after = rest.rpartition(")")
        is_computed = "$" in name
        name = "" if is_computed else name.strip()
        found.append(Reference(name, inside, arguments or rest, is_computed, ":" in after, children, is_closed))
    return tuple(found)


def all_references(text: str) -> Iterator[Reference]:
    """Every reference of a text, whatever it is inside of."""
    for reference in references(text):
        yield from reference.walk()


def _cut_off(inside: str) -> tuple[str, str, str]:
    """A variable's name and what follows the first colon outside of references."""
    depth = 0
    for index, character in enumerate(inside):
        if character in "{[":
            depth += 1
        elif character in "}]":
            depth -= 1
        elif character == ":" and not depth:
            return inside[:index], ":", inside[index + 1 :]
    return inside, "", ""


def _enclosed(text: str, start: int, pair: str) -> tuple[str, int, bool]:
    """What stands up to the bracket that closes, the index behind it, and whether it is there; to the end where there is none."""
    depth = 1
    for index in range(start, len(text)):
        if text[index] == pair[0]:
            depth += 1
        elif text[index] == pair[1]:
            depth -= 1
            if not depth:
                return text[start:index], index + 1, True
    return text[start:], len(text), False
