"""Characters written with a backslash, as delimiters and character sets of dialplan functions may be."""

from __future__ import annotations

import re

from globstar.base.bytetext import byte_view, from_byte_view

_ESCAPE = re.compile(r"\\(x[0-9A-Fa-f]{1,2}|[0-7]{1,3}|.)", re.DOTALL)
_CONTROL = {"n": "\n", "r": "\r", "t": "\t", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}


def _character(found: re.Match[str]) -> str:
    text = found[1]
    if text[0] == "x" and len(text) > 1:
        return chr(int(text[1:], 16))
    if "0" <= text[0] <= "7":
        return chr(int(text, 8) & 0xFF)
    return _CONTROL.get(text, text)


def decode_escapes(text: str) -> str:
    r"""Turn ``\n``, ``\r``, ``\t``, ``\xHH``, ``\ooo`` into the byte meant; any other character loses its backslash."""
    if "\\" not in text:
        return text
    return from_byte_view(_ESCAPE.sub(_character, byte_view(text)))


def character_set(text: str) -> frozenset[str]:
    r"""The characters (seen as bytes) of a set like ``a-z0-9\-``.

    Both ends of a range belong to it, also where it runs backwards and has nothing between them.
    """
    view = byte_view(text)
    found: set[str] = set()
    position = 0

    def take() -> str:
        nonlocal position
        escape = _ESCAPE.match(view, position)
        if escape is not None:
            position = escape.end()
            return _character(escape)
        position += 1
        return view[position - 1]

    while position < len(view):
        first = take()
        found.add(first)
        if view[position : position + 1] != "-":
            continue
        position += 1
        if position < len(view):
            last = take()
            found.add(last)
            found.update(map(chr, range(ord(first), ord(last))))
    return frozenset(found)
