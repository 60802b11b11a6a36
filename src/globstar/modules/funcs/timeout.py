"""Channel timeout dialplan functions."""

from __future__ import annotations

from globstar.core.channel import Channel
from globstar.core.functions import FunctionError
from globstar.core.numbers import seconds
from globstar.core.registry import function


@function("TIMEOUT", syntax="TIMEOUT(timeouttype)")
def timeout(channel: Channel | None, args: str) -> str:
    """How long to wait, in seconds.

    absolute: how long the call may last from now on; then it goes to the extension T, or ends. digit: how long to wait for the
    next digit of an extension. response: how long to wait for the first one. Zero means for ever.
    """
    if channel is None:
        raise FunctionError("TIMEOUT needs a channel")
    match args.strip().lower():
        case "absolute":
            deadline = channel.when_to_hangup
            return f"{max(0.0, deadline - channel.system.now()) if deadline is not None else 0.0:.3f}"
        case "digit":
            return f"{channel.digit_timeout:.3f}"
        case "response":
            return f"{channel.response_timeout:.3f}"
    raise FunctionError(f"unknown timeout '{args}'")


@timeout.writer
def _write(channel: Channel | None, args: str, value: str) -> None:
    if channel is None:
        raise FunctionError("TIMEOUT needs a channel")
    length = seconds(value)
    match args.strip().lower():
        case "absolute":
            channel.set_absolute_timeout(length)
        case "digit":
            channel.digit_timeout = length
        case "response":
            channel.response_timeout = length
        case _:
            raise FunctionError(f"unknown timeout '{args}'")
