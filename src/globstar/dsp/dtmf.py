"""DTMF: the sixteen pairs of frequencies (ITU-T Q.23), their sound, and finding them in audio (Goertzel, Q.24)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from globstar.dsp.tones import DEFAULT_LEVEL_DBM0, ToneGenerator, TonePart

LOW_HZ = (697, 770, 852, 941)
HIGH_HZ = (1209, 1336, 1477, 1633)
#: Rows of the keypad.
KEYPAD = ("123A", "456B", "789C", "*0#D")
DIGITS = "0123456789*#ABCD"
FREQUENCIES: dict[str, tuple[int, int]] = {
    digit: (LOW_HZ[row], HIGH_HZ[column]) for row, keys in enumerate(KEYPAD) for column, digit in enumerate(keys)
}

#: Samples of one Goertzel block at 8 kHz: 12.75 ms parts the frequencies and is short enough for digits of 40 ms.
_BLOCK_8K = 102
_FLOOR = 1e5
#: Power ratio by which limits are eased (1.5 dB): a signal at a limit is on its good side, though its tones leak into others.
_EASE = 1.41
#: How far off its frequency a tone may be: between the 1.5 % and 2 Hz that must do and the 3.5 % that must not (Q.24, AT&T).
_OFF = 0.026


@dataclass(frozen=True, slots=True)
class DtmfSettings:
    """How digits are told from other sounds (dsp.conf); the twists are ratios of power.

    ``normal_twist`` is how much the low group may be stronger than the high one, ``reverse_twist`` the other way round;
    the ``relaxed`` ones count for lines that want it. ``hits`` and ``misses`` are blocks of 12.75 ms.
    """

    hits: int = 2
    misses: int = 3
    normal_twist: float = 6.31
    reverse_twist: float = 2.51
    relaxed_normal_twist: float = 6.31
    relaxed_reverse_twist: float = 3.98


DEFAULT_SETTINGS = DtmfSettings()


def digit_tone(
    digit: str, duration_ms: int = 0, sample_rate: int = 8000, level_dbm0: float = DEFAULT_LEVEL_DBM0
) -> ToneGenerator:
    """A generator of one digit; without a length it never ends. Lower-case letters are taken as upper-case."""
    low, high = FREQUENCIES[digit.upper()]
    return ToneGenerator((TonePart(low, high, duration_ms, is_once=True),), sample_rate, level_dbm0)


@dataclass(frozen=True, slots=True)
class DigitBegan:
    """A digit has been there long enough to be one."""

    digit: str


@dataclass(frozen=True, slots=True)
class DigitEnded:
    """The digit is over; its length is counted in whole blocks."""

    digit: str
    duration_ms: int


DigitEvent = DigitBegan | DigitEnded


Floats = npt.NDArray[np.float32]


def _goertzel_basis(sample_rate: int, block: int) -> Floats:
    """Columns of cosine and sine of the eight frequencies: one matrix product is eight Goertzel filters."""
    clock = np.arange(block)[:, None] * (2 * math.pi / sample_rate)
    phases = clock * np.array(LOW_HZ + HIGH_HZ)[None, :]
    return np.hstack((np.cos(phases), np.sin(phases))).astype(np.float32)


_BASES: dict[int, tuple[int, Floats]] = {}


class DtmfDetector:
    """Finds digits in 16 bit signed linear audio that comes in frames of any length.

    ``relax`` widens the twist allowed. A digit begins after ``hits`` blocks that agree, in both of which its two tones run on
    at the right frequencies, and ends after ``misses`` blocks without it: digits of 40 ms with 40 ms between are found,
    drop-outs of 10 ms bridged.
    """

    __slots__ = (
        "_basis", "_block", "_candidate", "_hits", "_length", "_misses", "_pending", "_phases", "digit", "hits", "misses",
        "normal_twist", "relative_peak", "reverse_twist", "sample_rate", "threshold",
    )  # fmt: skip

    def __init__(self, sample_rate: int = 8000, settings: DtmfSettings = DEFAULT_SETTINGS, *, relax: bool = False) -> None:
        known = _BASES.get(sample_rate)
        if known is None:
            block = _BLOCK_8K * sample_rate // 8000
            known = _BASES[sample_rate] = (block, _goertzel_basis(sample_rate, block))
        self._block, self._basis = known
        self.sample_rate = sample_rate
        self.hits = settings.hits
        self.misses = settings.misses
        self.normal_twist = _EASE * (settings.relaxed_normal_twist if relax else settings.normal_twist)
        self.reverse_twist = _EASE * (settings.relaxed_reverse_twist if relax else settings.reverse_twist)
        #: a group's strongest frequency stands out of the rest of its group by this power ratio
        self.relative_peak = 6.3
        #: part of the block's energy that the two frequencies must hold
        self.threshold = 0.7
        self._pending = np.zeros(0, dtype=np.float32)
        self._candidate = ""
        self._hits = 0
        self._misses = 0
        self._length = 0
        #: phases of the candidate's tones in the block before, radians
        self._phases = (0.0, 0.0)
        self.digit = ""

    def receive(self, data: bytes) -> list[DigitEvent]:
        """Take in one frame; what began and ended in it."""
        events: list[DigitEvent] = []
        fresh = np.frombuffer(data, dtype="<i2", count=len(data) // 2).astype(np.float32)
        pending = np.concatenate((self._pending, fresh)) if self._pending.size else fresh
        count = pending.size // self._block
        if count:
            blocks = pending[: count * self._block].reshape(count, self._block)
            energies = np.einsum("ij,ij->i", blocks, blocks)
            if energies.max() < _FLOOR and not self._candidate and not self.digit:
                self._hits = 0
            else:
                products = blocks @ self._basis
                powers = products[:, :8] ** 2 + products[:, 8:] ** 2
                for product, power, energy in zip(products, powers, energies, strict=True):
                    seen = self._classify(power.tolist(), float(energy))
                    if seen and not self.digit and not self._runs_on(seen, product):
                        self._hits = 0
                    self._decide(seen, events)
        self._pending = pending[count * self._block :]
        return events

    def flush(self) -> list[DigitEvent]:
        """The stream is over: end a digit that is still on."""
        events: list[DigitEvent] = []
        if self.digit:
            events.append(DigitEnded(self.digit, self._duration_ms()))
        self.digit = self._candidate = ""
        self._hits = self._misses = self._length = 0
        return events

    def _duration_ms(self) -> int:
        return self._length * self._block * 1000 // self.sample_rate

    def _classify(self, power: list[float], energy: float) -> str:
        """The digit in one block, "" for none."""
        if energy < _FLOOR:
            return ""
        low = max(range(4), key=power.__getitem__)
        high = max(range(4, 8), key=power.__getitem__)
        strong_low, strong_high = power[low], power[high]
        # Power of a sine of amplitude A over N samples: (A N / 2)^2; its energy: A^2 N / 2.
        if 2 * (strong_low + strong_high) / self._block < self.threshold * energy:
            return ""
        if strong_low > strong_high * self.normal_twist or strong_high > strong_low * self.reverse_twist:
            return ""
        middle = math.sqrt(strong_low * strong_high)  # the stronger tone leaks into the group of the weaker one
        for index in range(8):
            if index not in (low, high):
                strong = max(strong_low if index < 4 else strong_high, middle)
                if power[index] * self.relative_peak > strong:
                    return ""
        return KEYPAD[low][high - 4]

    def _runs_on(self, seen: str, product: Floats) -> bool:
        """Whether the tones of ``seen`` go on from the block before as tones of the right frequencies do; notes their phases.

        The phase of a tone that is off its frequency runs ahead or behind from block to block.
        """
        before = self._phases
        frequencies = FREQUENCIES[seen]
        places = (LOW_HZ.index(frequencies[0]), 4 + HIGH_HZ.index(frequencies[1]))
        phases = tuple(math.atan2(-float(product[8 + place]), float(product[place])) for place in places)
        self._phases = (phases[0], phases[1])
        if seen != self._candidate or not self._hits:
            return True
        span = 2 * math.pi * self._block / self.sample_rate
        for frequency, earlier, now in zip(frequencies, before, self._phases, strict=True):
            ahead = now - earlier - frequency * span
            off = math.remainder(ahead, 2 * math.pi) / span
            if abs(off) > _OFF * frequency:
                return False
        return True

    def _decide(self, seen: str, events: list[DigitEvent]) -> None:
        if self.digit:
            if seen == self.digit:
                self._length += 1 + self._misses
                self._misses = 0
                return
            self._misses += 1
            if self._misses >= self.misses or (seen and seen == self._candidate):
                events.append(DigitEnded(self.digit, self._duration_ms()))
                self.digit = ""
                self._misses = 0
        if seen and seen == self._candidate:
            self._hits += 1
        else:
            self._candidate = seen
            self._hits = 1 if seen else 0
        if not self.digit and self._candidate and self._hits >= self.hits:
            self.digit = self._candidate
            self._length = self._hits
            self._misses = 0
            events.append(DigitBegan(self.digit))
