"""What a phone asks of our Speex encoder by its fmtp (RFC 5574 section 4)."""

from __future__ import annotations

import numpy as np
import pytest

from globstar.core.format import FMTP, slin, speex
from globstar.modules.codecs import speex as codec
from globstar.modules.codecs.speex import Encoder, SpeexOptions, Wishes, wishes
from globstar.proto.rtp.speex import speex_frames

# tools/install-test-tools brings it; a user may do without
pytestmark = pytest.mark.skipif(codec.library() is None, reason="libspeex is not installed")

SOUND = np.random.default_rng(3).integers(-9000, 9000, 16000, np.int16)
SILENCE = np.zeros(16000, np.int16)


def frames(encoder: Encoder, sound: np.ndarray, samples: int) -> list[tuple[int, int]]:
    """Mode of the narrow band and length in bits of each frame."""
    found = []
    for start in range(0, len(sound) - samples + 1, samples):
        packet = encoder(sound[start : start + samples].tobytes())
        for bits, size in speex_frames(packet) or ():
            found.append((bits >> (size - 5), size))
    return found


@pytest.mark.parametrize(
    ("fmtp", "band", "meant"),
    [
        ("", 0, Wishes()),
        ('mode="4,any"', 0, Wishes("", 6, True)),
        (" MODE = 4 , any", 0, Wishes("", 6, True)),
        ("mode=any", 0, Wishes()),
        ('mode="any,4"', 0, Wishes()),
        ('mode="3,5"', 0, Wishes("", 4, False)),
        ('mode="9,3"', 0, Wishes("", 4, False)),
        ('mode="0,any"', 1, Wishes("", 0, True)),
        ('vbr=on;cng=on;mode="10,any"', 2, Wishes("on", 10, True)),
        ("vbr=vad", 0, Wishes("vad")),
        ("vbr=maybe; mode=x; ;=", 1, Wishes()),
        ('mode="¹,3"', 0, Wishes("", 4, False)),
    ],
)
def test_rfc5574_4_what_is_asked_for(fmtp: str, band: int, meant: Wishes) -> None:
    assert wishes(fmtp, band) == meant


@pytest.mark.parametrize("mode", range(1, 9))
def test_rfc5574_narrow_band_in_the_mode_that_is_liked_best(mode: int) -> None:
    found = frames(Encoder(0, wishes(f'mode="{mode},any"', 0)), SOUND, 160)
    assert {each for each, _ in found} == {mode}


@pytest.mark.parametrize("band", [1, 2])
@pytest.mark.parametrize("mode", [0, 4, 8, 10])
def test_rfc5574_wider_bands_in_the_quality_that_is_liked_best(monkeypatch: pytest.MonkeyPatch, band: int, mode: int) -> None:
    samples = 160 << band
    asked = frames(Encoder(band, wishes(f'mode="{mode},any"', band)), SOUND, samples)
    monkeypatch.setattr(codec, "settings", SpeexOptions(quality=mode))
    assert asked == frames(Encoder(band), SOUND, samples)


def test_rfc5574_vbr_as_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    both = np.concatenate((SOUND, SILENCE, SOUND))
    sizes = {vbr: {size for _, size in frames(Encoder(0, wishes(f"vbr={vbr}", 0)), both, 160)} for vbr in ("on", "off", "vad")}
    assert len(sizes["off"]) == 1
    assert len(sizes["on"]) > 1
    assert sizes["vad"] > sizes["off"]
    assert min(sizes["vad"]) < 80  # a frame that says that nobody speaks
    monkeypatch.setattr(codec, "settings", SpeexOptions(vbr=True, vad=True, abr=9000))
    assert {size for _, size in frames(Encoder(0, wishes("vbr=off", 0)), both, 160)} == sizes["off"]
    assert len({size for _, size in frames(Encoder(0), both, 160)}) > 1


@pytest.mark.parametrize("asked", ['mode="3,5"', 'mode="3,5";vbr=on', 'mode="3";vbr=vad'])
def test_who_takes_some_modes_only_gets_no_other(monkeypatch: pytest.MonkeyPatch, asked: str) -> None:
    monkeypatch.setattr(codec, "settings", SpeexOptions(vbr=True, vad=True, dtx=True, abr=20000))
    found = frames(Encoder(0, wishes(asked, 0)), np.concatenate((SOUND, SILENCE)), 160)
    assert {mode for mode, _ in found} == {3}
    assert len(found) == 200


def test_the_translator_minds_the_parameters_of_its_destination() -> None:
    made = codec.LIN_TO_SPEEX.open_for
    assert made is not None
    step = made(slin, speex.with_attributes({FMTP: 'mode="7,any"'}))
    assert isinstance(step, Encoder)
    assert {mode for mode, _ in frames(step, SOUND, 160)} == {7}
    usual = made(slin, speex)
    assert isinstance(usual, Encoder)
    assert {mode for mode, _ in frames(usual, SOUND, 160)} == {3}
