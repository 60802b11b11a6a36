"""libspeexdsp: suppression of noise and of reverberation, and automatic gain control, of 16 bit signed linear."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

from globstar.dsp.clibrary import find_library

# requests of speex_preprocess_ctl (speex_preprocess.h)
_SET_DENOISE, _SET_AGC, _SET_VAD, _SET_AGC_LEVEL, _SET_DEREVERB, _SET_DEREVERB_LEVEL, _SET_DEREVERB_DECAY = 0, 2, 4, 6, 8, 10, 12


@cache
def library() -> ctypes.CDLL | None:
    """The library with its functions declared; None where it is missing."""
    found = find_library("libspeexdsp.so.1", "speexdsp")
    if found is None:
        return None
    pointer, integer = ctypes.c_void_p, ctypes.c_int
    for name, result, arguments in (
        ("speex_preprocess_state_init", pointer, (integer, integer)),
        ("speex_preprocess_state_destroy", None, (pointer,)),
        ("speex_preprocess_ctl", integer, (pointer, integer, pointer)),
        ("speex_preprocess_run", integer, (pointer, ctypes.c_char_p)),
    ):
        function = getattr(found, name)
        function.restype, function.argtypes = result, arguments
    return found


class Preprocessor:
    """Suppresses noise and evens out the level of one stream; frames of another length or rate begin anew.

    ``gain_level`` is the level to reach (1 to 32768), 0 for none. ``reverberation`` is the level and the decay (0 to 1) of that
    which is suppressed, None for nothing. With ``finds_voice``, ``is_voice`` says whether the last frame had any.
    """

    __slots__ = ("_frame", "_library", "_state", "finds_voice", "gain_level", "is_voice", "removes_noise", "reverberation")

    def __init__(self) -> None:
        found = library()
        if found is None:
            raise OSError("libspeexdsp is not installed")
        self._library: Any = found
        self._state: Any = None
        self._frame = (0, 0)
        self.removes_noise = False
        self.gain_level = 0.0
        self.reverberation: tuple[float, float] | None = None
        self.finds_voice = False
        self.is_voice = True

    def change(self, *, removes_noise: bool | None = None, gain_level: float | None = None) -> None:
        """Other settings from now on; None leaves one alone."""
        if removes_noise is not None:
            self.removes_noise = removes_noise
        if gain_level is not None:
            self.gain_level = gain_level
        if self._state is not None:
            self._configure()

    @property
    def is_idle(self) -> bool:
        """Whether it changes nothing."""
        return not self.removes_noise and not self.gain_level and self.reverberation is None and not self.finds_voice

    def process(self, data: bytes, sample_rate: int) -> bytes:
        """One frame."""
        frame = (len(data) // 2, sample_rate)
        if not frame[0]:
            return data
        if frame != self._frame:
            self.close()
            self._frame = frame
            self._state = self._library.speex_preprocess_state_init(*frame)
            self._configure()
        samples = ctypes.create_string_buffer(data, len(data))  # the library works in place
        self.is_voice = bool(self._library.speex_preprocess_run(self._state, samples)) or not self.finds_voice
        return samples.raw

    def _configure(self) -> None:
        self._set(_SET_DENOISE, ctypes.c_int(int(self.removes_noise)))
        self._set(_SET_AGC, ctypes.c_int(int(self.gain_level > 0)))
        self._set(_SET_VAD, ctypes.c_int(int(self.finds_voice)))
        self._set(_SET_DEREVERB, ctypes.c_int(int(self.reverberation is not None)))
        if self.gain_level:
            self._set(_SET_AGC_LEVEL, ctypes.c_float(self.gain_level))
        if self.reverberation is not None:
            self._set(_SET_DEREVERB_LEVEL, ctypes.c_float(self.reverberation[0]))
            self._set(_SET_DEREVERB_DECAY, ctypes.c_float(self.reverberation[1]))

    def _set(self, request: int, value: Any) -> None:
        self._library.speex_preprocess_ctl(self._state, request, ctypes.byref(value))

    def close(self) -> None:
        """Free the state."""
        if self._state is not None:
            self._library.speex_preprocess_state_destroy(self._state)
            self._state = None
            self._frame = (0, 0)

    def __del__(self) -> None:
        if getattr(self, "_state", None) is not None:
            self.close()
