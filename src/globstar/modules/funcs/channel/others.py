"""Functions that look at other channels."""

from __future__ import annotations

from globstar.base.regex import BadPattern, compile_regex
from globstar.core.channel import Channel
from globstar.core.functions import FunctionError
from globstar.core.references import store, value_of
from globstar.core.registry import function


def _need(channel: Channel | None) -> Channel:
    if channel is None:
        raise FunctionError("a channel is needed")
    return channel


@function("CHANNELS", syntax="CHANNELS([regular_expression])")
def channels(channel: Channel | None, args: str) -> str:
    """The names of all channels, or of those that match a regular expression, separated by blanks."""
    names = list(_need(channel).system.channels)
    if args:
        try:
            pattern = compile_regex(args)
        except BadPattern as error:
            raise FunctionError(f"'{args}' is no regular expression: {error}") from error
        names = [name for name in names if pattern.is_in(name)]
    return " ".join(names)


@function("CHANNEL_EXISTS", syntax="CHANNEL_EXISTS(name_or_uid)")
def channel_exists(channel: Channel | None, args: str) -> str:
    """1 if there is a channel of that name or unique id, else 0."""
    if not args:
        raise FunctionError("CHANNEL_EXISTS needs a name or unique id")
    return "1" if _need(channel).system.find_channel(args) is not None else "0"


def _master(channel: Channel | None) -> Channel:
    """The channel that the call began with, which the linked id names; the channel itself if that is gone."""
    channel = _need(channel)
    return channel.system.channels_by_id.get(channel.linked_id) or channel


@function("MASTER_CHANNEL", syntax="MASTER_CHANNEL(varname)")
def master_channel(channel: Channel | None, args: str) -> str:
    """A variable, or function, of the channel that the call began with."""
    return value_of(_master(channel), args) if args else ""


@master_channel.writer
def _write(channel: Channel | None, args: str, value: str) -> None:
    if not args:
        raise FunctionError("MASTER_CHANNEL needs a variable")
    store(_master(channel), args, value)
