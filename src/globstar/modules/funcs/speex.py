"""Noise reduction and Automatic Gain Control (AGC)."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.config.values import boolean
from globstar.core.audiofilter import AudioFilter
from globstar.core.callsown import CallsOwn
from globstar.core.channel import Channel
from globstar.core.functions import FunctionError
from globstar.core.loader import ModuleDeclined
from globstar.core.registry import function
from globstar.core.system import System
from globstar.dsp.speexdsp import Preprocessor, library

logger = Logger("func_speex")

_KEY = "speex preprocessors"
_LOUDEST = 32768


class Direction:
    """What is done to one direction of a channel."""

    def __init__(self, channel: Channel, *, is_read: bool) -> None:
        self.preprocessor = Preprocessor()
        self._channel = channel
        self._is_read = is_read
        self._filter = AudioFilter(channel, self.preprocessor.process, is_heard=not is_read)
        self._is_hooked = False

    def apply(self) -> None:
        """Settings have changed: be in the way of the audio or not."""
        wanted = not self.preprocessor.is_idle
        if wanted == self._is_hooked:
            return
        self._is_hooked = wanted
        if not wanted:
            self._channel.remove_hook(self._filter.take)
            self.preprocessor.close()
        elif self._is_read:
            self._channel.add_read_hook(self._filter.take)
        else:
            self._channel.add_write_hook(self._filter.take)


class Directions(dict[str, Direction], CallsOwn):
    """Those of a channel that were set, by name."""

    def ended(self) -> None:
        """See CallsOwn."""
        for direction in self.values():
            direction.preprocessor.close()


def _kept(channel: Channel | None, args: str, name: str) -> tuple[Channel, str]:
    if channel is None:
        raise FunctionError(f"{name} needs a channel")
    direction = args.strip().lower()
    if direction not in ("rx", "tx"):
        raise FunctionError(f"{name} knows rx and tx, not '{args}'")
    return channel, direction


def _direction(channel: Channel, name: str) -> Direction:
    directions: Directions = channel.data.setdefault(_KEY, Directions())
    if name not in directions:
        directions[name] = Direction(channel, is_read=name == "rx")
    return directions[name]


@function("DENOISE", syntax="DENOISE(channeldirection)")
def denoise(channel: Channel | None, args: str) -> str:
    """Take noise out of what a channel says (rx) or hears (tx).

    ``Set(DENOISE(rx)=on)`` begins, ``off`` ends it; reading gives which of them, nothing where it was never set.
    """
    channel, name = _kept(channel, args, "DENOISE")
    direction = channel.data.get(_KEY, {}).get(name)
    return "" if direction is None else "on" if direction.preprocessor.removes_noise else "off"


@denoise.writer
def _write_denoise(channel: Channel | None, args: str, value: str) -> None:
    channel, name = _kept(channel, args, "DENOISE")
    try:
        is_on = boolean(value.strip())
    except ValueError as error:
        raise FunctionError(f"DENOISE takes on or off, not '{value}'") from error
    direction = _direction(channel, name)
    direction.preprocessor.change(removes_noise=is_on)
    direction.apply()


@function("AGC", syntax="AGC(channeldirection)")
def agc(channel: Channel | None, args: str) -> str:
    """Bring what a channel says (rx) or hears (tx) to one level.

    ``Set(AGC(rx)=8000)`` sets the level, 1 to 32768; ``off`` ends it. Reading gives the level, nothing where it was never set.
    """
    channel, name = _kept(channel, args, "AGC")
    direction = channel.data.get(_KEY, {}).get(name)
    if direction is None:
        return ""
    return f"{direction.preprocessor.gain_level:g}" if direction.preprocessor.gain_level else "off"


@agc.writer
def _write_agc(channel: Channel | None, args: str, value: str) -> None:
    channel, name = _kept(channel, args, "AGC")
    text = value.strip().lower()
    if text == "off":
        level = 0.0
    elif text.isdecimal() and 1 <= int(text) <= _LOUDEST:
        level = float(text)
    else:
        raise FunctionError(f"AGC takes a level from 1 to {_LOUDEST} or off, not '{value}'")
    direction = _direction(channel, name)
    direction.preprocessor.change(gain_level=level)
    direction.apply()


def load(system: System) -> None:
    """There is nothing without the library."""
    if library() is None:
        raise ModuleDeclined("libspeexdsp is not installed (Debian: libspeexdsp1)")
