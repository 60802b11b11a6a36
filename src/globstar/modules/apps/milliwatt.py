"""Digital Milliwatt (mu-law) Test Application."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.core.channel import Channel
from globstar.core.registry import application
from globstar.core.tones import ToneList
from globstar.dialplan.arguments import parse_options
from globstar.dsp.tones import milliwatt as milliwatt_tone
from globstar.dsp.tones import tone

logger = Logger("app_milliwatt")


@application("Milliwatt", syntax="Milliwatt([options])")
async def milliwatt(channel: Channel, data: str) -> None:
    """Play a constant tone of 1004 Hz at 0 dBm0 until the caller hangs up.

    Option m plays the milliwatt test of a telephone exchange: 9 seconds of tone, 1 second of silence. Option o plays 1000 Hz.
    """
    options = parse_options(data, {"m": False, "o": False}, logger.warning)
    await channel.answer()
    if "m" in options:
        tones = tone("1004/9000,0/1000", level_dbm0=0)
    elif "o" in options:
        tones = tone("1000", level_dbm0=0)
    else:
        tones = milliwatt_tone()
    channel.start_generator(ToneList(tones))
    try:
        await channel.wait()
    finally:
        channel.stop_generator()
