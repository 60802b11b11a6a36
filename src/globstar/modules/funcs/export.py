"""Set variables and functions on other channels."""

from __future__ import annotations

from globstar.core.channel import Channel
from globstar.core.functions import FunctionError
from globstar.core.references import store
from globstar.core.registry import write_function


@write_function("EXPORT", syntax="EXPORT(channel,var)")
def export(channel: Channel | None, args: str, value: str) -> None:
    """Set a variable, or write a function, of another channel."""
    other_name, comma, name = args.partition(",")
    if channel is None or not comma or not name:
        raise FunctionError("EXPORT needs a channel and a variable")
    other = channel.system.find_channel(other_name)
    if other is None:
        raise FunctionError(f"there is no channel '{other_name}'")
    store(other, name, value)
