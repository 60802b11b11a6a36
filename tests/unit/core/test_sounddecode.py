"""Sound files that libsndfile decodes, and what it cannot."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile

from globstar.core.format import Format, slin, slin16, slin48
from globstar.core.sounddecode import decode_whole
from globstar.core.soundfile import SoundFault


@pytest.mark.parametrize("data", [b"", b"x" * 5000, b"OggS" + b"\xff" * 3000])
def test_what_is_no_sound_is_refused_in_words_of_the_file(data: bytes) -> None:
    with pytest.raises(SoundFault, match=r"^cannot be decoded: [^<]+$"):
        decode_whole(data, slin)


@pytest.mark.parametrize("format", [slin, slin16, slin48], ids=str)
@pytest.mark.parametrize("rate", [8000, 11025, 44100, 48000])
def test_sound_of_another_rate_begins_and_ends_where_it_did(rate: int, format: Format) -> None:
    wave = np.zeros(rate // 5)
    wave[0] = wave[rate // 10] = wave[-1] = 0.8
    file = io.BytesIO()
    soundfile.write(file, wave, rate, format="WAV", subtype="PCM_16")
    sound = decode_whole(file.getvalue(), format)
    samples = np.abs(np.frombuffer(sound.data[sound.start : sound.stop], "<i2").astype(float))
    assert len(samples) == len(wave) * format.sample_rate // rate
    middle = len(samples) // 2
    assert abs(int(samples[middle // 2 : middle + middle // 2].argmax()) - (middle - middle // 2)) <= max(
        1, format.sample_rate // rate
    )
    quarter = format.sample_rate // 20
    assert samples[:quarter].argmax() <= 1
    assert samples[-quarter:].argmax() >= quarter - 2 - max(1, format.sample_rate // rate)
