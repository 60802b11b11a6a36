"""Files of G.729 frames of 10 bytes, without header."""

from __future__ import annotations

from globstar.core.format import g729
from globstar.core.soundfile import raw_format

G729 = raw_format("g729", "g729", g729)
