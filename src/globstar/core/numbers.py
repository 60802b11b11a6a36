"""Numbers as the arguments of applications hold them: what stands at the beginning of a text counts."""

from __future__ import annotations

import math
import re

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
