"""Pulses of one frequency: what is sent is found; other lengths, other tones and voice are not."""

from __future__ import annotations

import numpy as np
import pytest

from globstar.dsp.sf import SfDetector, sf_tone
from tests.interop.support.audio import sine


def found(samples: np.ndarray, size: int = 160, **options: object) -> str:
    detector = SfDetector(**options)  # type: ignore[arg-type]
    samples = np.concatenate((samples, np.zeros(4000, np.int16)))
    return "".join(detector.receive(samples[i : i + size].astype("<i2").tobytes()) for i in range(0, len(samples), size))


def sent(digits: str, frequency: float = 2600) -> np.ndarray:
    parts = []
    for digit in digits:
        tone = sf_tone(digit, frequency)
        count = (int(digit) or 10) * 100 + 600
        parts.append(np.frombuffer(tone.render(8 * count), "<i2"))
        assert tone.next_frame(160) is None
    return np.concatenate(parts)


def pulses(count: int, on_ms: int = 67, off_ms: int = 33, hertz: float = 2600) -> np.ndarray:
    one = np.concatenate((sine(hertz, on_ms / 1000, 6000), np.zeros(8 * off_ms, np.int16)))
    return np.tile(one, count)


@pytest.mark.parametrize("size", [160, 80, 50])
def test_all_digits(size: int) -> None:
    assert found(sent("0123456789"), size) == "0123456789"


def test_another_frequency() -> None:
    assert found(sent("42", 1600), frequency=1600) == "42"
    assert found(sent("42", 1600)) == ""


@pytest.mark.parametrize(("on_ms", "off_ms"), [(50, 50), (60, 40), (75, 35)])
def test_pulses_that_are_a_little_off(on_ms: int, off_ms: int) -> None:
    assert found(pulses(5, on_ms, off_ms)) == "5"


def test_what_is_no_pulse() -> None:
    assert found(pulses(1, 1000)) == ""
    assert found(pulses(3, 15, 85)) == ""
    assert found(np.random.default_rng(2).normal(0, 3000, 16000).astype(np.int16)) == ""


def test_extra_pulses() -> None:
    for count, digit in zip(range(11, 17), "*#ABCD", strict=True):
        assert found(pulses(count)) == ""
        assert found(pulses(count), takes_extra=True) == digit


def test_distorted_pulses() -> None:
    noise = np.random.default_rng(3).normal(0, 2800, 800 * 4)
    noisy = pulses(4).astype(float) + noise[: len(pulses(4))]
    assert found(noisy, relax=True) == "4"
