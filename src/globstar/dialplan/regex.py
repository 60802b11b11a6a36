"""POSIX extended regular expressions, on bytes, as the operators `:` and `=~` and the function REGEX use them."""

from __future__ import annotations

import re
from functools import lru_cache

from globstar.base.errors import RemoteFault
from globstar.dialplan.bytetext import byte_view

_CLASSES = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "blank": r" \t",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9",
    "graph": r"\x21-\x7e",
    "lower": "a-z",
    "print": r"\x20-\x7e",
    "punct": r"!-/:-@\[-`{-~",
    "space": r"\s\x0b",
    "upper": "A-Z",
    "xdigit": "0-9A-Fa-f",
}
_INTERVAL = re.compile(r"\{([0-9]*)(,?)([0-9]*)\}", re.ASCII)
_GNU_CLASSES = {"w": "[0-9A-Za-z_]", "W": "[^0-9A-Za-z_]", "s": r"[\s\x0b]", "S": r"[^\s\x0b]", "b": r"\b", "B": r"\B"}
_GNU_CLASSES |= {"<": r"\b(?=\w)", ">": r"\b(?<=\w)", "`": r"\A", "'": r"\Z"}
MAX_REPEAT = 32767


class BadPattern(RemoteFault):
    """A regular expression that cannot be compiled."""


class Regex:
    """A compiled expression; it matches texts seen as bytes (see byte_view)."""

    __slots__ = ("_longest", "groups", "pattern")

    def __init__(self, expression: str, ignore_case: bool = False) -> None:
        translated = _Translator(byte_view(expression)).translate()
        flags = re.DOTALL | re.ASCII | (re.IGNORECASE if ignore_case else 0)
        try:
            self.pattern = re.compile(translated, flags)
        except (re.error, OverflowError, RecursionError) as error:
            raise BadPattern(str(error)) from error
        self.groups = self.pattern.groups
        # POSIX takes the longest match, Python the first alternative that fits; they differ only where there is a choice.
        self._longest = any(character in expression for character in "|?*{") and "$" not in expression

    def search(self, view: str) -> re.Match[str] | None:
        """Find the leftmost longest match in a byte view."""
        found = self.pattern.search(view)
        if found is None or not self._longest:
            return found
        start, shortest = found.span()
        for end in range(len(view), shortest, -1):
            longer = self.pattern.fullmatch(view, start, end)
            if longer is not None:
                return longer
        return found


@lru_cache(maxsize=512)
def compile_regex(expression: str, ignore_case: bool = False) -> Regex:
    """Return the Regex of an expression; raises BadPattern."""
    return Regex(expression, ignore_case)


class _Translator:
    """Writes a POSIX extended expression in Python's syntax."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.position = 0
        self.output: list[str] = []
        self.open_groups: list[int] = []
        # Where the last atom begins in the output; -1 when there is nothing to repeat in this branch.
        self.atom = -1
        self.is_repeated = False

    def translate(self) -> str:
        source = self.source
        while self.position < len(source):
            character = source[self.position]
            self.position += 1
            if character == "\\":
                self._escape()
            elif character == "[":
                self._bracket()
            elif character in "*+?":
                self._put_repetition(character)
            elif character == "{" and (interval := _INTERVAL.match(source, self.position - 1)):
                self._interval(interval)
            elif character == "(":
                self.open_groups.append(len(self.output))
                self._put_operator("(")
            elif character == ")" and self.open_groups:
                self.output.append(")")
                self.atom = self.open_groups.pop()
                self.is_repeated = False
            elif character == "|":
                self._put_operator("|")
            elif character in "^$":
                self._put_operator({"^": r"\A", "$": r"\Z"}[character])
            else:
                self._put_atom("." if character == "." else re.escape(character))
        if self.open_groups:
            raise BadPattern("parenthesis is not closed")
        return "".join(self.output)

    def _put_atom(self, text: str) -> None:
        self.atom = len(self.output)
        self.is_repeated = False
        self.output.append(text)

    def _put_operator(self, text: str) -> None:
        self.atom = -1
        self.output.append(text)

    def _put_repetition(self, text: str) -> None:
        if self.atom < 0:
            raise BadPattern(f"nothing to repeat before '{text}'")
        if self.is_repeated:  # a** is legal in POSIX
            self.output[self.atom] = "(?:" + self.output[self.atom]
            self.output.append(")")
        self.output.append(text)
        self.is_repeated = True

    def _escape(self) -> None:
        if self.position >= len(self.source):
            raise BadPattern("backslash at the end")
        character = self.source[self.position]
        self.position += 1
        if "1" <= character <= "9":
            self._put_atom(f"(?:\\{character})")
        else:
            self._put_atom(_GNU_CLASSES.get(character) or re.escape(character))

    def _interval(self, interval: re.Match[str]) -> None:
        low, comma, high = interval.groups()
        self.position = interval.end()
        if not low and not comma:
            raise BadPattern("empty interval")
        first = int(low or 0)
        last = first if not comma else int(high) if high else first
        if max(first, last) > MAX_REPEAT or last < first:
            raise BadPattern("interval out of range")
        self._put_repetition("{" + str(first) + comma + high + "}")

    def _bracket(self) -> None:
        """Translate [...] with its classes, equivalents and ranges."""
        source = self.source
        position = self.position
        negated = source.startswith("^", position)
        position += negated
        pieces: list[str] = []
        first = True
        while True:
            if position >= len(source):
                raise BadPattern("bracket is not closed")
            character = source[position]
            if character == "]" and not first:
                break
            first = False
            if character == "[" and source[position + 1 : position + 2] in (":", ".", "="):
                kind = source[position + 1]
                end = source.find(kind + "]", position + 2)
                if end < 0:
                    raise BadPattern("bracket is not closed")
                name = source[position + 2 : end]
                position = end + 2
                if kind == ":":
                    if name not in _CLASSES:
                        raise BadPattern(f"unknown character class '{name}'")
                    pieces.append(_CLASSES[name])
                    continue
                if len(name) != 1:
                    raise BadPattern(f"unknown collating element '{name}'")
                character = name
            else:
                position += 1
            if source[position : position + 1] == "-" and source[position + 1 : position + 2] not in ("]", ""):
                last = source[position + 1]
                position += 2
                if last < character:
                    raise BadPattern(f"range {character}-{last} is reversed")
                pieces.append(_member(character) + "-" + _member(last))
            else:
                pieces.append(_member(character))
        self.position = position + 1
        self._put_atom("[" + ("^" if negated else "") + "".join(pieces) + "]")


def _member(character: str) -> str:
    return f"\\x{ord(character):02x}"
