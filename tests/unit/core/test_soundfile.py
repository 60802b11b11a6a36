"""The reader's cursor and the writer's file."""

import asyncio
import os
import resource
import threading
import wave

import pytest

from globstar.base.errors import LocalFault
from globstar.core import format as formats
from globstar.core import soundfile
from globstar.core.frame import voice
from globstar.core.riff import pcm_header
from globstar.core.soundfile import FileView, SoundFault, SoundReader, SoundWriter, whole_blocks


def frames_of(reader):
    frames = []
    while (frame := reader.next_frame()) is not None:
        frames.append(frame)
    return frames


def test_frames_of_20_ms_and_a_shorter_last_one():
    frames = frames_of(whole_blocks(formats.slin, bytes(range(256)) * 3).open())
    assert [(len(f.data), f.samples) for f in frames] == [(320, 160), (320, 160), (128, 64)]
    assert b"".join(f.data for f in frames) == bytes(range(256)) * 3


@pytest.mark.parametrize(
    ("format", "size", "samples"),
    [("ulaw", 160, 160), ("slin16", 640, 320), ("gsm", 33, 160), ("g722", 160, 320), ("g729", 20, 160), ("slin44", 1764, 882)],
)  # fmt: skip
def test_twenty_milliseconds_of_every_format(format, size, samples):
    frame = SoundReader(whole_blocks(formats.BUILTIN[format], bytes(10000))).next_frame()
    assert frame is not None
    assert frame.format is not None
    assert (len(frame.data), frame.samples, frame.format.name) == (size, samples, format)


def test_other_frame_lengths():
    assert frames_of(whole_blocks(formats.ulaw, bytes(1000)).open(60))[0].samples == 480


def test_half_a_block_at_the_end_is_left_out():
    sound = whole_blocks(formats.gsm, bytes(33 * 3 + 20))
    assert sound.samples == 480
    assert sound.duration_ms == 60
    assert [len(frame.data) for frame in frames_of(sound.open())] == [33, 33, 33]


def test_seek_and_tell():
    reader = whole_blocks(formats.gsm, bytes(33 * 10)).open()
    reader.seek(500)
    assert reader.tell() == 480
    reader.seek_ms(40)
    assert (reader.tell(), reader.tell_ms()) == (320, 40)
    reader.seek(-5)
    assert reader.tell() == 0
    reader.seek(10**9)
    assert reader.is_at_end
    assert reader.next_frame() is None
    assert reader.length() == 1600
    assert reader.frame_ms == 20


def test_read_rest():
    reader = whole_blocks(formats.ulaw, b"a" * 160 + b"b" * 100).open()
    reader.next_frame()
    assert reader.read_rest() == b"b" * 100
    assert reader.read_rest() == b""


def test_empty_sound():
    reader = whole_blocks(formats.slin, b"\0").open()
    assert reader.is_at_end
    assert reader.next_frame() is None


def test_writer_takes_only_its_codec(tmp_path):
    writer = SoundWriter(tmp_path / "a.ulaw", formats.ulaw)
    writer.write(voice(formats.ulaw, b"\xff" * 160, 160))
    with pytest.raises(LocalFault):
        writer.write(voice(formats.alaw, b"\xff" * 160, 160))
    assert (writer.tell(), writer.tell_ms()) == (160, 20)
    writer.close()
    writer.close()
    with pytest.raises(LocalFault):
        writer.write_bytes(b"x")
    assert (tmp_path / "a.ulaw").read_bytes() == b"\xff" * 160


def test_truncate_cuts_the_end_and_writing_goes_on(tmp_path):
    writer = SoundWriter(tmp_path / "a.sln", formats.slin)
    writer.write_bytes(b"ab" * 1000)
    writer.truncate(400)
    assert writer.tell() == 400
    writer.truncate(5000)
    assert writer.tell() == 400
    writer.write_bytes(b"cd")
    writer.close()
    assert (tmp_path / "a.sln").read_bytes() == b"ab" * 400 + b"cd"


def test_append_continues_on_a_block_border(tmp_path):
    path = tmp_path / "a.gsm"
    path.write_bytes(b"x" * 70)
    writer = SoundWriter(path, formats.gsm, append=True)
    assert writer.tell() == 320
    writer.write_bytes(b"y" * 33)
    writer.close()
    assert path.read_bytes() == b"x" * 66 + b"y" * 33


def test_append_to_nothing_begins_a_file(tmp_path):
    writer = SoundWriter(tmp_path / "new.sln", formats.slin, lambda size: b"H%07d" % size, append=True)
    writer.write_bytes(bytes(10))
    writer.close()
    assert (tmp_path / "new.sln").read_bytes() == b"H0000010" + bytes(10)


def test_much_audio_reaches_the_disk_in_order_without_close(tmp_path):
    writer = SoundWriter(tmp_path / "a.ulaw", formats.ulaw)
    expected = b"".join(bytes([n % 256]) * 160 for n in range(5000))
    for start in range(0, len(expected), 160):
        writer.write_bytes(expected[start : start + 160])
    assert writer.tell() == len(expected)
    writer.close()
    assert (tmp_path / "a.ulaw").read_bytes() == expected


async def test_close_off_the_loop(tmp_path):
    writer = SoundWriter(tmp_path / "a.ulaw", formats.ulaw)
    writer.write_bytes(bytes(100))
    await writer.aclose()
    await writer.aclose()
    assert writer.is_closed
    assert (tmp_path / "a.ulaw").stat().st_size == 100


def test_a_folder_that_is_not_there_is_a_sound_fault(tmp_path):
    with pytest.raises(SoundFault):
        SoundWriter(tmp_path / "none" / "a.ulaw", formats.ulaw)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_a_full_disk_is_a_sound_fault(tmp_path):
    class FullWriter(SoundWriter):
        def _put(self, chunk):
            with open("/dev/full", "wb", buffering=0) as full:
                full.write(chunk)

    writer = FullWriter(tmp_path / "a.ulaw", formats.ulaw)
    writer.write_bytes(bytes(100))
    with pytest.raises(SoundFault, match="No space"):
        writer.close()
    writer = FullWriter(tmp_path / "b.ulaw", formats.ulaw)
    writer.write_bytes(bytes(50000))
    assert writer._job is not None
    writer._job.exception(60)
    with pytest.raises(SoundFault, match="No space"):  # the thread's trouble comes back from the next write
        writer.write_bytes(bytes(50000))


def test_a_disk_that_hangs_is_a_sound_fault_not_a_growing_buffer(tmp_path, monkeypatch):
    monkeypatch.setattr(soundfile, "MAXIMUM_PENDING_BYTES", 100_000)
    gate = threading.Event()

    class SlowWriter(SoundWriter):
        def _put(self, chunk):
            gate.wait(60)
            super()._put(chunk)

    writer = SlowWriter(tmp_path / "a.ulaw", formats.ulaw)
    try:
        writer.write_bytes(bytes(40_000))
        writer.write_bytes(bytes(100_000))
        with pytest.raises(SoundFault, match="keep up"):
            writer.write_bytes(bytes(40_000))
    finally:
        gate.set()
        writer.close()


def test_a_big_file_is_read_in_windows(tmp_path):
    path = tmp_path / "big"
    content = os.urandom(1_000_003)
    path.write_bytes(content)
    view = FileView(path)
    assert len(view) == len(content)
    position, read = 0, []
    while position < len(view):
        read.append(view[position : position + 333])
        position += 333
    assert b"".join(read) == content
    assert view[10:20] == content[10:20]
    assert view[0 : len(view)] == content
    assert view[len(content) + 5 : len(content) + 9] == b""


def test_a_big_file_cut_short_while_played_ends(tmp_path):
    path = tmp_path / "big.ulaw"
    path.write_bytes(bytes(1_000_000))
    reader = whole_blocks(formats.ulaw, FileView(path)).open()
    assert reader.next_frame() is not None
    os.truncate(path, 0)
    reader.seek(900_000)
    assert reader.next_frame() is None


async def test_a_file_that_takes_nothing_more_holds_up_no_other(tmp_path):
    """A named pipe that nobody empties stands for a disk that stands still."""
    os.mkfifo(tmp_path / "stuck.raw")
    stuck = SoundWriter(tmp_path / "stuck.raw", formats.slin)
    for _ in range(8):
        stuck.write_bytes(bytes(32 * 1024))
    other = SoundWriter(tmp_path / "other.raw", formats.slin)
    other.write_bytes(bytes(100_000))
    await asyncio.wait_for(other.aclose(), 5)
    assert (tmp_path / "other.raw").stat().st_size == 100_000
    end = os.open(tmp_path / "stuck.raw", os.O_RDONLY)
    closing = asyncio.create_task(stuck.aclose())
    taken = 0
    while taken < 8 * 32 * 1024:
        taken += len(await asyncio.to_thread(os.read, end, 65536))
    await asyncio.wait_for(closing, 5)
    os.close(end)


def test_a_full_disk_leaves_a_whole_file_and_is_told_once(tmp_path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    writer = SoundWriter(tmp_path / "full.wav", formats.slin, lambda size: pcm_header(8000, size))
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_001, before[1]))
    try:
        for _ in range(2):
            writer.write_bytes(bytes(32 * 1024))
            assert writer._job is not None
            writer._job.exception(5)
        with pytest.raises(SoundFault, match="cannot write"):
            writer.write_bytes(bytes(32 * 1024))
        with pytest.raises(SoundFault, match="any more"):
            writer.write_bytes(bytes(320))
        writer.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    with wave.open(str(tmp_path / "full.wav")) as file:
        assert file.getnframes() == (40_001 - 44) // 2
    assert (tmp_path / "full.wav").stat().st_size == 40_000


def test_a_disk_that_is_full_at_the_end_is_told_by_close(tmp_path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    writer = SoundWriter(tmp_path / "full.wav", formats.slin, lambda size: pcm_header(8000, size))
    writer.write_bytes(bytes(20_000))
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_044, before[1]))
    try:
        with pytest.raises(SoundFault, match="cannot write"):
            writer.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    with wave.open(str(tmp_path / "full.wav")) as file:
        assert file.getnframes() == 5000
