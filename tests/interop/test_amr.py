"""AMR and AMR-WB against ffmpeg's decoders, which are others than those that the project uses."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from globstar.core.format import Format, amr_efficient, amrwb
from globstar.modules.codecs.amr import Decoder, Encoder
from globstar.proto.rtp.amr import NARROW_BITS, WIDE_BITS, unpack
from tests.interop.support.programs import require
from tests.support.ilbc import likeness
from tests.support.sound_quality import frames_of, original, segmental_ratio


def ffmpeg_decodes(frames: list[bytes], rate: int, folder: Path) -> bytes:
    """What ffmpeg makes of a file of frames (RFC 4867 section 5)."""
    file = folder / "stream.amr"
    file.write_bytes((b"#!AMR\n" if rate == 8000 else b"#!AMR-WB\n") + b"".join(frames))
    command = [require("ffmpeg"), "-v", "error", "-i", str(file), "-f", "s16le", "-ar", str(rate), "-"]
    return subprocess.run(command, capture_output=True, check=True, timeout=60).stdout


@pytest.mark.parametrize("fmtp", ["", "mode-set=0", "mode-set=4"])
@pytest.mark.parametrize(("format", "bits"), [(amr_efficient, NARROW_BITS), (amrwb, WIDE_BITS)], ids=["narrow", "wide"])
def test_ffmpeg_hears_what_we_encode(format: Format, bits: dict[int, int], fmtp: str, tmp_path: Path) -> None:
    encoder, decoder = Encoder(format, fmtp), Decoder(format)
    rate = format.sample_rate
    packets = [encoder(frame) for frame in frames_of(original(rate), rate)]
    frames = [one for packet in packets for one in unpack(packet, bits, is_aligned=format is amrwb) or ()]
    ours, theirs = b"".join(map(decoder, packets)), ffmpeg_decodes(frames, rate, tmp_path)
    assert len(ours) == len(theirs)
    assert segmental_ratio(theirs, rate) > segmental_ratio(ours, rate) - 4.0  # its decoder works in another arithmetic
    assert segmental_ratio(ours, rate) > (2.0 if fmtp != "mode-set=0" else 0.5)
    one, other = (np.frombuffer(sound, "<i2").astype(float) for sound in (ours, theirs))
    assert likeness(one, other) > 15
