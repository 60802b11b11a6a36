"""A-law and mu-law into each other, byte by byte."""

from __future__ import annotations

from globstar.core.format import alaw, ulaw
from globstar.core.translate import TranslatorSpec
from globstar.dsp.g711 import alaw_to_ulaw, ulaw_to_alaw

ALAW_TO_ULAW = TranslatorSpec(name="alawtoulaw", source=alaw, destination=ulaw, open=lambda: alaw_to_ulaw, is_stateless=True)
ULAW_TO_ALAW = TranslatorSpec(name="ulawtoalaw", source=ulaw, destination=alaw, open=lambda: ulaw_to_alaw, is_stateless=True)
