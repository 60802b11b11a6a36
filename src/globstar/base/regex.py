"""POSIX extended regular expressions, on bytes, as Asterisk takes them: in dialplans, filters and patterns of commands."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

from globstar.base.bytetext import byte_view
from globstar.base.errors import RemoteFault
from globstar.base.late import LateModule

if TYPE_CHECKING:
    import re2
else:
    re2 = LateModule("re2")

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


class Found(Protocol):
    """A match, in the terms of ``re.Match``."""

    def start(self) -> int: ...
    def end(self) -> int: ...
    def span(self) -> tuple[int, int]: ...
    def __getitem__(self, group: int) -> str | None: ...
    def groups(self) -> tuple[str | None, ...]: ...


class _Linear:
    """An expression for RE2, which takes time in proportion to the text, whatever the expression.

    It has no back references and none of ``\\<`` and ``\\>``; raises :class:`re2.error` then.
    """

    __slots__ = ("_compiled",)

    def __init__(self, translated: str, ignore_case: bool) -> None:
        options = re2.Options()
        options.longest_match = True
        options.dot_nl = True
        options.log_errors = False
        options.case_sensitive = not ignore_case
        options.encoding = re2.Options.Encoding.LATIN1
        self._compiled = re2.compile(translated.encode("latin-1"), options)

    def search(self, view: str) -> _LinearMatch | None:
        found = self._compiled.search(view.encode("latin-1"))
        return None if found is None else _LinearMatch(view, [found.span(group) for group in range(found.re.groups + 1)])


class _LinearMatch:
    __slots__ = ("_spans", "_view")

    def __init__(self, view: str, spans: list[tuple[int, int]]) -> None:
        self._view = view
        self._spans = spans

    def start(self) -> int:
        return self._spans[0][0]

    def end(self) -> int:
        return self._spans[0][1]

    def span(self) -> tuple[int, int]:
        return self._spans[0]

    def __getitem__(self, group: int) -> str | None:
        start, end = self._spans[group]
        return None if start < 0 else self._view[start:end]

    def groups(self) -> tuple[str | None, ...]:
        return tuple(self[group] for group in range(1, len(self._spans)))


class Regex:
    """A compiled expression; it matches texts seen as bytes (see byte_view).

    Python's engine takes the simple ones. Those that could keep it busy for very long, which repeat a group or have more
    than one repetition, are RE2's, as far as that has what is in them.
    """

    __slots__ = ("_linear", "_longest", "groups", "pattern")

    def __init__(self, expression: str, ignore_case: bool = False) -> None:
        translator = _Translator(byte_view(expression))
        translated = translator.translate()
        flags = re.DOTALL | re.ASCII | (re.IGNORECASE if ignore_case else 0)
        try:
            self.pattern = re.compile(translated, flags)
        except (re.error, OverflowError, RecursionError) as error:
            raise BadPattern(str(error)) from error
        self.groups = self.pattern.groups
        # POSIX takes the longest match, Python the first alternative that fits; they differ only where there is a choice.
        self._longest = any(character in expression for character in "|?*{") and "$" not in expression
        self._linear: _Linear | None = None
        # RE2 has cases beyond ASCII, too, so there must be no such letter in the expression
        if translator.is_risky and (not ignore_case or expression.isascii()):
            try:
                self._linear = _Linear(translator.for_re2(), ignore_case)
            except re2.error:
                self._linear = None  # Python's engine has what is missing there

    def search(self, view: str) -> Found | None:
        """Find the leftmost longest match in a byte view."""
        if self._linear is not None:
            return self._linear.search(view)
        found = self.pattern.search(view)
        if found is None or not self._longest:
            return found
        start, shortest = found.span()
        for end in range(len(view), shortest, -1):
            longer = self.pattern.fullmatch(view, start, end)
            if longer is not None:
                return longer
        return found

    def is_in(self, text: str) -> bool:
        """Whether the expression is found in a text."""
        return (self._linear or self.pattern).search(byte_view(text)) is not None


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
        self.repetitions = 0
        self.repeats_group = False

    @property
    def is_risky(self) -> bool:
        """Whether an engine that tries one way after the other may take more than quadratic time."""
        return self.repeats_group or self.repetitions > 1

    def for_re2(self) -> str:
        """The translated expression in RE2's syntax."""
        return "".join(r"\z" if piece == r"\Z" else piece for piece in self.output)

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
        if text != "?":
            self.repetitions += "," in text or text[0] != "{"
            self.repeats_group = self.repeats_group or self.output[self.atom].startswith("(")

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
