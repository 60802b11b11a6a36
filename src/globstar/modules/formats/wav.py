"""WAV files: 16 bit mono at 8 kHz (``wav``) or 16 kHz (``wav16``) as written; other WAV files are converted when opened."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from globstar.core.format import Format, slin, slin16
from globstar.core.riff import TAG_PCM, WaveInfo, parse_wave, pcm_header
from globstar.core.sounddecode import decode_whole
from globstar.core.soundfile import Buffer, FileFormatSpec, SoundData, SoundFault, SoundWriter, whole_blocks


def parse_wav(data: Buffer, format: Format) -> SoundData:
    """The audio as signed linear of ``format``."""
    info = parse_wave(data)
    if _is_as_written(info, format):
        return whole_blocks(format, data, info.start, info.stop)
    if info.stop - info.start != int.from_bytes(data[info.start - 4 : info.start], "little"):  # a recording that was cut short
        length = (info.stop - info.start).to_bytes(4, "little")
        return decode_whole(data[0 : info.start - 4] + length + data[info.start : info.stop], format)
    return decode_whole(data, format)


def _is_as_written(info: WaveInfo, format: Format) -> bool:
    return (info.tag, info.channels, info.sample_rate, info.bits) == (TAG_PCM, 1, format.sample_rate, 16)


def _find_audio(data: Buffer, format: Format) -> tuple[int, int]:
    info = parse_wave(data)
    if not _is_as_written(info, format):
        raise SoundFault(
            f"it has {info.channels} channels of {info.bits} bit at {info.sample_rate} Hz in encoding {info.tag:#x}; "
            f"what is written is 16 bit mono at {format.sample_rate} Hz"
        )
    return info.start, info.stop


def _create(path: Path, format: Format, append: bool) -> SoundWriter:
    header = partial(pcm_header, format.sample_rate)
    return SoundWriter(path, format, header, append=append, find_audio=partial(_find_audio, format=format))


WAV = FileFormatSpec(
    name="wav",
    extensions=("wav",),
    format=slin,
    parse=lambda data: parse_wav(data, slin),
    create=lambda path, append: _create(path, slin, append),
    mime_types=("audio/wav", "audio/x-wav", "audio/x-wav;codec=pcm;bit=16;rate=8000"),
)
WAV16 = FileFormatSpec(
    name="wav16",
    extensions=("wav16",),
    format=slin16,
    parse=lambda data: parse_wav(data, slin16),
    create=lambda path, append: _create(path, slin16, append),
    mime_types=("audio/x-wav;codec=pcm;bit=16;rate=16000",),
)
