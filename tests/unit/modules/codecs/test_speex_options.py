"""``[speex]`` of codecs.conf: what each option does to what is sent."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np
import pytest

from globstar.config import MemorySource
from globstar.core.boot import Configuration
from globstar.dsp import speexdsp
from globstar.modules.codecs import speex

pytestmark = pytest.mark.skipif(speex.library() is None or speexdsp.library() is None, reason="libspeex is not installed")


@pytest.fixture(autouse=True)
def fresh_settings() -> Iterator[None]:
    before = speex.settings
    yield
    speex.settings = before


def read(*lines: str) -> None:
    text = "\n".join(("[speex]", *lines, ""))
    speex.load(SimpleNamespace(configuration=Configuration(MemorySource({"codecs.conf": text}))))  # type: ignore[arg-type]


def noise(level: int, seconds: float = 3.0) -> np.ndarray:
    return np.random.default_rng(3).normal(0, level, int(8000 * seconds)).astype("<i2")


def voice(level: int, seconds: float = 3.0) -> np.ndarray:
    """A buzz in bursts of a quarter of a second."""
    times = np.arange(int(8000 * seconds)) / 8000
    tones = sum(np.sin(2 * np.pi * 140 * n * times) / n for n in range(1, 10))
    return np.rint(level * tones * (np.floor(times * 4) % 2)).astype("<i2")


def packets(sound: np.ndarray) -> list[bytes]:
    encoder = speex.Encoder(0)
    data = sound.tobytes()
    return [encoder(data[start : start + 320]) for start in range(0, len(data) - 319, 320)]


def heard(sound: np.ndarray) -> np.ndarray:
    decoder = speex.Decoder(0)
    return np.frombuffer(b"".join(map(decoder, packets(sound))), "<i2").astype(float)


def loudness(sound: np.ndarray) -> float:
    return float(np.sqrt(np.mean(sound.astype(float)[sound.size // 2 :] ** 2)))


def test_quality_and_variable_rate() -> None:
    sizes = []
    for lines in (("quality=1",), ("quality=9",), ("vbr=yes", "vbr_quality=8")):
        read(*lines)
        sizes.append([len(packet) for packet in packets(voice(3000))])
    assert max(sizes[0]) < min(sizes[1])
    assert len(set(sizes[0])) == len(set(sizes[1])) == 1 < len(set(sizes[2]))


def test_preprocess_is_what_turns_the_others_on() -> None:
    read("pp_denoise=yes", "pp_agc=yes", "pp_dereverb=yes", "pp_vad=yes", "dtx=yes")
    plain = packets(noise(800))
    read()
    assert packets(noise(800)) == plain
    read("preprocess=yes")
    assert packets(noise(800)) == plain


def test_noise_is_suppressed() -> None:
    read("quality=8")
    before = loudness(heard(noise(600)))
    read("quality=8", "preprocess=yes", "pp_denoise=yes")
    assert loudness(heard(noise(600))) < 0.5 * before


def test_the_level_is_evened_out() -> None:
    levels = {}
    for wanted in (4000, 16000):
        read("quality=8", "preprocess=yes", "pp_agc=yes", f"pp_agc_level={wanted}")
        levels[wanted] = loudness(heard(voice(1000, 8.0)))
    assert levels[16000] > 1.5 * levels[4000]


def test_the_library_is_told_of_reverberation(monkeypatch: pytest.MonkeyPatch) -> None:
    """The requests of speex_preprocess.h; newer versions of the library take them and have no use for the two figures."""
    told: dict[int, float] = {}
    monkeypatch.setattr(speexdsp.Preprocessor, "_set", lambda _self, request, value: told.update({request: value.value}))
    read("preprocess=yes", "pp_dereverb=yes", "pp_dereverb_decay=0.75", "pp_dereverb_level=0.5")
    packets(voice(4000, 0.1))
    assert (told[8], told[10], told[12]) == (1, 0.5, 0.75)
    told.clear()
    read("preprocess=yes", "pp_denoise=yes")
    packets(voice(4000, 0.1))
    assert told[8] == 0
    assert not told.keys() & {10, 12}


def test_frames_without_voice_are_not_sent_with_dtx() -> None:
    sound = np.concatenate((np.zeros(8000, "<i2"), voice(6000, 2.0), np.zeros(16000, "<i2")))
    read("preprocess=yes", "pp_vad=yes", "dtx=yes")
    sent = [bool(packet) for packet in packets(sound)]
    assert sum(sent[-50:]) == 0
    assert sum(sent[50:150]) > 30
    read("preprocess=yes", "pp_vad=yes")
    assert all(packets(sound))


def test_without_the_library_it_says_so_and_encodes(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    read()
    plain = packets(noise(500))
    monkeypatch.setattr(speexdsp, "library", lambda: None)
    read("preprocess=yes", "pp_denoise=yes")
    assert "libspeexdsp1" in capfd.readouterr().err
    assert packets(noise(500)) == plain
