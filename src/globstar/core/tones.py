"""Tones on a channel: what a technology cannot indicate, digits in the audio, tone lists of applications."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from globstar.base.log import Logger
from globstar.core.format import slin
from globstar.core.frame import Control, Frame, voice
from globstar.core.generator import Generator
from globstar.core.indications import Indications
from globstar.core.services import MusicOnHold
from globstar.dsp.dtmf import digit_tone
from globstar.dsp.tones import ToneFault, ToneGenerator

if TYPE_CHECKING:
    from collections.abc import Callable

    from globstar.core.channel import Channel
    from globstar.core.system import System

logger = Logger("indications")

#: Samples of one tick at 8 kHz.
_SAMPLES = 160


class ToneList(Generator):
    """Plays a tone list until it ends or is stopped."""

    __slots__ = ("_tones",)

    def __init__(self, tones: ToneGenerator, on_end: Callable[[], None] | None = None) -> None:
        super().__init__(on_end)
        self._tones = tones

    def next_frame(self) -> Frame | None:
        """The next 20 ms."""
        data = self._tones.next_frame(_SAMPLES)
        return voice(slin, data, _SAMPLES) if data is not None else None


class DigitTone(ToneList):
    """A digit in the audio, from its begin to its end."""

    __slots__ = ()


async def play_tones(channel: Channel, tones: ToneGenerator) -> None:
    """Play a tone list that ends; returns when it is over or the channel is to be given up. Any task may call this."""
    ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def end(_: object = None) -> None:
        if not ended.done():
            ended.set_result(None)

    player = ToneList(tones, end)
    channel.start_generator(player)
    undo = channel.on_hangup(end)
    try:
        await ended
    finally:
        undo()
        if channel.generator is player:
            channel.stop_generator()


_TONE_OF = {
    Control.RINGING: "ring",
    Control.BUSY: "busy",
    Control.CONGESTION: "congestion",
}


class Tones:
    """Plays the tones of the channel's zone, for channels whose technology cannot tell the endpoint by itself."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.indications = Indications()

    def play(self, channel: Channel, tones: str) -> bool:
        """Play a tone by name (``busy``) or a tone list (``440+480/2000,0/4000``); False if it is neither."""
        try:
            parts = self.indications.resolve(tones, channel.tone_zone)
        except ToneFault as fault:
            logger.warning(f"'{tones}' is no tone: {fault}")
            return False
        channel.start_generator(ToneList(ToneGenerator(parts)))
        return True

    def indicate(self, channel: Channel, condition: Control, data: Any) -> None:
        """Let the endpoint hear ``condition``."""
        tone = _TONE_OF.get(condition)
        if tone is not None:
            self.play(channel, tone)
        elif condition in (Control.HOLD, Control.UNHOLD):
            music = self.system.service("music on hold", MusicOnHold)  # type: ignore[type-abstract]
            if music is None:
                return
            if condition is Control.HOLD:
                music.start(channel, data if isinstance(data, str) else "")
            else:
                music.stop(channel)
        elif condition in (Control.PROGRESS, Control.PROCEEDING, Control.SRCUPDATE, Control.SRCCHANGE):
            return
        else:
            logger.debug(1, f"{channel.name} cannot be told {condition.name}")

    def start_digit(self, channel: Channel, digit: str) -> None:
        """Play the two frequencies of ``digit`` until stopped."""
        if digit.upper() in "0123456789*#ABCD":
            channel.start_generator(DigitTone(digit_tone(digit)))

    def stop_digit(self, channel: Channel) -> None:
        """Stop the tone of a digit, if there is one."""
        if isinstance(channel.generator, DigitTone):
            channel.stop_generator()
