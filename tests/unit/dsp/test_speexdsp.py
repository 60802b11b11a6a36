"""Noise suppression and gain control: noise goes, speech-like sound stays, levels come together."""

from __future__ import annotations

import numpy as np
import pytest

from globstar.dsp.speexdsp import Preprocessor, library
from tests.interop.support.audio import level, sine

pytestmark = pytest.mark.skipif(library() is None, reason="libspeexdsp is not installed")


def run(preprocessor: Preprocessor, samples: np.ndarray, size: int = 160) -> np.ndarray:
    parts = [preprocessor.process(samples[i : i + size].astype("<i2").tobytes(), 8000) for i in range(0, len(samples), size)]
    return np.frombuffer(b"".join(parts), "<i2")


def bursts(seconds: float, loudness: int) -> np.ndarray:
    """Something like speech: a tone in bursts."""
    tone = sine(300, seconds, loudness) + sine(900, seconds, loudness // 2)
    gate = (np.arange(len(tone)) // 2000) % 2
    return (tone * gate).astype(np.int16)


def test_noise_is_suppressed_and_sound_stays() -> None:
    noise = np.random.default_rng(1).normal(0, 300, 8 * 8000).astype(np.int16)
    preprocessor = Preprocessor()
    preprocessor.change(removes_noise=True)
    quiet = run(preprocessor, noise)[-16000:]
    assert level(quiet) < 0.4 * level(noise)
    preprocessor = Preprocessor()
    preprocessor.change(removes_noise=True)
    speech = bursts(8, 8000)
    clean = run(preprocessor, speech + noise)
    loud = speech[-16000:] != 0
    assert level(clean[-16000:][loud]) > 0.5 * level(speech[-16000:][loud])


def test_levels_come_together() -> None:
    levels = []
    for loudness in (1000, 8000):
        preprocessor = Preprocessor()
        preprocessor.change(gain_level=8000)
        levels.append(level(run(preprocessor, bursts(15, loudness))[-24000:]))
    assert levels[1] / levels[0] < 4  # it was 8


def test_idle_and_other_frame_lengths() -> None:
    preprocessor = Preprocessor()
    assert preprocessor.is_idle
    preprocessor.change(removes_noise=True)
    assert not preprocessor.is_idle
    for size in (80, 160, 240):
        assert len(run(preprocessor, sine(500, 0.3), size)) == 2400
    assert preprocessor.process(b"", 8000) == b""
    preprocessor.close()
    preprocessor.close()
