"""Files of G.723.1: frames of four lengths, 30 ms each."""

from pathlib import Path

import pytest

from globstar.base.errors import LocalFault
from globstar.base.log import Level
from globstar.core.format import g723, ulaw
from globstar.core.frame import Frame, FrameType, voice
from globstar.core.soundfile import SoundFault
from globstar.modules.formats.g723 import G723
from tests.support.switch import LogCapture

FRAMES = [bytes([4]) + b"h" * 23, bytes([5]) + b"l" * 19, bytes([6]) + b"sid", bytes([7]), bytes([0]) + b"H" * 23]


def frames_of(data: bytes) -> list[bytes]:
    reader, found = G723.parse(data).open(), []
    while (frame := reader.next_frame()) is not None:
        assert (frame.samples, frame.format) == (240, g723)
        found.append(frame.data)
    return found


def test_frames_of_all_lengths_are_read() -> None:
    data = b"".join(FRAMES)
    assert frames_of(data) == FRAMES
    assert G723.parse(data).duration_ms == 150


def test_a_frame_that_is_cut_off_is_left_out() -> None:
    assert frames_of(b"".join(FRAMES)[:-1]) == FRAMES[:-1]


def test_an_empty_file_is_an_empty_recording() -> None:
    assert frames_of(b"") == []


def test_what_is_shorter_than_its_first_frame_is_no_recording() -> None:
    with pytest.raises(SoundFault, match=r"G\.723\.1"):
        G723.parse(b"\0abc")


def test_long_files_are_read_in_pieces() -> None:
    data = b"".join(FRAMES) * 2000
    assert len(data) > 1 << 17
    assert frames_of(data) == FRAMES * 2000


def test_seeking_goes_to_the_beginning_of_a_frame() -> None:
    reader = G723.parse(b"".join(FRAMES)).open()
    reader.seek_ms(65)
    assert reader.tell_ms() == 60
    frame = reader.next_frame()
    assert frame is not None
    assert frame.data == FRAMES[2]
    reader.seek_ms(10_000)
    assert reader.is_at_end
    assert reader.tell_ms() == 150
    reader.seek(0)
    assert reader.read_rest() == b"".join(FRAMES)
    assert reader.next_frame() is None


def test_frames_of_30_ms_are_spread_over_ticks_of_20() -> None:
    reader, ticks = G723.parse(b"".join(FRAMES)).open(), []
    while (frame := reader.next_tick()) is not None:
        ticks.append(frame.type is FrameType.VOICE)
    assert ticks == [True, True, False, True, True, False, True, False]


def write(path: Path, packets: list[bytes], *, append: bool = False) -> None:
    assert G723.create is not None
    writer = G723.create(path, append)
    for packet in packets:
        writer.write(voice(g723, packet, 240))
    writer.close()


def test_what_is_written_is_read_back_and_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "a.g723"
    write(path, FRAMES[:2])
    path.write_bytes(path.read_bytes() + FRAMES[0][:10])  # a writer that was interrupted
    write(path, [FRAMES[2] + FRAMES[3], FRAMES[4]], append=True)
    assert frames_of(path.read_bytes()) == FRAMES


def test_the_end_is_cut_off_by_frames(tmp_path: Path) -> None:
    path = tmp_path / "a.g723"
    assert G723.create is not None
    writer = G723.create(path, False)
    writer.write_bytes(b"".join(FRAMES))
    assert writer.tell_ms() == 150
    writer.truncate(3 * 240 + 100)
    assert writer.tell_ms() == 90
    writer.write_bytes(FRAMES[0])
    writer.close()
    assert frames_of(path.read_bytes()) == [*FRAMES[:3], FRAMES[0]]


def test_packets_that_are_no_g723_are_left_out_and_told_of_once(tmp_path: Path) -> None:
    with LogCapture(Level.WARNING) as log:
        write(tmp_path / "a.g723", [FRAMES[0], b"\0short", b"", b"\1short", FRAMES[1]])
    assert frames_of((tmp_path / "a.g723").read_bytes()) == FRAMES[:2]
    assert [line.count("no G.723.1") for line in log.texts(Level.WARNING)] == [1]


def test_a_frame_of_another_codec_is_no_part_of_it(tmp_path: Path) -> None:
    assert G723.create is not None
    writer = G723.create(tmp_path / "a.g723", False)
    with pytest.raises(LocalFault):
        writer.write(Frame(FrameType.VOICE, 0, bytes(160), format=ulaw, samples=160))
    writer.close()
