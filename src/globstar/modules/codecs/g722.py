"""G.722 at 64 kbit/s to and from signed linear at 8 and 16 kHz; needs the G722 package."""

from __future__ import annotations

from array import array
from typing import Any

from globstar.base.packages import is_installed
from globstar.core.format import g722, slin, slin16
from globstar.core.loader import ModuleDeclined
from globstar.core.translate import TranslatorSpec


class Decoder:
    """One stream of G.722 to signed linear."""

    __slots__ = ("_codec",)

    def __init__(self, sample_rate: int) -> None:
        from G722 import G722

        self._codec: Any = G722(sample_rate, 64000)

    def __call__(self, data: bytes) -> bytes:
        samples: bytes = self._codec.decode(data).tobytes()
        return samples


class Encoder:
    """One stream of signed linear to G.722; at 16 kHz two samples make one byte."""

    __slots__ = ("_codec", "_rest", "_unit")

    def __init__(self, sample_rate: int) -> None:
        from G722 import G722

        self._codec: Any = G722(sample_rate, 64000)
        self._unit = 4 if sample_rate == 16000 else 2
        self._rest = b""

    def __call__(self, data: bytes) -> bytes:
        if self._rest:
            data = self._rest + data
        odd = len(data) % self._unit
        self._rest = data[len(data) - odd :] if odd else b""
        if odd:
            data = data[:-odd]
        encoded: bytes = self._codec.encode(array("h", data)) if data else b""
        return encoded


G722_TO_LIN = TranslatorSpec(name="g722tolin", source=g722, destination=slin, open=lambda: Decoder(8000))
LIN_TO_G722 = TranslatorSpec(name="lintog722", source=slin, destination=g722, open=lambda: Encoder(8000))
G722_TO_LIN16 = TranslatorSpec(name="g722tolin16", source=g722, destination=slin16, open=lambda: Decoder(16000))
LIN16_TO_G722 = TranslatorSpec(name="lin16tog722", source=slin16, destination=g722, open=lambda: Encoder(16000))


async def load(system: object) -> None:
    """Decline where the library is missing."""
    if not is_installed("G722"):
        raise ModuleDeclined("the Python package G722 is not installed (pip install 'globstar[g722]')")
