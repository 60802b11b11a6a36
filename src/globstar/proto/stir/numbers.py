"""Telephone numbers as PASSporTs have them (RFC 8224 8.3)."""

from __future__ import annotations

import re

_SEPARATORS = re.compile(r"[\s().\-]")
_NUMBER = re.compile(r"[0-9#*]{1,32}")


def canonical_number(text: str) -> str:
    """The digits of a number without ``+`` and visual separators; empty if it is no number."""
    bare = _SEPARATORS.sub("", text.partition(";")[0]).removeprefix("+")
    return bare if _NUMBER.fullmatch(bare) else ""
