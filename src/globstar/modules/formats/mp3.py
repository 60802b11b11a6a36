"""MP3 files, decoded when opened; they are not written."""

from __future__ import annotations

from globstar.core.format import slin
from globstar.core.sounddecode import decode_whole
from globstar.core.soundfile import FileFormatSpec

MP3 = FileFormatSpec(name="mp3", extensions=("mp3",), format=slin, parse=lambda data: decode_whole(data, slin))
