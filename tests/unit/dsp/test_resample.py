"""Resampling: steady length, clean tones, no aliases."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from globstar.dsp.resample import Resampler, resample_all

RATES = (8000, 12000, 16000, 24000, 32000, 44100, 48000, 96000, 192000)
PAIRS = list(permutations(RATES, 2))


def sine(frequency, rate, seconds=0.5, amplitude=10000):
    return np.rint(amplitude * np.sin(2 * np.pi * frequency * np.arange(int(rate * seconds)) / rate)).astype("<i2").tobytes()


def in_frames(resampler, data, ms=20):
    size = 2 * resampler.source_rate * ms // 1000
    return [resampler(data[start : start + size]) for start in range(0, len(data), size)]


def sinad_db(data, frequency, rate):
    """Signal against everything else, by a least-squares fit of the tone."""
    wave = np.frombuffer(data, "<i2").astype(float)
    clock = 2 * np.pi * frequency * np.arange(len(wave)) / rate
    basis = np.stack((np.cos(clock), np.sin(clock), np.ones(len(wave))), axis=1)
    fitted = basis @ np.linalg.lstsq(basis, wave, rcond=None)[0]
    return 10 * np.log10((fitted**2).sum() / ((wave - fitted) ** 2).sum())


@pytest.mark.parametrize(("source", "destination"), PAIRS)
@pytest.mark.parametrize("ms", [10, 20])
def test_every_frame_gives_the_same_length_from_the_first_on(source, destination, ms):
    frames = in_frames(Resampler(source, destination), bytes(2 * source * 200 // 1000), ms)
    assert {len(frame) for frame in frames} == {2 * destination * ms // 1000}


@pytest.mark.parametrize(("source", "destination"), PAIRS)
def test_a_tone_stays_clean(source, destination):
    audio = b"".join(in_frames(Resampler(source, destination), sine(1000, source)))
    assert sinad_db(audio[len(audio) // 4 // 2 * 2 :], 1000, destination) > 60


@pytest.mark.parametrize(("source", "destination"), [(16000, 8000), (48000, 8000), (44100, 8000), (48000, 16000)])
@pytest.mark.parametrize("ratio", [0.51, 0.6, 0.9])
def test_what_lies_above_the_new_band_is_gone(source, destination, ratio):
    frequency = min(destination * ratio, source * 0.45)
    audio = b"".join(in_frames(Resampler(source, destination), sine(frequency, source)))
    wave = np.frombuffer(audio, "<i2")[1000:].astype(float)
    assert 20 * np.log10(max(np.sqrt((wave**2).mean()), 0.1) / 7071) < -50


@pytest.mark.parametrize(("source", "destination"), [(8000, 16000), (16000, 8000), (8000, 48000), (8000, 44100)])
def test_the_telephone_band_keeps_its_level(source, destination):
    for frequency in (300, 1000, 3000, 3300):
        audio = b"".join(in_frames(Resampler(source, destination), sine(frequency, source)))
        wave = np.frombuffer(audio, "<i2")[len(audio) // 4 :].astype(float)
        assert 20 * np.log10(np.sqrt((wave**2).mean()) / 7071) == pytest.approx(0, abs=0.3)


@settings(max_examples=50, deadline=None)
@given(st.sampled_from(PAIRS), st.lists(st.integers(0, 500), min_size=1, max_size=12))
def test_how_the_stream_is_cut_does_not_matter(pair, lengths):
    source, destination = pair
    data = sine(700, source, sum(lengths) / source + 0.001)[: 2 * sum(lengths)]
    whole, pieces, position = Resampler(source, destination)(data), [], 0
    resampler = Resampler(source, destination)
    for length in lengths:
        pieces.append(resampler(data[position : position + 2 * length]))
        position += 2 * length
    joined = b"".join(pieces)
    assert len(joined) == len(whole)
    difference = np.frombuffer(joined, "<i2").astype(int) - np.frombuffer(whole, "<i2")
    assert not len(difference) or abs(difference).max() <= 1  # sums in another order


def test_saturation_does_not_wrap():
    square = (np.sign(np.sin(np.arange(8000) * 0.3)) * 32767).astype("<i2").tobytes()
    out = np.frombuffer(Resampler(8000, 16000)(square), "<i2").astype(int)
    assert abs(np.diff(out)).max() < 45000


def test_a_whole_sound_keeps_its_length_and_place():
    original = sine(440, 8000)
    back = np.frombuffer(resample_all(resample_all(original, 8000, 48000), 48000, 8000), "<i2").astype(float)
    reference = np.frombuffer(original, "<i2").astype(float)
    assert len(back) == len(reference)
    error = (back - reference)[200:-200]
    assert 10 * np.log10((reference**2).mean() / (error**2).mean()) > 50


def test_reset_begins_anew():
    resampler = Resampler(8000, 12000)
    first = resampler(sine(440, 8000)[:322])
    resampler.reset()
    assert resampler(sine(440, 8000)[:322]) == first
