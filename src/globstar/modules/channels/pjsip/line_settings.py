"""``CHANNEL(digitdetect)``, ``CHANNEL(relaxdtmf)`` and ``CHANNEL(faxdetect)``: what is listened for in the audio of one call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.config.values import is_true
from globstar.modules.channels.pjsip.supplements.fax_detect import is_listening, listen, stop_listening

if TYPE_CHECKING:
    from globstar.core.channel import Channel
    from globstar.modules.channels.pjsip.leg import Leg


def read(leg: Leg, item: str) -> str | None:
    """What was set; nothing where only the endpoint says. None for other items."""
    channel = leg.channel
    if item == "digitdetect":
        return "" if leg.finds_tones is None else str(int(leg.finds_tones))
    if item == "faxdetect":
        return str(int(is_listening(channel))) if channel is not None and channel.data.get(_FAX_SET) else ""
    return None


def write(leg: Leg, channel: Channel, item: str, value: str) -> bool:
    """Set it for the rest of the call; False for other items."""
    is_on = is_true(value)
    if item == "digitdetect":
        leg.finds_tones = is_on
        leg.watch_tones()
    elif item == "relaxdtmf":
        leg.takes_relaxed_tones = is_on
        leg.watch_tones()
    elif item == "faxdetect":
        channel.data[_FAX_SET] = True
        if is_on:
            listen(channel, leg.endpoint.fax_detect_timeout)
        else:
            stop_listening(channel)
    else:
        return False
    return True


#: whether the dialplan has said if there may be a fax
_FAX_SET = "fax detection set"
