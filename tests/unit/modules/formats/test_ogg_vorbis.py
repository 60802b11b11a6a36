"""Ogg Vorbis files: what is written is decoded again, added to, cut, and whole whatever happens."""

from __future__ import annotations

import io
import os
import subprocess
import threading
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from globstar.core import ogg
from globstar.core.registry import Registry
from globstar.core.soundfile import FileFormatSpec, SoundData, SoundFault
from globstar.core.soundstore import SoundStore
from globstar.core.translate import TranslationRegistry
from globstar.dsp.tones import tone
from globstar.modules.formats.ogg_vorbis import OGG_VORBIS, VorbisWriter, _Encoder

RATE = 8000


def sine(hertz: int, samples: int) -> bytes:
    return tone(str(hertz)).render(samples)


def heard(data: bytes) -> npt.NDArray[np.float64]:
    sound: SoundData = OGG_VORBIS.parse(data)
    return np.frombuffer(sound.open().read_rest(), "<i2").astype(float)


def pitch(wave: npt.NDArray[np.float64]) -> int:
    """The strongest frequency, to 10 Hz."""
    return round(float(np.abs(np.fft.rfft(wave * np.hanning(len(wave)))).argmax()) * RATE / len(wave) / 10) * 10


def written(path: Path, *parts: bytes, append: bool = False) -> bytes:
    writer = VorbisWriter(path, append)
    for part in parts:
        for start in range(0, len(part), 320):
            writer.write_bytes(part[start : start + 320])
    writer.close()
    return path.read_bytes()


@pytest.mark.parametrize("samples", [0, 1, 160, 255, 256, 257, 8000, 100_003])
def test_every_length_is_kept_to_the_sample(tmp_path: Path, samples: int) -> None:
    data = written(tmp_path / "a.ogg", sine(440, samples))
    assert len(heard(data)) == samples
    if samples:
        info = soundfile.info(io.BytesIO(data))
        assert (info.format, info.subtype, info.samplerate, info.channels, info.frames) == ("OGG", "VORBIS", RATE, 1, samples)


def test_it_sounds_as_what_was_written(tmp_path: Path) -> None:
    source = sine(440, 16000)
    data = written(tmp_path / "a.ogg", source)
    assert len(data) < len(source) / 2
    wave = heard(data)
    assert pitch(wave) == 440
    error = wave - np.frombuffer(source, "<i2").astype(float)
    assert np.sqrt(np.mean(error[1000:-1000] ** 2)) < 0.05 * np.sqrt(np.mean(wave[1000:-1000] ** 2))


def test_what_is_long_goes_to_the_disk_as_it_comes(tmp_path: Path) -> None:
    writer = VorbisWriter(tmp_path / "a.ogg", False)
    for _ in range(60):
        writer.write_bytes(sine(440, RATE))
    assert writer.tell() == 60 * RATE
    assert writer._job is not None
    writer._job.result(10)
    assert (tmp_path / "a.ogg").stat().st_size > 10_000
    writer.close()
    assert len(heard((tmp_path / "a.ogg").read_bytes())) == 60 * RATE


def test_what_is_added_follows_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "a.ogg"
    written(path, sine(400, 8000))
    writer = VorbisWriter(path, True)
    assert writer.tell() == 8000
    writer.write_bytes(sine(800, 8001))
    assert writer.tell() == 16001
    writer.close()
    data = written(path, sine(1200, 4000), append=True)
    wave = heard(data)
    assert len(wave) == 20001
    assert [pitch(part) for part in (wave[:8000], wave[8000:16000], wave[16001:])] == [400, 800, 1200]
    assert len({page.serial for page in ogg.pages(data)}) == 3
    assert [page.number for page in ogg.pages(data) if page.flags & ogg.FIRST] == [0, 0, 0]


def test_nothing_added_changes_nothing(tmp_path: Path) -> None:
    data = written(tmp_path / "a.ogg", sine(400, 8000))
    assert written(tmp_path / "a.ogg", append=True) == data
    (tmp_path / "b.ogg").touch()
    assert len(heard(written(tmp_path / "b.ogg", sine(400, 500), append=True))) == 500


@pytest.mark.parametrize("samples", [1, 255, 256, 257, 20_000, 59_999])
def test_cut_where_it_was_asked_for_and_still_one_stream(tmp_path: Path, samples: int) -> None:
    path = tmp_path / "a.ogg"
    writer = VorbisWriter(path, False)
    writer.write_bytes(sine(440, 60_000))
    writer.truncate(70_000)
    assert writer.tell() == 60_000
    writer.truncate(samples)
    assert writer.tell() == samples
    writer.close()
    data = path.read_bytes()
    whole = heard(written(tmp_path / "b.ogg", sine(440, 60_000)))
    assert len({page.serial for page in ogg.pages(data)}) == 1
    assert list(ogg.pages(data))[-1].flags & ogg.LAST
    assert soundfile.info(io.BytesIO(data)).frames == samples
    assert np.array_equal(heard(data), whole[:samples])


def test_cut_to_nothing_and_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "a.ogg"
    writer = VorbisWriter(path, False)
    writer.write_bytes(sine(400, 20_000))
    writer.truncate(0)
    writer.close()
    assert len(heard(path.read_bytes())) == 0
    writer = VorbisWriter(path, True)
    writer.write_bytes(sine(400, 20_000))
    writer.truncate(8000)
    writer.write_bytes(sine(800, 8000))
    writer.close()
    wave = heard(path.read_bytes())
    assert (len(wave), pitch(wave[:8000]), pitch(wave[8000:])) == (16_000, 400, 800)


def test_cut_inside_what_was_there_before(tmp_path: Path) -> None:
    path = tmp_path / "a.ogg"
    for hertz in (400, 800, 1200):
        written(path, sine(hertz, 20_000), append=True)
    writer = VorbisWriter(path, True)
    writer.truncate(20_000 + 5000)
    writer.write_bytes(sine(1000, 8000))
    writer.close()
    wave = heard(path.read_bytes())
    assert len(wave) == 33_000
    assert [pitch(part) for part in (wave[:20_000], wave[20_000:25_000], wave[25_000:])] == [400, 800, 1000]
    writer = VorbisWriter(path, True)
    writer.truncate(20_000)  # where one stream ends
    writer.close()
    assert len(heard(path.read_bytes())) == 20_000


def music(rate: int, seconds: int, channels: int = 2) -> bytes:
    wave = 0.4 * np.sin(2 * np.pi * 600 * np.arange(rate * seconds) / rate)
    file = io.BytesIO()
    soundfile.write(file, np.stack([wave] * channels, axis=1), rate, format="OGG", subtype="VORBIS")
    return file.getvalue()


def _two_streams() -> bytes:
    encoder, other = _Encoder(), _Encoder()
    return encoder(sine(400, 4000)) + encoder.end() + other(sine(800, 4000)) + other.end()


DAMAGED = _two_streams()


def test_files_of_other_programs_are_added_to_and_cut(tmp_path: Path) -> None:
    path = tmp_path / "a.ogg"
    path.write_bytes(music(44100, 2))
    wave = heard(written(path, sine(1000, 8000), append=True))
    assert (len(wave), pitch(wave[:16000]), pitch(wave[16000:])) == (24_000, 600, 1000)
    writer = VorbisWriter(path, True)
    assert writer.tell() == 24_000
    writer.truncate(12_000)
    writer.write_bytes(sine(1000, 4000))
    writer.close()
    wave = heard(path.read_bytes())
    assert (len(wave), pitch(wave[:12_000]), pitch(wave[12_000:])) == (16_000, 600, 1000)


def test_a_recording_that_was_cut_short_is_read_and_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "a.ogg"
    noise = np.random.default_rng(3).integers(-9000, 9000, 80_000).astype("<i2").tobytes()
    data = written(path, noise)
    path.write_bytes(data[: len(data) * 2 // 3])
    rest = len(heard(path.read_bytes()))
    assert 20_000 < rest < 70_000
    writer = VorbisWriter(path, True)
    kept = writer.tell()
    assert 20_000 < kept <= rest
    writer.write_bytes(sine(800, 8000))
    writer.close()
    data = path.read_bytes()
    assert [page.flags & ogg.LAST for page in ogg.pages(data)].count(ogg.LAST) == 2
    wave = heard(data)
    assert (len(wave), pitch(wave[kept:])) == (kept + 8000, 800)


@pytest.mark.parametrize("pages", [1, 2, 3])
def test_a_stream_that_was_cut_off_in_its_headers_is_dropped(tmp_path: Path, pages: int) -> None:
    path = tmp_path / "a.ogg"
    written(path, sine(400, 8000))
    first = len(list(ogg.pages(path.read_bytes())))
    data = written(path, sine(800, 8000), append=True)
    end = list(ogg.pages(data))[first + pages - 1].stop
    path.write_bytes(data[:end])
    assert len(heard(data[:end])) == (8000 if pages < 3 else 16_000)
    data = written(path, sine(1200, 8000), append=True)
    wave = heard(data)
    assert (len(wave), pitch(wave[-8000:])) == ((16_000 if pages < 3 else 24_000), 1200)
    assert len({page.serial for page in ogg.pages(data)}) == (2 if pages < 3 else 3)


def test_headers_alone_are_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "a.ogg"
    data = written(path)
    path.write_bytes(data[: next(ogg.pages(data)).stop])
    assert len(heard(written(path, sine(400, 8000), append=True))) == 8000


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.lists(st.tuples(st.integers(0, 9000) | st.integers(0, 60), st.binary(max_size=4)), min_size=1, max_size=3),
    end=st.integers(1, 9000),
)
def test_damaged_files_are_gone_on_with_or_refused(tmp_path: Path, changes: list[tuple[int, bytes]], end: int) -> None:
    """Invariant: nothing but SoundFault is raised, and what was refused stays as it is."""
    path = tmp_path / "a.ogg"
    data = DAMAGED[:end]
    for place, what in changes:
        data = data[:place] + what + data[place + len(what) :]
    path.write_bytes(data)
    try:
        writer = VorbisWriter(path, True)
    except SoundFault:
        assert path.read_bytes() == data
        return
    try:
        writer.write_bytes(sine(500, 3000))
        writer.truncate(writer.tell() // 2)
        writer.write_bytes(sine(500, 300))
    except SoundFault:
        pass
    writer.close()


@pytest.mark.parametrize(
    "data",
    [b"RIFF" + bytes(100), b"x", music(8000, 1)[:40], music(8000, 1) + b"junk" * 20],
    ids=["another kind", "too short", "no whole page", "octets behind it"],
)
def test_what_is_something_else_is_not_added_to(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.ogg"
    path.write_bytes(data)
    with pytest.raises(SoundFault, match=r"cannot append to .*a\.ogg: "):
        VorbisWriter(path, True)
    assert path.read_bytes() == data


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(writer: VorbisWriter, chunk: bytes) -> None:
        if chunk:
            raise OSError(28, os.strerror(28))

    monkeypatch.setattr(VorbisWriter, "_put", refuse)
    writer = VorbisWriter(tmp_path / "a.ogg", False)
    writer.write_bytes(sine(440, 80_000))
    for _ in range(20):
        assert writer._job is not None
        if writer._job.exception(10) is not None:
            break
        writer.write_bytes(sine(440, 20_000))
    with pytest.raises(SoundFault, match=r"cannot write .*a\.ogg: No space left"):
        writer.write_bytes(sine(440, 20_000))
    with pytest.raises(SoundFault, match="any more"):
        writer.write_bytes(sine(440, 20_000))
    writer.close()  # it was told


def test_without_an_encoder_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise soundfile.LibsndfileError(1)

    monkeypatch.setattr(soundfile, "SoundFile", refuse)
    writer = VorbisWriter(tmp_path / "a.ogg", False)
    with pytest.raises(SoundFault, match="cannot be encoded"):
        writer.close()


async def test_encoding_is_work_of_another_thread(tmp_path: Path) -> None:
    names = []

    class Watched(VorbisWriter):
        def _store(self, chunk: bytes) -> None:
            names.append(threading.current_thread().name)
            super()._store(chunk)

    writer = Watched(tmp_path / "a.ogg", False)
    for _ in range(5):
        writer.write_bytes(sine(440, RATE))
    await writer.aclose()
    assert names
    assert all(name.startswith("ThreadPoolExecutor-vorbis") for name in names)
    assert len(heard((tmp_path / "a.ogg").read_bytes())) == 5 * RATE


def test_a_recording_waits_in_the_cache_until_it_is_whole(tmp_path: Path, sounds: SoundStore) -> None:
    sounds.record_cache = tmp_path / "cache"
    sounds.record_cache.mkdir()
    writer = sounds.create(str(tmp_path / "b"), "ogg")
    writer.write_bytes(sine(440, 20_000))
    writer.truncate(10_000)
    assert not (tmp_path / "b.ogg").exists()
    writer.close()
    assert len(heard((tmp_path / "b.ogg").read_bytes())) == 10_000


@pytest.fixture
def sounds(tmp_path: Path) -> SoundStore:
    formats: Registry[FileFormatSpec] = Registry("file format")
    formats.register(OGG_VORBIS)
    return SoundStore(formats, TranslationRegistry(), tmp_path)


def test_octets_between_the_pages_are_passed_over(tmp_path: Path) -> None:
    data = written(tmp_path / "a.ogg", sine(400, 40_000))
    last = list(ogg.pages(data))[-1]
    assert len(heard(data[: last.start] + b"junk" * 3 + data[last.start :])) > 30_000


def test_ffmpeg_hears_every_part(tmp_path: Path) -> None:
    path = tmp_path / "a.ogg"
    written(path, sine(400, 8000))
    written(path, sine(800, 8000), append=True)
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-f", "s16le", "-ar", "8000", "-"]
    made = subprocess.run(command, capture_output=True, check=True, timeout=60)
    assert made.stderr == b""
    wave = np.frombuffer(made.stdout, "<i2").astype(float)
    assert abs(len(wave) - 16_000) < 800  # of the last block of each part it plays all
    assert (pitch(wave[1000:7000]), pitch(wave[9000:15_000])) == (400, 800)
