"""Formats: the facts of compat/codecs.tsv, lengths of payloads, ordered capabilities as allow and disallow build them."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from globstar.core.format import (
    BUILTIN,
    Format,
    FormatCapabilities,
    MediaType,
    alaw,
    find_format,
    g722,
    g729,
    gsm,
    h264,
    ilbc,
    ilbc30,
    lpc10,
    opus,
    slin,
    slin12,
    slin16,
    slin24,
    slin192,
    slin_for_rate,
    ulaw,
)
from globstar.core.translate import codec_family


def test_facts_of_every_codec(shared: Path) -> None:
    with (shared / "compat" / "codecs.tsv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if not row["codec"].startswith("format:")]
    facts = {
        (
            row["codec"],
            row["media"],
            *(int(row[key] or 0) for key in ("sample_rate", "min_ms", "default_ms", "max_ms", "min_bytes")),
        )
        for row in rows
    }
    for format in BUILTIN.values():
        codec = format.codec
        if codec.media is MediaType.AUDIO:
            lengths = (codec.minimum_ms, codec.default_ms, codec.maximum_ms, codec.minimum_bytes)
            assert (codec_family(format), "audio", codec.sample_rate, *lengths) in facts, format
        else:
            assert any(fact[:2] == (format.name, codec.media.value) for fact in facts), format
    audio = [format for format in BUILTIN.values() if format.codec.media is MediaType.AUDIO]
    assert len(audio) == sum(row["media"] == "audio" for row in rows)


@pytest.mark.parametrize(
    ("format", "milliseconds", "size"),
    [(ulaw, 20, 160), (slin, 20, 320), (slin16, 20, 640), (g722, 20, 160), (gsm, 20, 33), (g729, 20, 20), (opus, 20, 0)],
)
def test_lengths(format: Format, milliseconds: int, size: int) -> None:
    assert format.bytes_for(milliseconds) == size
    assert format.samples_in(bytes(size)) == (format.sample_rate * milliseconds // 1000 if size else 0)


@pytest.mark.parametrize(
    ("format", "milliseconds", "size"),
    [
        (gsm, 30, 33),
        (gsm, 40, 66),
        (g729, 15, 10),
        (lpc10, 20, 7),
        (lpc10, 60, 14),
        (ilbc, 30, 38),
        (ilbc30, 20, 50),
        (ulaw, 0, 0),
    ],
)
def test_packets_are_whole_frames_and_one_at_least(format: Format, milliseconds: int, size: int) -> None:
    assert format.bytes_for(milliseconds) == size


def test_clock_rates() -> None:
    assert (g722.codec.clock_rate, g722.sample_rate) == (8000, 16000)
    assert (ulaw.codec.clock_rate, h264.codec.clock_rate) == (8000, 90000)


def test_names() -> None:
    assert find_format(" ULAW ") is ulaw
    assert find_format("slin8") is slin
    assert find_format("nonsense") is None
    assert (str(ulaw), repr(ulaw)) == ("ulaw", "<Format ulaw>")
    assert slin.is_slin
    assert slin192.is_slin
    assert not ulaw.is_slin


@pytest.mark.parametrize(("rate", "format"), [(8000, slin), (8001, slin12), (16000, slin16), (22050, slin24), (500000, slin192)])
def test_signed_linear_for_a_rate(rate: int, format: Format) -> None:
    assert slin_for_rate(rate) is format


def test_attributes_make_another_format_of_the_same_codec() -> None:
    stereo = opus.with_attributes({"stereo": "1"})
    assert stereo is not opus
    assert stereo.is_same_codec(opus)
    assert opus.with_attributes({}) is opus
    assert opus.attributes == {}


def capabilities(text: str) -> FormatCapabilities:
    result = FormatCapabilities()
    assert result.update_by_string(text) == []
    return result


def test_order_is_kept_and_nothing_is_there_twice() -> None:
    both = capabilities("alaw,ulaw,alaw")
    assert list(both) == [alaw, ulaw]
    assert (len(both), bool(both), bool(FormatCapabilities())) == (2, True, False)
    assert str(both) == "(alaw|ulaw)"
    assert str(FormatCapabilities()) == "(nothing)"
    assert ulaw in both
    assert g722 not in both
    assert opus.with_attributes({"stereo": "1"}) in capabilities("opus")


@pytest.mark.parametrize(
    ("steps", "result"),
    [
        (["!all,ulaw,alaw"], "(ulaw|alaw)"),
        (["all", "!all", "g722|ulaw"], "(g722|ulaw)"),
        (["ulaw,alaw,!ulaw"], "(alaw)"),
        (["ulaw, ,alaw"], "(ulaw|alaw)"),
    ],
)
def test_allow(steps: list[str], result: str) -> None:
    built = FormatCapabilities()
    for step in steps:
        assert built.update_by_string(step) == []
    assert str(built) == result


def test_disallow_turns_the_sense_round() -> None:
    built = capabilities("ulaw,alaw,g722")
    assert built.update_by_string("alaw", allow=False) == []
    assert str(built) == "(ulaw|g722)"
    built.update_by_string("all", allow=False)
    assert not built
    built.update_by_string("!gsm", allow=False)
    assert str(built) == "(gsm)"


def test_all_is_everything_but_images() -> None:
    everything = capabilities("all")
    assert {format.codec.media for format in everything} == {MediaType.AUDIO, MediaType.VIDEO, MediaType.TEXT}
    audio = [f for f in BUILTIN.values() if f.codec.media is MediaType.AUDIO and f.name != "none"]
    assert list(everything.of_media(MediaType.AUDIO)) == audio


def test_framing() -> None:
    built = FormatCapabilities()
    assert built.update_by_string("ulaw:30,alaw,gsm:x,g729:\u00b2") == []
    assert [built.framing(format) for format in built] == [30, 20, 20, 20]
    assert built.copy().framing(ulaw) == 30
    assert built.of_media(MediaType.AUDIO).framing(ulaw) == 30
    built.update_by_string("!all")
    assert built.framing(ulaw) == 20


def test_unknown_names_come_back() -> None:
    built = FormatCapabilities()
    assert built.update_by_string("ulaw,nonsense,!other:30") == ["nonsense", "other"]
    assert str(built) == "(ulaw)"


def test_joint_has_our_order_and_their_parameters() -> None:
    stereo = opus.with_attributes({"stereo": "1"})
    joint = capabilities("opus,ulaw:40,alaw").joint([alaw, ulaw, stereo, g722])
    assert list(joint) == [stereo, ulaw, alaw]
    assert joint.framing(ulaw) == 40


def test_copies_are_independent() -> None:
    one = capabilities("ulaw,alaw")
    other = one.copy()
    other.remove(ulaw)
    assert (str(one), str(other)) == ("(ulaw|alaw)", "(alaw)")
    assert one.find(ulaw.with_attributes({"x": "y"})) is ulaw
