"""Variables and functions given by name, as the arguments of dialplan functions name them."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from globstar.core.functions import FunctionError
from globstar.dialplan.substitute import substitute

if TYPE_CHECKING:
    from globstar.core.channel import Channel

_SPECIAL = frozenset("(:$")


def value_of(channel: Channel | None, name: str) -> str:
    """What ``${name}`` gives: ``name`` is a variable, or a function with its arguments; "" if there is none."""
    if channel is None:
        raise FunctionError("a channel is needed to look up a variable")
    if _SPECIAL.isdisjoint(name):
        return channel.variables.get(name) or ""
    return substitute("${" + name + "}", channel.variables)


def store(channel: Channel | None, name: str, value: str) -> None:
    """Set a variable, or write a function: ``name`` is ``X`` or ``FUNCTION(arguments)``."""
    if channel is None:
        raise FunctionError("a channel is needed to set a variable")
    if name[-1:] != ")" or "(" not in name:
        channel.variables.set(name, value)
        return
    function, _, arguments = name.partition("(")
    waiting = channel.system.functions.write(channel, function, arguments[:-1], value)
    if waiting is not None:
        if inspect.iscoroutine(waiting):
            waiting.close()
        raise FunctionError(f"Function {function} has to wait and cannot be written here")
