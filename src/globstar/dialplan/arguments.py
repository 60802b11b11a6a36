"""Arguments of applications and functions: splitting at commas, and option letters with arguments."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

_SPECIAL = re.compile(r'[\\"()\[\],]')


def split_arguments(text: str, limit: int = 0, separator: str = ",", raw: bool = False) -> list[str]:
    """Split application data at commas as Asterisk does for most applications.

    A comma inside "...", (...) or [...] or behind a backslash does not separate; parentheses and brackets count inside quotes
    too. Quotes and backslashes are taken out, unless `raw` (Gosub, FILTER, EVAL and others keep them). With `limit` > 0 the
    last argument takes the rest. Blanks are kept. An empty text has no arguments.
    """
    if not text:
        return []
    special = _SPECIAL if separator == "," else re.compile(r'[\\"()\[\]' + re.escape(separator) + "]")
    if not special.search(text):
        return [text]
    arguments: list[str] = []
    current: list[str] = []
    parentheses = brackets = start = 0
    quoted = False
    position = 0
    while found := special.search(text, position):
        character = found[0]
        index = found.start()
        position = index + 1
        if character == "\\":
            if not raw:
                current.append(text[start:index])
                start = position
            position += 1
        elif character == '"':
            quoted = not quoted
            if not raw:
                current.append(text[start:index])
                start = position
        elif character == separator:
            if not (quoted or parentheses or brackets) and len(arguments) + 1 != limit:
                current.append(text[start:index])
                arguments.append("".join(current))
                current.clear()
                start = position
        elif character == "(":
            parentheses += 1
        elif character == ")":
            parentheses -= parentheses > 0
        elif character == "[":
            brackets += 1
        else:
            brackets -= brackets > 0
    current.append(text[start:])
    arguments.append("".join(current))
    return arguments


def split_raw(text: str, limit: int = 0, separator: str = ",") -> list[str]:
    """Split like split_arguments, leaving quotes and backslashes in place."""
    return split_arguments(text, limit, separator, raw=True)


def argument(arguments: list[str], index: int, default: str = "") -> str:
    """Return one argument, or the default when it is missing or empty."""
    return (arguments[index] or default) if index < len(arguments) else default


def bar_to_comma(text: str) -> str:
    """Return the argument of an option with `^`, which stands for a comma there, turned into commas."""
    return text.replace("^", ",")


@dataclass(slots=True)
class ParsedOptions:
    """Option letters that were given, with the arguments of those that have one."""

    letters: set[str] = field(default_factory=set)
    arguments: dict[str, str] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def __contains__(self, letter: str) -> bool:
        return letter in self.letters

    def get(self, letter: str, default: str = "") -> str:
        """Return the argument of an option, or the default when it has none."""
        return self.arguments.get(letter, default)


def parse_options(text: str, table: Mapping[str, bool], warn: Callable[[str], None] | None = None) -> ParsedOptions:
    """Read option letters such as `mb(pre^s^1(x))L(2000)`.

    table: the letters that the application knows, True for those that take an argument in parentheses. The argument may hold
    balanced parentheses; in quotes they do not count and the outer quotes are removed. Unknown letters and
    malformed arguments are kept in `unknown` and `problems`, and told to `warn`.
    """
    parsed = ParsedOptions()
    position = 0
    while position < len(text):
        letter = text[position]
        position += 1
        argument_text: str | None = None
        if text[position : position + 1] == "(":
            end = _closing(text, position)
            if end < 0:
                parsed.problems.append(f"argument of option '{letter}' without closing parenthesis")
                end = len(text)
            argument_text = text[position + 1 : end]
            position = end + 1
        if letter not in table:
            if letter != " ":
                parsed.unknown.append(letter)
                parsed.problems.append(f"unknown option '{letter}'")
            continue
        parsed.letters.add(letter)
        if argument_text is None:
            continue
        if table[letter]:
            if len(argument_text) > 1 and argument_text[0] == argument_text[-1] == '"':
                argument_text = argument_text[1:-1]
            parsed.arguments[letter] = argument_text
        else:
            parsed.problems.append(f"option '{letter}' takes no argument")
    if warn is not None:
        for problem in parsed.problems:
            warn(problem)
    return parsed


def _closing(text: str, opening: int) -> int:
    """Return the index of the parenthesis that closes the one at `opening`, or -1."""
    depth = 0
    quoted = False
    position = opening
    while position < len(text):
        character = text[position]
        if character == "\\":
            position += 1
        elif character == '"':
            quoted = not quoted
        elif quoted:
            pass
        elif character == "(":
            depth += 1
        elif character == ")":
            depth -= 1
            if depth == 0:
                return position
        position += 1
    return -1
