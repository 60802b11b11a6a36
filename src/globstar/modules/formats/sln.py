"""Files of 16 bit little-endian signed linear without header, at every rate."""

from __future__ import annotations

from globstar.core.format import slin, slin12, slin16, slin24, slin32, slin44, slin48, slin96, slin192
from globstar.core.soundfile import raw_format

SLN = raw_format("sln", "sln|slin|raw", slin)
SLN12 = raw_format("sln12", "sln12", slin12)
SLN16 = raw_format("sln16", "sln16", slin16)
SLN24 = raw_format("sln24", "sln24", slin24)
SLN32 = raw_format("sln32", "sln32", slin32)
SLN44 = raw_format("sln44", "sln44", slin44)
SLN48 = raw_format("sln48", "sln48", slin48)
SLN96 = raw_format("sln96", "sln96", slin96)
SLN192 = raw_format("sln192", "sln192", slin192)
