"""Pitch: tones go where they should, at the same level, in frames of any length."""

from __future__ import annotations

import numpy as np
import pytest

from globstar.dsp.pitch import PitchShifter
from tests.interop.support.audio import level, sine, tone_share


def shift(samples: np.ndarray, factor: float, sizes: tuple[int, ...] = (160,)) -> np.ndarray:
    shifter = PitchShifter(factor)
    out, position, index = [], 0, 0
    while position < len(samples):
        size = sizes[index % len(sizes)]
        part = samples[position : position + size]
        shifted = shifter.process(part.astype("<i2").tobytes())
        assert len(shifted) == 2 * len(part)
        out.append(np.frombuffer(shifted, "<i2"))
        position, index = position + size, index + 1
    return np.concatenate(out)


@pytest.mark.parametrize("factor", [0.5, 0.7, 0.85, 1.0, 1.25, 1.5, 2.0])
@pytest.mark.parametrize("hertz", [440, 1000])
def test_tones(factor: float, hertz: int) -> None:
    tone = sine(hertz, 2.0)
    shifted = shift(tone, factor)[4000:]
    assert tone_share(shifted, hertz * factor, 30) > 0.9
    assert level(shifted) / level(tone) == pytest.approx(1, abs=0.25)


def test_frames_of_any_length_give_the_same() -> None:
    tone = sine(600, 1.0)
    assert np.array_equal(shift(tone, 1.5), shift(tone, 1.5, (80, 7, 240, 1)))


def test_what_would_be_beyond_the_band_is_left_out() -> None:
    assert level(shift(sine(3000, 1.0), 2.0)[4000:]) < 200


def test_factors_have_bounds() -> None:
    for factor in (0.05, 5.0):
        with pytest.raises(ValueError, match="pitch factor"):
            PitchShifter(factor)
