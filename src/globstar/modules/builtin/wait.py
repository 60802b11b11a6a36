"""Wait, WaitDigit and WaitExten."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from globstar.base.log import Logger
from globstar.core.channel import Channel, ChannelGone
from globstar.core.numbers import seconds
from globstar.core.pbx import leads, raise_exception
from globstar.core.registry import application
from globstar.core.services import MusicOnHold
from globstar.dialplan.arguments import ParsedOptions, argument, parse_options, split_arguments

logger = Logger("pbx_builtins")


@application("Wait", syntax="Wait(seconds)")
def wait(channel: Channel, data: str) -> Awaitable[None] | None:
    """Let some time pass.

    ``seconds`` may have decimals. Digits and audio that come meanwhile are dropped.
    """
    duration = seconds(data)
    return channel.pause(duration) if duration else None


@application("WaitDigit", syntax="WaitDigit([seconds[,digits]])")
async def wait_digit(channel: Channel, data: str) -> int:
    """Wait for a digit.

    ``seconds`` is how long at the most, with decimals, without it for ever. Only the ``digits`` given count, by default all.

    WAITDIGITSTATUS tells what happened: ERROR, DTMF (the digit is in WAITDIGITRESULT), TIMEOUT, or CANCEL when the
    caller hung up.
    """
    arguments = split_arguments(data)
    text = argument(arguments, 0)
    timeout = seconds(text) if text else None
    wanted = argument(arguments, 1)
    if text and not text.lstrip().replace(".", "", 1).isdecimal():
        logger.warning(f"'{text}' is no time to wait")
        channel.set_variable("WAITDIGITSTATUS", "ERROR")
        return 0
    deadline = None if timeout is None else channel.system.now() + timeout
    try:
        while True:
            remaining = None if deadline is None else deadline - channel.system.now()
            digit = await channel.wait_for_digit(remaining)
            if digit is None or not wanted or digit in wanted:
                break
    except ChannelGone:
        channel.set_variable("WAITDIGITSTATUS", "CANCEL")
        raise
    if digit is None:
        channel.set_variable("WAITDIGITSTATUS", "TIMEOUT")
    else:
        channel.set_variable("WAITDIGITRESULT", digit)
        channel.set_variable("WAITDIGITSTATUS", "DTMF")
    return 0


@application("WaitExten", syntax="WaitExten([seconds[,options]])")
async def wait_exten(channel: Channel, data: str) -> Any:
    """Wait for the caller to dial an extension of the context.

    ``seconds`` may have decimals; without it TIMEOUT(response) counts. Digits go on to be collected until they name
    an extension. If none comes, the next priority follows if there is one, else the extension ``t``, else ``e``.
    Options:

    d([tone]): play dial tone, or the tone of that name of indications.conf.

    m([class]): play music on hold.
    """
    arguments = split_arguments(data)
    options = parse_options(argument(arguments, 1), {"m": True, "d": True}, logger.warning)
    timeout = seconds(argument(arguments, 0)) or channel.response_timeout
    digit = await _wait(channel, options, timeout)
    if digit is not None:
        return digit
    if await leads(channel, channel.context, channel.extension, channel.priority + 1):
        logger.verbose(3, f"Timeout on {channel.name}, continuing...")
        return 0
    if await leads(channel, channel.context, "t"):
        logger.verbose(3, f"Timeout on {channel.name}, going to 't'")
        channel.goto(channel.context, "t", 1)
        return 0
    if await leads(channel, channel.context, "e"):
        raise_exception(channel, "RESPONSETIMEOUT")
        channel.goto(channel.context, "e", 1)
        return 0
    logger.warning(f"Timeout, but no rule 't' or 'e' in context '{channel.context}'")
    return -1


async def _wait(channel: Channel, options: ParsedOptions, timeout: float) -> str | None:
    """Wait for a digit while the tone or music of the options plays."""
    system = channel.system
    music = system.service("music on hold", MusicOnHold) if "m" in options else None  # type: ignore[type-abstract]
    if "d" in options:
        system.tones.play(channel, options.get("d") or "dial")
    elif "m" in options and (music is None or not music.start(channel, options.get("m"))):
        logger.warning(f"There is no music on hold for {channel.name}")
    try:
        return await channel.wait_for_digit(timeout)
    finally:
        if "d" in options:
            channel.stop_generator()
        elif music is not None:
            music.stop(channel)
