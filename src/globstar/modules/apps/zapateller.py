"""Block Telemarketers with Special Information Tone."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.core.channel import Channel, ChannelState
from globstar.core.registry import application

logger = Logger("app_zapateller")

#: The special information tones: 330 ms each, then silence.
_TONES = "!950/330,!1400/330,!1800/330,!0/1000"
_LENGTH = 1.99


@application("Zapateller", syntax="Zapateller(options)")
async def zapateller(channel: Channel, data: str) -> int:
    """Play the tones that say that a number is not in service, so that dialling machines forget it. Options, joined
    by commas:

    answer: answer the call before.

    nocallerid: only if there is no caller id.

    ZAPATELLERSTATUS tells what was done last: NOTHING (there was a caller id), ANSWERED (the call ended before the tones did),
    ZAPPED.
    """
    channel.set_variable("ZAPATELLERSTATUS", "NOTHING")
    options = {part.strip().lower() for part in data.split(",") if part.strip()}
    for unknown in sorted(options - {"answer", "nocallerid"}):
        logger.warning(f"Zapateller has no option '{unknown}'")
    number = channel.caller.id.number
    if "nocallerid" in options and number.valid and number.text:
        return 0
    if channel.state is not ChannelState.UP and "answer" in options:
        await channel.answer()
        channel.set_variable("ZAPATELLERSTATUS", "ANSWERED")
    channel.system.tones.play(channel, _TONES)
    try:
        await channel.pause(_LENGTH)
    finally:
        channel.stop_generator()
    channel.set_variable("ZAPATELLERSTATUS", "ZAPPED")
    return 0
