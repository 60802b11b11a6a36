"""V.23: bytes go out as sound and come back, with noise, through G.711, in blocks of any size."""

from __future__ import annotations

import numpy as np
import pytest

from globstar.dsp.fsk import FskReceiver, modulate
from globstar.dsp.g711 import alaw_to_linear, linear_to_alaw

DATA = bytes(range(256))


def heard(sound: bytes, block: int = 320, before: int = 1000) -> tuple[bytes, FskReceiver]:
    receiver = FskReceiver()
    sound = bytes(2 * before) + sound + bytes(2000)
    return b"".join(receiver.receive(sound[at : at + block]) for at in range(0, len(sound), block)), receiver


@pytest.mark.parametrize("block", [2, 160, 320, 1000, 100000])
def test_every_byte_comes_back(block: int) -> None:
    found, receiver = heard(modulate(DATA), block)
    assert found == DATA
    assert receiver.framing_errors == 0


@pytest.mark.parametrize("before", [0, 1, 77, 400])
def test_wherever_it_begins(before: int) -> None:
    assert heard(modulate(DATA), before=before)[0] == DATA


def test_through_g711() -> None:
    assert heard(alaw_to_linear(linear_to_alaw(modulate(DATA))))[0] == DATA


@pytest.mark.parametrize("seed", range(5))
def test_with_noise_of_15_db(seed: int) -> None:
    clean = np.frombuffer(modulate(DATA), "<i2").astype(np.float64)
    noise = np.random.default_rng(seed).normal(0, clean.std() / 10 ** (15 / 20), len(clean))
    assert heard((clean + noise).astype("<i2").tobytes())[0] == DATA


@pytest.mark.parametrize("gain", [0.05, 0.3, 3.0])
def test_at_any_level(gain: float) -> None:
    sound = np.clip(np.frombuffer(modulate(DATA), "<i2") * gain, -32768, 32767).astype("<i2").tobytes()
    assert heard(sound)[0] == DATA


def test_what_is_no_signal_is_silence() -> None:
    found, receiver = heard(bytes(16000))
    assert found == b""
    assert receiver.is_silent
    hum = (2000 * np.sin(np.arange(8000) * 2 * np.pi * 50 / 8000)).astype("<i2").tobytes()
    found, receiver = heard(hum)
    assert found == b""


def test_the_two_frequencies_and_the_length() -> None:
    sound = np.frombuffer(modulate(b"", lead_bits=1200), "<i2")
    assert int(np.argmax(np.abs(np.fft.rfft(sound[:8000])))) == 1300
    zeros = np.frombuffer(modulate(b"\x00", lead_bits=0, tail_bits=0), "<i2")
    assert abs(len(zeros) - 8000 * 10 / 1200) < 2
