"""A-law to and from signed linear."""

from __future__ import annotations

from globstar.core.format import alaw, slin
from globstar.core.translate import TranslatorSpec
from globstar.dsp.g711 import alaw_to_linear, linear_to_alaw

ALAW_TO_LIN = TranslatorSpec(name="alawtolin", source=alaw, destination=slin, open=lambda: alaw_to_linear, is_stateless=True)
LIN_TO_ALAW = TranslatorSpec(name="lintoalaw", source=slin, destination=alaw, open=lambda: linear_to_alaw, is_stateless=True)
