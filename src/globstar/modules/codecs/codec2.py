"""Codec 2 at 2400 bit/s to and from signed linear, by libcodec2."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

from globstar.core.format import codec2, slin
from globstar.core.loader import ModuleDeclined
from globstar.core.translate import TranslatorSpec
from globstar.dsp.clibrary import Gatherer, find_library

#: CODEC2_MODE_2400: 20 ms in 6 bytes.
MODE = 1
SAMPLES = 160
BYTES = 6


@cache
def library() -> ctypes.CDLL | None:
    """libcodec2 with its functions declared; None where it is missing."""
    found = find_library("libcodec2.so.1.2", "libcodec2.so.1.1", "libcodec2.so.1.0", "codec2")
    if found is None:
        return None
    found.codec2_create.restype, found.codec2_create.argtypes = ctypes.c_void_p, (ctypes.c_int,)
    found.codec2_destroy.restype, found.codec2_destroy.argtypes = None, (ctypes.c_void_p,)
    for function in (found.codec2_encode, found.codec2_decode):
        function.restype, function.argtypes = None, (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p)
    return found


class _Coder:
    """A state of the library, freed with its owner."""

    __slots__ = ("_library", "_state")

    def __init__(self) -> None:
        found = library()
        if found is None:
            raise OSError("libcodec2 is not installed")
        self._library: Any = found
        self._state = found.codec2_create(MODE)

    def __del__(self) -> None:
        if getattr(self, "_state", None):
            self._library.codec2_destroy(self._state)


class Decoder(_Coder):
    """One stream of Codec 2 to signed linear. What does not fill a frame at the end of a payload is left out."""

    __slots__ = ()

    def __call__(self, data: bytes) -> bytes:
        audio = b""
        for end in range(BYTES, len(data) + 1, BYTES):
            samples = ctypes.create_string_buffer(2 * SAMPLES)
            self._library.codec2_decode(self._state, samples, data[end - BYTES : end])
            audio += samples.raw
        return audio


class Encoder(_Coder):
    """One stream of signed linear to Codec 2."""

    __slots__ = ("gatherer",)

    def __init__(self) -> None:
        super().__init__()
        self.gatherer = Gatherer(2 * SAMPLES)

    def __call__(self, data: bytes) -> bytes:
        coded = b""
        for block in self.gatherer.blocks(data):
            frame = ctypes.create_string_buffer(BYTES)
            self._library.codec2_encode(self._state, frame, block)
            coded += frame.raw
        return coded


CODEC2_TO_LIN = TranslatorSpec(name="codec2tolin", source=codec2, destination=slin, open=Decoder)
LIN_TO_CODEC2 = TranslatorSpec(name="lintocodec2", source=slin, destination=codec2, open=Encoder)


async def load(system: object) -> None:
    """Decline where the library is missing."""
    if library() is None:
        raise ModuleDeclined("libcodec2 is not installed (Debian: libcodec2-1.0)")
