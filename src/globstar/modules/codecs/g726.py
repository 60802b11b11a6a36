"""G.726 at 32 kbit/s, in both packings, to and from signed linear, by libspandsp."""

from __future__ import annotations

from globstar.core.format import g726, g726aal2, slin
from globstar.core.loader import ModuleDeclined
from globstar.core.translate import TranslatorSpec
from globstar.dsp import spandsp
from globstar.dsp.spandsp import G726Decoder, G726Encoder, Packing

G726_TO_LIN = TranslatorSpec(name="g726tolin", source=g726, destination=slin, open=lambda: G726Decoder(Packing.RTP))
LIN_TO_G726 = TranslatorSpec(name="lintog726", source=slin, destination=g726, open=lambda: G726Encoder(Packing.RTP))
G726AAL2_TO_LIN = TranslatorSpec(name="g726aal2tolin", source=g726aal2, destination=slin, open=lambda: G726Decoder(Packing.AAL2))
LIN_TO_G726AAL2 = TranslatorSpec(name="lintog726aal2", source=slin, destination=g726aal2, open=lambda: G726Encoder(Packing.AAL2))


async def load(system: object) -> None:
    """Decline where the library is missing."""
    if spandsp.library() is None:
        raise ModuleDeclined("libspandsp is not installed (Debian: libspandsp2)")
