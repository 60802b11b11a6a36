"""Codecs of libspandsp: G.726 at 32 kbit/s and LPC-10."""

from __future__ import annotations

import ctypes
from enum import IntEnum
from functools import cache
from typing import Any

from globstar.dsp.clibrary import Gatherer, find_library

#: Samples and bytes of a frame of LPC-10: 22.5 ms at 2.4 kbit/s.
LPC10_SAMPLES = 180
LPC10_BYTES = 7

_G726_BIT_RATE = 32000
_LINEAR = 0


class Packing(IntEnum):
    """Which half of a byte of G.726 is the earlier sample."""

    AAL2 = 1  # the more significant one (I.366.2 annex E)
    RTP = 2  # the less significant one (RFC 3551 section 4.5.4)


@cache
def library() -> ctypes.CDLL | None:
    """libspandsp with its functions declared; None where it is missing."""
    found = find_library("libspandsp.so.2", "libspandsp.so.3", "spandsp")
    if found is None:
        return None
    pointer, integer, text = ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p
    for name, result, arguments in (
        ("g726_init", pointer, (pointer, integer, integer, integer)),
        ("g726_free", integer, (pointer,)),
        ("g726_decode", integer, (pointer, text, text, integer)),
        ("g726_encode", integer, (pointer, text, text, integer)),
        ("lpc10_encode_init", pointer, (pointer, integer)),
        ("lpc10_encode_free", integer, (pointer,)),
        ("lpc10_encode", integer, (pointer, text, text, integer)),
        ("lpc10_decode_init", pointer, (pointer, integer)),
        ("lpc10_decode_free", integer, (pointer,)),
        ("lpc10_decode", integer, (pointer, text, text, integer)),
    ):
        function = getattr(found, name)
        function.restype, function.argtypes = result, arguments
    return found


class _State:
    """A state of the library, freed with its owner."""

    __slots__ = ("_free", "_library", "_state")

    def __init__(self, init: str, free: str, *arguments: int) -> None:
        found = library()
        if found is None:
            raise OSError("libspandsp is not installed")
        self._library: Any = found
        self._free = getattr(found, free)
        self._state = getattr(found, init)(None, *arguments)
        if not self._state:
            raise MemoryError("libspandsp gave no state")

    def __del__(self) -> None:
        if getattr(self, "_state", None):
            self._free(self._state)


class G726Decoder(_State):
    """One stream of G.726 to signed linear."""

    __slots__ = ()

    def __init__(self, packing: Packing) -> None:
        super().__init__("g726_init", "g726_free", _G726_BIT_RATE, _LINEAR, packing)

    def __call__(self, data: bytes) -> bytes:
        samples = ctypes.create_string_buffer(4 * len(data) + 2)
        count = self._library.g726_decode(self._state, samples, data, len(data))
        return samples.raw[: 2 * count]


class G726Encoder(_State):
    """One stream of signed linear to G.726; two samples make one byte."""

    __slots__ = ("gatherer",)

    def __init__(self, packing: Packing) -> None:
        super().__init__("g726_init", "g726_free", _G726_BIT_RATE, _LINEAR, packing)
        self.gatherer = Gatherer(4)

    def __call__(self, data: bytes) -> bytes:
        audio = b"".join(self.gatherer.blocks(data))
        coded = ctypes.create_string_buffer(len(audio) // 4 + 2)
        count = self._library.g726_encode(self._state, coded, audio, len(audio) // 2)
        return coded.raw[:count]


class Lpc10Decoder(_State):
    """One stream of LPC-10 to signed linear."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__("lpc10_decode_init", "lpc10_decode_free", 0)

    def __call__(self, data: bytes) -> bytes:
        frames = len(data) // LPC10_BYTES
        samples = ctypes.create_string_buffer(2 * LPC10_SAMPLES * frames + 2)
        count = self._library.lpc10_decode(self._state, samples, data, frames * LPC10_BYTES)
        return samples.raw[: 2 * count]


class Lpc10Encoder(_State):
    """One stream of signed linear to LPC-10."""

    __slots__ = ("gatherer",)

    def __init__(self) -> None:
        super().__init__("lpc10_encode_init", "lpc10_encode_free", 0)
        self.gatherer = Gatherer(2 * LPC10_SAMPLES)

    def __call__(self, data: bytes) -> bytes:
        coded = b""
        for block in self.gatherer.blocks(data):
            frame = ctypes.create_string_buffer(LPC10_BYTES + 1)
            count = self._library.lpc10_encode(self._state, frame, block, LPC10_SAMPLES)
            coded += frame.raw[:count]
        return coded
