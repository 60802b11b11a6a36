"""iLBC (RFC 3951) to and from signed linear, in frames of 20 and of 30 ms; codecs.conf ``[ilbc]`` sets the decoder.

The coder is our own and native (``dsp/_ilbc.pyx``): it has no twin in Python, which would be too slow for a call.
"""

from __future__ import annotations

import importlib
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from globstar.base.log import Logger
from globstar.base.native import require_current
from globstar.config.options import Options, option
from globstar.config.values import boolean
from globstar.core.codecsconf import codec_options
from globstar.core.format import Format, ilbc, ilbc30, slin
from globstar.core.loader import ModuleDeclined
from globstar.core.system import System
from globstar.core.translate import TranslatorSpec
from globstar.dsp.clibrary import Gatherer

if TYPE_CHECKING:
    from globstar.dsp._ilbc import FrameDecoder

logger = Logger("codec_ilbc")

#: Most frames of a payload that are decoded; packets last 300 ms at the most.
_MAX_FRAMES = 15


class IlbcOptions(Options):
    """``[ilbc]`` of codecs.conf."""

    enhancement = option(boolean, False, help="Less noise of the coder, 5 ms later (10 with frames of 30 ms).")


@cache
def library() -> Any:
    """The native coder; None where it was not built."""
    try:
        coder = importlib.import_module("globstar.dsp._ilbc")
        require_current(coder)
    except ImportError:
        return None
    return coder


class Decoder:
    """One stream of iLBC to signed linear; a payload may hold several frames.

    ``milliseconds`` is the agreed length of a frame. A payload whose length fits only the other one is decoded as that: there are
    phones that say one mode and send the other.
    """

    __slots__ = ("_coder", "_format", "_is_enhanced")

    def __init__(self, format: Format) -> None:
        self._is_enhanced = settings.enhancement
        self._begin(format)

    def _begin(self, format: Format) -> None:
        self._format = format
        self._coder: FrameDecoder = library().FrameDecoder(format.codec.default_ms, self._is_enhanced)

    def __call__(self, data: bytes) -> bytes:
        size = self._format.codec.sample_bytes
        if len(data) == size:
            return self._coder.decode(data)
        if len(data) % size:
            other = ilbc if self._format is ilbc30 else ilbc30
            size = other.codec.sample_bytes
            if len(data) % size:
                return b""
            self._begin(other)
        if len(data) > _MAX_FRAMES * size:
            return b""
        return b"".join([self._coder.decode(data[start : start + size]) for start in range(0, len(data), size)])

    def conceal(self, samples: int, following: bytes | None) -> bytes:
        """Sound in place of lost frames (section 4.5)."""
        count = min(samples // self._format.codec.sample_count, _MAX_FRAMES)
        return b"".join([self._coder.decode(None) for _ in range(count)])


class Encoder:
    """One stream of signed linear to iLBC."""

    __slots__ = ("_encode", "gatherer")

    def __init__(self, format: Format) -> None:
        self._encode = library().FrameEncoder(format.codec.default_ms).encode
        self.gatherer = Gatherer(2 * format.codec.sample_count)

    def __call__(self, data: bytes) -> bytes:
        return b"".join([self._encode(block) for block in self.gatherer.blocks(data)])


#: what codecs.conf says; decoders that are open keep what they began with
settings = IlbcOptions()


def _pair(name: str, coded: Format) -> tuple[TranslatorSpec, TranslatorSpec]:
    return (
        TranslatorSpec(name=f"{name}tolin", source=coded, destination=slin, open=partial(Decoder, coded), conceals=True),
        TranslatorSpec(name=f"linto{name}", source=slin, destination=coded, open=partial(Encoder, coded)),
    )


ILBC_TO_LIN, LIN_TO_ILBC = _pair("ilbc", ilbc)
ILBC30_TO_LIN, LIN_TO_ILBC30 = _pair("ilbc30", ilbc30)


def load(system: System) -> None:
    """Decline where the native coder is missing; else read codecs.conf."""
    if library() is None:
        raise ModuleDeclined("globstar.dsp._ilbc was not compiled (it takes a C compiler when Globstar is installed)")
    reload(system)


def reload(system: System) -> None:
    """Read ``[ilbc]`` of codecs.conf for decoders made from now on."""
    global settings
    settings = codec_options(system, "ilbc", IlbcOptions, logger)
