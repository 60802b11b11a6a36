"""Sending digits to a party, with pauses."""

from __future__ import annotations

import asyncio

from globstar.core.channel import Channel
from globstar.core.frame import Control

#: Pauses that stand between digits, seconds.
PAUSES = {"w": 0.5, "W": 1.0}
_LENGTH_MS = 100
_GAP = 0.25


async def send_digits(channel: Channel, digits: str) -> bool:
    """Send ``digits``; w waits half a second, W a second, f is a hook flash. False if the channel went away meanwhile.

    Frames from the channel go where they go anyway.
    """
    for digit in digits:
        if channel.soft_hangup:
            return False
        if digit in PAUSES:
            await asyncio.sleep(PAUSES[digit])
        elif digit in "fF":
            channel.indicate(Control.FLASH)
            await asyncio.sleep(_GAP)
        elif digit.upper() in "0123456789*#ABCD":
            channel.send_digit_begin(digit)
            await asyncio.sleep(_LENGTH_MS / 1000)
            if channel.is_hung_up:
                return False
            channel.send_digit_end(digit, _LENGTH_MS)
            await asyncio.sleep(_GAP)
    return not channel.soft_hangup
