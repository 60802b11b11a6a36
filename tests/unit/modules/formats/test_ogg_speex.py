"""Speex in Ogg: files of another program are read and sound as they should; others are refused with the reason."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from globstar.core.format import speex, speex16, speex32
from globstar.core.frame import FrameType
from globstar.core.registry import specs_of
from globstar.core.soundfile import SoundFault
from globstar.modules.codecs.speex import Decoder, library
from globstar.modules.formats import ogg_speex
from tests.unit.core.test_ogg import page

SPECS: dict[str, Any] = {spec.extensions[0]: spec for spec in specs_of(ogg_speex)}
FORMATS = {"spx": speex, "spx16": speex16, "spx32": speex32}


def header(rate: int = 8000, mode: int = 0, channels: int = 1, frames: int = 1, extra: int = 0) -> bytes:
    version = b"speex-1.2".ljust(20, b"\0")
    numbers = (1, 80, rate, mode, 4, channels, 0xFFFFFFFF, 160 << mode, 0, frames, extra, 0, 0)
    return b"Speex   " + version + struct.pack("<13I", *numbers)


def file_of(head: bytes, audio: list[bytes], comments: int = 1) -> bytes:
    pages = page(0, [len(head)], head, 2) + b"".join(page(1 + n, [4], b"note") for n in range(comments))
    return pages + page(1 + comments, [len(packet) for packet in audio], b"".join(audio), 4)


def packets_of(sound: Any) -> list[bytes]:
    reader, found = sound.open(), []
    while (frame := reader.next_frame()) is not None:
        found.append(frame.data)
    return found


@pytest.mark.parametrize("ending", ["spx", "spx16", "spx32"])
@pytest.mark.parametrize("frames", [1, 3])
def test_files_of_another_program_sound_as_what_they_were_made_of(tmp_path: Path, ending: str, frames: int) -> None:
    if shutil.which("ffmpeg") is None or library() is None:
        pytest.skip("ffmpeg and libspeex are needed: tools/install-test-tools")
    rate = FORMATS[ending].sample_rate
    path = tmp_path / "a.spx"
    command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"sine=frequency=500:sample_rate={rate}:duration=2"]
    command += ["-c:a", "libspeex", "-frames_per_packet", str(frames), "-f", "ogg", str(path)]
    subprocess.run(command, check=True, timeout=60)
    sound = SPECS[ending].parse(path.read_bytes())
    assert sound.format is FORMATS[ending]
    assert abs(sound.duration_ms - 2000) <= 20 * frames + 40
    mode = list(FORMATS).index(ending)
    decode = Decoder(mode)
    parts = [decode(packet) for packet in packets_of(sound)]
    assert {len(part) for part in parts[:-1]} == {2 * sound.block_samples} == {frames * rate // 25}
    heard = np.frombuffer(b"".join(parts), "<i2").astype(float)[rate // 2 : rate // 2 + rate]
    assert np.abs(np.fft.rfft(heard * np.hanning(rate))).argmax() == 500


def test_packets_of_several_frames_keep_their_pace() -> None:
    sound = SPECS["spx"].parse(file_of(header(frames=2), [b"one", b"two"]))
    assert sound.duration_ms == 80
    reader, ticks = sound.open(), []
    while (frame := reader.next_tick()) is not None:
        ticks.append(frame.data if frame.type is FrameType.VOICE else None)
    assert ticks == [b"one", None, b"two", None]


def test_more_headers_are_passed_over() -> None:
    sound = SPECS["spx"].parse(file_of(header(extra=2), [b"audio"], comments=3))
    assert packets_of(sound) == [b"audio"]


@pytest.mark.parametrize(
    ("ending", "head", "reason"),
    [
        ("spx", header(16000, 1), r"whose files end on \.spx16"),
        ("spx32", header(), r"whose files end on \.spx"),
        ("spx", header(mode=3), "unknown mode 3"),
        ("spx", header(11025), "11025 Hz"),
        ("spx", header(channels=2), "2 channels"),
        ("spx", header(frames=0), "0 frames"),
        ("spx", header(frames=11), "11 frames"),
        ("spx", header(extra=1 << 31), "headers"),
        ("spx", header()[:70], "too short"),
    ],
)
def test_what_cannot_be_played_is_refused_with_the_reason(ending: str, head: bytes, reason: str) -> None:
    with pytest.raises(SoundFault, match=reason):
        SPECS[ending].parse(file_of(head, [b"audio"]))


def test_a_file_of_headers_alone_is_refused() -> None:
    with pytest.raises(SoundFault, match="ends within its headers"):
        SPECS["spx"].parse(page(0, [80], header(), 2))


def test_such_files_are_only_read() -> None:
    assert all(spec.create is None for spec in SPECS.values())
