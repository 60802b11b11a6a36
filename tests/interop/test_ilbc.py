"""iLBC against ffmpeg, whose decoder is another one, in fixed point."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.interop.support.programs import SOUNDS, require, require_sounds
from tests.support.sound_quality import original

pytest.importorskip("globstar.dsp._ilbc", reason="the native module was not built")

from tests.support.ilbc import decode, encode, high_passed, likeness

MODES = (20, 30)
#: ffmpeg's first sub-block is noise: it begins with what happens to be in its memory.
WARM_UP = 160


def ffmpeg_decodes(payloads: list[bytes], mode: int, folder: Path) -> np.ndarray:
    """What ffmpeg makes of a stream; RFC 3952 section 4.1 has the file's header."""
    file = folder / "stream.lbc"
    file.write_bytes(b"#!iLBC%d\n" % mode + b"".join(payloads))
    command = [require("ffmpeg"), "-v", "error", "-f", "ilbc", "-i", str(file), "-f", "s16le", "-"]
    done = subprocess.run(command, capture_output=True, check=True, timeout=60)
    assert not done.stderr
    return np.frombuffer(done.stdout, "<i2").astype(float)


def sounds() -> dict[str, bytes]:
    """A sweep with noise that has the spectrum of speech, and seven seconds of a recorded prompt."""
    prompt = (SOUNDS / "demo-congrats.wav").read_bytes()[44 : 44 + 7 * 16000]
    return {"sweep and noise": original(8000), "prompt": prompt}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ["sweep and noise", "prompt"])
def test_ffmpeg_hears_what_we_encode_and_our_decoder_hears_the_same(name: str, mode: int, tmp_path: Path) -> None:
    require_sounds()
    audio = sounds()[name]
    payloads = encode(audio, mode)
    theirs, ours = ffmpeg_decodes(payloads, mode, tmp_path), decode(payloads, mode)
    wanted = high_passed(audio)
    assert theirs.size == ours.size
    assert likeness(wanted, theirs, skip=WARM_UP) > 10
    assert likeness(wanted, ours, skip=WARM_UP) > likeness(wanted, theirs, skip=WARM_UP) - 0.5
    assert likeness(ours, theirs, skip=WARM_UP) > 25
