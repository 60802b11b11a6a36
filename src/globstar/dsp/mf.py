"""R1 multi-frequency signals (ITU-T Q.320 to Q.322): two of six frequencies for each digit, their sound, and finding them."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import numpy.typing as npt

from globstar.dsp.tones import ToneGenerator, TonePart

_HZ = (700, 900, 1100, 1300, 1500, 1700)
#: Digits by their pairs in the order 700+900, 700+1100, 700+1300 ...; * is KP, # ST, A STP (ST'), B ST2P, C ST3P.
FREQUENCIES: dict[str, tuple[int, int]] = dict(zip("1247C358A69*0B#", combinations(_HZ, 2), strict=True))
_PAIRS = {pair: digit for digit, pair in FREQUENCIES.items()}
#: Level of each frequency (Q.321).
_LEVEL_DBM0 = -7.0
#: 10 ms: all frequencies are whole numbers of periods, so that none is seen in another.
_BLOCK = 80
_FLOOR = 1e5
#: Blocks that make a digit, and that end it: signals of 55 ms with 50 ms between.
_HITS, _MISSES = 3, 2
#: Part of the energy that the two hold: 1.5 % beside their frequencies (Q.322) it is 0.82. How much stronger one may be: 6 dB,
#: relaxed 10 dB.
_SHARE, _TWIST, _RELAXED_TWIST = 0.8, 4.0, 10.0


def mf_tone(digit: str, duration_ms: int, pause_ms: int = 0) -> ToneGenerator:
    """A digit of so many ms, and silence after it."""
    first, second = FREQUENCIES[digit]
    parts = [TonePart(first, second, duration_ms, is_once=True)]
    if pause_ms:
        parts.append(TonePart(0, 0, pause_ms, is_once=True))
    return ToneGenerator(tuple(parts), 8000, _LEVEL_DBM0)


class MfDetector:
    """Finds digits in 16 bit signed linear of 8 kHz."""

    __slots__ = ("_basis", "_candidate", "_digit", "_hits", "_misses", "_pending", "_twist")

    def __init__(self, *, relax: bool = False) -> None:
        clock = np.arange(_BLOCK)[:, None] * (2 * math.pi / 8000)
        phases = clock * np.array(_HZ)[None, :]
        self._basis = np.hstack((np.cos(phases), np.sin(phases)))
        self._twist = _RELAXED_TWIST if relax else _TWIST
        self._pending: npt.NDArray[np.float64] = np.zeros(0)
        self._candidate = ""
        self._hits = 0
        self._misses = 0
        self._digit = ""

    def receive(self, data: bytes) -> str:
        """One frame; the digits that began in it."""
        pending = np.concatenate((self._pending, np.frombuffer(data, "<i2").astype(np.float64)))
        found = ""
        while len(pending) >= _BLOCK:
            found += self._decide(self._classify(pending[:_BLOCK]))
            pending = pending[_BLOCK:]
        self._pending = pending
        return found

    def _classify(self, block: npt.NDArray[np.float64]) -> str:
        energy = float(block @ block)
        if energy < _FLOOR:
            return ""
        products = block @ self._basis
        power = (products[:6] ** 2 + products[6:] ** 2) * (2 / _BLOCK)  # energy of each frequency in the block
        second, first = (int(index) for index in np.argsort(power)[-2:])
        if power[first] + power[second] < _SHARE * energy or power[first] > self._twist * power[second]:
            return ""
        low, high = sorted((first, second))
        return _PAIRS[_HZ[low], _HZ[high]]

    def _decide(self, seen: str) -> str:
        if self._digit:
            self._misses = 0 if seen == self._digit else self._misses + 1
            if self._misses < _MISSES:
                return ""
            self._digit = ""
        self._hits = self._hits + 1 if seen and seen == self._candidate else bool(seen)
        self._candidate = seen
        if self._hits < _HITS:
            return ""
        self._digit, self._misses, self._hits, self._candidate = seen, 0, 0, ""
        return seen
