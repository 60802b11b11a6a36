"""JSON decoding function."""

from __future__ import annotations

import json
from typing import Any

from globstar.core.channel import Channel
from globstar.core.functions import FunctionError
from globstar.core.references import value_of
from globstar.core.registry import function
from globstar.dialplan.arguments import argument, split_arguments

_OPTIONS = frozenset("c")
#: Deeper paths than this are refused.
_MAXIMUM_DEPTH = 100


@function("JSON_DECODE", syntax="JSON_DECODE(varname,item[,separator][,options])")
def json_decode(channel: Channel | None, args: str) -> str:
    """An item of a JSON text (RFC 8259) that a variable holds.

    ``item`` is the key, or a path of keys and, for arrays, of positions from 0, joined by dots or by ``separator``. Objects and
    arrays are given as JSON. With option c the number of items of an array is given. What is not there is empty.
    """
    arguments = split_arguments(args)
    name, item = argument(arguments, 0), argument(arguments, 1)
    if not name or not item:
        raise FunctionError("JSON_DECODE needs a variable and an item")
    options = argument(arguments, 3)
    if len(arguments) > 4 or not _OPTIONS.issuperset(options):
        _warn(channel, f"JSON_DECODE knows no options '{','.join(arguments[3:])}'")
    text = value_of(channel, name)
    if not text:
        return ""
    try:
        value: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FunctionError(f"the variable '{name}' holds no JSON: {error}") from error
    path = item.split(argument(arguments, 2, "."))
    if len(path) > _MAXIMUM_DEPTH:
        raise FunctionError(f"'{item}' is deeper than {_MAXIMUM_DEPTH} levels")
    for key in path:
        if isinstance(value, dict):
            value = value.get(key)
        elif isinstance(value, list) and key.isascii() and key.isdigit() and int(key[:9]) < len(value):
            value = value[int(key[:9])]
        else:
            return ""
    if "c" in options and isinstance(value, list):
        return str(len(value))
    return _written(value)


def _warn(channel: Channel | None, message: str) -> None:
    if channel is not None:
        channel.warn("WARNING", message)


def _written(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value.partition("\0")[0]
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
