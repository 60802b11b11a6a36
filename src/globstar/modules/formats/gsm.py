"""Files of GSM 06.10 frames of 33 bytes, without header."""

from __future__ import annotations

from globstar.core.format import gsm
from globstar.core.soundfile import raw_format

GSM = raw_format("gsm", "gsm", gsm, ("audio/gsm",))
