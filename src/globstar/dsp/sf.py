"""Single-frequency signals: digits as pulses of a tone (2600 Hz), ten in a second, and finding them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from globstar.dsp.callprogress import tone_basis, tone_share
from globstar.dsp.tones import ToneGenerator, TonePart

DEFAULT_HZ = 2600
#: A pulse, the pause after it, and the pause after a digit, ms.
_PULSE_MS, _BREAK_MS, _DIGIT_PAUSE_MS = 67, 33, 600
#: What counts as a pulse, and the pause that ends a digit, ms.
_SHORTEST_MS, _LONGEST_MS, _END_MS = 30, 140, 200
_LEVEL_DBM0 = -10.0
_BLOCK, _BLOCK_MS = 80, 10
_FLOOR = 50.0**2
#: Part of the energy that the tone holds; relaxed.
_SHARE, _RELAXED_SHARE = 0.8, 0.6
#: Digits by their number of pulses: 0 is ten, what follows is sent by nobody but those who mean it.
_DIGITS = "1234567890"
_EXTRA = "*#ABCD"


def sf_tone(digit: str, frequency: float = DEFAULT_HZ) -> ToneGenerator:
    """A digit (0 to 9) and the pause after it."""
    pulse = TonePart(frequency, 0, _PULSE_MS, is_once=True)
    pause = TonePart(0, 0, _BREAK_MS, is_once=True)
    count = _DIGITS.index(digit) + 1
    last = TonePart(0, 0, _DIGIT_PAUSE_MS, is_once=True)
    return ToneGenerator((*(part for _ in range(count) for part in (pulse, pause)), last), 8000, _LEVEL_DBM0)


class SfDetector:
    """Finds digits in 16 bit signed linear of 8 kHz. ``quiet_ms`` is how long there has been no pulse."""

    __slots__ = ("_basis", "_digits", "_on_ms", "_pending", "_pulses", "_share", "quiet_ms")

    def __init__(self, frequency: float = DEFAULT_HZ, *, relax: bool = False, takes_extra: bool = False) -> None:
        self._basis = tone_basis((frequency,), _BLOCK)
        self._share = _RELAXED_SHARE if relax else _SHARE
        self._digits = _DIGITS + (_EXTRA if takes_extra else "")
        self._pending: npt.NDArray[np.float64] = np.zeros(0)
        self._on_ms = 0
        self._pulses = 0
        self.quiet_ms = 0

    def receive(self, data: bytes) -> str:
        """One frame; the digits that ended in it."""
        pending = np.concatenate((self._pending, np.frombuffer(data, "<i2").astype(np.float64)))
        found = ""
        while len(pending) >= _BLOCK:
            block, pending = pending[:_BLOCK], pending[_BLOCK:]
            is_loud = float(block @ block) > _FLOOR * _BLOCK
            found += self._step(is_on=is_loud and tone_share(block, self._basis) > self._share)
        self._pending = pending
        return found

    def _step(self, *, is_on: bool) -> str:
        if is_on:
            self._on_ms += _BLOCK_MS
            self.quiet_ms = 0
            return ""
        if self._on_ms:
            self._pulses += _SHORTEST_MS <= self._on_ms <= _LONGEST_MS
            self._on_ms = 0
        self.quiet_ms += _BLOCK_MS
        if not self._pulses or self.quiet_ms < _END_MS:
            return ""
        pulses, self._pulses = self._pulses, 0
        return self._digits[pulses - 1] if pulses <= len(self._digits) else ""
