"""Codecs of libraries of the system: what they make of speech and tones, and what Opus makes of the peer's wishes."""

from __future__ import annotations

import csv
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from globstar.core.format import FMTP, opus, slin48
from globstar.core.loader import ModuleDeclined
from globstar.core.registry import specs_of
from globstar.core.translate import TranslationPath, codec_family
from globstar.dsp import clibrary, spandsp
from globstar.dsp.tones import tone
from globstar.modules.codecs import amr, codec2, g726, g729, ilbc, lpc10, speex
from globstar.modules.codecs import opus as codec_opus

MODULES: dict[str, Any] = {
    "codec_g726": g726, "codec_lpc10": lpc10, "codec_speex": speex, "codec_codec2": codec2, "codec_g729": g729,
    "codec_opus": codec_opus, "codec_ilbc": ilbc, "codec_amr": amr,
}  # fmt: skip
#: iLBC is native only: without a compiler it is not there.
IS_BUILT = ilbc.library() is not None
SPECS: dict[str, Any] = {
    spec.name: spec for module in MODULES.values() if module is not ilbc or IS_BUILT for spec in specs_of(module)
}

#: coders with their decoders, rate, and the least share of energy that 440 Hz must have in what comes out
PAIRS = [
    ("lintog726", "g726tolin", 8000, 0.98),
    ("lintog726aal2", "g726aal2tolin", 8000, 0.98),
    ("lintospeex", "speextolin", 8000, 0.9),
    ("lin16tospeexwb", "speexwbtolin16", 16000, 0.9),
    ("lin32tospeexuwb", "speexuwbtolin32", 32000, 0.9),
    ("lintog729", "g729tolin", 8000, 0.8),
    ("lintoamr", "amrtolin", 8000, 0.8),
    ("lintoamrefficient", "amrefficienttolin", 8000, 0.8),
    ("lin16toamrwb", "amrwbtolin16", 16000, 0.8),
    ("lin16toamrwbefficient", "amrwbefficienttolin16", 16000, 0.8),
    ("lintoopus", "opustolin", 8000, 0.9),
    ("lin12toopus", "opustolin12", 12000, 0.9),
    ("lin16toopus", "opustolin16", 16000, 0.9),
    ("lin24toopus", "opustolin24", 24000, 0.9),
    ("lin48toopus", "opustolin48", 48000, 0.9),
]
if IS_BUILT:
    PAIRS += [("lintoilbc", "ilbctolin", 8000, 0.9), ("lintoilbc30", "ilbc30tolin", 8000, 0.9)]


def through(encoder: str, decoder: str, audio: bytes, rate: int) -> np.ndarray:
    """Audio through both translators, 20 ms at a time."""
    encode, decode = SPECS[encoder].open(), SPECS[decoder].open()
    size = rate // 50 * 2
    coded = b"".join(decode(encode(audio[start : start + size])) for start in range(0, len(audio), size))
    return np.frombuffer(coded, "<i2").astype(float)


@pytest.mark.parametrize(("encoder", "decoder", "rate", "share"), PAIRS)
def test_a_tone_stays_that_tone(encoder: str, decoder: str, rate: int, share: float) -> None:
    audio = tone("440", rate).render(rate)
    heard = through(encoder, decoder, audio, rate)
    assert abs(len(heard) - rate) <= rate // 50
    middle = heard[rate // 4 : rate // 4 + rate // 2]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle)))) ** 2
    bin_ = 440 * len(middle) // rate
    assert spectrum[bin_ - 6 : bin_ + 7].sum() / spectrum.sum() > share
    sent = np.frombuffer(audio, "<i2").astype(float)
    assert 0.5 < np.sqrt((middle**2).mean()) / np.sqrt((sent**2).mean()) < 1.5


@pytest.mark.parametrize(("encoder", "decoder"), [("lintolpc10", "lpc10tolin"), ("lintocodec2", "codec2tolin")])
def test_vocoders_keep_length_and_loudness_of_a_buzz(encoder: str, decoder: str) -> None:
    """They model a voice: pulses of 120 Hz with some formants, here a low-passed pulse train."""
    rate = 8000
    pulses = np.zeros(rate)
    pulses[:: rate // 120] = 20000.0
    voice = np.convolve(pulses, np.hanning(17))[:rate].clip(-30000, 30000).astype("<i2")
    heard = through(encoder, decoder, voice.tobytes(), rate)
    assert abs(len(heard) - rate) <= 400
    loudness = np.sqrt((heard[2000:] ** 2).mean()) / np.sqrt((voice[2000:].astype(float) ** 2).mean())
    assert 0.3 < loudness < 3


def test_rfc3551_4_5_4_g726_packs_the_first_sample_low_and_aal2_high() -> None:
    audio = tone("1000", 8000).render(400)
    rtp, aal2 = SPECS["lintog726"].open()(audio), SPECS["lintog726aal2"].open()(audio)
    assert rtp == bytes(byte >> 4 | (byte & 15) << 4 for byte in aal2)
    # CCITT's coder begins at rest: the first code of a full-scale positive step is one of the largest positive ones
    step = np.full(2, 30000, "<i2").tobytes()
    assert SPECS["lintog726"].open()(step)[0] & 15 in (6, 7)


def test_names_and_formats_are_those_of_asterisk(shared: Any) -> None:
    with (shared / "compat" / "translators.tsv").open() as file:
        listed = {row["translator"]: row for row in csv.DictReader(file, delimiter="\t")}
    for name in ("codec_g726", "codec_lpc10", "codec_speex", "codec_codec2", "codec_ilbc"):
        # its frames of 30 ms are a codec of their own within
        mine = {spec.name for spec in specs_of(MODULES[name]) if "ilbc30" not in spec.name}
        assert mine == {row["translator"] for row in listed.values() if row["module"] == name}
        for spec in (SPECS[name] for name in mine if name in SPECS):
            for column, end in (("src", spec.source), ("dst", spec.destination)):
                assert listed[spec.name][column] == f"{codec_family(end)}@{end.sample_rate}"


@settings(max_examples=15, deadline=None)
@given(payloads=st.lists(st.binary(max_size=500), max_size=4))
@pytest.mark.parametrize("name", sorted(SPECS))
def test_any_payload_is_taken(name: str, payloads: list[bytes]) -> None:
    step = SPECS[name].open()
    for payload in payloads:
        data = payload[: len(payload) & ~1] if SPECS[name].source.is_slin else payload
        assert isinstance(step(data), bytes)


@pytest.mark.parametrize("name", ["codec2tolin", "lpc10tolin", "g729tolin"])
def test_half_a_frame_at_the_end_of_a_payload_does_no_harm_to_the_next(name: str) -> None:
    """Every payload holds whole frames (RFC 3551 section 4.2): what is left over of one is no part of the next."""
    size = SPECS[name].source.codec.sample_bytes
    step, other = SPECS[name].open(), SPECS[name].open()
    assert len(step(bytes(size + 3))) in (0, len(other(bytes(size))))
    for _ in range(3):
        assert len(step(bytes(size))) == len(other(bytes(size)))


def opus_sizes(fmtp: str, audio: bytes) -> list[int]:
    """Payload lengths of Opus at 48 kHz for a peer with these parameters."""
    step = SPECS["lin48toopus"].open_for(slin48, opus.with_attributes({FMTP: fmtp}))
    return [len(step(audio[start : start + 1920])) for start in range(0, len(audio), 1920)]


def test_rfc7587_constant_bit_rate_and_average() -> None:
    audio = (np.random.default_rng(1).standard_normal(48000) * 6000).astype("<i2").tobytes()
    assert len(set(opus_sizes("cbr=1; maxaveragebitrate=20000", audio))) == 1
    low, high = sum(opus_sizes("maxaveragebitrate=12000", audio)), sum(opus_sizes("maxaveragebitrate=64000", audio))
    assert low * 2 < high


def test_rfc7587_usedtx_sends_nothing_in_silence() -> None:
    silence = bytes(96000 * 2)
    assert opus_sizes("usedtx=1", silence)[-10:].count(0) >= 8
    assert 0 not in opus_sizes("usedtx=0", silence)


def test_the_path_hands_the_peers_parameters_to_the_encoder() -> None:
    asked = opus.with_attributes({FMTP: "cbr=1"})
    path = TranslationPath(slin48, asked, (SPECS["lin48toopus"],))
    audio = (np.random.default_rng(2).standard_normal(19200) * 6000).astype("<i2").tobytes()
    sizes = {len(path.translate_bytes(audio[start : start + 1920])) for start in range(0, len(audio), 1920)}
    assert len(sizes) == 1


async def test_a_missing_library_declines_the_module(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (spandsp, codec2, g729, speex):
        monkeypatch.setattr(module, "library", lambda: None)
    for name in ("codec_g726", "codec_lpc10", "codec_codec2", "codec_g729"):
        with pytest.raises(ModuleDeclined, match="not installed"):
            await MODULES[name].load(None)
    with pytest.raises(ModuleDeclined, match="libspeex"):
        speex.load(None)  # type: ignore[arg-type]


def test_no_library_of_that_name() -> None:
    assert clibrary.find_library("libnothing-of-the-kind.so.9", "nothing-of-the-kind") is None


@pytest.mark.parametrize("mode", [0, 1, 2])
def test_noise_as_speex_is_not_told_for_every_packet(mode: int, capfd: pytest.CaptureFixture[str]) -> None:
    """The library writes to the standard error itself."""
    chance = random.Random(mode)
    decoder = speex.Decoder(mode)
    for _ in range(3000):
        decoder(chance.randbytes(chance.randrange(1, 200)))
    assert capfd.readouterr().err.count("\n") < 20


def test_speex_is_heard_again_after_what_was_none() -> None:
    encoder, decoder = speex.Encoder(0), speex.Decoder(0)
    sound = tone("440", 8000).render(9600)
    payloads = [encoder(sound[start : start + 320]) for start in range(0, len(sound), 320)]
    assert decoder(payloads[0])
    assert decoder(b"\xff" * 20) == b""
    heard = [bool(decoder(payload)) for payload in payloads]
    assert heard == [False] * 50 + [True] * (len(payloads) - 50)


@pytest.mark.parametrize("mode", [0, 1, 2])
def test_no_packet_of_speex_is_longer_than_a_second(mode: int) -> None:
    """Frames of five bits: what fits into a packet would be half a minute of sound."""
    assert len(speex.Decoder(mode)(bytes(1000))) <= 2 * (8000 << mode)
