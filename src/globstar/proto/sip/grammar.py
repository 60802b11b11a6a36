"""Small pieces of SIP's grammar: parameters, quoted strings, lists (RFC 3261 25.1)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from globstar.proto.sip.errors import SipParseError

_SPECIAL = {",": re.compile('[,"<]'), ";": re.compile('[;"<]')}


def unquote(text: str) -> str:
    """Return the content of a quoted string, or ``text`` itself when it is not one."""
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        return text
    text = text[1:-1]
    if "\\" not in text:
        return text
    out: list[str] = []
    escaped = False
    for char in text:
        if escaped or char != "\\":
            out.append(char)
            escaped = False
        else:
            escaped = True
    return "".join(out)


def quote(text: str) -> str:
    """Return ``text`` as a quoted string."""
    if "\\" in text or '"' in text:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def end_of_quoted(text: str, start: int) -> int:
    """Return the index after the quoted string that opens at ``text[start]``; SipParseError when it does not close."""
    position = start + 1
    while True:
        close = text.find('"', position)
        if close < 0:
            raise SipParseError("quoted string does not end")
        backslashes = 0
        while text[close - 1 - backslashes] == "\\" and close - 1 - backslashes > start:
            backslashes += 1
        if not backslashes & 1:
            return close + 1
        position = close + 1


def split_outside(text: str, separator: str) -> list[str]:
    """Split at a comma or semicolon outside quoted strings and angle brackets; parts are stripped, empty ones kept."""
    if '"' not in text and ("<" not in text or separator not in text):
        return [part.strip() for part in text.split(separator)]
    parts: list[str] = []
    begin = 0
    search = _SPECIAL[separator].search
    found = search(text)
    while found is not None:
        at = found.start()
        char = text[at]
        if char == '"':
            found = search(text, end_of_quoted(text, at))
            continue
        if char == "<":
            at = text.find(">", at)
            if at < 0:
                raise SipParseError("'<' is not closed")
        else:
            parts.append(text[begin:at].strip())
            begin = at + 1
        found = search(text, at + 1)
    parts.append(text[begin:].strip())
    return parts


def split_list(text: str) -> list[str]:
    """Split a comma separated header value; empty elements are left out."""
    if "," not in text:
        text = text.strip()
        return [text] if text else []
    return [part for part in split_outside(text, ",") if part]


def tokens(values: Iterable[str]) -> tuple[str, ...]:
    """Return the elements of comma separated values, as of Allow, Supported or Require."""
    return tuple([token for value in values for token in split_list(value)])


def parse_number(text: str, limit: int, what: str) -> int:
    """Return a non-negative decimal number up to ``limit``."""
    if not (text.isascii() and text.isdigit()) or len(text) > 20:
        raise SipParseError(f"{what} is not a number")
    number = int(text)
    if number > limit:
        raise SipParseError(f"{what} is too large")
    return number


class Params(tuple[tuple[str, "str | None"], ...]):
    """Parameters in order: (lower-case name, raw value or None for a flag). Quoted values keep their quotes.

    RFC 3261 7.3.1: names are case-insensitive.
    """

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Params:
        """Parse ``a=b;c;d="e;f"`` (without a leading semicolon). A trailing semicolon is forgiven, ``;;`` is not."""
        text = text.strip()
        if not text:
            return NO_PARAMS
        if text[-1] == ";":
            text = text[:-1]
        found: list[tuple[str, str | None]] = []
        for part in split_outside(text, ";") if '"' in text else text.split(";"):
            name, equals, value = part.partition("=")
            name = name.strip().lower()
            if not name:
                raise SipParseError("empty parameter")
            found.append((name, value.strip() if equals else None))
        return cls(found)

    def get(self, name: str, default: str | None = None) -> str | None:
        """Return the raw value of the first parameter ``name``; an empty string for a flag."""
        for key, value in self:
            if key == name:
                return "" if value is None else value
        return default

    def unquoted(self, name: str) -> str | None:
        """Return the value of ``name`` without quotes, or None."""
        value = self.get(name)
        return None if value is None else unquote(value)

    def has(self, name: str) -> bool:
        """Tell whether parameter ``name`` is there."""
        for key, _ in self:  # noqa: SIM110 - a generator costs as much as the whole look
            if key == name:
                return True
        return False

    def replace(self, name: str, value: str | None) -> Params:
        """Return a copy in which ``name`` has ``value`` (None: a flag), appended if it was absent."""
        if self.has(name):
            return Params((key, value if key == name else old) for key, old in self)
        return Params((*self, (name, value)))

    def without(self, *names: str) -> Params:
        """Return a copy without the named parameters."""
        return Params(pair for pair in self if pair[0] not in names)

    def __str__(self) -> str:
        text = ""
        for name, value in self:
            text += f";{name}" if value is None else f";{name}={value}"
        return text


NO_PARAMS = Params()
