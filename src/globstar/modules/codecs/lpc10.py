"""LPC-10 at 2.4 kbit/s to and from signed linear, by libspandsp."""

from __future__ import annotations

from globstar.core.format import lpc10, slin
from globstar.core.loader import ModuleDeclined
from globstar.core.translate import TranslatorSpec
from globstar.dsp import spandsp

LPC10_TO_LIN = TranslatorSpec(name="lpc10tolin", source=lpc10, destination=slin, open=spandsp.Lpc10Decoder)
LIN_TO_LPC10 = TranslatorSpec(name="lintolpc10", source=slin, destination=lpc10, open=spandsp.Lpc10Encoder)


async def load(system: object) -> None:
    """Decline where the library is missing."""
    if spandsp.library() is None:
        raise ModuleDeclined("libspandsp is not installed (Debian: libspandsp2)")
