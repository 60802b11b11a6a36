"""ToneScan and WaitForTone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from globstar.base.log import Logger
from globstar.core.channel import Channel, ChannelGone
from globstar.core.ear import listen
from globstar.core.numbers import NumberArguments, leading_float, leading_integer
from globstar.core.registry import application
from globstar.dialplan.arguments import argument, parse_options, split_arguments
from globstar.dsp.callprogress import Progress, ProgressDetector, tone_basis, tone_share
from globstar.dsp.tones import TonePart, parse_tones

if TYPE_CHECKING:
    from globstar.core.system import System

logger = Logger("res_tonedetect")

DEFAULT_MS = 500
DEFAULT_DECIBELS = 16.0
#: Mean square below which there is silence.
FLOOR = 50.0**2
_SAMPLES = 160


def zone_tones(system: System, country: str) -> dict[str, tuple[TonePart, ...]]:
    """The tones of call progress in a country's zone."""
    indications = system.tones.indications
    tones = {}
    for name in ("dial", "busy", "congestion", "ring"):
        text = indications.find(name, country)
        if text is not None:
            tones[name] = parse_tones(text)
    return tones


@application("ToneScan", syntax="ToneScan([zone[,timeout[,threshold[,options]]]])")
async def tone_scan(channel: Channel, data: str) -> None:
    """Listen until it is clear what the other end sounds like.

    ``zone`` is the country of indications.conf whose tones are looked for, ``timeout`` how long at the most, in seconds,
    ``threshold`` how many times as much of a tone to hear before it is believed (1). Options: f finds fax machines, v voice.

    TONESCANSTATUS: RINGING, BUSY, SIT (special information tones), VOICE, DTMF, FAX, MODEM, DIALTONE, NUT (number unobtainable,
    as in the United Kingdom), TIMEOUT or HANGUP.
    """
    arguments = split_arguments(data)
    zone = argument(arguments, 0).strip() or channel.tone_zone
    numbers = NumberArguments("ToneScan", arguments, logger.warning)
    timeout, threshold = numbers.seconds(1), numbers.integer(2, 1, least=1)
    options = parse_options(argument(arguments, 3), {"f": False, "v": False}, logger.warning)
    indications = channel.system.tones.indications
    if zone and zone.lower() not in indications.zones:
        logger.warning(f"ToneScan: there is no tone zone '{zone}'; that of {indications.default_country} is taken")
    detector = ProgressDetector(
        zone_tones(channel.system, zone), threshold=threshold, finds_fax="f" in options, finds_voice="v" in options
    )

    def press(digit: str) -> Progress:
        return Progress.DTMF

    try:
        found: Progress | None = await listen(channel, detector.receive, seconds=timeout or None, on_digit=press)
    except ChannelGone:
        channel.set_variable("TONESCANSTATUS", "HANGUP")
        raise
    channel.set_variable("TONESCANSTATUS", found.value if found is not None else "TIMEOUT")


@application("WaitForTone", syntax="WaitForTone(freq[,duration_ms[,timeout[,times[,options]]]])")
async def wait_for_tone(channel: Channel, data: str) -> int:
    """Wait until the other end sends a tone of one frequency.

    ``freq`` is the frequency in Hz, ``duration_ms`` how long it must sound (500), ``timeout`` how many seconds to wait at the
    most, ``times`` how often it must come (1). Option d(decibels): how much louder than all else it must be (16). Option s, to
    silence the tone, has no effect: while this waits nobody hears it.

    WAITFORTONESTATUS is SUCCESS, ERROR, TIMEOUT or HANGUP.
    """
    arguments = split_arguments(data)
    frequency = leading_float(argument(arguments, 0))
    duration_ms = leading_integer(argument(arguments, 1, str(DEFAULT_MS)))
    timeout = leading_float(argument(arguments, 2, "0"))
    times = leading_integer(argument(arguments, 3, "1"))
    options = parse_options(argument(arguments, 4), {"d": True, "s": False}, logger.warning)
    decibels = leading_float(options.get("d")) if "d" in options else DEFAULT_DECIBELS
    if not 0 < frequency < 4000 or duration_ms <= 0 or times <= 0 or not timeout >= 0 or not decibels > 0:
        logger.warning(f"WaitForTone: '{data}' is no tone to wait for")
        channel.set_variable("WAITFORTONESTATUS", "ERROR")
        return -1
    basis = tone_basis((frequency,), _SAMPLES)
    ratio = 10 ** (decibels / 10)
    wanted = ratio / (1 + ratio)
    length_ms, heard = 0, 0

    def hear(sound: bytes) -> bool | None:
        nonlocal length_ms, heard
        samples = np.frombuffer(sound, "<i2").astype(np.float64)
        if float(samples @ samples) < FLOOR * len(samples) or tone_share(samples, basis) < wanted:
            length_ms = 0
            return None
        before, length_ms = length_ms, length_ms + 20
        heard += before < duration_ms <= length_ms
        return True if heard >= times else None

    try:
        found: bool | None = await listen(channel, hear, seconds=timeout or None)
    except ChannelGone:
        channel.set_variable("WAITFORTONESTATUS", "HANGUP")
        raise
    channel.set_variable("WAITFORTONESTATUS", "SUCCESS" if found else "TIMEOUT")
    return 0
