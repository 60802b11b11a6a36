"""Require phone number to be entered, if no CallerID sent."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.core.channel import Channel, ChannelState
from globstar.core.digits import read_digits
from globstar.core.numbers import leading_integer
from globstar.core.pbx import leads
from globstar.core.playback import SoundMissing, play
from globstar.core.registry import application
from globstar.dialplan.arguments import argument, split_arguments

logger = Logger("app_privacy")

DEFAULT_RETRIES = 3
DEFAULT_LENGTH = 10
#: How long a number may take to begin and between its digits, seconds.
FIRST_TIMEOUT, DIGIT_TIMEOUT = 3.2, 5.0


@application("PrivacyManager", syntax="PrivacyManager([maxretries[,minlength[,options[,context]]]])")
async def privacy_manager(channel: Channel, data: str) -> int:
    """Ask callers who withhold their number to enter it.

    Nothing happens where there is a caller id. Else the call is answered and the caller gets ``maxretries`` (3)
    attempts to enter a number of at least ``minlength`` (10) digits, which becomes the caller id. With ``context``
    the number must be an extension there.

    PRIVACYMGRSTATUS tells: SUCCESS, FAILED.
    """
    number = channel.caller.id.number
    if number.valid and number.text:
        logger.verbose(3, f"CallerID number present on {channel.name}: Skipping")
        channel.set_variable("PRIVACYMGRSTATUS", "SUCCESS")
        return 0
    arguments = split_arguments(data)
    retries = _positive(argument(arguments, 0), DEFAULT_RETRIES)
    length = _positive(argument(arguments, 1), DEFAULT_LENGTH)
    context = argument(arguments, 3)
    if channel.state is not ChannelState.UP:
        await channel.answer()
    try:
        entered = await _ask(channel, retries, length, context)
    except SoundMissing as missing:
        logger.warning(str(missing))
        entered = None
    if entered is not None:
        channel.set_caller_id(entered, "Privacy Manager")
        channel.caller.id.set_presentation(0)
    channel.set_variable("PRIVACYMGRSTATUS", "FAILED" if entered is None else "SUCCESS")
    return 0


async def _ask(channel: Channel, retries: int, length: int, context: str) -> str | None:
    await play(channel, "privacy-unident")
    for _ in range(retries):
        entry = await read_digits(
            channel, ["privacy-prompt"], maximum=29, first_timeout=FIRST_TIMEOUT, digit_timeout=DIGIT_TIMEOUT
        )
        if len(entry.digits) >= length and (not context or await leads(channel, context, entry.digits)):
            await play(channel, "privacy-thankyou")
            return entry.digits
        await play(channel, "privacy-incorrect")
    return None


def _positive(text: str, default: int) -> int:
    if not text:
        return default
    number = leading_integer(text)
    if number <= 0:
        logger.warning(f"'{text}' is not greater than zero; {default} counts")
        return default
    return number
