"""Files of G.726 at 32 kbit/s, without header; the other rates have no translator here and are not offered."""

from __future__ import annotations

from globstar.core.format import g726
from globstar.core.soundfile import raw_format

G726_32 = raw_format("g726-32", "g726-32", g726)
