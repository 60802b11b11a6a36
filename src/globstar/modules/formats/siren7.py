"""Files of Siren7 (G.722.1) frames, without header."""

from __future__ import annotations

from globstar.core.format import siren7
from globstar.core.soundfile import raw_format

SIREN7 = raw_format("siren7", "siren7", siren7)
