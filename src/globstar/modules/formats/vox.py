"""Files of Dialogic ADPCM, without header."""

from __future__ import annotations

from globstar.core.format import adpcm
from globstar.core.soundfile import raw_format

VOX = raw_format("vox", "vox", adpcm, ("audio/x-vox",))
