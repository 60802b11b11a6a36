"""AMR and AMR-WB by opencore-amr and vo-amrwbenc: frames of 20 ms, as files have them, to and from signed linear."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

from globstar.dsp.clibrary import find_library

#: Samples of a frame at 8 and at 16 kHz.
NARROW_SAMPLES, WIDE_SAMPLES = 160, 320
#: Longest frame, with its first octet.
_MAX_BYTES = 64

_POINTER, _INTEGER = ctypes.c_void_p, ctypes.c_int


def _declared(found: ctypes.CDLL | None, prototypes: dict[str, tuple[Any, tuple[Any, ...]]]) -> ctypes.CDLL | None:
    if found is not None:
        for name, (result, arguments) in prototypes.items():
            function = getattr(found, name)
            function.restype, function.argtypes = result, arguments
    return found


@cache
def narrow_library() -> ctypes.CDLL | None:
    """libopencore-amrnb; None where it is missing."""
    return _declared(
        find_library("libopencore-amrnb.so.0", "opencore-amrnb"),
        {
            "Encoder_Interface_init": (_POINTER, (_INTEGER,)),
            "Encoder_Interface_exit": (None, (_POINTER,)),
            "Encoder_Interface_Encode": (_INTEGER, (_POINTER, _INTEGER, ctypes.c_char_p, ctypes.c_char_p, _INTEGER)),
            "Decoder_Interface_init": (_POINTER, ()),
            "Decoder_Interface_exit": (None, (_POINTER,)),
            "Decoder_Interface_Decode": (None, (_POINTER, ctypes.c_char_p, ctypes.c_char_p, _INTEGER)),
        },
    )


@cache
def wide_decoder() -> ctypes.CDLL | None:
    """libopencore-amrwb; None where it is missing."""
    return _declared(
        find_library("libopencore-amrwb.so.0", "opencore-amrwb"),
        {
            "D_IF_init": (_POINTER, ()),
            "D_IF_exit": (None, (_POINTER,)),
            "D_IF_decode": (None, (_POINTER, ctypes.c_char_p, ctypes.c_char_p, _INTEGER)),
        },
    )


@cache
def wide_encoder() -> ctypes.CDLL | None:
    """libvo-amrwbenc; None where it is missing."""
    return _declared(
        find_library("libvo-amrwbenc.so.0", "vo-amrwbenc"),
        {
            "E_IF_init": (_POINTER, ()),
            "E_IF_exit": (None, (_POINTER,)),
            "E_IF_encode": (_INTEGER, (_POINTER, _INTEGER, ctypes.c_char_p, ctypes.c_char_p, _INTEGER)),
        },
    )


class _Coder:
    """A state of a library, freed with its owner."""

    __slots__ = ("_exit", "_library", "_state")

    def __init__(self, library: ctypes.CDLL | None, init: str, end: str, *arguments: int) -> None:
        if library is None:
            raise OSError("the library of AMR is not installed")
        self._library: Any = library
        self._exit = getattr(library, end)
        self._state = getattr(library, init)(*arguments)
        if not self._state:
            raise MemoryError("AMR has no memory")

    def __del__(self) -> None:
        if getattr(self, "_state", None):
            self._exit(self._state)


class NarrowEncoder(_Coder):
    """One stream at 8 kHz; modes 0 (4.75 kbit/s) to 7 (12.2)."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(narrow_library(), "Encoder_Interface_init", "Encoder_Interface_exit", 0)

    def __call__(self, audio: bytes, mode: int) -> bytes:
        frame = ctypes.create_string_buffer(_MAX_BYTES)
        size = self._library.Encoder_Interface_Encode(self._state, mode, audio, frame, 0)
        return frame.raw[:size]


class NarrowDecoder(_Coder):
    """One stream at 8 kHz."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(narrow_library(), "Decoder_Interface_init", "Decoder_Interface_exit")

    def __call__(self, frame: bytes) -> bytes:
        audio = ctypes.create_string_buffer(2 * NARROW_SAMPLES)
        self._library.Decoder_Interface_Decode(self._state, frame.ljust(_MAX_BYTES, b"\0"), audio, 0)
        return audio.raw


class WideEncoder(_Coder):
    """One stream at 16 kHz; modes 0 (6.6 kbit/s) to 8 (23.85)."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(wide_encoder(), "E_IF_init", "E_IF_exit")

    def __call__(self, audio: bytes, mode: int) -> bytes:
        frame = ctypes.create_string_buffer(_MAX_BYTES)
        samples = ctypes.create_string_buffer(audio, len(audio))  # the library works in place
        size = self._library.E_IF_encode(self._state, mode, samples, frame, 0)
        return frame.raw[:size]


class WideDecoder(_Coder):
    """One stream at 16 kHz."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(wide_decoder(), "D_IF_init", "D_IF_exit")

    def __call__(self, frame: bytes) -> bytes:
        audio = ctypes.create_string_buffer(2 * WIDE_SAMPLES)
        self._library.D_IF_decode(self._state, frame.ljust(_MAX_BYTES, b"\0"), audio, 0)
        return audio.raw
