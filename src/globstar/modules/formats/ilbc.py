"""Files of iLBC frames of 38 bytes (20 ms), without header."""

from __future__ import annotations

from globstar.core.format import ilbc
from globstar.core.soundfile import raw_format

ILBC = raw_format("iLBC", "ilbc", ilbc)
