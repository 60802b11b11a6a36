"""Extension names and patterns: what they match, and which of two that match comes first.

A name that begins with `_` is a pattern: X is 0-9, Z is 1-9, N is 2-9 (small letters too), `[...]` one character out of
a set with ranges, `.` at least one character to the end, `!` any number of characters to the end, matching early.
Everything else stands for itself, and case counts. Dashes are ignored in patterns, names and dialled strings.

Exact names come before patterns. Patterns compare element by element from the left: the one that allows fewer characters
comes first, then `.`, then `!`. Patterns that allow the same are the same extension, however they are spelt.
"""

from __future__ import annotations

import re
from functools import lru_cache

_CLASSES: dict[str, frozenset[str]] = {
    "X": frozenset("0123456789"),
    "Z": frozenset("123456789"),
    "N": frozenset("23456789"),
}
_CLASSES |= {letter.lower(): characters for letter, characters in _CLASSES.items()}

# Ranks of the elements that are not sets of characters; a set's rank is its size.
_REST = 1_000_000  # .
_ANY = 1_000_001  # !
_END = 1_000_002
_BROKEN = 1_000_003

Key = tuple[object, ...]


def canonical(text: str) -> str:
    """Return a dialled string or an exact name without its dashes: what is compared."""
    return text.replace("-", "") if "-" in text else text


class Pattern:
    """One extension name or pattern, ready to match; `key` orders and identifies it."""

    __slots__ = ("_fullmatch", "early", "elements", "exact", "is_broken", "is_pattern", "key", "open_ended", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.is_pattern = text.startswith("_")
        self.exact = canonical(text)
        self.elements: tuple[frozenset[str], ...] = ()
        self.open_ended = False
        self.early = False
        self.is_broken = False
        if not self.is_pattern:
            self.key: Key = (0, self.exact)
            self._fullmatch = None
            return
        self.elements = self._parse(text[1:])
        tail = _BROKEN if self.is_broken else _ANY if self.early else _REST if self.open_ended else _END
        ranks: list[object] = [(len(allowed), tuple(sorted(allowed))) for allowed in self.elements]
        self.key = (1, *ranks, (tail,), *([text] if self.is_broken else self._beyond(text)))
        self._fullmatch = None if self.is_broken else re.compile(self._expression(), re.DOTALL).fullmatch

    def _parse(self, body: str) -> tuple[frozenset[str], ...]:
        elements: list[frozenset[str]] = []
        position = 0
        while position < len(body):
            character = body[position]
            position += 1
            if character == "[":
                end = body.find("]", position)
                if end < 0:
                    self.is_broken = True
                    break
                elements.append(_character_set(body[position:end]))
                position = end + 1
            elif character in ".!":
                self.open_ended = True
                self.early = character == "!"
                break
            elif character != "-":
                elements.append(_CLASSES.get(character) or frozenset(character))
        return tuple(elements)

    @staticmethod
    def _beyond(text: str) -> list[object]:
        """Text after `.` or `!` matches nothing more, but tells extensions apart: `_1.2` comes before `_1.`."""
        found = re.search(r"\A_(?:\[[^\]]*\]|[^.!\[])*[.!](.+)", text, re.DOTALL)
        return [(0, canonical(found[1]))] if found else [(1,)]

    def _expression(self) -> str:
        pieces = ["[" + "".join(map(re.escape, sorted(allowed))) + "]" if allowed else "(?!)" for allowed in self.elements]
        return "".join(pieces) + (".*" if self.early else ".+" if self.open_ended else "")

    def matches(self, dialled: str) -> bool:
        """Tell whether a dialled string without dashes is matched as a whole."""
        if self._fullmatch is None:
            return not self.is_pattern and dialled == self.exact
        return self._fullmatch(dialled) is not None

    def can_match(self, dialled: str) -> bool:
        """Tell whether the string matches, or may match once more is dialled."""
        return self.matches(dialled) or self.matches_more(dialled)

    def matches_more(self, dialled: str) -> bool:
        """Tell whether a match needs, or could use, more than what is dialled; `!` never waits for more."""
        if not self.is_pattern:
            return len(dialled) < len(self.exact) and self.exact.startswith(dialled)
        if self.is_broken:
            return False
        if any(character not in allowed for character, allowed in zip(dialled, self.elements, strict=False)):
            return False
        if not all(self.elements[len(dialled) :]):
            return False
        return len(dialled) < len(self.elements) or (self.open_ended and not self.early)

    def covers(self, other: Pattern) -> bool:
        """Tell whether this pattern surely matches everything that another pattern or name matches."""
        if not other.is_pattern:
            return self.matches(other.exact)
        if not self.is_pattern or self.is_broken or other.is_broken:
            return False
        if len(self.elements) > len(other.elements) or not all(map(frozenset.issuperset, self.elements, other.elements)):
            return False
        if not self.open_ended:
            return not other.open_ended and len(self.elements) == len(other.elements)
        return self.early or len(self.elements) < len(other.elements) or (other.open_ended and not other.early)

    def __repr__(self) -> str:
        return f"Pattern({self.text!r})"


def _character_set(body: str) -> frozenset[str]:
    """Read the inside of `[...]`: characters and ranges; a dash at either end matches nothing, as dashes are ignored."""
    characters: set[str] = set()
    position = 0
    while position < len(body):
        first = body[position]
        if body[position + 1 : position + 2] == "-" and position + 2 < len(body):
            last = body[position + 2]
            characters.update(map(chr, range(ord(first), min(ord(last), ord(first) + 255) + 1)))
            position += 3
        else:
            characters.add(first)
            position += 1
    characters.discard("-")
    return frozenset(characters)


@lru_cache(maxsize=4096)
def compile_pattern(text: str) -> Pattern:
    """Return the Pattern of an extension name; equal texts share one."""
    return Pattern(text)


class CallerMatch:
    """The `/callerid` part of an extension: which caller numbers it is for."""

    __slots__ = ("key", "pattern", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.pattern = compile_pattern(text)
        self.key: Key = (0, *self.pattern.key)

    def matches(self, number: str) -> bool:
        """Tell whether the caller's number is meant; an empty text means callers without a number."""
        return self.pattern.matches(canonical(number))


# The key of an extension for all callers: behind those for particular ones.
ANY_CALLER: Key = (1,)
