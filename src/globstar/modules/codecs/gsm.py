"""GSM 06.10 full rate to and from signed linear, by the coder that libsndfile brings along."""

from __future__ import annotations

from globstar.base.packages import is_installed
from globstar.core.format import gsm, slin
from globstar.core.loader import ModuleDeclined
from globstar.core.translate import TranslatorSpec
from globstar.dsp.sndstream import StreamDecoder, StreamEncoder

GSM_TO_LIN = TranslatorSpec(name="gsmtolin", source=gsm, destination=slin, open=lambda: StreamDecoder("GSM610", 33, 160))
LIN_TO_GSM = TranslatorSpec(name="lintogsm", source=slin, destination=gsm, open=lambda: StreamEncoder("GSM610", 160))


async def load(system: object) -> None:
    """Decline where the library is missing."""
    if not is_installed("soundfile"):
        raise ModuleDeclined("the Python package soundfile is not installed")
