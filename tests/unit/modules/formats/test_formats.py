"""Every file format: written and read back, headers as the standards say, and any bytes at all.

Invariant of the fuzz tests: ``parse`` gives audio whose frames add up to its length, or raises SoundFault.
"""

import csv
import importlib
import io
import struct
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from globstar.core.registry import specs_of
from globstar.core.riff import gsm_header, parse_wave, pcm_header
from globstar.core.soundfile import SoundFault
from globstar.dsp.sndstream import StreamDecoder, StreamEncoder
from globstar.dsp.tones import tone
from globstar.modules.formats import wav_gsm

MODULES = (
    "pcm", "sln", "gsm", "wav", "wav_gsm", "g719", "g723", "g726", "g729", "ilbc", "siren7", "siren14", "vox", "mp3",
    "ogg_speex", "ogg_vorbis",
)  # fmt: skip
SPECS: dict[str, Any] = {}
for _name in MODULES:
    SPECS |= {spec.name: spec for spec in specs_of(importlib.import_module(f"globstar.modules.formats.{_name}"))}
#: Those that are written, but for two with tests of their own: test_g723.py, test_ogg_vorbis.py.
WRITABLE = sorted(name for name, spec in SPECS.items() if spec.create is not None and name not in ("g723sf", "ogg_vorbis"))


def payload_of(reader):
    pieces = []
    while (frame := reader.next_frame()) is not None:
        pieces.append(frame.data)
    return b"".join(pieces)


def test_extensions_are_those_of_asterisk(shared):
    with (shared / "compat" / "file_formats.tsv").open() as file:
        listed = {row["format"]: row for row in csv.DictReader(file, delimiter="\t")}
    missing = sorted(set(listed) - set(SPECS))
    assert missing == ["h263", "h264"]  # docs/differences.md says why
    for name in set(listed) & set(SPECS):
        assert "|".join(SPECS[name].extensions) == listed[name]["extensions"]
        assert "|".join(SPECS[name].mime_types) == listed[name]["mime"]


@pytest.mark.parametrize("name", WRITABLE)
def test_what_was_written_is_read_back(name, tmp_path):
    spec = SPECS[name]
    size = spec.format.bytes_for(20)
    if name == "wav49":
        payload = StreamEncoder("GSM610", 160)(tone("440").render(1600))
    else:
        payload = np.random.default_rng(5).bytes(size * 10)
    path = tmp_path / f"a.{spec.extensions[0]}"
    writer = spec.create(path, False)
    for start in range(0, len(payload), size):
        writer.write_bytes(payload[start : start + size])
    assert writer.tell_ms() == 200
    writer.close()
    sound = spec.parse(path.read_bytes())
    assert sound.duration_ms == 200
    assert payload_of(sound.open()) == payload
    writer = spec.create(path, True)
    writer.write_bytes(payload)
    writer.close()
    assert payload_of(spec.parse(path.read_bytes()).open()) == payload * 2


@pytest.mark.parametrize(("name", "subtype"), [("wav", "PCM_16"), ("wav16", "PCM_16"), ("wav49", "GSM610"), ("au", "ULAW")])
def test_others_can_read_what_is_written(name, subtype, tmp_path):
    spec = SPECS[name]
    path = tmp_path / f"a.{spec.extensions[0]}"
    writer = spec.create(path, False)
    audio = StreamEncoder("GSM610", 160)(bytes(3840)) if name == "wav49" else bytes(spec.format.bytes_for(240))
    writer.write_bytes(audio)
    writer.close()
    info = soundfile.info(io.BytesIO(path.read_bytes()))
    assert (info.samplerate, info.channels, info.subtype) == (spec.format.sample_rate, 1, subtype)
    assert info.frames == spec.format.sample_rate * 240 // 1000


@pytest.mark.parametrize("name", ["wav", "wav16", "wav49", "au"])
def test_a_file_that_was_never_closed_is_read_to_its_end(name, tmp_path):
    spec = SPECS[name]
    frames = StreamEncoder("GSM610", 160)(bytes(640)) if name == "wav49" else bytes(spec.format.bytes_for(40))
    path = tmp_path / "a"
    writer = spec.create(path, False)
    writer.write_bytes(frames)
    writer.flush()
    assert spec.parse(path.read_bytes()).duration_ms == 40
    writer.close()


def _with_list(header: bytes, audio: bytes) -> bytes:
    """As ffmpeg writes it: with a chunk of words before the audio, and one behind it."""
    place = header.index(b"data")
    words = b"LIST" + struct.pack("<I", 26) + b"INFOISFT\x0e\0\0\0Lavf59.27.100\0"
    whole = header[:place] + words + header[place:] + audio + words
    return whole[:4] + struct.pack("<I", len(whole) - 8) + whole[8:]


@pytest.mark.parametrize(
    ("name", "header"), [("wav", pcm_header(8000, 320)), ("wav16", pcm_header(16000, 320)), ("wav49", gsm_header(65))]
)
def test_a_file_of_another_program_is_gone_on_with(name, header, tmp_path):
    spec = SPECS[name]
    audio = StreamEncoder("GSM610", 160)(tone("440").render(320)) if name == "wav49" else bytes(range(160)) * 2
    packed = wav_gsm.frames_to_pair(audio) if name == "wav49" else audio
    path = tmp_path / "a"
    path.write_bytes(_with_list(header, packed))
    writer = spec.create(path, True)
    assert writer.tell() == spec.format.samples_in(audio)
    writer.write_bytes(audio)
    writer.close()
    assert payload_of(spec.parse(path.read_bytes()).open()) == audio * 2
    assert soundfile.info(path).frames == 2 * spec.format.samples_in(audio)


def test_au_with_a_note_in_its_header_is_gone_on_with(tmp_path):
    path = tmp_path / "a.au"
    path.write_bytes(struct.pack(">4s5I", b".snd", 32, 4, 1, 8000, 1) + b"a note\0\0" + b"abcd")
    writer = SPECS["au"].create(path, True)
    writer.write_bytes(b"efgh")
    writer.close()
    assert payload_of(SPECS["au"].parse(path.read_bytes()).open()) == b"abcdefgh"


@pytest.mark.parametrize("name", ["wav", "wav16", "wav49", "au"])
def test_a_file_of_another_kind_is_not_added_to(name, tmp_path):
    spec = SPECS[name]
    stereo = io.BytesIO()
    soundfile.write(stereo, np.zeros((800, 2)), 44100, format="WAV")
    path = tmp_path / "a"
    for content in (b"no sound", stereo.getvalue()):
        path.write_bytes(content)
        with pytest.raises(SoundFault, match=r"cannot append to .*/a: "):
            spec.create(path, True)
        assert path.read_bytes() == content
    path.write_bytes(b"")
    writer = spec.create(path, True)
    writer.close()
    assert spec.parse(path.read_bytes()).samples == 0


def test_wav49_completes_the_last_block_with_silence(tmp_path):
    writer = SPECS["wav49"].create(tmp_path / "a.WAV", False)
    frames = StreamEncoder("GSM610", 160)(tone("440").render(480))
    writer.write_bytes(frames)
    writer.close()
    assert (tmp_path / "a.WAV").stat().st_size == 60 + 2 * 65
    read = payload_of(SPECS["wav49"].parse((tmp_path / "a.WAV").read_bytes()).open())
    assert read[:99] == frames
    assert max(map(abs, memoryview(StreamDecoder("GSM610", 33, 160)(read[99:])).cast("h"))) < 64


def test_wav_of_another_rate_in_stereo_is_converted():
    rate = 44100
    left = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(rate) / rate)
    file = io.BytesIO()
    soundfile.write(file, np.stack((left, np.zeros(rate)), axis=1), rate, format="WAV", subtype="PCM_24")
    sound = SPECS["wav"].parse(file.getvalue())
    assert (sound.format.name, sound.duration_ms) == ("slin", 1000)
    wave = np.frombuffer(payload_of(sound.open()), "<i2").astype(float)
    power = np.abs(np.fft.rfft(wave * np.hanning(len(wave))))
    assert power.argmax() == 1000
    assert abs(wave[1000:-1000]).max() == pytest.approx(0.25 * 32768, rel=0.02)


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 5_000_000])
def test_stereo_whose_length_was_never_written_is_read_to_its_end(size):
    file = io.BytesIO()
    soundfile.write(file, np.zeros((16000, 2)), 16000, format="WAV")
    data = bytearray(file.getvalue())
    data[40:44] = size.to_bytes(4, "little")
    assert SPECS["wav"].parse(bytes(data)).samples == 8000


@pytest.mark.parametrize(("name", "format", "subtype"), [("mp3", "MP3", "MPEG_LAYER_III"), ("ogg_vorbis", "OGG", "VORBIS")])
def test_compressed_music_becomes_signed_linear(name, format, subtype):
    wave = 0.4 * np.sin(2 * np.pi * 500 * np.arange(44100) / 44100)
    file = io.BytesIO()
    soundfile.write(file, wave, 44100, format=format, subtype=subtype)
    sound = SPECS[name].parse(file.getvalue())
    assert sound.format.name == "slin"
    assert abs(sound.duration_ms - 1000) < 80
    heard = np.frombuffer(payload_of(sound.open()), "<i2").astype(float)[2000:6000]
    assert abs(np.abs(np.fft.rfft(heard * np.hanning(4000))).argmax() * 2 - 500) <= 2


def test_riff_chunks_before_and_after_the_audio_are_passed_over():
    body = (
        pcm_header(8000, 4)[12:36]
        + b"LIST"
        + struct.pack("<I", 3)
        + b"abc\0"
        + b"data"
        + struct.pack("<I", 4)
        + b"wxyz"
        + b"junk"
    )
    info = parse_wave(b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body)
    assert (info.tag, info.channels, info.sample_rate, info.bits) == (1, 1, 8000, 16)
    assert info.stop - info.start == 4


@pytest.mark.parametrize(
    "data",
    [
        b"", b"RIFF", b"RIFF\0\0\0\0WAVE", pcm_header(8000, 0)[:30], b"RIFX" + pcm_header(8000, 0)[4:],
        b"RIFF\0\0\0\0WAVEdata\0\0\0\0", b"RIFF\0\0\0\0WAVEfmt \2\0\0\0\1\0",
    ],
)  # fmt: skip
def test_what_is_no_wav(data):
    with pytest.raises(SoundFault):
        parse_wave(data)


def test_au_with_other_parameters_is_refused():
    good = bytearray(struct.pack(">4s5I", b".snd", 24, 4, 1, 8000, 1) + b"abcd")
    assert SPECS["au"].parse(bytes(good)).samples == 4
    for offset, value in ((12, 3), (16, 16000), (20, 2), (4, 8)):
        bad = bytearray(good)
        bad[offset : offset + 4] = value.to_bytes(4, "big")
        with pytest.raises(SoundFault):
            SPECS["au"].parse(bytes(bad))


def test_wav49_refuses_plain_pcm():
    with pytest.raises(SoundFault):
        SPECS["wav49"].parse(pcm_header(8000, 100) + bytes(100))


def check_total(name, data):
    try:
        sound = SPECS[name].parse(data)
    except SoundFault:
        return
    frames, reader = 0, sound.open()
    while (frame := reader.next_frame()) is not None:
        assert frame.data
        frames += frame.samples
    assert frames == sound.samples


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=300))
@pytest.mark.parametrize("name", sorted(SPECS))
def test_any_bytes_are_read_or_refused(name, data):
    check_total(name, data)


_HEADERS = {
    "wav": pcm_header(8000, 64), "wav16": pcm_header(16000, 64), "wav49": gsm_header(65),
    "au": struct.pack(">4s5I", b".snd", 24, 64, 1, 8000, 1),
}  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.data())
@pytest.mark.parametrize("name", sorted(_HEADERS))
def test_damaged_headers_are_read_or_refused(name, data):
    whole = bytearray(_HEADERS[name] + bytes(130))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    check_total(name, bytes(whole[: data.draw(st.integers(0, len(whole)))]))
