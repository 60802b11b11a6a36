"""Concealment of lost sound in signed linear: the last pitch period goes on and fades (after ITU-T G.711 appendix I).

The first 10 ms repeat the last period of the voice, seams overlapped; then the sound fades to silence at 60 ms. The first
sound after a loss is blended with what would have gone on.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

#: Milliseconds of the past that are kept: three of the longest periods, and a piece to blend.
_HISTORY_MS = 48.75
#: Shortest and longest pitch period, milliseconds (200 and 66 Hz).
_SHORTEST_MS, _LONGEST_MS = 5.0, 15.0
_COMPARED_MS = 20.0
#: When the fading begins and ends, milliseconds.
_FADE_FROM_MS, _FADE_TO_MS = 10.0, 60.0
#: Blending after a loss: so long, and so much longer for each 10 ms lost, at most so long.
_BLEND_MS, _BLEND_MORE_MS, _BLEND_MOST_MS = 4.0, 4.0, 10.0


class LossConcealer:
    """One stream of 16 bit signed linear: called with each piece that came, asked by :meth:`conceal` for what did not."""

    __slots__ = ("_cycle", "_history", "_keep", "_lost", "_rate")

    def __init__(self, sample_rate: int) -> None:
        self._rate = sample_rate
        self._keep = 2 * int(_HISTORY_MS * sample_rate / 1000)
        self._history = b""
        #: the period that is repeated while sound is missing
        self._cycle: Floats | None = None
        self._lost = 0

    def __call__(self, data: bytes) -> bytes:
        """Sound that came; its start is changed where it follows a loss."""
        if self._lost:
            data = self._blend(data)
        keep = self._keep
        self._history = (data if len(data) >= keep else self._history + data)[-keep:]
        return data

    def conceal(self, samples: int, following: bytes | None = None) -> bytes:
        """Sound in place of ``samples`` that are missing. What follows them in the stream makes no difference here."""
        return self._go_on(samples, is_lost=True)

    def _go_on(self, samples: int, *, is_lost: bool) -> bytes:
        if self._cycle is None:
            self._cycle = self._last_period()
        cycle = self._cycle
        times = np.arange(self._lost, self._lost + samples)
        if is_lost:
            self._lost += samples
        milliseconds = times * (1000 / self._rate)
        gain = np.clip((_FADE_TO_MS - milliseconds) / (_FADE_TO_MS - _FADE_FROM_MS), 0.0, 1.0)
        made: npt.NDArray[np.int16] = np.rint(cycle[times % cycle.size] * gain).astype("<i2")
        return made.tobytes()

    def _last_period(self) -> Floats:
        """The last pitch period of what came, its end blended so that it can be repeated."""
        past = np.frombuffer(self._history, dtype="<i2").astype(np.float64)
        shortest, longest = (int(milliseconds * self._rate / 1000) for milliseconds in (_SHORTEST_MS, _LONGEST_MS))
        compared = int(_COMPARED_MS * self._rate / 1000)
        if past.size < compared + longest:
            past = np.concatenate((np.zeros(compared + longest - past.size), past))
        template = past[-compared:]
        # how well the sound of the last 20 ms fits itself so much earlier
        earlier = past[-compared - longest :][: compared + longest - shortest]
        products = np.correlate(earlier, template, "valid")
        sums = np.cumsum(np.concatenate(([0.0], earlier**2)))
        energies = sums[compared:] - sums[:-compared]
        fit = products / np.sqrt(np.maximum(energies, 1.0))
        period = longest - int(np.argmax(fit))
        cycle = past[-period:].copy()
        quarter = period // 4
        before = past[-period - quarter : -period]
        if quarter and before.size == quarter:
            rise = (np.arange(quarter) + 0.5) / quarter
            cycle[-quarter:] = cycle[-quarter:] * (1 - rise) + before * rise
        return cycle

    def _blend(self, data: bytes) -> bytes:
        """What came after a loss, begun with what would have gone on."""
        lost_ms = self._lost * 1000 / self._rate
        milliseconds = min(_BLEND_MS + _BLEND_MORE_MS * (lost_ms // 10), _BLEND_MOST_MS)
        count = min(int(milliseconds * self._rate / 1000), len(data) // 2)
        went_on = np.frombuffer(self._go_on(count, is_lost=False), dtype="<i2").astype(np.float64)
        came = np.frombuffer(data, dtype="<i2", count=count).astype(np.float64)
        rise = (np.arange(count) + 0.5) / max(count, 1)
        blended: npt.NDArray[np.int16] = np.rint(went_on * (1 - rise) + came * rise).astype("<i2")
        self._lost = 0
        self._cycle = None
        return blended.tobytes() + data[2 * count :]
