"""Variable dialplan functions."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.core import events
from globstar.core.channel import Channel
from globstar.core.functions import FunctionError
from globstar.core.registry import function, write_function
from globstar.dialplan.arguments import argument, split_arguments

logger = Logger("func_global")

_SHARED = "shared variables"


def _need(channel: Channel | None) -> Channel:
    if channel is None:
        raise FunctionError("a channel is needed")
    return channel


@function("GLOBAL", syntax="GLOBAL(varname)")
def global_variable(channel: Channel | None, args: str) -> str | None:
    """A variable that all channels share, whatever the channel has under the same name."""
    return _need(channel).system.globals.get(args)


@global_variable.writer
def _set_global(channel: Channel | None, args: str, value: str) -> None:
    _need(channel).system.globals.set(args, value)


@write_function("GLOBAL_DELETE", syntax="GLOBAL_DELETE(varname)")
def global_delete(channel: Channel | None, args: str, value: str) -> None:
    """Forget a variable that all channels share. The value is of no matter."""
    _need(channel).system.globals.delete(args)


@function("GLOBAL_EXISTS", syntax="GLOBAL_EXISTS(varname)")
def global_exists(channel: Channel | None, args: str) -> str:
    """1 if there is a variable of that name that all channels share, else 0."""
    return "1" if _need(channel).system.globals.get(args) is not None else "0"


def _owner(channel: Channel | None, args: str) -> tuple[Channel, str]:
    """The channel that is meant by ``varname[,channel]``, and the name."""
    channel = _need(channel)
    arguments = split_arguments(args, 2)
    name = argument(arguments, 0)
    if not name:
        raise FunctionError("SHARED needs a variable")
    other_name = argument(arguments, 1)
    if not other_name:
        return channel, name
    other = channel.system.find_channel(other_name)
    if other is None:
        raise FunctionError(f"there is no channel '{other_name}'")
    return other, name


@function("SHARED", syntax="SHARED(varname[,channel])")
def shared(channel: Channel | None, args: str) -> str | None:
    """A variable of a channel that other channels can read and write as well.

    It lives beside the channel's own variables, which nobody else can change.
    """
    owner, name = _owner(channel, args)
    values: dict[str, str] = owner.data.get(_SHARED, {})
    return values.get(name)


@shared.writer
def _set_shared(channel: Channel | None, args: str, value: str) -> None:
    owner, name = _owner(channel, args)
    owner.data.setdefault(_SHARED, {})[name] = value
    owner.system.bus.publish(events.VariableSet(owner, f"SHARED({name})", value))
