"""V.23 at 1200 bit/s with start and stop bits, as SMS in the fixed network uses it (ETSI ES 201 912 5.2, ETSI EN 300 659-2).

A mark (1) is 1300 Hz, a space (0) 2100 Hz; a byte is a space, eight bits from the least significant one on, and a mark.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from globstar.dsp.level import PEAK_0DBM0, gain_factor

RATE, BAUD = 8000, 1200
_MARK_HZ, _SPACE_HZ = 1300, 2100
#: Samples of a bit.
_BIT = RATE / BAUD
#: The level of what is sent, dBm0.
_LEVEL_DBM0 = -13.5
#: The filter behind the shift to 0 Hz: a windowed sinc of so many taps that passes 900 Hz to both sides.
_CENTRE_HZ, _TAPS, _PASS_HZ = (_MARK_HZ + _SPACE_HZ) / 2, 11, 900
_RAMP = np.arange(_TAPS) - (_TAPS - 1) / 2
_FILTER = np.sinc(2 * _PASS_HZ / RATE * _RAMP) * np.hamming(_TAPS)
_FILTER /= _FILTER.sum()
#: The phase is compared with that of so many samples before.
_LAG = 4
#: Mean square of a filtered sample below which there is no signal.
_FLOOR = 50.0**2


def modulate(data: bytes, *, lead_bits: int = 80, tail_bits: int = 3) -> bytes:
    """The sound of ``data`` as signed linear of 8 kHz, with marks before and after it."""
    bits = [1] * lead_bits
    for byte in data:
        bits += [0, *(byte >> index & 1 for index in range(8)), 1]
    bits += [1] * tail_bits
    count = math.ceil(len(bits) * _BIT)
    which = np.minimum((np.arange(count) / _BIT).astype(np.int64), len(bits) - 1)
    hertz = np.where(np.array(bits)[which] == 1, _MARK_HZ, _SPACE_HZ)
    phase = np.cumsum(2 * np.pi * hertz / RATE)
    return (PEAK_0DBM0 * gain_factor(_LEVEL_DBM0) * np.sin(phase)).astype("<i2").tobytes()


class FskReceiver:
    """Finds bytes in signed linear of 8 kHz. ``is_silent`` tells whether the last block held no signal."""

    __slots__ = ("_bits", "_clock", "_count", "_next", "_tail", "_was_mark", "framing_errors", "is_silent")

    def __init__(self) -> None:
        self._tail: npt.NDArray[np.float64] = np.zeros(_TAPS - 1 + _LAG)
        self._clock = 0
        #: when the next bit of a byte is looked at; None between bytes
        self._next: float | None = None
        self._bits = 0
        self._count = 0
        self._was_mark = False
        self.framing_errors = 0
        self.is_silent = True

    def receive(self, data: bytes) -> bytes:
        """One block; the bytes that ended in it."""
        samples = np.concatenate((self._tail, np.frombuffer(data, "<i2").astype(np.float64)))
        self._tail = samples[len(samples) - len(self._tail) :]
        clock = np.arange(self._clock, self._clock + len(samples))
        shifted = np.convolve(samples * np.exp(-2j * np.pi * _CENTRE_HZ / RATE * clock), _FILTER, "valid")
        turns = np.imag(shifted[_LAG:] * np.conj(shifted[:-_LAG]))  # below 0: the phase turns backwards, the frequency is lower
        loud = np.abs(shifted[_LAG:]) ** 2 > _FLOOR
        self.is_silent = not loud.any()
        found = bytearray()
        for is_mark, is_loud in zip((turns < 0).tolist(), loud.tolist(), strict=True):
            self._step(is_mark, is_loud, found)
            self._clock += 1
        return bytes(found)

    def _step(self, is_mark: bool, is_loud: bool, found: bytearray) -> None:
        """One sample, classified."""
        if self._next is None:
            if is_loud and self._was_mark and not is_mark:  # look at the middles of the bits
                self._next = self._clock + _BIT / 2
                self._bits = self._count = 0
            self._was_mark = is_loud and is_mark
            return
        if self._clock < self._next:
            return
        if not is_loud:
            self._next, self._was_mark = None, False
            return
        if self._count == 0 and is_mark:  # no start bit after all
            self._next, self._was_mark = None, True
            return
        if 1 <= self._count <= 8:
            self._bits |= is_mark << (self._count - 1)
        self._count += 1
        if self._count <= 9:
            self._next += _BIT
            return
        self._next, self._was_mark = None, is_mark
        if is_mark:
            found.append(self._bits)
        else:
            self.framing_errors += 1
