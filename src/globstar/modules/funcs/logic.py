"""Logical dialplan functions."""

from __future__ import annotations

from globstar.core.channel import Channel
from globstar.core.conditions import is_time, is_true
from globstar.core.functions import FunctionError
from globstar.core.references import store, value_of
from globstar.core.registry import function, write_function
from globstar.dialplan.arguments import split_arguments


def _need(channel: Channel | None) -> Channel:
    if channel is None:
        raise FunctionError("a channel is needed")
    return channel


@function("ISNULL", syntax="ISNULL(data)")
def is_null(channel: Channel | None, args: str) -> str:
    """1 for an empty text, else 0."""
    return "0" if args else "1"


@function("EXISTS", syntax="EXISTS(data)")
def exists(channel: Channel | None, args: str) -> str:
    """0 for an empty text, else 1."""
    return "1" if args else "0"


def _branch(holds: bool, branches: str) -> str:
    """The text for true or the one for false out of ``true:false``; quotes and backslashes are taken out."""
    if '"' in branches or "\\" in branches or "(" in branches or "[" in branches:
        parts = split_arguments(branches, 2, ":")
    else:
        parts = branches.split(":", 1)
    index = 0 if holds else 1
    return parts[index].strip() if index < len(parts) else ""


@function("IF", syntax="IF(expression?[true][:false])")
def if_(channel: Channel | None, args: str) -> str:
    """One text if a condition holds, another one if not.

    A condition is false if it is the number zero; one that is empty gives neither. A colon in the first text goes in quotes
    or behind a backslash.
    """
    condition, _, branches = args.partition("?")
    condition = condition.strip()
    return _branch(is_true(condition), branches) if condition else ""


@function("IFTIME", syntax="IFTIME(timespec?[true][:false])")
def if_time(channel: Channel | None, args: str) -> str:
    """One text if a time condition holds now, another one if not.

    The condition is that of GotoIfTime: times,weekdays,days,months[,timezone].
    """
    condition, _, branches = args.partition("?")
    condition = condition.strip()
    if not condition:
        raise FunctionError("IFTIME needs a time")
    return _branch(is_time(_need(channel), condition), branches)


@function("SET", syntax="SET(varname[=value])")
def set_(channel: Channel | None, args: str) -> str:
    """Set a variable in the midst of another text, and give its value."""
    name, equals, value = args.partition("=")
    if not equals:
        raise FunctionError(f"SET needs name=value, not '{args}'")
    name = name.strip()
    value = value.strip()
    store(channel, name, value)
    return value


@function("IMPORT", syntax="IMPORT(channel,variable)")
def import_(channel: Channel | None, args: str) -> str:
    """The value of a variable of another channel; nothing if there is no such channel."""
    other_name, comma, variable = args.partition(",")
    if not comma or not variable:
        return ""
    other = _need(channel).system.find_channel(other_name)
    return value_of(other, variable) if other is not None else ""


@write_function("DELETE", syntax="DELETE(varname)")
def delete(channel: Channel | None, args: str, value: str) -> None:
    """Forget a variable of the channel. The value is of no matter."""
    _need(channel).variables.unset(args)


@function("VARIABLE_EXISTS", syntax="VARIABLE_EXISTS(varname)")
def variable_exists(channel: Channel | None, args: str) -> str:
    """1 if the channel has a variable of that name, even an empty one, else 0."""
    return "1" if _need(channel).variables.own(args) is not None else "0"
