"""Translation paths: the recorded cost table, the per-packet call, clocks."""

import csv
import json
import re
from typing import Any

import pytest

from globstar.base.errors import LocalFault
from globstar.core import format as formats
from globstar.core.format import BUILTIN, find_format
from globstar.core.frame import Frame, FrameType, voice
from globstar.core.registry import Registry, specs_of
from globstar.core.translate import NoTranslation, TranslationRegistry, TranslatorSpec, default_cost
from globstar.core.translate_measure import measure_all
from globstar.core.translate_report import translation_matrix, translation_paths
from globstar.dsp.clibrary import Gatherer
from globstar.modules.codecs import a_mu, alaw, g722, gsm, resample, ulaw


@pytest.fixture
def translations():
    registry: Registry[Any] = Registry("translator")
    for module in (ulaw, alaw, a_mu, resample, gsm, g722):
        for spec in specs_of(module):
            registry.register(spec)
    return TranslationRegistry(registry)


def recorded(shared_vectors, command):
    for scenario in sorted((shared_vectors / "calls").glob("g10_*.json")):
        for entry in json.loads(scenario.read_text())["observed"].get("cli", []):
            if entry["command"] == command:
                return entry["output"].rstrip("\n").split("\n")
    pytest.skip(f"'{command}' was not recorded")


@pytest.fixture
def installed_in_asterisk(shared):
    """A registry of what the recorded Asterisk had, with the classes of cost by default and Opus as its module states it."""
    registry: Registry[Any] = Registry("translator")

    def add(name, source, destination, cost=0):
        registry.register(TranslatorSpec(name=name, source=source, destination=destination, cost=cost, open=lambda: bytes))

    def named(text):
        codec, _, rate = text.partition("@")
        kilo = int(rate) // 1000
        return find_format(codec if kilo == 8 or codec not in ("slin", "speex") else f"{codec}{kilo}")

    with (shared / "compat" / "translators.tsv").open() as file:
        for row in csv.DictReader(file, delimiter="\t"):
            if row["module"] != "codec_resample":
                add(row["translator"], named(row["src"]), named(row["dst"]))
    for spec in specs_of(resample):
        registry.register(spec)
    for rate in (8, 12, 16, 24, 48):
        linear = named(f"slin@{rate}000")
        add(f"opustolin{rate}", formats.opus, linear, 9000 if rate == 8 else 8999)
        add(f"lin{rate}toopus", linear, formats.opus, 6000 if rate == 8 else 5999)
    return TranslationRegistry(registry)


def test_asterisk_core_show_translation(installed_in_asterisk, shared):
    lines = recorded(shared / "vectors", "core show translation")
    assert translation_matrix(installed_in_asterisk) == lines


def test_asterisk_core_show_translation_paths(installed_in_asterisk, shared):
    lines = recorded(shared / "vectors", "core show translation paths ulaw")
    ours = translation_paths(installed_in_asterisk, formats.ulaw)
    assert ours[0] == lines[0]
    known = {re.sub(r"\s+:.*", "", line): line for line in ours[1:]}
    for line in lines[1:]:
        target = re.sub(r"\s+:.*", "", line)
        if target in known:
            assert known[target] == line
    assert len(known) > 25


@pytest.mark.parametrize(
    ("source", "destination", "names"),
    [
        ("ulaw", "slin", ["ulawtolin"]),
        ("ulaw", "alaw", ["ulawtoalaw"]),
        ("ulaw", "gsm", ["ulawtolin", "lintogsm"]),
        ("g722", "ulaw", ["g722tolin", "lintoulaw"]),
        ("g722", "slin48", ["g722tolin16", "slin16toslin48"]),
        ("slin24", "g722", ["slin24toslin16", "lin16tog722"]),
        ("gsm", "alaw", ["gsmtolin", "lintoalaw"]),
    ],
)
def test_cheapest_paths(translations, source, destination, names):
    path = translations.find_path(BUILTIN[source], BUILTIN[destination])
    assert [spec.name for spec in path] == names


def test_no_path(translations):
    assert translations.find_path(formats.ulaw, formats.g729) is None
    assert translations.build_path(formats.ulaw, formats.g729) is None
    assert not translations.is_possible(formats.ulaw, formats.g729)
    assert translations.cost(formats.g729, formats.ulaw) is None
    with pytest.raises(NoTranslation):
        translations.require_path(formats.ulaw, formats.g729)


def test_the_same_codec_needs_nothing(translations):
    assert translations.find_path(formats.ulaw, formats.ulaw) == ()
    assert translations.cost(formats.g729, formats.g729) == 0
    with pytest.raises(LocalFault):
        translations.build_path(formats.ulaw, formats.ulaw)


def test_paths_follow_the_registry(translations):
    direct = translations.registry.get("ulawtoalaw")
    assert len(translations.find_path(formats.ulaw, formats.alaw)) == 1
    translations.registry.unregister(direct)
    assert [s.name for s in translations.find_path(formats.ulaw, formats.alaw)] == ["ulawtolin", "lintoalaw"]
    translations.registry.register(direct)
    assert len(translations.find_path(formats.ulaw, formats.alaw)) == 1


def test_choice_of_a_common_codec(translations):
    pair = translations.choose_best([formats.alaw, formats.g722, formats.ulaw], [formats.ulaw, formats.g722])
    assert pair == (formats.g722, formats.g722)
    assert translations.choose_best([formats.g729, formats.alaw], [formats.alaw, formats.g729])[0] is formats.alaw


def test_choice_by_cost(translations):
    assert translations.choose_best([formats.gsm, formats.slin], [formats.ulaw]) == (formats.slin, formats.ulaw)
    assert translations.choose_best([formats.g729], [formats.ulaw]) is None
    assert translations.choose_best([formats.h264], [formats.h264]) is None


def test_stateless_step_keeps_what_the_frame_carries(translations):
    path = translations.build_path(formats.ulaw, formats.alaw)
    frame = Frame(
        FrameType.VOICE, 0, b"\xff" * 160, format=formats.ulaw, samples=160, rtp_time=12345, seq=7, marker=True, source="x"
    )
    out = path.translate(frame)
    assert (out.data, out.format, out.samples) == (b"\xd5" * 160, formats.alaw, 160)
    assert (out.rtp_time, out.seq, out.marker, out.source, out.type) == (12345, 7, True, "x", FrameType.VOICE)


def test_two_stateless_steps(translations):
    translations.registry.unregister(translations.registry.get("ulawtoalaw"))
    path = translations.build_path(formats.ulaw, formats.alaw)
    out = path.translate(voice(formats.ulaw, b"\xff" * 160, 0))
    assert (out.data, out.samples) == (b"\xd5" * 160, 160)
    assert path.translate(voice(formats.ulaw, b"", 0)) is None


@pytest.mark.parametrize(
    ("destination", "size", "samples", "tick"),
    [
        ("slin16", 640, 320, 320), ("slin48", 1920, 960, 960), ("slin44", 1764, 882, 882), ("g722", 160, 320, 160),
        ("gsm", 33, 160, 160),
    ],
)  # fmt: skip
def test_samples_and_clock_across_rates(translations, destination, size, samples, tick):
    target = BUILTIN[destination]
    path = translations.build_path(formats.ulaw, target)
    start = 8000
    frames = [
        Frame(FrameType.VOICE, 0, b"\xff" * 160, format=formats.ulaw, samples=160, rtp_time=start + 160 * n) for n in range(5)
    ]
    out = [path.translate(frame) for frame in frames]
    assert [len(frame.data) for frame in out] == [size] * 5
    assert [frame.samples for frame in out] == [samples] * 5
    first = start * target.codec.clock_rate // 8000
    assert [frame.rtp_time for frame in out] == [first + tick * n for n in range(5)]


def test_the_clock_runs_over_its_end_and_carries_jumps(translations):
    path = translations.build_path(formats.ulaw, formats.slin16)

    def send(rtp_time):
        return (
            path.translate(voice(formats.ulaw, b"\xff" * 160, 160))
            if rtp_time is None
            else path.translate(Frame(FrameType.VOICE, 0, b"\xff" * 160, format=formats.ulaw, samples=160, rtp_time=rtp_time))
        )

    first = send(2**32 - 160).rtp_time
    assert (send(0).rtp_time - first) % 2**32 == 320
    assert (send(160 + 800).rtp_time - first) % 2**32 == 640 + 1600  # five frames lost
    assert (send(160).rtp_time - first) % 2**32 == 640  # one came late
    assert send(None).rtp_time is None


def test_frames_are_gathered_for_a_codec_with_longer_ones(translations):
    path = translations.build_path(formats.ulaw, formats.gsm)
    results = [
        path.translate(Frame(FrameType.VOICE, 0, b"\xff" * 80, format=formats.ulaw, samples=80, rtp_time=80 * n))
        for n in range(4)
    ]
    assert [frame is None for frame in results] == [True, False, True, False]
    assert [(frame.rtp_time, frame.samples) for frame in results if frame] == [(0, 160), (160, 160)]


def test_reset_forgets_the_stream(translations):
    path = translations.build_path(formats.ulaw, formats.slin16)
    data = bytes(range(160))
    first = path.translate_bytes(data)
    path.translate_bytes(data)
    path.reset()
    assert path.translate_bytes(data) == first
    assert path.cost == 17000
    assert "ulaw@8000" in repr(path)


def test_each_call_has_its_own_state(translations):
    one, other = (translations.build_path(formats.slin, formats.slin16) for _ in range(2))
    one.translate_bytes(b"\x00\x40" * 160)
    assert other.translate_bytes(bytes(320)) == bytes(640)


@pytest.mark.parametrize(
    ("source", "destination", "cost"),
    [
        ("slin", "ulaw", 6000), ("ulaw", "slin", 9000), ("ulaw", "alaw", 9150), ("slin", "slin16", 8000),
        ("slin16", "slin", 8500), ("g722", "slin", 9600), ("slin", "g722", 8250),
    ],
)  # fmt: skip
def test_asterisk_costs_by_class(source, destination, cost):
    assert default_cost(BUILTIN[source], BUILTIN[destination]) == cost


def test_among_paths_of_equal_loss_the_measured_work_decides():
    registry: Registry[Any] = Registry("translator")
    for name, source, destination in (
        ("a", "ulaw", "slin"), ("b", "slin", "gsm"), ("c", "ulaw", "alaw"), ("d", "alaw", "gsm"),
    ):  # fmt: skip
        registry.register(
            TranslatorSpec(name=name, source=BUILTIN[source], destination=BUILTIN[destination], cost=1000, open=lambda: bytes)
        )
    translations = TranslationRegistry(registry)
    for slow, way in (("a", ["c", "d"]), ("d", ["a", "b"])):
        translations.set_measured({"a": 10.0, "b": 10.0, "c": 10.0, "d": 10.0} | {slow: 500.0})
        assert [spec.name for spec in translations.find_path(formats.ulaw, formats.gsm)] == way
        assert translations.measured(formats.ulaw, formats.gsm) == 20.0
    translations.set_measured({"a": 1.0})
    registry.register(TranslatorSpec(name="e", source=formats.ulaw, destination=formats.gsm, cost=1999, open=lambda: bytes))
    assert [spec.name for spec in translations.find_path(formats.ulaw, formats.gsm)] == ["e"]


def test_translators_are_measured(translations):
    measured = measure_all(list(translations), 1)
    assert set(measured) == {spec.name for spec in translations}
    assert all(0 < work < 5_000_000 for work in measured.values())
    assert measured["ulawtolin"] < measured["lintogsm"]
    translations.set_measured(measured)
    lines = translation_matrix(translations, is_measured=True)
    plain = translation_matrix(translations)
    assert lines[:4] == plain[:4]
    row = next(line for line in lines[4:] if line.split()[:1] == ["ulaw"]).split()
    assert row.count("-") == 1
    assert all(cell == "-" or int(cell) > 0 for cell in row[1:])
    assert [line.split()[0] for line in lines[4:]] == [line.split()[0] for line in plain[4:]]


def test_measuring_ends_when_it_is_not_wanted_any_more(translations):
    answers = iter([False] * 3 + [True] * 100)
    measured = measure_all(list(translations), 1, lambda: next(answers))
    assert list(measured) == [spec.name for spec in translations][:3]


class _Pairs:
    """An encoder of frames of 40 ms, which are their own first and last octet."""

    def __init__(self) -> None:
        self.gatherer = Gatherer(640)

    def __call__(self, data: bytes) -> bytes:
        return b"".join(block[:1] + block[-1:] for block in self.gatherer.blocks(data))


def test_a_frame_that_was_begun_is_filled_up_with_silence():
    registry: Registry[Any] = Registry("translator")
    registry.register(TranslatorSpec(name="lintogsm", source=formats.slin, destination=formats.gsm, open=_Pairs))
    path = TranslationRegistry(registry).build_path(formats.slin, formats.gsm)
    assert path is not None
    assert path.missing == 0
    assert path.complete() is None
    assert path.translate(voice(formats.slin, b"\x01" * 320, 160)) is None
    assert path.missing == 320
    frame = path.complete()
    assert frame is not None
    assert (frame.type, frame.format, frame.data, frame.rtp_time) == (FrameType.VOICE, formats.gsm, b"\x01\x00", None)
    assert path.missing == 0
    assert path.complete() is None
