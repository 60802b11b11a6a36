"""iLBC as a translator: frames of both lengths, several in a packet, what is no packet, and codecs.conf."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np
import pytest

from globstar.config import MemorySource
from globstar.core.boot import Configuration
from globstar.core.format import BUILTIN, FMTP, Format, ilbc, ilbc30
from globstar.core.loader import ModuleDeclined
from globstar.modules.codecs import ilbc as codec
from tests.support.sound_quality import original, translation

pytestmark = pytest.mark.skipif(codec.library() is None, reason="the native module was not built")

AUDIO = original(8000)
BOTH = pytest.mark.parametrize("format", [ilbc, ilbc30], ids=["20 ms", "30 ms"])


def payloads(format: Format, size: int = 320) -> list[bytes]:
    """What the encoder gives for pieces of signed linear."""
    encoder = codec.Encoder(format)
    return [encoder(AUDIO[start : start + size]) for start in range(0, len(AUDIO), size)]


def test_both_are_ilbc_to_users_and_two_codecs_to_the_core() -> None:
    assert (ilbc.name, ilbc30.name) == ("ilbc", "ilbc")
    assert BUILTIN["ilbc"] is ilbc
    assert not ilbc.is_same_codec(ilbc30)
    assert ilbc30.attributes == {FMTP: "mode=30"}
    path = translation().find_path(ilbc, ilbc30)
    assert path is not None
    assert [spec.name for spec in path] == ["ilbctolin", "lintoilbc30"]


@BOTH
def test_frames_are_gathered_and_counted(format: Format) -> None:
    size = format.codec.sample_bytes
    made = payloads(format)
    assert {len(payload) for payload in made} == ({38} if format is ilbc else {0, 50})
    assert b"".join(made) == b"".join(payloads(format, 2 * 80))
    assert b"".join(made) == codec.Encoder(format)(AUDIO)
    assert format.samples_in(bytes(3 * size)) == 3 * format.codec.sample_count


@BOTH
def test_several_frames_in_a_packet(format: Format) -> None:
    stream = b"".join(payloads(format))
    size = format.codec.sample_bytes
    one, other = codec.Decoder(format), codec.Decoder(format)
    singly = b"".join(one(stream[start : start + size]) for start in range(0, len(stream), size))
    together = b"".join(other(stream[start : start + 3 * size]) for start in range(0, len(stream), 3 * size))
    assert singly == together
    assert len(singly) == 2 * format.samples_in(stream)


@BOTH
def test_the_other_length_is_understood_as_well(format: Format) -> None:
    """The peer says one mode and sends the other: it is heard, and from then on it is the one that is expected."""
    other = ilbc30 if format is ilbc else ilbc
    decoder, right = codec.Decoder(format), codec.Decoder(other)
    sent = [payload for payload in payloads(other) if payload]
    assert [decoder(payload) for payload in sent] == [right(payload) for payload in sent]
    assert len(decoder.conceal(480, None)) == 960


@BOTH
def test_what_is_no_packet_gives_nothing_and_changes_nothing(format: Format) -> None:
    decoder, untouched = codec.Decoder(format), codec.Decoder(format)
    sent = [payload for payload in payloads(format) if payload]
    for number, payload in enumerate(sent):
        assert decoder(b"") == b""
        assert decoder(bytes(37)) == b""
        assert decoder(payload + b"\0") == b""
        assert decoder(payload * 60) == b""
        assert decoder(payload) == untouched(payload), number


@BOTH
def test_lost_frames_are_concealed_in_whole_frames(format: Format) -> None:
    decoder = codec.Decoder(format)
    for payload in payloads(format):
        decoder(payload)
    count = format.codec.sample_count
    assert len(decoder.conceal(2 * count, None)) == 4 * count
    assert decoder.conceal(count - 1, None) == b""
    assert np.any(np.frombuffer(decoder.conceal(count, None), "<i2"))


async def test_without_the_native_module_it_declines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec, "library", lambda: None)
    with pytest.raises(ModuleDeclined, match="not compiled"):
        codec.load(None)  # type: ignore[arg-type]


@pytest.fixture
def fresh_settings() -> Iterator[None]:
    before = codec.settings
    yield
    codec.settings = before


@pytest.mark.usefixtures("fresh_settings")
def test_codecs_conf_turns_the_enhancer_on_for_decoders_made_from_then_on(capfd: pytest.CaptureFixture[str]) -> None:
    def read(text: str) -> None:
        files = {"codecs.conf": text} if text else {}
        codec.load(SimpleNamespace(configuration=Configuration(MemorySource(files))))  # type: ignore[arg-type]

    def heard() -> np.ndarray:
        decoder = codec.Decoder(ilbc)
        return np.frombuffer(b"".join(map(decoder, payloads(ilbc))), "<i2").astype(float)

    read("")
    plain = heard()
    read("[ilbc]\nenhancement=yes\n")
    late = heard()
    late_by = int(np.argmax(np.correlate(np.pad(late, (0, 99)), plain, "valid")))
    assert late_by == 40
    read("[speex]\nquality=3\n")
    assert np.array_equal(heard(), plain)
    read("[ilbc]\nenhancement=maybe\nspeed=1\n")
    assert not codec.settings.enhancement
    warned = capfd.readouterr().err
    assert "enhancement" in warned
    assert "speed" in warned
