"""Answer."""

from __future__ import annotations

from typing import Any

from globstar.base.log import Logger
from globstar.core.channel import Channel, ChannelState
from globstar.core.registry import application
from globstar.dialplan.arguments import argument, parse_options, split_arguments

logger = Logger("pbx_builtins")


@application("Answer", syntax="Answer([delay][,options])")
def answer(channel: Channel, data: str) -> Any:
    """Accept the call.

    Waits until audio of the caller arrives, half a second at the most. On a channel that is up already nothing happens.

    ``delay`` is a time in milliseconds to wait after the answer instead. Option:

    i: do not wait at all.
    """
    if channel.state is ChannelState.UP:
        return 0
    arguments = split_arguments(data)
    delay_ms = _milliseconds(argument(arguments, 0))
    if "i" in parse_options(argument(arguments, 1), {"i": False}, logger.warning):
        channel.answer_at_once()
        return 0
    return _answer(channel, delay_ms)


def _milliseconds(text: str) -> int:
    if not text:
        return 0
    if not (text.isascii() and text.isdigit()):
        logger.warning(f"'{text}' is no delay in milliseconds")
        return 0
    return int(text[:9])


async def _answer(channel: Channel, delay_ms: int) -> int:
    if not delay_ms:
        await channel.answer()
        return 0
    channel.answer_at_once()
    await channel.pause(delay_ms / 1000)
    return 0
