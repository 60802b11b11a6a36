"""G.729 annex A at 8 kbit/s to and from signed linear, by libbcg729."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

from globstar.core.format import g729, slin
from globstar.core.loader import ModuleDeclined
from globstar.core.translate import TranslatorSpec
from globstar.dsp.clibrary import Gatherer, find_library

#: 10 ms.
SAMPLES = 80
BYTES = 10
#: A silence descriptor of annex B.
SID_BYTES = 2


@cache
def library() -> ctypes.CDLL | None:
    """libbcg729 with its functions declared; None where it is missing."""
    found = find_library("libbcg729.so.0", "bcg729")
    if found is None:
        return None
    pointer, byte = ctypes.c_void_p, ctypes.c_uint8
    for name, result, arguments in (
        ("initBcg729EncoderChannel", pointer, (byte,)),
        ("closeBcg729EncoderChannel", None, (pointer,)),
        ("bcg729Encoder", None, (pointer, ctypes.c_char_p, ctypes.c_char_p, ctypes.POINTER(byte))),
        ("initBcg729DecoderChannel", pointer, ()),
        ("closeBcg729DecoderChannel", None, (pointer,)),
        ("bcg729Decoder", None, (pointer, ctypes.c_char_p, byte, byte, byte, byte, ctypes.c_char_p)),
    ):
        function = getattr(found, name)
        function.restype, function.argtypes = result, arguments
    return found


class _Coder:
    """A state of the library, freed with its owner."""

    __slots__ = ("_close", "_library", "_state")

    def __init__(self, init: str, close: str, *arguments: int) -> None:
        found = library()
        if found is None:
            raise OSError("libbcg729 is not installed")
        self._library: Any = found
        self._close = getattr(found, close)
        self._state = getattr(found, init)(*arguments)

    def __del__(self) -> None:
        if getattr(self, "_state", None):
            self._close(self._state)


class Decoder(_Coder):
    """One stream of G.729 to signed linear; a packet may end with a silence descriptor."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__("initBcg729DecoderChannel", "closeBcg729DecoderChannel")

    def __call__(self, data: bytes) -> bytes:
        audio = b""
        whole = len(data) - len(data) % BYTES
        frames = [data[start : start + BYTES] for start in range(0, whole, BYTES)]
        if len(data) - whole == SID_BYTES:
            frames.append(data[whole:])
        for frame in frames:
            samples = ctypes.create_string_buffer(2 * SAMPLES)
            self._library.bcg729Decoder(self._state, frame, len(frame), 0, len(frame) == SID_BYTES, 0, samples)
            audio += samples.raw
        return audio

    def conceal(self, samples: int, following: bytes | None) -> bytes:
        """Sound in place of lost frames, 10 ms each (section 4.4)."""
        audio = b""
        for _ in range(samples // SAMPLES):
            made = ctypes.create_string_buffer(2 * SAMPLES)
            self._library.bcg729Decoder(self._state, None, 0, 1, 0, 0, made)
            audio += made.raw
        return audio


class Encoder(_Coder):
    """One stream of signed linear to G.729, without silence suppression."""

    __slots__ = ("gatherer",)

    def __init__(self) -> None:
        super().__init__("initBcg729EncoderChannel", "closeBcg729EncoderChannel", 0)
        self.gatherer = Gatherer(2 * SAMPLES)

    def __call__(self, data: bytes) -> bytes:
        coded = b""
        length = ctypes.c_uint8()
        for block in self.gatherer.blocks(data):
            frame = ctypes.create_string_buffer(BYTES)
            self._library.bcg729Encoder(self._state, block, frame, ctypes.byref(length))
            coded += frame.raw[: length.value]
        return coded


G729_TO_LIN = TranslatorSpec(name="g729tolin", source=g729, destination=slin, open=Decoder, conceals=True)
LIN_TO_G729 = TranslatorSpec(name="lintog729", source=slin, destination=g729, open=Encoder)


async def load(system: object) -> None:
    """Decline where the library is missing."""
    if library() is None:
        raise ModuleDeclined("libbcg729 is not installed (Debian: libbcg729-0)")
