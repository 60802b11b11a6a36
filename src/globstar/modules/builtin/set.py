"""Set and MSet."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from globstar.base.log import Logger
from globstar.core.channel import Channel
from globstar.core.functions import FunctionError
from globstar.core.registry import application
from globstar.dialplan.arguments import split_arguments

logger = Logger("pbx")


@application("Set", syntax="Set(name=value)")
def set_variable(channel: Channel, data: str) -> Awaitable[None] | None:
    """Set a channel variable or write a dialplan function.

    ``name`` is a variable, with ``_`` before it to pass it on to the channels that this one dials and ``__`` to pass
    it on without end, or a function with its arguments: ``Set(CALLERID(name)=Ann)``. Everything behind the first
    ``=`` is the value.
    """
    name, equals, value = data.partition("=")
    if not equals:
        logger.warning(f"Set needs name=value, not '{data}'" if data else "Set needs name=value")
        return None
    return assign(channel, name, value)


@application("MSet", syntax="MSet(name1=value1[,name2=value2...])")
async def set_many(channel: Channel, data: str) -> None:
    """Set several channel variables or write several functions.

    Works like Set; commas separate the pairs, unless they are in quotes or brackets or behind a backslash. Quotes and
    backslashes are taken out of the values.
    """
    if not data:
        logger.warning("MSet needs name=value")
    for pair in split_arguments(data):
        name, equals, value = pair.partition("=")
        if not equals:
            logger.warning(f"MSet needs name=value, not '{pair}'")
            continue
        waiting = assign(channel, name, value)
        if waiting is not None:
            await waiting


def assign(channel: Channel, name: str, value: str) -> Awaitable[None] | None:
    """Set a variable or write a function; an awaitable comes back if that must wait."""
    if " " in name:
        logger.warning(f"The name '{name}' of a variable contains blanks")
    if name[-1:] != ")" or "(" not in name:
        channel.variables.set(name, value)
        return None
    function, _, arguments = name.partition("(")
    try:
        waiting = channel.system.functions.write(channel, function, arguments[:-1], value)
    except FunctionError as error:
        logger.warning(str(error))
        return None
    return _finish(waiting) if waiting is not None else None


async def _finish(waiting: Awaitable[Any]) -> None:
    try:
        await waiting
    except FunctionError as error:
        logger.warning(str(error))
