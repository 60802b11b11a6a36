"""Several values at once: ARRAY, and hashes kept in variables called ``~HASH~name~key~``."""

from __future__ import annotations

from globstar.core.channel import Channel
from globstar.core.functions import FunctionError
from globstar.core.references import store, value_of
from globstar.core.registry import application, function, write_function
from globstar.core.variables import split_name
from globstar.dialplan.arguments import split_arguments

#: Names of the columns of the row that was read last; ARRAY takes them for variables, HASH for keys.
_COLUMNS = "~ODBCFIELDS~"


def _variable(name: str, key: str) -> str:
    """The variable behind a hash's key; the underscores of inheritance stay in front."""
    bare, level = split_name(name)
    return "_" * level + f"~HASH~{bare}~{key}~"


def _need(channel: Channel | None) -> Channel:
    if channel is None:
        raise FunctionError("a channel is needed")
    return channel


def _keys(channel: Channel, name: str) -> list[str]:
    """The keys of a hash, the newest first."""
    prefix = f"~HASH~{name}~"
    names = [split_name(variable)[0] for variable, _ in channel.variables]
    return [found[len(prefix) : -1] for found in reversed(names) if found.startswith(prefix) and found.endswith("~")]


@write_function("ARRAY", syntax="ARRAY(var1[,var2...][,varN])")
def array(channel: Channel | None, args: str, value: str) -> None:
    """Set several variables to the comma-separated parts of a value; those without a part are emptied."""
    names = split_arguments(args)
    values = split_arguments(value)
    if names == ["~ODBCFIELDS~"]:
        names = split_arguments(value_of(channel, _COLUMNS))
    for index, name in enumerate(names):
        store(channel, name, values[index] if index < len(values) else "")


@function("HASH", syntax="HASH(hashname[,hashkey])")
def hash_(channel: Channel | None, args: str) -> str:
    """A value of a hash by its key.

    Without a key reading gives all values, separated by commas in the order of HASHKEYS(), which is kept for ARRAY() and HASH()
    as the columns of a row; and writing sets one value per column of such a row.
    """
    channel = _need(channel)
    name, comma, key = args.partition(",")
    if comma:
        return channel.variables.get(_variable(name, key)) or ""
    keys = _keys(channel, name)
    channel.variables.set(_COLUMNS, ",".join(keys))
    return ",".join([channel.variables.get(_variable(name, found)) or "" for found in keys])


@hash_.writer
def _set_hash(channel: Channel | None, args: str, value: str) -> None:
    channel = _need(channel)
    name, comma, key = args.partition(",")
    if comma:
        channel.variables.set(_variable(name, key), value)
        return
    columns = split_arguments(channel.variables.get(_COLUMNS) or "")
    values = split_arguments(value)
    for index, column in enumerate(columns):
        channel.variables.set(_variable(name, column), values[index] if index < len(values) else "")


@function("HASHKEYS", syntax="HASHKEYS(hashname)")
def hash_keys(channel: Channel | None, args: str) -> str:
    """The keys of a hash, separated by commas."""
    return ",".join(_keys(_need(channel), args))


@application("ClearHash", syntax="ClearHash(hashname)")
def clear_hash(channel: Channel, data: str) -> None:
    """Forget all keys of a hash."""
    for key in _keys(channel, data):
        channel.variables.delete(_variable(data, key))
