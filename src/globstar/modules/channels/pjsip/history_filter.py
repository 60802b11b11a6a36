"""Expressions of ``pjsip show history where ...``."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from globstar.base.regex import BadPattern, compile_regex

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.messages import HistoryEntry

Filter = Callable[["HistoryEntry"], bool]


class FilterError(ValueError):
    """The expression makes no sense; the message says where."""


def _header(entry: HistoryEntry, *header_names: bytes) -> str:
    for line in entry.data.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() in header_names:
            return value.strip().decode("utf-8", "replace")
    return ""


def _method(entry: HistoryEntry) -> str:
    """The request's method; responses have none."""
    word = entry.data.split(b" ", 1)[0]
    return "" if word.upper().startswith(b"SIP/") else word.decode("utf-8", "replace")


_FIELDS: dict[str, tuple[Callable[[HistoryEntry], Any], Callable[[str], Any]]] = {
    "number": (lambda entry: entry.number, int),
    "timestamp": (lambda entry: entry.wall_time, float),
    "addr": (lambda entry: entry.address, str),
    "sip.msg.request.method": (_method, str),
    "sip.msg.method": (_method, str),
    "sip.msg.call-id": (lambda entry: _header(entry, b"call-id", b"i"), str),
}
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq, "!=": operator.ne,
}  # fmt: skip


def compile_filter(words: list[str]) -> Filter:
    """The words of an expression as a function; raises FilterError. ``not`` binds closest, then ``and``, then ``or``."""
    parser = _Parser([part for word in words for part in _split(word)])
    wanted = parser.alternatives()
    if parser.words:
        raise FilterError(f"'{parser.words[0]}' was not expected")
    return wanted


def _split(word: str) -> list[str]:
    """Parentheses are words of their own where they lead or end one without their counterpart in it."""
    front: list[str] = []
    while word.startswith("(") and word.count("(") > word.count(")"):
        front.append("(")
        word = word[1:]
    back: list[str] = []
    while word.endswith(")") and word.count("(") < word.count(")"):
        back.append(")")
        word = word[:-1]
    return [*front, *([word] if word else []), *back]


class _Parser:
    """Takes words from the front."""

    def __init__(self, words: list[str]) -> None:
        self.words = words

    def _take(self) -> str:
        if not self.words:
            raise FilterError("the expression ends too early")
        return self.words.pop(0)

    def _sees(self, word: str) -> bool:
        if self.words and self.words[0].lower() == word:
            del self.words[0]
            return True
        return False

    def alternatives(self) -> Filter:
        """``a or b``."""
        parts = [self._all_of()]
        while self._sees("or"):
            parts.append(self._all_of())
        return parts[0] if len(parts) == 1 else lambda entry: any(part(entry) for part in parts)

    def _all_of(self) -> Filter:
        parts = [self._one()]
        while self._sees("and"):
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else lambda entry: all(part(entry) for part in parts)

    def _one(self) -> Filter:
        if self._sees("not"):
            inner = self._one()
            return lambda entry: not inner(entry)
        if self._sees("("):
            inner = self.alternatives()
            if not self._sees(")"):
                raise FilterError("a closing parenthesis is missing")
            return inner
        return self._comparison()

    def _comparison(self) -> Filter:
        name = self._take()
        field = _FIELDS.get(name.lower())
        if field is None:
            raise FilterError(f"'{name}' is no field")
        read, convert = field
        how, text = self._take(), self._take()
        if how.lower() == "like":
            try:
                pattern = compile_regex(text)
            except BadPattern as error:
                raise FilterError(f"bad regular expression '{text}': {error}") from None
            return lambda entry: pattern.is_in(str(read(entry)))
        compare = _COMPARISONS.get(how)
        if compare is None:
            raise FilterError(f"'{how}' is no comparison")
        try:
            value = convert(text)
        except ValueError:
            raise FilterError(f"'{text}' is no value for {name}") from None
        return lambda entry: compare(read(entry), value)
