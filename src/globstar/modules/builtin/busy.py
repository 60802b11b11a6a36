"""Busy and Congestion."""

from __future__ import annotations

import math

from globstar.core.channel import Channel
from globstar.core.frame import Control
from globstar.core.numbers import leading_float
from globstar.core.pbx import indicate_and_wait
from globstar.core.registry import application


@application("Busy", syntax="Busy([timeout])")
async def busy(channel: Channel, data: str) -> int:
    """Tell the caller that the line is busy, and hang up.

    ``timeout`` is how long the tone lasts at the most, in seconds; without it, until the caller hangs up.
    """
    return await indicate_and_wait(channel, Control.BUSY, _seconds(data))


@application("Congestion", syntax="Congestion([timeout])")
async def congestion(channel: Channel, data: str) -> int:
    """Tell the caller that the call cannot be placed, and hang up.

    ``timeout`` is how long the tone lasts at the most, in seconds; without it, until the caller hangs up.
    """
    return await indicate_and_wait(channel, Control.CONGESTION, _seconds(data))


def _seconds(text: str) -> float | None:
    seconds = leading_float(text)
    return None if math.isnan(seconds) or seconds < 0 else seconds
