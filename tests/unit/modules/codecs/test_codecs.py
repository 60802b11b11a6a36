"""Every translator: names and formats as Asterisk's, round trips measured, bad payloads survived."""

import csv
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from globstar.core.loader import ModuleDeclined
from globstar.core.registry import specs_of
from globstar.core.translate import codec_family
from globstar.dsp.tones import tone
from globstar.modules.codecs import a_mu, adpcm, alaw, g722, gsm, resample, ulaw

MODULES = {
    "codec_ulaw": ulaw,
    "codec_alaw": alaw,
    "codec_a_mu": a_mu,
    "codec_gsm": gsm,
    "codec_g722": g722,
    "codec_adpcm": adpcm,
    "codec_resample": resample,
}
SPECS: dict[str, Any] = {spec.name: spec for module in MODULES.values() for spec in specs_of(module)}


def round_trip_snr_db(encoder, decoder, rate=8000, delay=60):
    """Signal to noise of a 440 Hz tone through both translators frame by frame, at the best alignment within ``delay``."""
    encode, decode = SPECS[encoder].open(), SPECS[decoder].open()
    audio = tone("440", rate).render(rate)
    size = rate // 50 * 2
    coded = b"".join(decode(encode(audio[start : start + size])) for start in range(0, len(audio), size))
    sent = np.frombuffer(audio, "<i2").astype(float)
    heard = np.frombuffer(coded, "<i2").astype(float)
    assert len(sent) == len(heard)
    best = -100.0
    for shift in range(delay):
        a, b = sent[800 : len(sent) - shift - 800], heard[800 + shift : len(heard) - 800]
        best = max(best, 10 * np.log10((a**2).sum() / max(1.0, ((a - b) ** 2).sum())))
    return best


@pytest.mark.parametrize(
    ("encoder", "decoder", "rate", "floor"),
    [
        ("lintoulaw", "ulawtolin", 8000, 33),
        ("lintoalaw", "alawtolin", 8000, 33),
        ("lintogsm", "gsmtolin", 8000, 20),
        ("lintoadpcm", "adpcmtolin", 8000, 25),
        ("lin16tog722", "g722tolin16", 16000, 35),
        ("lintog722", "g722tolin", 8000, 35),
    ],
)
def test_round_trip(encoder, decoder, rate, floor):
    assert round_trip_snr_db(encoder, decoder, rate) > floor


def test_translators_are_those_that_asterisk_has(shared):
    with (shared / "compat" / "translators.tsv").open() as file:
        listed = {row["translator"]: row for row in csv.DictReader(file, delimiter="\t")}
    for name, module in MODULES.items():
        if name == "codec_resample":
            continue
        mine = {spec.name for spec in specs_of(module)}
        assert mine == {row["translator"] for row in listed.values() if row["module"] == name}
        for spec in (SPECS[name] for name in mine):
            row = listed[spec.name]
            for column, end in (("src", spec.source), ("dst", spec.destination)):
                assert row[column] == f"{codec_family(end)}@{end.sample_rate}"


def test_signed_linear_of_every_rate_into_every_other():
    specs: list[Any] = specs_of(resample)
    pairs = {(spec.source.name, spec.destination.name) for spec in specs}
    assert len(pairs) == 9 * 8


@pytest.mark.parametrize("name", sorted(SPECS))
def test_twenty_milliseconds_stay_twenty_milliseconds(name):
    spec = SPECS[name]
    step = spec.open()
    size = spec.source.bytes_for(20)
    for _ in range(3):
        assert len(step(bytes(size))) == spec.destination.bytes_for(20)


@settings(max_examples=15, deadline=None)
@given(payloads=st.lists(st.binary(max_size=400), max_size=4))
@pytest.mark.parametrize("name", sorted(name for name in SPECS if not name.startswith("slin") or name == "slin16toslin"))
def test_any_payload_is_taken(name, payloads):
    step = SPECS[name].open()
    for payload in payloads:
        assert isinstance(step(payload), bytes)


def test_g722_keeps_half_a_unit_for_the_next_frame():
    whole, pieces = SPECS["lin16tog722"].open(), SPECS["lin16tog722"].open()
    audio = tone("440", 16000).render(960)
    cut = [pieces(audio[:333]), pieces(audio[333:1111]), pieces(audio[1111:])]
    assert b"".join(cut) == whole(audio)


@pytest.mark.parametrize(("module", "library"), [(g722, "G722"), (gsm, "soundfile"), (adpcm, "soundfile")])
async def test_a_missing_library_declines_the_module(module, library, monkeypatch):
    await module.load(None)
    monkeypatch.setitem(sys.modules, library, None)  # Python then says that there is none
    with pytest.raises(ModuleDeclined, match=library):
        await module.load(None)
