"""The tone of a calling fax."""

from __future__ import annotations

import numpy as np
import pytest

from globstar.dsp.faxtone import FaxToneDetector


def tone(hertz: float, milliseconds: int, amplitude: float = 3000.0) -> bytes:
    clock = np.arange(8 * milliseconds) / 8000
    return (amplitude * np.sin(2 * np.pi * hertz * clock)).astype("<i2").tobytes()


def feed(data: bytes, size: int = 320) -> int:
    detector = FaxToneDetector()
    return sum(detector.receive(data[start : start + size]) for start in range(0, len(data), size))


@pytest.mark.parametrize("size", [320, 160, 38, 4000])
@pytest.mark.parametrize("hertz", [1062, 1100, 1138])
def test_t30_cng_with_its_tolerance_of_38_hz(hertz: float, size: int) -> None:
    assert feed(tone(hertz, 500), size) == 1


def test_each_time_anew() -> None:
    assert feed((tone(1100, 500) + bytes(16 * 3000)) * 3) == 3


def test_weak_but_there() -> None:
    assert feed(tone(1100, 500, 100.0)) == 1


@pytest.mark.parametrize(
    "data",
    [
        tone(1100, 300),
        bytes(16 * 1000),
        tone(2100, 1000),
        tone(1000, 1000),
        tone(1209, 1000),
        tone(1100, 1000, 5.0),
        (np.random.default_rng(1).normal(0, 2000, 16000)).astype("<i2").tobytes(),
    ],
    ids=["too short", "silence", "CED", "1000 Hz", "a digit's tone", "too weak", "noise"],
)
def test_no_fax(data: bytes) -> None:
    assert feed(data) == 0


def test_speech_over_the_tone_is_no_fax() -> None:
    mixed = np.frombuffer(tone(1100, 1000), "<i2").astype(int) + np.frombuffer(tone(420, 1000), "<i2").astype(int)
    assert feed(mixed.astype("<i2").tobytes()) == 0
