"""Another pitch at the same speed: 16 bit signed linear that comes in frames of any length.

A phase vocoder that moves the peaks of the spectrum with what is around them, as Laroche and Dolson describe ("New phase-vocoder
techniques for pitch-shifting", 1999): the phases around a peak keep their relation, so that tones keep their level.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

#: Length of a window, ms; parts the harmonics of a voice from one another.
_WINDOW_MS = 32
#: Windows that overlap at each moment.
_OVERLAP = 8
LOWEST, HIGHEST = 0.1, 4.0

Floats = npt.NDArray[np.float64]


class PitchShifter:
    """``factor`` 2 raises by an octave, 0.5 lowers by one. What comes out is one window (32 ms) late."""

    __slots__ = (
        "_bins", "_expected", "_hop", "_last_phase", "_output", "_pending", "_ready", "_size", "_turn", "_window", "factor",
        "sample_rate",
    )  # fmt: skip

    def __init__(self, factor: float, sample_rate: int = 8000) -> None:
        if not LOWEST <= factor <= HIGHEST:
            raise ValueError(f"a pitch factor is {LOWEST} to {HIGHEST}")
        self.factor = factor
        self.sample_rate = sample_rate
        self._hop = sample_rate * _WINDOW_MS // 1000 // _OVERLAP
        self._size = size = self._hop * _OVERLAP
        count = size // 2 + 1
        self._bins = np.arange(count)
        self._window: Floats = 0.5 - 0.5 * np.cos(2 * math.pi * np.arange(size) / size)
        #: how far the phase of each bin's own frequency goes in one hop
        self._expected: Floats = 2 * math.pi * self._bins / _OVERLAP
        self._last_phase: Floats = np.zeros(count)
        #: how far each bin's surroundings have been turned
        self._turn: Floats = np.zeros(count)
        self._pending: Floats = np.zeros(size - self._hop)
        self._output: Floats = np.zeros(size)
        self._ready: Floats = np.zeros(self._hop)

    def process(self, data: bytes) -> bytes:
        """One frame; as many samples come out."""
        fresh = np.frombuffer(data, "<i2").astype(np.float64)
        self._pending = np.concatenate((self._pending, fresh))
        ready = [self._ready]
        while len(self._pending) >= self._size:
            ready.append(self._step(self._pending[: self._size]))
            self._pending = self._pending[self._hop :]
        out = np.concatenate(ready)
        self._ready = out[len(fresh) :]
        return np.clip(np.rint(out[: len(fresh)]), -32768, 32767).astype("<i2").tobytes()

    def _step(self, samples: Floats) -> Floats:
        """One window: each peak's true frequency is found by its phase, and its surroundings are moved and turned with it."""
        spectrum = np.fft.rfft(samples * self._window)
        magnitude, phase = np.abs(spectrum), np.angle(spectrum)
        advance = phase - self._last_phase - self._expected
        self._last_phase = phase
        advance -= 2 * math.pi * np.rint(advance / (2 * math.pi))
        peaks = _peaks(magnitude)
        if len(peaks):
            frequency = self._bins[peaks] + advance[peaks] * _OVERLAP / (2 * math.pi)  # in bins
            move = frequency * (self.factor - 1)
            turn = self._turn[peaks] + 2 * math.pi * move / _OVERLAP
            # every bin belongs to the nearest peak
            nearest = np.searchsorted((peaks[1:] + peaks[:-1]) / 2, self._bins)
            self._turn = np.remainder(turn, 2 * math.pi)[nearest]
            targets = self._bins + np.rint(move).astype(int)[nearest]
            fits = (targets >= 0) & (targets < len(self._bins))
            moved = np.zeros(len(self._bins), complex)
            np.add.at(moved, targets[fits], (spectrum * np.exp(1j * self._turn))[fits])
            # the squares of overlapping Hann windows add up to 3/8 of their number
            self._output += np.fft.irfft(moved, self._size) * self._window * (8 / (3 * _OVERLAP))
        done = self._output[: self._hop].copy()
        self._output = np.concatenate((self._output[self._hop :], np.zeros(self._hop)))
        return done


def _peaks(magnitude: Floats) -> npt.NDArray[np.intp]:
    """Bins that are louder than the two on each side."""
    padded = np.concatenate(([0.0, 0.0], magnitude, [0.0, 0.0]))
    inner = padded[2:-2]
    louder = (inner > padded[1:-3]) & (inner >= padded[3:-1]) & (inner > padded[:-4]) & (inner >= padded[4:])
    return np.flatnonzero(louder)
