"""WAV files that hold GSM 06.10 (``.WAV``, ``.wav49``): 65 bytes for every two frames."""

from __future__ import annotations

from pathlib import Path

from globstar.core.format import gsm
from globstar.core.riff import TAG_GSM, gsm_header, parse_wave
from globstar.core.soundfile import Buffer, FileFormatSpec, SoundData, SoundFault, SoundWriter, whole_blocks
from globstar.dsp.msgsm import FRAME_BYTES, PAIR_BYTES, SILENCE_FRAME, frames_to_pair, pair_to_frames


def parse_wav49(data: Buffer) -> SoundData:
    """The audio as 33 byte frames; half a block at the end is left out."""
    start, stop = _find_audio(data)
    packed = data[start:stop]
    last = len(packed) - len(packed) % PAIR_BYTES
    frames = b"".join(pair_to_frames(packed[i : i + PAIR_BYTES]) for i in range(0, last, PAIR_BYTES))
    return whole_blocks(gsm, frames)


def _find_audio(data: Buffer) -> tuple[int, int]:
    info = parse_wave(data)
    if (info.tag, info.channels, info.sample_rate) != (TAG_GSM, 1, 8000):
        raise SoundFault(f"WAV with format {info.tag:#x}, {info.sample_rate} Hz; only GSM 06.10 at 8000 Hz is known here")
    return info.start, info.stop


class Wav49Writer(SoundWriter):
    """Gathers two frames for each block; a single last frame is completed with silence."""

    __slots__ = ("_rest",)

    def __init__(self, path: Path, append: bool) -> None:
        self._rest = b""
        super().__init__(path, gsm, gsm_header, append=append, find_audio=_find_audio)

    def _block(self) -> tuple[int, int]:
        return PAIR_BYTES, 320

    def _encode(self, data: bytes) -> bytes:
        data = self._rest + data
        last = len(data) - len(data) % (2 * FRAME_BYTES)
        self._rest = data[last:]
        step = 2 * FRAME_BYTES
        return b"".join(frames_to_pair(data[i : i + step]) for i in range(0, last, step))

    def _footer(self) -> bytes:
        return bytes(self._written & 1)

    def _finish(self) -> None:
        rest, self._rest = self._rest, b""
        if len(rest) >= FRAME_BYTES:
            self._pending += frames_to_pair(rest[:FRAME_BYTES] + SILENCE_FRAME)


WAV49 = FileFormatSpec(name="wav49", extensions=("WAV", "wav49"), format=gsm, parse=parse_wav49, create=Wav49Writer)
