"""V.23 against libspandsp: each hears what the other sends."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from typing import Any

import pytest

from globstar.dsp.clibrary import find_library
from globstar.dsp.fsk import FskReceiver, modulate

DATA = bytes(range(256)) + b"SMS"
#: The place of V.23's forward channel among the library's presets, and frames of bits as they come.
_V23_FORWARD, _ASYNC = 2, 0
_GET_BIT = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)
_PUT_BIT = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int)


class _Spec(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p),
        *((name, ctypes.c_int) for name in ("freq_zero", "freq_one", "tx_level", "min_level", "baud_rate")),
    ]


@pytest.fixture
def library() -> Any:
    found = find_library("libspandsp.so.2", "libspandsp.so.3", "spandsp")
    if found is None:
        pytest.skip("libspandsp is not installed")
    for name in ("fsk_tx_init", "fsk_rx_init"):
        getattr(found, name).restype = ctypes.c_void_p
    return found


def spec(library: Any) -> _Spec:
    found = (_Spec * 4).in_dll(library, "preset_fsk_specs")[_V23_FORWARD]
    assert (found.freq_zero, found.freq_one) == (2100, 1300)
    return found


def bits_of(data: bytes) -> Iterator[int]:
    yield from [1] * 80
    for byte in data:
        yield from [0, *(byte >> index & 1 for index in range(8)), 1]
    while True:
        yield 1


def test_what_the_library_sends_is_heard(library: Any) -> None:
    bits = bits_of(DATA)
    callback = _GET_BIT(lambda _: next(bits))
    state = library.fsk_tx_init(None, ctypes.byref(spec(library)), callback, None)
    size = (80 + 10 * len(DATA) + 20) * 8000 // 1200
    samples = (ctypes.c_int16 * size)()
    library.fsk_tx(ctypes.c_void_p(state), samples, size)
    library.fsk_tx_free(ctypes.c_void_p(state))
    receiver = FskReceiver()
    sound = bytes(1000) + bytes(samples)
    assert b"".join(receiver.receive(sound[at : at + 320]) for at in range(0, len(sound), 320)) == DATA
    assert receiver.framing_errors == 0


def test_the_library_hears_what_is_sent(library: Any) -> None:
    bits: list[int] = []
    callback = _PUT_BIT(lambda _, bit: bits.append(bit) if bit >= 0 else None)
    state = library.fsk_rx_init(None, ctypes.byref(spec(library)), _ASYNC, callback, None)
    sound = modulate(DATA, lead_bits=200, tail_bits=40)
    samples = (ctypes.c_int16 * (len(sound) // 2)).from_buffer_copy(sound)
    library.fsk_rx(ctypes.c_void_p(state), samples, len(samples))
    library.fsk_rx_free(ctypes.c_void_p(state))
    found = bytearray()
    index = bits.index(0)
    while index + 10 <= len(bits) and len(found) < len(DATA):
        if bits[index]:
            index += 1
            continue
        assert bits[index + 9] == 1, "a framing error"
        found.append(sum(bit << place for place, bit in enumerate(bits[index + 1 : index + 9])))
        index += 10
    assert bytes(found) == DATA
