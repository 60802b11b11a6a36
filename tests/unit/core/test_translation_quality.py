"""Every pair of codecs: what TranslationRegistry makes of a sound is as good as what the codecs make of it by themselves."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from globstar.core import format as formats
from globstar.core.frame import Frame, FrameType
from tests.support.sound_quality import (
    FORMATS,
    LINEAR,
    VOCODERS,
    by_themselves,
    coded,
    coder,
    decoded,
    encoded,
    frames_of,
    original,
    segmental_ratio,
    translated,
    translation,
)  # fmt: skip


def check(source: str, destination: str) -> str:
    """An empty text, or what is wrong with a pair."""
    sound, frames = translated(source, destination)
    rate = FORMATS[destination].sample_rate
    here, there = segmental_ratio(sound, rate), segmental_ratio(by_themselves(source, destination), rate)
    if here < there - 1.0:
        return f"{source} to {destination}: {here:.2f} dB, {there:.2f} dB by themselves"
    clock = FORMATS[destination].codec.clock_rate
    times = [frame.rtp_time for frame in frames]
    lengths = [frame.samples * clock // rate for frame in frames]
    for index in range(1, len(times)):
        if times[index] != (times[index - 1] or 0) + lengths[index - 1]:
            return f"{source} to {destination}: packet {index} has the time {times[index]} after {times[index - 1]}"
    return ""


@pytest.mark.parametrize("source", coded())
def test_codec_pairs_lose_no_more_than_the_codecs_themselves(source: str) -> None:
    wrong = [text for destination in coded() if destination != source and (text := check(source, destination))]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("source", LINEAR)
def test_signed_linear_of_every_rate(source: str) -> None:
    others = [*(name for name in LINEAR if name != source), "ulaw", "g722", "opus"]
    wrong = [text for destination in others if destination in (*LINEAR, *coded()) and (text := check(source, destination))]
    assert not wrong, "\n".join(wrong)


def test_the_measure_tells_good_from_bad() -> None:
    """The ratio is high for the original, falls with noise as it should, and is not moved by delay."""
    clean = original(8000)
    assert segmental_ratio(clean, 8000) == 30.0
    assert segmental_ratio(bytes(2 * 37) + clean, 8000) > 29.0
    samples = np.frombuffer(clean, "<i2").astype(float)
    noisy = samples + np.random.default_rng(1).normal(0, 150, samples.size)
    assert 15 < segmental_ratio(noisy.astype("<i2").tobytes(), 8000) < 25
    assert segmental_ratio(decoded("ulaw", encoded("ulaw")), 8000) > 28
    holes = samples.copy()
    holes[::100] = 0
    assert segmental_ratio(holes.astype("<i2").tobytes(), 8000) < 25


def test_vocoders_keep_the_pitch() -> None:
    """What has no wave form to compare has the strongest frequency of a tone and its level within 6 dB."""
    times = np.arange(8000) / 8000
    voice = np.rint(2500 * sum(np.sin(2 * math.pi * 150 * n * times) / n for n in range(1, 12))).astype("<i2").tobytes()
    for name in VOCODERS:
        if name not in coded():
            continue
        for source in ("ulaw", "slin"):
            there = translation().build_path(FORMATS[source], FORMATS[name])
            back = translation().build_path(FORMATS[name], formats.slin)
            assert there is not None
            assert back is not None
            packets = frames_of(voice, 8000)
            if source == "ulaw":
                step = coder(formats.slin, formats.ulaw)
                packets = [step(packet) for packet in packets]
            sound = np.frombuffer(b"".join(back.translate_bytes(there.translate_bytes(packet)) for packet in packets), "<i2")
            middle = sound[3000:7000].astype(float)
            lags = np.correlate(middle, middle, "full")[middle.size - 1 :]
            period = 40 + int(np.argmax(lags[40:100]))
            assert abs(8000 / period - 150) < 8
            before = np.frombuffer(voice, "<i2")[3000:7000].astype(float)
            assert abs(10 * math.log10(np.mean(middle**2) / np.mean(before**2))) < 6


#: Codecs whose packets can be cut anywhere, 10 ms at the least, and put together again.
PIECES = ("ulaw", "alaw", "g726", "g726aal2", "adpcm", "g722", "slin", "slin16", "slin44", "slin48")


@pytest.mark.parametrize("ms", [10, 30, 40, 60])
@pytest.mark.parametrize("source", PIECES)
def test_packets_of_every_length_into_every_codec(source: str, ms: int) -> None:
    """As much sound comes out as goes in, less what an encoder waits for; the timestamps count what is in the packets."""
    format = FORMATS[source]
    stream = b"".join(encoded(source))
    size = format.bytes_for(ms)
    for destination in coded():
        if destination == source:
            continue
        other = FORMATS[destination]
        path = translation().build_path(format, other)
        assert path is not None
        taken = 0
        out: list[Frame] = []
        for start in range(0, len(stream) - size + 1, size):
            time = taken * format.codec.clock_rate // format.sample_rate
            samples = format.samples_in(stream[start : start + size])
            made = path.translate(
                Frame(FrameType.VOICE, 0, stream[start : start + size], format=format, samples=samples, rtp_time=time)
            )
            taken += samples
            if made is not None:
                out.append(made)
        seconds_in = taken / format.sample_rate
        seconds_out = sum(frame.samples for frame in out) / other.sample_rate
        assert 0 <= seconds_in - seconds_out < 0.0301, destination
        for before, after in itertools.pairwise(out):
            assert before.rtp_time is not None
            assert after.rtp_time == before.rtp_time + before.samples * other.codec.clock_rate // other.sample_rate, destination
        audible = decoded(destination, [frame.data for frame in out])
        assert abs(len(audible) / 2 / other.sample_rate - seconds_out) < 0.0101, destination


@pytest.mark.parametrize("destination", LINEAR)
@pytest.mark.parametrize("source", LINEAR)
def test_resampling_is_steady(source: str, destination: str) -> None:
    """Each 20 ms in give 20 ms out, from the first frame on and for as long as it goes: no burst, no drift."""
    if source == destination:
        return
    one, other = FORMATS[source], FORMATS[destination]
    path = translation().build_path(one, other)
    assert path is not None
    frame = bytes(2 * one.sample_rate // 50)
    lengths = [len(path.translate_bytes(frame)) // 2 for _ in range(300)]
    assert set(lengths) == {other.sample_rate // 50}
