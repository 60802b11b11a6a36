"""Morse code."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.core.channel import Channel, ChannelGone
from globstar.core.registry import application
from globstar.core.tones import play_tones
from globstar.dsp.morse import AMERICAN, INTERNATIONAL, morse

logger = Logger("app_morsecode")

_DIT_MS, _TONE_HZ = 80, 800
#: Frequencies that a telephone can carry.
_HIGHEST_HZ = 4000


@application("Morsecode", syntax="Morsecode(string)")
async def morsecode(channel: Channel, data: str) -> None:
    """Play a text as Morse code.

    The variables MORSEDITLEN (length of a dit in ms, 80), MORSETONE (frequency in Hz, 800), MORSESPACETONE (frequency of the
    pauses, 0) and MORSETYPE (INTERNATIONAL or AMERICAN) change how. The call is not answered.
    """
    if not data:
        logger.warning("Syntax: Morsecode(<string>) - no argument found")
        return
    dit_ms = _number(channel, "MORSEDITLEN", _DIT_MS, 1000)
    tone_hz = _number(channel, "MORSETONE", _TONE_HZ, _HIGHEST_HZ)
    space_hz = _number(channel, "MORSESPACETONE", 0, _HIGHEST_HZ)
    kind = (channel.get_variable("MORSETYPE") or "INTERNATIONAL").upper()
    if kind not in ("INTERNATIONAL", "AMERICAN"):
        logger.warning(f"Morsecode: '{kind}' is no MORSETYPE")
    tones = morse(data, AMERICAN if kind == "AMERICAN" else INTERNATIONAL, dit_ms, tone_hz, space_hz)
    if tones is not None:
        await play_tones(channel, tones)
    if channel.soft_hangup:
        raise ChannelGone(channel.name)


def _number(channel: Channel, name: str, default: int, most: int) -> int:
    text = (channel.get_variable(name) or "").strip()
    if not text:
        return default
    if not text.isdecimal() or not (0 if default == 0 else 1) <= int(text) <= most:
        logger.warning(f"Morsecode: '{text}' is no {name}")
        return default
    return int(text)
