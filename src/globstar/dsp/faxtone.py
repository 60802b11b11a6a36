"""The tone of a calling fax (CNG, ITU-T T.30 section 4.3.3.2): 1100 Hz for half a second, every three and a half."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

CNG_HZ = 1100
#: The tone lasts 425 to 575 ms; what lasts this long is taken for it.
CNG_MS = 400
#: Short enough for the 38 Hz that the tone may be off: over 10 ms it still holds three fifths of its power in the filter.
_BLOCK_MS = 10
#: Sum of squares of a block below which there is silence, per sample.
_FLOOR = 1e3
#: Part of a block's energy that the tone must hold: speech never does so for long.
_SHARE = 0.55


class FaxToneDetector:
    """Finds the tone in 16 bit signed linear audio that comes in frames of any length."""

    __slots__ = ("_basis", "_block", "_length", "_pending")

    def __init__(self, sample_rate: int = 8000) -> None:
        self._block = sample_rate * _BLOCK_MS // 1000
        phases = np.arange(self._block) * (2 * math.pi * CNG_HZ / sample_rate)
        self._basis = np.stack((np.cos(phases), np.sin(phases)), axis=1).astype(np.float32)
        self._pending: npt.NDArray[np.float32] = np.zeros(0, dtype=np.float32)
        self._length = 0

    def receive(self, data: bytes) -> bool:
        """Take in one frame; True when the tone has been there long enough, each time anew."""
        fresh = np.frombuffer(data, dtype="<i2", count=len(data) // 2).astype(np.float32)
        pending = np.concatenate((self._pending, fresh)) if self._pending.size else fresh
        count = pending.size // self._block
        found = False
        if count:
            blocks = pending[: count * self._block].reshape(count, self._block)
            energies = np.einsum("ij,ij->i", blocks, blocks)
            powers = ((blocks @ self._basis) ** 2).sum(axis=1) * (2 / self._block)
            for energy, power in zip(energies.tolist(), powers.tolist(), strict=True):
                is_tone = energy > _FLOOR * self._block and power > _SHARE * energy
                self._length = self._length + _BLOCK_MS if is_tone else 0
                if self._length == CNG_MS:
                    found = True
        self._pending = pending[count * self._block :]
        return found
