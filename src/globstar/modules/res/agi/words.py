"""Numbers among the words of AGI commands."""

from __future__ import annotations

import re
from collections.abc import Sequence

from globstar.core.agi import AgiUsage

_NUMBER = re.compile(r"\s*([+-]?\d{1,18})", re.ASCII)


def number(text: str) -> int:
    """The whole number at the beginning of a word; what begins with none is wrong usage."""
    match = _NUMBER.match(text)
    if match is None:
        raise AgiUsage
    return int(match[1])


def number_at(words: Sequence[str], index: int, default: int = 0) -> int:
    """The number that is word ``index``; ``default`` where that is left out or empty."""
    return number(words[index]) if len(words) > index and words[index] else default
