"""Conversion of the sampling rate, frame by frame, with a steady output length.

A polyphase windowed-sinc filter: for every 10 ms that go in, exactly 10 ms come out, from the first frame on; the
filter's delay (24 samples of the lower rate) is silence at the start of the stream and never a burst later.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

#: Filter length in samples of the lower rate, and the shape of its window: 60 dB down at the lower rate's Nyquist.
_TAPS = 48
_BETA = 5.65
#: Cut-off (6 dB down) as a part of the lower rate: flat up to 0.42 of it (3.4 kHz at 8 kHz).
_CUTOFF = 0.461


@lru_cache(maxsize=128)
def _filter(source_rate: int, destination_rate: int) -> tuple[int, int, Floats]:
    """(up, down, coefficients by phase and tap, taps in the order of the samples they meet)."""
    common = math.gcd(source_rate, destination_rate)
    up, down = destination_rate // common, source_rate // common
    length = _TAPS * max(1.0, source_rate / destination_rate)
    taps = math.ceil(length)
    # Tap j of phase p stands at the time (j * up + p) / up in samples of the source.
    times = np.arange(taps * up, dtype=np.float64) / up - length / 2
    cutoff = _CUTOFF * min(1.0, destination_rate / source_rate)
    ideal = 2 * cutoff * np.sinc(2 * cutoff * times)
    spread = np.clip(1 - (times / (length / 2)) ** 2, 0, None)
    shape = (ideal * np.i0(_BETA * np.sqrt(spread))).reshape(taps, up).T
    shape /= shape.sum(axis=1, keepdims=True)
    return up, down, np.ascontiguousarray(shape[:, ::-1], dtype=np.float32)


class Resampler:
    """Turns 16 bit signed linear of one rate into another, keeping the filter's state between frames."""

    __slots__ = ("_bank", "_down", "_history", "_phase", "_plans", "_taps", "_up", "destination_rate", "source_rate")

    def __init__(self, source_rate: int, destination_rate: int) -> None:
        self.source_rate = source_rate
        self.destination_rate = destination_rate
        self._up, self._down, self._bank = _filter(source_rate, destination_rate)
        self._taps = self._bank.shape[1]
        self._history: Floats = np.zeros(self._taps - 1, dtype=np.float32)
        #: where the next output stands after the samples taken in, in units of 1/up sample
        self._phase = 0
        self._plans: dict[tuple[int, int], tuple[npt.NDArray[np.intp], Floats]] = {}

    def reset(self) -> None:
        """Forget the stream so far."""
        self._history = np.zeros(self._taps - 1, dtype=np.float32)
        self._phase = 0

    def __call__(self, data: bytes) -> bytes:
        """The next frame in the new rate (empty when too little went in to reach the next output sample)."""
        count = len(data) // 2
        if not count:
            return b""
        made = self.convert(np.frombuffer(data, dtype="<i2", count=count))
        rounded: npt.NDArray[np.int16] = np.clip(np.rint(made), -32768, 32767).astype("<i2")
        return rounded.tobytes()

    def convert(self, samples: npt.NDArray[np.signedinteger]) -> Floats:
        """:meth:`__call__` for samples as numbers, which may be wider than 16 bits (up to 24): not rounded, not limited."""
        count = len(samples)
        stream = np.concatenate((self._history, samples), dtype=np.float32)
        self._history = stream[count:]
        taps = self._taps
        windows: Floats = np.ndarray((count, taps), np.float32, stream, strides=(4, 4))
        end = count * self._up
        if self._down == 1:
            made = windows @ self._bank.T
        elif self._phase >= end:
            self._phase -= end
            return np.zeros(0, np.float32)
        elif self._up == 1:
            made = windows[self._phase :: self._down] @ self._bank[0]
            self._phase = (self._phase - count) % self._down
        else:
            rows, coefficients = self._plan(count, self._phase)
            made = np.einsum("ij,ij->i", windows[rows], coefficients)
            self._phase += len(rows) * self._down - end
        return made.ravel()

    def _plan(self, count: int, phase: int) -> tuple[npt.NDArray[np.intp], Floats]:
        """Which window and which coefficients make each output sample, for frames of ``count`` samples."""
        plan = self._plans.get((count, phase))
        if plan is None:
            places = np.arange(phase, count * self._up, self._down)
            plan = (places // self._up, self._bank[places % self._up])
            if len(self._plans) >= 8:  # frames of ever-changing length: do not keep them all
                self._plans.clear()
            self._plans[(count, phase)] = plan
        return plan


def edges(source_rate: int, destination_rate: int) -> tuple[int, int]:
    """How many samples must follow a sound until all of it has come out, and how many come out before it."""
    delay = math.ceil(_TAPS / 2 * max(1.0, source_rate / destination_rate))
    return delay + 1, round(_TAPS / 2 * max(1.0, destination_rate / source_rate))


def resample_all(data: bytes, source_rate: int, destination_rate: int) -> bytes:
    """Convert a whole sound, its start aligned with the original's."""
    if source_rate == destination_rate:
        return data
    resampler = Resampler(source_rate, destination_rate)
    following, skip = edges(source_rate, destination_rate)
    wanted = len(data) // 2 * destination_rate // source_rate
    step = source_rate * 2
    padded = data[: len(data) // 2 * 2] + bytes(2 * following)
    pieces = [resampler(padded[start : start + step]) for start in range(0, len(padded), step)]
    whole = b"".join(pieces)[2 * skip : 2 * (skip + wanted)]
    return whole + bytes(2 * wanted - len(whole))
