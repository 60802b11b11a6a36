"""AMR and AMR-WB as translators: modes that the other side takes, several frames in a packet, losses, and what is no packet."""

from __future__ import annotations

import numpy as np
import pytest

from globstar.core.format import FMTP, EncoderWish, Format, amr, amr_efficient, amrwb, amrwb_efficient, slin, slin16
from globstar.core.loader import ModuleDeclined
from globstar.core.registry import specs_of
from globstar.core.translate import TranslationPath
from globstar.dsp import amr as coders
from globstar.modules.codecs import amr as codec
from globstar.proto.rtp.amr import NARROW_BITS, WIDE_BITS, unpack
from tests.support.sound_quality import original

ALL = pytest.mark.parametrize("format", [amr, amr_efficient, amrwb, amrwb_efficient], ids=lambda format: format.codec.name)


def packets(format: Format, fmtp: str = "", milliseconds: int = 20) -> list[bytes]:
    encoder = codec.Encoder(format, fmtp)
    sound = original(format.sample_rate)
    size = format.sample_rate * milliseconds // 1000 * 2
    return [encoder(sound[start : start + size]) for start in range(0, len(sound) - size + 1, size)]


def kinds(format: Format, payload: bytes) -> list[int]:
    bits = WIDE_BITS if format.sample_rate == 16000 else NARROW_BITS
    frames = unpack(payload, bits, is_aligned=not format.codec.name.endswith("_efficient"))
    assert frames is not None
    return [frame[0] >> 3 & 15 for frame in frames]


@ALL
def test_packets_have_the_best_mode_or_the_best_of_those_that_the_other_side_takes(format: Format) -> None:
    best = 8 if format.sample_rate == 16000 else 7
    for fmtp, mode in (
        ("", best),
        ("mode-set=0,2,5", 5),
        ("octet-align=1; mode-set=1", 1),
        ("mode-set=", best),
        ("mode-set=15", best),
    ):
        made = packets(format, fmtp)
        assert {tuple(kinds(format, payload)) for payload in made} == {(mode,)}
        assert {payload[0] >> 4 for payload in made} == {15}  # no mode is asked of the other side


@ALL
def test_rfc4867_the_mode_is_the_one_that_the_other_side_asks_for_meanwhile(format: Format) -> None:
    best = 8 if format.sample_rate == 16000 else 7
    block = bytes(format.sample_rate // 50 * 2)

    def sent(fmtp: str, wishes: list[int | None]) -> list[int]:
        wish = EncoderWish()
        wish.mode = wishes[0]
        encoder = codec.Encoder(format, fmtp, wish)
        found = []
        for wish.mode in wishes:
            found += kinds(format, encoder(block))
        return found

    assert sent("", [None, 2, 2, 0, None]) == [best, 2, 2, 0, best]
    assert sent("", [3, 3]) == [3, 3]
    assert sent("mode-set=0,2,4", [None, 2, 3, 0]) == [4, 2, 4, 0]  # 3 may not be sent
    assert sent("mode-change-period=2", [None, 1, 1, 4, None, None]) == [best, best, 1, 1, best, best]
    assert sent("mode-set=0,2,4; mode-change-neighbor=1", [None, 0, 0, 4, 4]) == [4, 2, 0, 2, 4]
    assert sent("mode-change-neighbor=1; mode-change-period=2", [2, 4, 4, 4, 4]) == [2, 2, 3, 3, 4]


@ALL
def test_frames_of_one_packet_may_have_several_modes(format: Format) -> None:
    wish = EncoderWish()
    encoder = codec.Encoder(format, "mode-change-neighbor=1", wish)
    wish.mode = 0
    best = 8 if format.sample_rate == 16000 else 7
    assert kinds(format, encoder(bytes(3 * format.sample_rate // 50 * 2))) == [best - 1, best - 2, best - 3]


@ALL
def test_what_comes_at_once_is_one_packet(format: Format) -> None:
    made = packets(format, milliseconds=60)
    assert {len(kinds(format, payload)) for payload in made} == {3}
    singly, together = codec.Decoder(format), codec.Decoder(format)
    short = b"".join(map(singly, packets(format)))
    long = b"".join(map(together, made))
    assert short[: len(long)] == long
    encoder = codec.Encoder(format)
    assert encoder(bytes(100)) == b""
    assert encoder.samples_made == 0
    encoder(bytes(3 * format.sample_rate // 50 * 2))
    assert encoder.samples_made == 3 * format.sample_rate // 50


@ALL
def test_lost_and_damaged_frames_are_concealed(format: Format) -> None:
    made = packets(format)
    is_narrow = format.sample_rate == 8000
    whole, lossy, damaged = ((codec.ConcealingDecoder if is_narrow else codec.Decoder)(format) for _ in range(3))
    size = format.sample_rate // 50 * 2
    place = 9 if format.codec.name.endswith("_efficient") else 13  # of the first frame's quality, from the left
    for number, payload in enumerate(made):
        if number != 30:
            assert len(whole(payload)) == len(lossy(payload)) == len(damaged(payload)) == size
            continue
        good = np.frombuffer(whole(payload), "<i2").astype(float)
        if not is_narrow:  # signed linear makes up for what is lost
            assert not hasattr(lossy, "conceal")
            continue
        made_up = lossy.conceal(size // 2, None)
        data = int.from_bytes(payload, "big") & ~(1 << (8 * len(payload) - 1 - place))
        assert damaged(data.to_bytes(len(payload), "big")) == made_up
        loud = np.sqrt(np.mean(np.frombuffer(made_up, "<i2").astype(float) ** 2)) / np.sqrt(np.mean(good**2))
        assert 0.2 < loud < 2


@ALL
def test_what_is_no_packet_gives_nothing_and_changes_nothing(format: Format) -> None:
    decoder, untouched = codec.Decoder(format), codec.Decoder(format)
    for payload in packets(format)[:8]:
        for wrong in (b"", b"\xff" * 60, payload[:-1]):
            assert decoder(wrong) == b""
        assert decoder(payload) == untouched(payload)


@pytest.mark.parametrize(("linear", "coded"), [(slin, amr), (slin16, amrwb_efficient)])
def test_the_path_hands_the_modes_of_the_other_side_to_the_encoder(linear: Format, coded: Format) -> None:
    specs = {(spec.source, spec.destination): spec for spec in specs_of(codec)}
    wish = EncoderWish()
    asked = coded.with_attributes({FMTP: "mode-set=0,1"}).with_wish(wish)
    path = TranslationPath(linear, asked, (specs[linear, coded],))  # type: ignore[index]
    payload = path.translate_bytes(bytes(linear.sample_rate // 50 * 2))
    assert kinds(coded, payload) == [1]
    wish.mode = 0
    assert kinds(coded, path.translate_bytes(bytes(linear.sample_rate // 50 * 2))) == [0]


@pytest.mark.parametrize("missing", ["narrow_library", "wide_decoder", "wide_encoder"])
async def test_without_a_library_it_declines(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    await codec.load(None)
    monkeypatch.setattr(coders, missing, lambda: None)
    with pytest.raises(ModuleDeclined, match=r"Debian: lib\w+"):
        await codec.load(None)
