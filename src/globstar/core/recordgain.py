"""Recordings louder or quieter than what is said: option g of the applications that record messages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from globstar.core.audiofilter import AudioFilter
from globstar.dsp.level import apply_gain, gain_factor

if TYPE_CHECKING:
    from globstar.core.channel import Channel
    from globstar.dialplan.arguments import ParsedOptions


def read_gain(options: ParsedOptions, warn: Callable[[str], None]) -> float:
    """The gain of option ``g(#)`` in dB, a whole number; 0 without the option, and with a warning where it is none."""
    text = options.get("g").strip()
    if text.removeprefix("-").isdecimal() and len(text) < 4:
        return float(text)
    if "g" in options:
        warn(f"'{text}' is no gain in dB")
    return 0.0


@contextmanager
def recording_gain(channel: Channel, decibels: float) -> Iterator[None]:
    """What ``channel`` says is that much louder (quieter if negative) meanwhile; 0 changes nothing and costs nothing."""
    if not decibels:
        yield
        return
    factor = gain_factor(decibels)
    hook = AudioFilter(channel, lambda samples, _: apply_gain(samples, factor)).take
    channel.add_read_hook(hook)
    try:
        yield
    finally:
        channel.remove_hook(hook)
