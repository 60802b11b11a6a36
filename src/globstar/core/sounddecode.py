"""Decoding of whole compressed or foreign sound files to signed linear, through libsndfile."""

from __future__ import annotations

import io

from globstar.core.format import Format
from globstar.core.soundfile import Buffer, SoundData, SoundFault, whole_blocks

#: More decoded audio than this (an hour at 48 kHz) is not taken into memory.
MAXIMUM_BYTES = 360 * 1024 * 1024
_CHUNK = 1 << 16


def decode_whole(data: Buffer, format: Format) -> SoundData:
    """All of ``data``, in any container that libsndfile knows, as mono signed linear of ``format``'s rate."""
    import numpy as np
    import soundfile

    from globstar.dsp.resample import Resampler, edges

    pieces: list[bytes] = []
    total = frames = 0
    part = slice(None)
    try:
        with soundfile.SoundFile(io.BytesIO(data[0 : len(data)])) as file:
            if not 1000 <= file.samplerate <= 768000 or not 1 <= file.channels <= 64:
                raise SoundFault(f"{file.channels} channels at {file.samplerate} Hz")
            convert = None if file.samplerate == format.sample_rate else Resampler(file.samplerate, format.sample_rate)
            while True:
                block = file.read(_CHUNK, dtype="int16", always_2d=True)
                if not len(block):
                    break
                frames += len(block)
                mono = block[:, 0] if file.channels == 1 else np.rint(block.mean(axis=1)).astype("<i2")
                piece = mono.astype("<i2").tobytes()
                pieces.append(piece if convert is None else convert(piece))
                total += len(pieces[-1])
                if total > MAXIMUM_BYTES:
                    raise SoundFault("too long")
            if convert is not None:
                following, skip = edges(file.samplerate, format.sample_rate)
                pieces.append(convert(bytes(2 * following)))
                part = slice(2 * skip, 2 * (skip + frames * format.sample_rate // file.samplerate))
    except (RuntimeError, ValueError, TypeError, AssertionError, OSError, MemoryError) as error:
        # libsndfile's reason names the object that it read from, which nobody knows
        reason = error.error_string if isinstance(error, soundfile.LibsndfileError) else str(error)
        raise SoundFault(f"cannot be decoded: {reason}") from error
    return whole_blocks(format, b"".join(pieces)[part])
