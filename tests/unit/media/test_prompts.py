"""Spoken prompts: every text is there, is audible, is kept once, and never leaves its folder."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from globstar.media.prompts import RATE, PromptStore, Samples, _smooth, prompt_texts, render, resampled, synthesise, tone


def peak_hertz(samples: Samples, rate: int) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(samples.size)))
    return float(np.argmax(spectrum) * rate / samples.size)


def read(path: Path) -> Samples:
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (RATE, 1, 2)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")


def test_all_prompts_of_say_number_and_say_alpha_have_a_text():
    texts = prompt_texts("en")
    needed = [f"digits/{n}" for n in [*range(20), *range(20, 100, 10), "hundred", "thousand", "million", "minus"]]
    needed += [f"letters/{c}" for c in "abcdefghijklmnopqrstuvwxyz"] + [f"phonetic/{c}_p" for c in "akz"]
    needed += [f"digits/day-{n}" for n in range(7)] + [f"digits/mon-{n}" for n in range(12)]
    needed += [f"digits/h-{n}" for n in [*range(1, 20), 20, 30]]
    assert [name for name in needed if name not in texts] == []
    assert (texts["digits/14"], texts["digits/h-3"], texts["digits/mon-11"]) == ("fourteen", "third", "December")


@pytest.mark.parametrize(
    "name",
    "beep demo-congrats vm-intro vm-login vm-password vm-youhave vm-goodbye vm-theperson auth-thankyou pbx-invalid "
    "demo-echotest demo-instruct invalid ss-noservice".split(),
)
def test_prompts_of_the_applications_have_a_text(name: str):
    assert prompt_texts("en_US")[name]


def test_every_table_line_has_a_name_and_a_text():
    assert all(name and text.strip() == text and text for name, text in prompt_texts("en").items())


@pytest.mark.parametrize("language", ["xx", "../../etc", "en/../..", "", "en\n"])
def test_a_language_without_table_has_no_prompts(language: str, tmp_path: Path):
    assert prompt_texts(language) == {}
    assert PromptStore(tmp_path).ensure_prompt("beep", language) is None
    assert list(tmp_path.iterdir()) == []


def test_the_engine_speaks_and_different_texts_sound_different():
    rate, four = synthesise("four")
    _, sentence = synthesise("Please enter the conference number, then press pound.")
    assert rate >= 16000
    assert 0.2 < four.size / rate < 1.2
    assert 2.0 < sentence.size / rate < 6.0
    assert np.abs(four.astype(int)).max() > 3000


@pytest.mark.parametrize("wanted", [8000, 16000, 48000])
def test_resampling_keeps_pitch_length_and_level(wanted: int):
    rate = 22050
    source = tone([(700, 1000)], rate)
    result = resampled(source, rate, wanted)
    assert abs(result.size - wanted) <= wanted // 100
    assert peak_hertz(result, wanted) == pytest.approx(700, abs=2)
    assert np.abs(result.astype(int)).max() == pytest.approx(np.abs(source.astype(int)).max(), rel=0.05)


def test_lengths_that_are_quickly_transformed():
    smooth = [number for number in range(1, 2049) if not _others(number)]
    for least in range(1, 2000):
        assert _smooth(least) == next(number for number in smooth if number >= least)


def _others(number: int) -> bool:
    """Whether a number has other prime factors than 2, 3 and 5."""
    for prime in (2, 3, 5):
        while number % prime == 0:
            number //= prime
    return number > 1


@pytest.mark.parametrize("samples", [1, 440, 441, 442, 441 * 9973, 441 * 9973 + 17])
def test_a_recording_keeps_its_length_at_another_rate(samples):
    """9,973 is a prime number; what is added to make a length of small factors is cut off again."""
    assert resampled(np.ones(samples, np.int16), 22050).size == -(-samples // 441) * 160


def test_resampling_down_removes_what_would_fold():
    source = tone([(6000, 500)], 22050)
    assert np.abs(resampled(source, 22050, 8000).astype(int)).max() < 200


def test_a_tone_prompt_is_that_tone():
    samples = render("!tone 1000 300")
    assert samples.size == RATE * 3 // 10
    assert peak_hertz(samples, RATE) == pytest.approx(1000, abs=4)
    assert render("!silence 2").size == 2 * RATE


def test_a_prompt_is_spoken_once_and_kept(tmp_path: Path):
    store = PromptStore(tmp_path)
    path = store.ensure_prompt("digits/7")
    assert path == tmp_path / "en" / "digits" / "7.wav"
    assert np.abs(read(path).astype(int)).max() > 3000
    written = path.stat().st_mtime_ns
    assert store.ensure_prompt("digits/7") == path
    assert path.stat().st_mtime_ns == written
    assert [entry.name for entry in path.parent.iterdir()] == ["7.wav"]


def test_an_unknown_prompt_is_none(tmp_path: Path):
    assert PromptStore(tmp_path).ensure_prompt("no-such-prompt") is None


def test_a_recorded_prompt_wins(tmp_path: Path):
    recorded = tmp_path / "recorded" / "en"
    recorded.mkdir(parents=True)
    (recorded / "beep.gsm").write_bytes(b"\xd2" + bytes(32))
    store = PromptStore(tmp_path / "spoken", [tmp_path / "none", tmp_path / "recorded"])
    assert store.ensure_prompt("beep", "en_GB") == recorded / "beep.gsm"
    assert store.ensure_prompt("beeperr") == tmp_path / "spoken" / "en" / "beeperr.wav"


def test_british_english_speaks_with_its_own_voice(tmp_path: Path):
    store = PromptStore(tmp_path)
    american, british = store.ensure_prompt("letters/z", "en"), store.ensure_prompt("letters/z", "en_GB")
    assert american is not None
    assert british is not None
    assert american.read_bytes() != british.read_bytes()
