"""Files of G.719 frames, without header."""

from __future__ import annotations

from globstar.core.format import g719
from globstar.core.soundfile import raw_format

G719 = raw_format("g719", "g719", g719)
