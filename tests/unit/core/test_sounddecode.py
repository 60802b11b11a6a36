"""Sound files that libsndfile decodes, and what it cannot."""

from __future__ import annotations

import pytest

from globstar.core.format import slin
from globstar.core.sounddecode import decode_whole
from globstar.core.soundfile import SoundFault


@pytest.mark.parametrize("data", [b"", b"x" * 5000, b"OggS" + b"\xff" * 3000])
def test_what_is_no_sound_is_refused_in_words_of_the_file(data: bytes) -> None:
    with pytest.raises(SoundFault, match=r"^cannot be decoded: [^<]+$"):
        decode_whole(data, slin)
