"""Numbers as the arguments of applications hold them: what stands at the beginning of a text counts."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from globstar.dialplan.arguments import argument

_FLOAT = re.compile(r"\s*[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_INTEGER = re.compile(r"\s*[+-]?\d{1,18}", re.ASCII)


def leading_float(text: str) -> float:
    """The number at the beginning of ``text``, not-a-number if there is none."""
    match = _FLOAT.match(text)
    return float(match[0]) if match else math.nan


def leading_integer(text: str, default: int = 0) -> int:
    """The whole number at the beginning of ``text``, ``default`` if there is none (C's atoi)."""
    match = _INTEGER.match(text)
    return int(match[0]) if match else default


def seconds(text: str) -> float:
    """A time in seconds, with decimals; 0 for what is no number or negative."""
    match = _FLOAT.match(text)
    return max(0.0, float(match[0])) if match else 0.0


class NumberArguments:
    """The numbers among the arguments of the application ``who``; what is none, or too small, is told and counts as left out."""

    __slots__ = ("_arguments", "_warn", "_who")

    def __init__(self, who: str, arguments: list[str], warn: Callable[[str], None]) -> None:
        self._who = who
        self._arguments = arguments
        self._warn = warn

    def integer(self, index: int, default: int = 0, *, least: int = 0) -> int:
        """The whole number at the beginning of argument ``index`` (from 0)."""
        text = argument(self._arguments, index)
        match = _INTEGER.match(text)
        if match is not None and int(match[0]) >= least:
            return int(match[0])
        self._tell(text, f"a whole number of at least {least}")
        return default

    def seconds(self, index: int) -> float:
        """The time in seconds at the beginning of argument ``index``, with decimals; 0 without one."""
        text = argument(self._arguments, index)
        match = _FLOAT.match(text)
        if match is not None and float(match[0]) >= 0:
            return float(match[0])
        self._tell(text, "a number of seconds")
        return 0.0

    def _tell(self, text: str, wanted: str) -> None:
        if text.strip():
            self._warn(f"{self._who}: '{text}' is not {wanted}; it counts as left out")
