"""Dialogic (OKI) ADPCM, four bits a sample, to and from signed linear, by the coder that libsndfile brings along."""

from __future__ import annotations

from globstar.base.packages import is_installed
from globstar.core.format import adpcm, slin
from globstar.core.loader import ModuleDeclined
from globstar.core.translate import TranslatorSpec
from globstar.dsp.sndstream import StreamDecoder, StreamEncoder

ADPCM_TO_LIN = TranslatorSpec(name="adpcmtolin", source=adpcm, destination=slin, open=lambda: StreamDecoder("VOX_ADPCM", 1, 2))
LIN_TO_ADPCM = TranslatorSpec(name="lintoadpcm", source=slin, destination=adpcm, open=lambda: StreamEncoder("VOX_ADPCM", 2))


async def load(system: object) -> None:
    """Decline where the library is missing."""
    if not is_installed("soundfile"):
        raise ModuleDeclined("the Python package soundfile is not installed")
