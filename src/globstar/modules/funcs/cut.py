"""Cut out information from a string."""

from __future__ import annotations

import re
from functools import lru_cache

from globstar.base.log import Logger
from globstar.core.channel import Channel
from globstar.core.functions import FunctionError
from globstar.core.numbers import leading_float
from globstar.core.references import value_of
from globstar.core.registry import function
from globstar.dialplan.arguments import split_arguments
from globstar.dialplan.escapes import decode_escapes

logger = Logger("func_cut")

_RANGE = re.compile(r"(\d{1,9})?(-)?(\d{1,9})?$", re.ASCII)
_LAST = 1 << 30


@lru_cache(maxsize=256)
def _ranges(text: str) -> tuple[tuple[int, int], ...] | None:
    """The ranges of ``1&3-4&6-`` as first and last fields; None if it cannot be read."""
    ranges = []
    for part in text.split("&"):
        found = _RANGE.match(part)
        if found is None or not part:
            return None
        first, dash, last = found.groups()
        start = int(first) if first else 1
        ranges.append((start, (int(last) if last else _LAST) if dash else start))
    return tuple(ranges)


@function("CUT", syntax="CUT(varname,char-delim,range-spec)")
def cut(channel: Channel | None, args: str) -> str:
    """Some of the fields of a variable's value.

    The delimiter is one character, a hyphen if not given. The range is a number (from 1), a range (2-4, 2-, -3), or several of
    them in rising order, joined by &.
    """
    arguments = split_arguments(args, 3)
    if len(arguments) < 3:
        raise FunctionError("CUT needs a variable, a delimiter and a range")
    name, delimiter, wanted = arguments
    ranges = _ranges(wanted)
    if ranges is None:
        raise FunctionError(f"CUT cannot read the range '{wanted}'")
    value = value_of(channel, name)
    if not value:
        return ""
    if not delimiter:
        delimiter = "-"
    elif len(delimiter) > 1:
        delimiter = decode_escapes(delimiter)[:1] if delimiter[0] == "\\" else delimiter[0]
    fields = value.split(delimiter)
    position = 1
    found: list[str] = []
    for first, last in ranges:
        if first < position:
            logger.warning(f"CUT is past field {first} already: give the fields of '{wanted}' in rising order")
            continue
        found += fields[first - 1 : last]
        position = max(first, min(last, len(fields)) + 1)
    return delimiter.join(found)


@function("SORT", syntax="SORT(key1:val1[,key2:val2...])")
def sort(channel: Channel | None, args: str) -> str:
    """The keys of pairs in the order of their values, which are numbers."""
    if not args:
        raise FunctionError("SORT needs pairs of key:value")
    pairs = []
    for pair in split_arguments(args):
        key, colon, value = pair.partition(":")
        if colon:
            number = leading_float(value)
            pairs.append((number if number == number else 0.0, key))
    return ",".join([key for _, key in sorted(pairs, key=lambda pair: pair[0])])
