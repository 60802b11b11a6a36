"""Files of Siren14 (G.722.1 Annex C) frames, without header."""

from __future__ import annotations

from globstar.core.format import siren14
from globstar.core.soundfile import raw_format

SIREN14 = raw_format("siren14", "siren14", siren14)
