"""Ogg Vorbis files, decoded when opened; they are not written."""

from __future__ import annotations

from globstar.core.format import slin
from globstar.core.sounddecode import decode_whole
from globstar.core.soundfile import FileFormatSpec

OGG_VORBIS = FileFormatSpec(name="ogg_vorbis", extensions=("ogg",), format=slin, parse=lambda data: decode_whole(data, slin))
