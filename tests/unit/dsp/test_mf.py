"""R1 signals: what is sent is found, at the edges of what is allowed, and speech and DTMF are not taken for it."""

from __future__ import annotations

import numpy as np
import pytest

from globstar.dsp.dtmf import digit_tone
from globstar.dsp.mf import FREQUENCIES, MfDetector, mf_tone


def sent(digits: str, length: int = 55, pause: int = 50) -> np.ndarray:
    parts = [np.frombuffer(mf_tone(digit, length, pause).render(8 * (length + pause)), "<i2") for digit in digits]
    return np.concatenate(parts)


def found(samples: np.ndarray, size: int = 160, *, relax: bool = False) -> str:
    detector = MfDetector(relax=relax)
    samples = np.concatenate((samples, np.zeros(800, np.int16)))
    return "".join(detector.receive(samples[i : i + size].astype("<i2").tobytes()) for i in range(0, len(samples), size))


@pytest.mark.parametrize("size", [160, 80, 33, 240])
def test_all_digits(size: int) -> None:
    digits = "*1234567890#ABC1122"
    assert found(sent(digits), size) == digits


@pytest.mark.parametrize("level", [0.1, 1.5])
def test_levels(level: float) -> None:
    assert found((sent("*123#") * level).astype(np.int16)) == "*123#"


def test_long_digits_are_one() -> None:
    assert found(sent("*5#", 500, 60)) == "*5#"


def test_noise() -> None:
    noise = np.random.default_rng(1).normal(0, 300, 4 * 8000)
    assert found(noise.astype(np.int16)) == ""
    assert found((sent("*9876543210#") + noise[: len(sent("*9876543210#"))]).astype(np.int16)) == "*9876543210#"


@pytest.mark.parametrize("factor", [0.985, 1.015])
def test_frequencies_may_be_off(factor: float) -> None:
    clock = np.arange(800) / 8000
    for digit, pair in FREQUENCIES.items():
        tone = sum(6000 * np.sin(2 * np.pi * hertz * factor * clock) for hertz in pair)
        assert found(tone) == digit


def test_twist() -> None:
    clock = np.arange(800) / 8000
    loud, quiet = np.sin(2 * np.pi * 900 * clock), np.sin(2 * np.pi * 1500 * clock)
    assert found(8000 * loud + 5000 * quiet) == "8"
    assert found(8000 * loud + 3000 * quiet) == ""
    assert found(8000 * loud + 3000 * quiet, relax=True) == "8"


def test_dtmf_is_no_mf() -> None:
    """But for 2 and 3 (697 with 1336 and 1477 Hz), which are MF 4 and 7 as far off as they may be."""
    assert found(np.concatenate([np.frombuffer(digit_tone(digit).render(1600), "<i2") for digit in "147*58069#"])) == ""


def test_every_pair_is_used_once() -> None:
    assert len(set(FREQUENCIES.values())) == 15
