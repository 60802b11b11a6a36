"""Sending digits to a party, with pauses; as DTMF, or as MF and SF signals in the audio."""

from __future__ import annotations

import asyncio

from globstar.core.channel import Channel
from globstar.core.frame import Control
from globstar.core.tones import play_tones
from globstar.dsp.mf import FREQUENCIES, mf_tone
from globstar.dsp.sf import DEFAULT_HZ, sf_tone
from globstar.dsp.tones import ToneGenerator, TonePart

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


#: Lengths of MF digits, of KP (*) and ST (#, A, B, C), and of the pause after each, ms.
_MF_MS, _KEY_PULSE_MS, _START_MS, _MF_PAUSE_MS = 55, 120, 65, 50


async def send_signals(channel: Channel, mf: str, sf: str, echo: Channel | None = None) -> None:
    """Send MF digits, then SF digits; ``echo`` hears them, too. w waits half a second, h is 250 ms of 2600 Hz, f a hook flash, W
    a wink.
    """
    for digits, make in ((mf, _mf_digit), (sf, _sf_digit)):
        for digit in digits:
            if channel.soft_hangup:
                return
            if digit == "w":
                await asyncio.sleep(PAUSES["w"])
            elif digit in "fFW":
                channel.indicate(Control.WINK if digit == "W" else Control.FLASH)
            else:
                hearers = [channel] if echo is None or echo.soft_hangup else [channel, echo]
                tones = [_blue_box() if digit in "hH" else make(digit) for _ in hearers]
                await asyncio.gather(
                    *(play_tones(one, tone) for one, tone in zip(hearers, tones, strict=True) if tone is not None)
                )


def _mf_digit(digit: str) -> ToneGenerator | None:
    if digit not in FREQUENCIES:
        return None
    length = _KEY_PULSE_MS if digit == "*" else _START_MS if digit in "#ABC" else _MF_MS
    return mf_tone(digit, length, _MF_PAUSE_MS)


def _sf_digit(digit: str) -> ToneGenerator | None:
    return sf_tone(digit) if digit in "0123456789" else None


def _blue_box() -> ToneGenerator:
    return ToneGenerator((TonePart(DEFAULT_HZ, 0, 250, is_once=True),))
