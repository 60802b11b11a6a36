"""Send DTMF digits Application."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.core.channel import Channel, ChannelGone
from globstar.core.frame import Control, control
from globstar.core.manager import (
    ActionRequest,
    Answer,
    Permission,
    is_true_word,
    manager_action,
    requested_channel,
    success,
)
from globstar.core.numbers import NumberArguments
from globstar.core.registry import application
from globstar.dialplan.arguments import argument, parse_options, split_arguments

logger = Logger("app_senddtmf")

#: Pause between two digits and length of a digit where nothing else is said, ms.
DEFAULT_PAUSE_MS = 250
DEFAULT_DURATION_MS = 100
#: The shortest digit that is sent, ms.
MINIMUM_DURATION_MS = 80
_DIGITS = "0123456789*#ABCD"
#: Characters that let time pass, in seconds.
_PAUSES = {"w": 0.5, "W": 1.0}


@application("SendDTMF", syntax="SendDTMF(digits[,timeout_ms[,duration_ms[,channel[,options]]]])")
async def send_dtmf(channel: Channel, data: str) -> int:
    """Send digits to the caller, or to another channel.

    ``digits`` are 0 to 9, *, #, A to D; w is a pause of half a second, W of a whole one, F or f a hook flash.
    ``timeout_ms`` is the time between two digits (250), ``duration_ms`` the length of each (100, at least 80).
    ``channel`` is the name of another channel that digits go to. Option:

    a: answer the call first.
    """
    arguments = split_arguments(data)
    digits = argument(arguments, 0)
    if not digits:
        logger.warning("SendDTMF needs digits")
        return 0
    numbers = NumberArguments("SendDTMF", arguments, logger.warning)
    pause_ms = numbers.integer(1) or DEFAULT_PAUSE_MS
    duration_ms = max(numbers.integer(2) or DEFAULT_DURATION_MS, MINIMUM_DURATION_MS)
    options = parse_options(argument(arguments, 4), {"a": False}, logger.warning)
    target = channel
    name = argument(arguments, 3)
    if name:
        found = channel.system.find_channel(name)
        if found is None:
            logger.warning(f"There is no channel '{name}' to send digits to")
            return 0
        target = found
    if "a" in options:
        await target.answer(0)
    for digit in digits:
        if digit in _PAUSES:
            await channel.pause(_PAUSES[digit])
            continue
        if digit.upper() == "F":
            target.indicate(Control.FLASH)
            await channel.pause(pause_ms / 1000)
            continue
        if digit.upper() not in _DIGITS:
            logger.warning(f"'{digit}' is no digit to send")
            continue
        if target.is_hung_up:
            raise ChannelGone(target.name)
        target.send_digit_begin(digit.upper())
        await channel.pause(duration_ms / 1000)
        target.send_digit_end(digit.upper(), duration_ms)
        await channel.pause(pause_ms / 1000)
    return 0


@manager_action("SendFlash", Permission.CALL, synopsis="Send a hook flash on a specific channel.")
def manager_send_flash(request: ActionRequest) -> Answer:
    """Send a hook flash to the endpoint of a channel, or with ``Receive`` let the channel hear one from there."""
    channel = requested_channel(request)
    if is_true_word(request.get("Receive")):
        channel.deliver(control(Control.FLASH))
    else:
        channel.indicate(Control.FLASH)
    return success("Flash successfully queued")
