"""Lost packets on a channel's way are made up for, once, in time, and only when they are lost."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from globstar.core import format as formats
from globstar.core.conceal import MAX_CONCEALED, ConcealingPath, build_concealing_path
from globstar.core.format import BUILTIN, Format
from globstar.core.frame import Frame, FrameType
from globstar.core.registry import Registry, specs_of
from globstar.core.translate import PlcSettings, TranslationPath, TranslationRegistry
from globstar.modules.codecs import a_mu, alaw, amr, g722, g729, gsm, ilbc, opus, resample, speex, ulaw


@pytest.fixture
def translation() -> TranslationRegistry:
    registry: Registry[Any] = Registry("translator")
    for module in (ulaw, alaw, a_mu, resample, gsm, g722, opus, speex, g729, ilbc, amr):
        for spec in specs_of(module):
            registry.register(spec)
    return TranslationRegistry(registry)


def build(translation: TranslationRegistry, source: Format, destination: Format) -> ConcealingPath:
    path = build_concealing_path(translation, source, destination, is_reading=True)
    assert isinstance(path, ConcealingPath)
    return path


def speech(rate: int, seconds: float) -> np.ndarray:
    times = np.arange(int(rate * seconds)) / rate
    return np.rint(3000 * sum(np.sin(2 * np.pi * 130 * n * times + n) / n for n in range(1, 9))).astype("<i2")


def packets(translation: TranslationRegistry, format: Format, count: int, first: int = 65530) -> list[Frame]:
    """``count`` packets of 20 ms, with numbers that wrap around."""
    sound = speech(8000, count * 0.02 + 0.1)
    path = translation.build_path(formats.slin, format)
    assert path is not None
    made: list[Frame] = []
    ticks = format.codec.clock_rate // 50
    for start in range(0, sound.size, 160):
        data = path.translate_bytes(sound[start : start + 160].tobytes())
        if data and len(made) < count:
            number = first + len(made)
            rtp_time = (0xFFFFF000 + ticks * len(made)) & 0xFFFFFFFF
            made.append(
                Frame(
                    FrameType.VOICE,
                    0,
                    data,
                    format=format,
                    samples=format.samples_in(data),
                    rtp_time=rtp_time,
                    seq=number & 0xFFFF,
                )
            )
    return made


def play(path: ConcealingPath, frames: list[Frame]) -> list[Frame]:
    """What comes out, as a channel does it."""
    out: list[Frame] = []
    for frame in frames:
        if frame.seq != path.expects:
            missing = path.fill(frame)
            if missing is None:
                continue
            out += missing
        translated = path.translate(frame)
        if translated is not None:
            out.append(translated)
    return out


CODECS = ["ulaw", "alaw", "gsm", "g722", "opus", "speex", "speex16", "g729"]
if ilbc.library() is not None:  # native only
    CODECS.append("ilbc")


@pytest.mark.parametrize(("source", "destination"), [(s, d) for s, d in itertools.permutations(CODECS, 2)])
def test_every_pair_has_as_much_sound_with_a_loss_as_without(
    translation: TranslationRegistry, source: str, destination: str
) -> None:
    one, other = BUILTIN[source], BUILTIN[destination]
    sent = packets(translation, one, 14)
    whole = play(build(translation, one, other), sent)
    path = build(translation, one, other)
    lossy = play(path, [frame for index, frame in enumerate(sent) if index not in (5, 8, 9)])
    assert path.concealed == 3
    assert [frame.samples for frame in lossy] == [frame.samples for frame in whole]
    assert [frame.rtp_time for frame in lossy] == [frame.rtp_time for frame in whole]


@pytest.mark.parametrize("source", CODECS)
def test_what_is_made_up_is_like_what_was_lost(translation: TranslationRegistry, source: str) -> None:
    """The concealed sound has at least a fifth of the energy of what was lost, and at most twice of it."""
    one = BUILTIN[source]
    sent = packets(translation, one, 14)
    whole = b"".join(frame.data for frame in play(build(translation, one, formats.slin), sent))
    lossy = b"".join(frame.data for frame in play(build(translation, one, formats.slin), sent[:9] + sent[10:]))
    lost = slice(9 * 160, 10 * 160)
    there, made = (float(np.mean(np.frombuffer(data, "<i2")[lost].astype(float) ** 2)) for data in (whole, lossy))
    assert there / 5 < made < 2 * there


def test_opus_takes_the_lost_packet_from_the_next_one(translation: TranslationRegistry) -> None:
    """With forward error correction the loss is nearer to the original than made-up sound."""
    fec = formats.opus.with_attributes({formats.FMTP: "useinbandfec=1;maxaveragebitrate=24000"})
    encoder = translation.build_path(formats.slin16, fec)
    assert encoder is not None
    rng = np.random.default_rng(3)
    # a new pitch in each packet: nothing can be guessed from the past
    pitches = np.repeat(rng.uniform(100, 300, 40), 320)
    phase = 2 * np.pi * np.cumsum(pitches) / 16000
    sound = np.rint(2500 * sum(np.sin(phase * n) / n for n in range(1, 8))).astype("<i2")
    coded = [encoder.translate_bytes(sound[start : start + 320].tobytes()) for start in range(0, sound.size, 320)]
    errors = {}
    for uses in (True, False):
        decoder, reference = (opus.Decoder(16000) for _ in range(2))
        error = 0.0
        for index, packet in enumerate(coded):
            plain = np.frombuffer(reference(packet), "<i2").astype(float)
            if index % 4 == 3 and index + 1 < len(coded):
                got = decoder.conceal(320, coded[index + 1] if uses else None)
            else:
                got = decoder(packet)
            if index % 4 == 3 and index > 8 and index + 1 < len(coded):
                error += float(np.sum((np.frombuffer(got, "<i2") - plain) ** 2))
        errors[uses] = error
    assert errors[True] < 0.7 * errors[False]


def test_silence_suppression_is_no_loss(translation: TranslationRegistry) -> None:
    """Numbers in order, a jump of the timestamps: the peer had nothing to say."""
    sent = packets(translation, formats.ulaw, 8)
    for frame in sent[4:]:
        assert frame.rtp_time is not None
        frame.rtp_time = (frame.rtp_time + 8000) & 0xFFFFFFFF
    path = build(translation, formats.ulaw, formats.alaw)
    out = play(path, sent)
    assert (path.concealed, len(out)) == (0, 8)
    assert out[4].rtp_time is not None
    assert out[3].rtp_time is not None
    assert (out[4].rtp_time - out[3].rtp_time) & 0xFFFFFFFF == 8160


def test_a_loss_in_a_pause_and_another_stream_are_no_reason_to_make_sound(translation: TranslationRegistry) -> None:
    for shift in (3200 + 7, 5_000_000, -160):
        path = build(translation, formats.ulaw, formats.alaw)
        sent = packets(translation, formats.ulaw, 8)
        for frame in sent[5:]:
            assert frame.rtp_time is not None
            frame.rtp_time = (frame.rtp_time + shift) & 0xFFFFFFFF
        out = play(path, sent[:4] + sent[5:])
        assert (path.concealed, len(out)) == (0, 7)


def test_a_longer_loss_is_not_made_up_for(translation: TranslationRegistry) -> None:
    sent = packets(translation, formats.ulaw, 20)
    path = build(translation, formats.ulaw, formats.alaw)
    assert len(play(path, sent[:5] + sent[5 + MAX_CONCEALED + 1 :])) == 20 - MAX_CONCEALED - 1
    path = build(translation, formats.ulaw, formats.alaw)
    assert len(play(path, sent[:5] + sent[5 + MAX_CONCEALED :])) == 20


def test_a_packet_that_comes_too_late_is_not_played_again(translation: TranslationRegistry) -> None:
    sent = packets(translation, formats.ulaw, 10)
    path = build(translation, formats.ulaw, formats.alaw)
    out = play(path, [*sent[:4], sent[5], sent[4], *sent[6:]])
    assert (path.late, path.concealed, len(out)) == (1, 1, 10)


def test_another_stream_with_lower_numbers_is_played(translation: TranslationRegistry) -> None:
    path = build(translation, formats.ulaw, formats.alaw)
    play(path, packets(translation, formats.ulaw, 10, first=2000))
    other = packets(translation, formats.ulaw, 10, first=1950)
    for frame in other:
        assert frame.rtp_time is not None
        frame.rtp_time = (frame.rtp_time + 0x40000000) & 0xFFFFFFFF
    assert len(play(path, other)) == 10


def test_codecs_conf_decides(translation: TranslationRegistry) -> None:
    def kind(source: Format, destination: Format, is_reading: bool = True) -> type | None:
        path = build_concealing_path(translation, source, destination, is_reading=is_reading)
        return None if path is None else type(path)

    assert kind(formats.ulaw, formats.ulaw) is None
    assert kind(formats.slin16, formats.ulaw, is_reading=False) is TranslationPath
    translation.plc = PlcSettings(generic=False, on_equal_codecs=True)
    assert kind(formats.ulaw, formats.alaw) is TranslationPath
    assert kind(formats.opus, formats.ulaw) is ConcealingPath  # its own concealment
    assert kind(formats.ulaw, formats.ulaw) is None
    translation.plc = PlcSettings(generic=True, on_equal_codecs=True)
    assert kind(formats.ulaw, formats.ulaw) is ConcealingPath
    assert kind(formats.ulaw, formats.ulaw, is_reading=False) is None
    sent = packets(translation, formats.ulaw, 10)
    assert len(play(build(translation, formats.ulaw, formats.ulaw), sent[:4] + sent[6:])) == 10
