"""Audio Effects Dialplan Functions."""

from __future__ import annotations

from globstar.core.audiofilter import AudioFilter
from globstar.core.callsown import CallsOwn
from globstar.core.channel import Channel
from globstar.core.functions import FunctionError
from globstar.core.registry import write_function
from globstar.dsp.pitch import HIGHEST, LOWEST, PitchShifter

_KEY = "pitch shift"
_NAMED = {"highest": 2.0, "higher": 1.5, "high": 1.25, "low": 0.85, "lower": 0.7, "lowest": 0.5}


class Direction:
    """The pitch of one direction of a channel."""

    def __init__(self, channel: Channel, *, is_read: bool) -> None:
        self._channel = channel
        self._is_read = is_read
        self._factor = 1.0
        self._shifter: PitchShifter | None = None
        self._filter = AudioFilter(channel, self._process, is_heard=not is_read)

    def change(self, factor: float) -> None:
        """Another pitch; 1 leaves the audio alone."""
        if self._factor == 1 and factor != 1:
            (self._channel.add_read_hook if self._is_read else self._channel.add_write_hook)(self._filter.take)
        elif self._factor != 1 and factor == 1:
            self._channel.remove_hook(self._filter.take)
        self._factor = factor
        self._shifter = None

    def end(self) -> None:
        """The call is over."""
        self._filter.end()

    def _process(self, data: bytes, sample_rate: int) -> bytes:
        if self._shifter is None or self._shifter.sample_rate != sample_rate:
            self._shifter = PitchShifter(self._factor, sample_rate)
        return self._shifter.process(data)


class Directions(dict[str, Direction], CallsOwn):
    """Those of a channel that were set, by name."""

    def ended(self) -> None:
        """See CallsOwn."""
        for direction in self.values():
            direction.end()


@write_function("PITCH_SHIFT", syntax="PITCH_SHIFT(channel direction)")
def pitch_shift(channel: Channel | None, args: str, value: str) -> None:
    """Change the pitch of what a channel says (rx), hears (tx), or both.

    ``Set(PITCH_SHIFT(tx)=highest)`` raises by an octave; higher and high raise less, low, lower and lowest (an octave) lower.
    A number from 0.1 to 4.0 is taken, too: 1 ends it.
    """
    if channel is None:
        raise FunctionError("PITCH_SHIFT needs a channel")
    names = {"rx": ("rx",), "tx": ("tx",), "both": ("rx", "tx")}.get(args.strip().lower())
    if names is None:
        raise FunctionError(f"PITCH_SHIFT knows rx, tx and both, not '{args}'")
    text = value.strip().lower()
    factor = _NAMED.get(text)
    if factor is None:
        try:
            factor = float(text)
        except ValueError as error:
            raise FunctionError(f"'{value}' is no pitch") from error
        if not LOWEST <= factor <= HIGHEST:
            raise FunctionError(f"a pitch is {LOWEST} to {HIGHEST}, not '{value}'")
    directions: Directions = channel.data.setdefault(_KEY, Directions())
    for name in names:
        if name not in directions:
            directions[name] = Direction(channel, is_read=name == "rx")
        directions[name].change(factor)
