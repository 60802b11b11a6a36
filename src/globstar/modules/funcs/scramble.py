"""Frequency inverting voice scrambler."""

from __future__ import annotations

import numpy as np

from globstar.core.audiofilter import AudioFilter
from globstar.core.channel import Channel
from globstar.core.functions import FunctionError
from globstar.core.registry import write_function

_KEY = "scrambler"


class Inverter:
    """Turns the spectrum round: each frequency becomes half of the sampling rate less it. Twice is as if never."""

    def __init__(self) -> None:
        self._is_odd = False

    def process(self, data: bytes, sample_rate: int) -> bytes:
        """Every other sample changes its sign, over the borders of frames, too."""
        samples = np.frombuffer(data, "<i2").astype(np.int32)
        start = 0 if self._is_odd else 1
        samples[start::2] *= -1
        self._is_odd ^= bool(len(samples) & 1)
        return np.clip(samples, -32768, 32767).astype("<i2").tobytes()


@write_function("SCRAMBLE", syntax="SCRAMBLE([direction])")
def scramble(channel: Channel | None, args: str, value: str) -> None:
    """Make a channel's audio unintelligible by turning its spectrum round; a second one makes it intelligible again.

    ``Set(SCRAMBLE()=both)``: what the channel says (RX), hears (TX) or both; ``remove`` ends it. This is no encryption.
    """
    if channel is None:
        raise FunctionError("SCRAMBLE needs a channel")
    word = (value.strip() or args.strip() or "both").lower()
    if word not in ("rx", "tx", "both", "remove"):
        raise FunctionError(f"SCRAMBLE knows TX, RX, both and remove, not '{value}'")
    filters: dict[str, AudioFilter] = channel.data.setdefault(_KEY, {})
    for running in filters.values():
        channel.remove_hook(running.take)
    filters.clear()
    if word in ("rx", "both"):
        filters["rx"] = AudioFilter(channel, Inverter().process)
        channel.add_read_hook(filters["rx"].take)
    if word in ("tx", "both"):
        filters["tx"] = AudioFilter(channel, Inverter().process, is_heard=True)
        channel.add_write_hook(filters["tx"].take)
