"""Loudness: gain, mixing, energy and silence, on 16 bit signed linear.

Sample values saturate; they never wrap. Levels are in dB relative to full scale (dBFS) or are plain mean values.
"""

from __future__ import annotations

import audioop
import math

#: Peak of a sine at 0 dBm0: the overload point of mu-law is +3.17 dBm0 (ITU-T G.711 section 5) at 8159 * 4.
PEAK_0DBM0 = round(8159 * 4 * 10 ** (-3.17 / 20))


def gain_factor(decibels: float) -> float:
    """The factor of a gain in dB."""
    return float(10 ** (decibels / 20))


def apply_gain(data: bytes, factor: float) -> bytes:
    """Multiply every sample, saturating."""
    return audioop.mul(_even(data), 2, factor)


def adjust_volume(data: bytes, volume: float) -> bytes:
    """Asterisk's volume steps (VOLUME(), ConfBridge): a positive one multiplies, a negative one divides; 0 changes nothing."""
    if volume in (0, 1, -1):
        return data
    return audioop.mul(_even(data), 2, float(volume) if volume > 0 else 1.0 / -volume)


def mix(one: bytes, other: bytes) -> bytes:
    """The saturating sum; the shorter one is taken as followed by silence."""
    one, other = _even(one), _even(other)
    if len(one) == len(other):
        return audioop.add(one, other, 2)
    if len(one) < len(other):
        one, other = other, one
    return audioop.add(one, other + bytes(len(one) - len(other)), 2)


def interleave(left: bytes, right: bytes) -> bytes:
    """Samples of both, one after the other; both are of one length."""
    out = bytearray(2 * len(left))
    for offset in (0, 1):
        out[offset::4] = left[offset::2]
        out[offset + 2 :: 4] = right[offset::2]
    return bytes(out)


def subtract(total: bytes, part: bytes) -> bytes:
    """``total`` without ``part`` (both of one length), saturating."""
    return audioop.add(total, audioop.mul(part, 2, -1.0), 2)


def mean_level(data: bytes) -> int:
    """The mean of the absolute values, Asterisk's measure for silence thresholds."""
    if len(data) < 2:
        return 0
    samples = memoryview(_even(data)).cast("h")
    return sum(map(abs, samples)) // len(samples)


def rms(data: bytes) -> int:
    """Root of the mean square."""
    return audioop.rms(_even(data), 2) if len(data) > 1 else 0


def rms_dbfs(data: bytes) -> float:
    """The level against a full-scale square wave, -inf for digital silence."""
    value = rms(data)
    return 20 * math.log10(value / 32768) if value else -math.inf


def _even(data: bytes) -> bytes:
    return data if not len(data) & 1 else data[:-1]


class SilenceDetector:
    """Counts how long a stream has been silent or noisy, by the mean level of each frame.

    ``threshold`` is the mean absolute level below which a frame is silence; 256 is dsp.conf's default
    ``silencethreshold``. ``receive`` gives the lengths so far in ms: one of the two is always zero.
    """

    __slots__ = ("noise_ms", "sample_rate", "silence_ms", "threshold")

    def __init__(self, threshold: int = 256, sample_rate: int = 8000) -> None:
        self.threshold = threshold
        self.sample_rate = sample_rate
        self.silence_ms = 0
        self.noise_ms = 0

    @property
    def is_silent(self) -> bool:
        """Whether the last frame was silence."""
        return self.silence_ms > 0

    def receive(self, data: bytes) -> bool:
        """Take in one frame; True when it is silence."""
        duration = len(data) // 2 * 1000 // self.sample_rate
        if mean_level(data) < self.threshold:
            self.silence_ms += duration
            self.noise_ms = 0
            return True
        self.noise_ms += duration
        self.silence_ms = 0
        return False

    def reset(self) -> None:
        """Begin anew."""
        self.silence_ms = 0
        self.noise_ms = 0
