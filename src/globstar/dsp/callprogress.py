"""What a called line sounds like: dial tone, ringing, busy, special information tones, fax and modem answers, voice.

Each 20 ms is compared with the tones that are looked for: the part of its energy that lies in the space of a tone's frequencies.
Which tone it is comes from its frequencies where no other has them, else from how long it sounds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

import numpy as np
import numpy.typing as npt

from globstar.dsp.dtmf import DigitBegan, DtmfDetector
from globstar.dsp.tones import TonePart

Floats = npt.NDArray[np.float64]
Frequencies = tuple[float, ...]

#: Two hops: what is looked at at a time, and how often, in samples at 8 kHz.
_WINDOW, _HOP = 320, 160
_HOP_MS = 20
#: Part of the energy that a tone must hold, and above which one frequency of two is the only one.
_SHARE, _ALONE = 0.8, 0.93
#: Mean square below which there is silence.
_FLOOR = 50.0**2
#: Special information tones (ITU-T E.180): the three segments, each with the frequencies that are used.
_SIT: dict[Frequencies, int] = {
    (913.8,): 1, (950.0,): 1, (985.2,): 1, (1370.6,): 2, (1400.0,): 2, (1428.5,): 2, (1776.7,): 3, (1800.0,): 3,
}  # fmt: skip
#: A called fax (CED, ITU-T T.30) or modem, a Bell 103 modem, a calling fax (CNG), number unobtainable of the United Kingdom.
_ANSWER: Frequencies = (2100.0,)
_BELL: Frequencies = (2225.0,)
_CALLING: Frequencies = (1100.0,)
_UNOBTAINABLE: Frequencies = (400.0,)


class Progress(Enum):
    """What was heard; the values are those of TONESCANSTATUS."""

    RINGING = "RINGING"
    BUSY = "BUSY"
    SIT = "SIT"
    VOICE = "VOICE"
    DTMF = "DTMF"
    FAX = "FAX"
    MODEM = "MODEM"
    DIALTONE = "DIALTONE"
    UNOBTAINABLE = "NUT"


def tone_basis(frequencies: Frequencies, samples: int, sample_rate: int = 8000) -> Floats:
    """Orthonormal columns that span all sounds of these frequencies over so many samples."""
    clock = np.arange(samples) * (2 * math.pi / sample_rate)
    columns = [wave(clock * hertz) for hertz in frequencies for wave in (np.cos, np.sin)]
    return np.linalg.qr(np.stack(columns, axis=1))[0]


def tone_share(samples: Floats, basis: Floats) -> float:
    """The part of the energy of ``samples`` that a tone holds."""
    energy = float(samples @ samples)
    return float(np.sum((samples @ basis) ** 2)) / energy if energy else 0.0


@dataclass(frozen=True, slots=True)
class _Known:
    """A tone of the zone: what it means, and how long it sounds at a time, all lengths of its cadence (none: without end)."""

    progress: Progress
    lengths_ms: tuple[int, ...] = ()

    def fitting(self, length: int) -> int | None:
        """The length of its cadence that a burst has, nearly."""
        near = [wanted for wanted in self.lengths_ms if abs(length - wanted) <= 0.2 * wanted + 2 * _HOP_MS]
        return min(near, key=lambda wanted: abs(length - wanted), default=None)


@dataclass(slots=True)
class _Bursts:
    """How many bursts of a tone came one after the other, and of which of its lengths."""

    count: int = 0
    seen: set[int] = field(default_factory=set)


class ProgressDetector:
    """Takes in 16 bit signed linear of 8 kHz until it knows what is heard.

    ``tones`` are those of a zone by their names (dial, busy, congestion, ring).
    ``threshold`` asks for so many times as much of it.
    """

    def __init__(
        self, tones: Mapping[str, tuple[TonePart, ...]], *, threshold: int = 1, finds_fax: bool = False, finds_voice: bool = False
    ) -> None:
        self._threshold = max(1, threshold)
        self._finds_fax = finds_fax
        self._finds_voice = finds_voice
        self._known: dict[Frequencies, list[_Known]] = {}
        for name, progress in (
            ("dial", Progress.DIALTONE), ("busy", Progress.BUSY), ("congestion", Progress.BUSY), ("ring", Progress.RINGING),
        ):  # fmt: skip
            self._learn(tones.get(name, ()), progress)
        self._known.setdefault(_UNOBTAINABLE, [_Known(Progress.UNOBTAINABLE)])
        wanted = {*self._known, *_SIT, _ANSWER, _BELL, _CALLING}
        self._bases = [(frequencies, tone_basis(frequencies, _WINDOW)) for frequencies in sorted(wanted)]
        self._single = {f: tone_basis((f,), _WINDOW) for frequencies in wanted if len(frequencies) > 1 for f in frequencies}
        self._dtmf = DtmfDetector()
        self._pending: Floats = np.zeros(0)
        #: what sounds now, for how long, and the bursts of each tone that have ended
        self._label: Frequencies | None = None
        self._length_ms = 0
        self._glitch_ms = 0
        self._bursts: dict[tuple[Frequencies, _Known], _Bursts] = {}
        self._segment = 0
        self._voice_ms = 0

    def _learn(self, parts: tuple[TonePart, ...], progress: Progress) -> None:
        part = next((part for part in parts if part.first_hz), None)
        if part is None:
            return
        first, second = part.first_hz, part.second_hz
        if part.is_modulated:  # heard are the carrier and its side bands
            heard: Frequencies = (first - second, first, first + second)
        else:
            heard = (first, second)
        frequencies = tuple(sorted(hertz for hertz in heard if hertz > 0))
        lengths = dict.fromkeys(other.duration_ms for other in parts if (other.first_hz, other.second_hz) == (first, second))
        is_endless = len(parts) == 1 or 0 in lengths
        known = _Known(progress, () if is_endless else tuple(lengths))
        if known not in self._known.setdefault(frequencies, []):
            self._known[frequencies].append(known)

    def receive(self, data: bytes) -> Progress | None:
        """One frame; what it is as soon as it is certain."""
        if any(isinstance(event, DigitBegan) for event in self._dtmf.receive(data)):
            return Progress.DTMF
        self._pending = np.concatenate((self._pending, np.frombuffer(data, "<i2").astype(np.float64)))
        while len(self._pending) >= _WINDOW:
            found = self._step(self._pending[:_WINDOW])
            self._pending = self._pending[_HOP:]
            if found is not None:
                return found
        return None

    def _step(self, samples: Floats) -> Progress | None:
        is_silent = float(samples @ samples) < _FLOOR * len(samples)
        label = None if is_silent else self._classify(samples)
        if label is None and not is_silent:
            self._voice_ms += _HOP_MS
            if self._finds_voice and self._voice_ms >= 200 * self._threshold:
                return Progress.VOICE
        if label == self._label:
            self._length_ms += _HOP_MS + self._glitch_ms
            self._glitch_ms = 0
            return self._while_sounding()
        self._glitch_ms += _HOP_MS
        if self._glitch_ms < 2 * _HOP_MS:  # one window on the edge belongs to nobody
            return None
        ended, length = self._label, self._length_ms
        self._label, self._length_ms, self._glitch_ms = label, self._glitch_ms, 0
        return self._after_burst(ended, length) if ended is not None else None

    def _classify(self, samples: Floats) -> Frequencies | None:
        best: Frequencies | None = None
        best_share = _SHARE
        for frequencies, basis in self._bases:
            share = tone_share(samples, basis) - 0.02 * (len(frequencies) - 1)
            if share <= best_share:
                continue
            if len(frequencies) > 1 and any(tone_share(samples, self._single[f]) > _ALONE for f in frequencies):
                continue
            best, best_share = frequencies, share
        return best

    def _while_sounding(self) -> Progress | None:
        """A tone goes on: endless ones, and those that nothing else sounds like."""
        label, length = self._label, self._length_ms
        if label is None:
            return None
        if label in (_ANSWER, _BELL, _CALLING) and length >= 400 * self._threshold:
            if label == _BELL or (label == _ANSWER and not self._finds_fax):
                return Progress.MODEM
            return Progress.FAX if self._finds_fax else None
        known = self._known.get(label, [])
        longest = max((length for tone in known for length in tone.lengths_ms), default=0)
        for tone in known:
            if not tone.lengths_ms and length >= max(600 * self._threshold, longest * 1.3 + 100):
                return tone.progress
            if len(known) == 1 and tone.progress is Progress.RINGING and length >= 400 * self._threshold:
                return tone.progress
        return None

    def _after_burst(self, label: Frequencies, length: int) -> Progress | None:
        """A tone has ended."""
        segment = _SIT.get(label, 0)
        if segment and length >= 150:
            self._segment = segment if segment in (1, self._segment + 1) else 0
            if self._segment == 3:
                return Progress.SIT
        for tone in self._known.get(label, []):
            bursts = self._bursts.setdefault((label, tone), _Bursts())
            fitting = tone.fitting(length)
            if fitting is None:  # another cadence of the same frequency
                bursts.count = 0
                bursts.seen.clear()
                continue
            bursts.count += 1
            bursts.seen.add(fitting)
            wanted = self._threshold if tone.progress is Progress.RINGING else self._threshold + 1
            if bursts.count >= wanted and len(bursts.seen) == len(tone.lengths_ms):
                return tone.progress
        return None
