"""Substitution: `${VAR}`, `${VAR:off:len}`, `${FUNC(args)}` and `$[expression]` inside a text.

compile_template() takes a text apart once; Template.render() puts the values in. References nest: the inside
of `${...}` and `$[...]` is substituted first, and the result is then read as a name, a function call or an expression. Values are
never substituted again. A reference without its closing bracket reaches to the end of the text, with a warning.
Nothing quotes or escapes a `$`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Protocol

from globstar.base.bytetext import byte_slice
from globstar.dialplan.expression import evaluate

# Deeper nesting than this is not substituted, which bounds the work for one text.
MAX_DEPTH = 50

_OPENING = re.compile(r"\$[{\[]")
_BRACES = re.compile(r"[{}]")
_BRACKETS = re.compile(r"[\[\]]")
_PARENTHESES_OR_COLON = re.compile(r"[():]")
_OFFSETS = re.compile(r"\s*([+-]?[0-9]{1,30})(?::\s*([+-]?[0-9]{1,30}))?", re.ASCII)


class Scope(Protocol):
    """What a template reads its values from: a channel, or the globals alone."""

    def get_variable(self, name: str) -> str | None:
        """Return the value of a variable, or None when it is not set."""
        ...

    def call_function(self, name: str, args: str) -> str | None:
        """Return the value of a dialplan function, or None when there is none of that name (which it has logged)."""
        ...

    def warn(self, level: str, message: str) -> None:
        """Take a message of level NOTICE, WARNING or ERROR."""
        ...


Renderer = Callable[[Scope], str]


class Template:
    """A text ready to be substituted; `render(scope)` gives the result, and is the text itself when `is_literal`."""

    __slots__ = ("is_literal", "render", "text")

    render: Renderer

    def __init__(self, text: str, parts: list[str | Renderer]) -> None:
        self.text = text
        self.is_literal = not any(callable(part) for part in parts)
        self.render = _join(parts)

    def __repr__(self) -> str:
        return f"Template({self.text!r})"


@lru_cache(maxsize=4096)
def compile_template(text: str) -> Template:
    """Return the Template of a text."""
    return Template(text, _parse(text, 0))


def substitute(text: str, scope: Scope) -> str:
    """Substitute a text once."""
    return compile_template(text).render(scope) if "$" in text else text


def _parse(text: str, depth: int) -> list[str | Renderer]:
    parts: list[str | Renderer] = []
    position = 0
    while found := _OPENING.search(text, position):
        start = found.start()
        if start > position:
            parts.append(text[position:start])
        is_expression = text[start + 1] == "["
        inner, position, closed = _enclosed(text, start + 2, _BRACKETS if is_expression else _BRACES)
        if depth >= MAX_DEPTH:
            parts.append(_too_deep)
            continue
        if not closed:
            parts.append(_missing_bracket("]" if is_expression else "}"))
        inner_parts = _parse(inner, depth + 1)
        if is_expression:
            parts.append(_expression(inner_parts))
        elif any(callable(part) for part in inner_parts):
            parts.append(_computed_reference(_join(inner_parts)))
        else:
            parts.append(_reference(inner))
    if position < len(text):
        parts.append(text[position:])
    return parts


def _enclosed(text: str, start: int, brackets: re.Pattern[str]) -> tuple[str, int, bool]:
    """Find the bracket that closes what opened before `start`: (inside, index behind, whether it was there)."""
    depth = 1
    for found in brackets.finditer(text, start):
        if found[0] in "{[":
            depth += 1
            continue
        depth -= 1
        if depth == 0:
            return text[start : found.start()], found.end(), True
    return text[start:], len(text), False


def _join(parts: list[str | Renderer]) -> Renderer:
    """Make one renderer of literals and renderers; common shapes get their own."""
    if not parts:
        return lambda scope: ""
    first, last = parts[0], parts[-1]
    if len(parts) == 1:
        return (lambda scope: first) if isinstance(first, str) else first
    if len(parts) == 2 and isinstance(first, str) and not isinstance(last, str):
        return lambda scope: first + last(scope)
    if len(parts) == 2 and isinstance(last, str) and not isinstance(first, str):
        return lambda scope: first(scope) + last
    middle = parts[1]
    if len(parts) == 3 and isinstance(first, str) and isinstance(last, str) and not isinstance(middle, str):
        return lambda scope: first + middle(scope) + last
    return lambda scope: "".join([part if isinstance(part, str) else part(scope) for part in parts])


def _too_deep(scope: Scope) -> str:
    scope.warn("WARNING", f"references nest deeper than {MAX_DEPTH}")
    return ""


def _missing_bracket(bracket: str) -> Renderer:
    def warn(scope: Scope) -> str:
        scope.warn("WARNING", f"error in extension logic (missing '{bracket}')")
        return ""

    return warn


def _expression(parts: list[str | Renderer]) -> Renderer:
    inside = _join(parts)
    return lambda scope: evaluate(inside(scope), scope)


def _computed_reference(inside: Renderer) -> Renderer:
    """`${...}` whose inside must be substituted before it can be read."""

    def render(scope: Scope) -> str:
        text = inside(scope)
        if ":" not in text and "(" not in text:
            return scope.get_variable(text) or ""
        name, args, cut = _read_reference(text)
        return _value(scope, name, args, cut)

    return render


def _reference(text: str) -> Renderer:
    """`${...}` whose inside is a plain text, read once."""
    name, args, cut = _read_reference(text)
    if args is None and cut is None:
        return lambda scope: scope.get_variable(name) or ""
    if args is None and cut is not None:
        offset, length = cut
        return lambda scope: byte_slice(scope.get_variable(name) or "", offset, length)
    return lambda scope: _value(scope, name, args, cut)


Cut = tuple[int, int | None]


@lru_cache(maxsize=2048)
def _read_reference(text: str) -> tuple[str, str | None, Cut | None]:
    """Read the inside of `${...}`: (name, text from the opening parenthesis on or None, offset and length or None)."""
    end = len(text)
    opening = -1
    depth = 0
    cut: Cut | None = None
    for found in _PARENTHESES_OR_COLON.finditer(text):
        if found[0] == "(":
            depth += 1
            if opening < 0:
                opening = found.start()
        elif found[0] == ")":
            depth -= 1
        elif depth == 0:
            end = found.start()
            offsets = _OFFSETS.match(text, found.end())
            if offsets:
                cut = (int(offsets[1]), int(offsets[2]) if offsets[2] else None)
            break
    if opening < 0:
        return text[:end], None, cut
    return text[:opening], text[opening + 1 : end], cut


def _value(scope: Scope, name: str, args: str | None, cut: Cut | None) -> str:
    if args is None:
        value = scope.get_variable(name) or ""
    else:
        inside, closing, _ = args.rpartition(")")
        if not closing:
            scope.warn("WARNING", f"function '{name}' without closing parenthesis")
            inside = args
        value = scope.call_function(name, inside) or ""
    return value if cut is None else byte_slice(value, *cut)
