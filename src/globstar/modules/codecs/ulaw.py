"""mu-law to and from signed linear."""

from __future__ import annotations

from globstar.core.format import slin, ulaw
from globstar.core.translate import TranslatorSpec
from globstar.dsp.g711 import linear_to_ulaw, ulaw_to_linear

ULAW_TO_LIN = TranslatorSpec(name="ulawtolin", source=ulaw, destination=slin, open=lambda: ulaw_to_linear, is_stateless=True)
LIN_TO_ULAW = TranslatorSpec(name="lintoulaw", source=slin, destination=ulaw, open=lambda: linear_to_ulaw, is_stateless=True)
