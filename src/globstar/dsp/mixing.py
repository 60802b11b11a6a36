"""The arithmetic of conferences in numpy; ``_mixing.pyx`` is its native twin, ``mixer`` chooses between them."""

from __future__ import annotations

import audioop

import numpy as np

from globstar.dsp.encoding import Encoding, Factors, Rows, Sums
from globstar.dsp.g711 import linear_to_alaw, linear_to_ulaw

_LOWEST, _HIGHEST = -32768, 32767
#: Rows that are treated at once: what is needed meanwhile stays in the cache, and is too small to be fetched from the
#: operating system anew in each step.
_AT_ONCE = 96

_ALL_SAMPLES = np.arange(_LOWEST, _HIGHEST + 1, dtype="<i2").tobytes()
#: One byte for each value that the law tells apart: mu-law looks at the upper 14 bits, A-law at 13.
_COMPRESS = {
    Encoding.ULAW: (2, np.frombuffer(linear_to_ulaw(_ALL_SAMPLES), np.uint8)[:: 1 << 2].copy()),
    Encoding.ALAW: (3, np.frombuffer(linear_to_alaw(_ALL_SAMPLES), np.uint8)[:: 1 << 3].copy()),
}


def decode(encoding: Encoding, payloads: list[bytes], samples: int) -> Rows:
    """The payloads as rows; each must hold exactly ``samples`` samples."""
    count = len(payloads)
    if any(len(payload) != samples * encoding.sample_bytes for payload in payloads):
        raise ValueError(f"a payload of a step has {samples * encoding.sample_bytes} bytes")
    if count <= _AT_ONCE:
        return _linear(encoding, payloads).reshape(count, samples)
    rows = np.empty((count, samples), np.int16)
    for at in range(0, count, _AT_ONCE):
        some = payloads[at : at + _AT_ONCE]
        rows[at : at + len(some)] = _linear(encoding, some).reshape(len(some), samples)
    return rows


def _linear(encoding: Encoding, payloads: list[bytes]) -> Rows:
    data = b"".join(payloads)
    if encoding is Encoding.ULAW:
        data = audioop.ulaw2lin(data, 2)
    elif encoding is Encoding.ALAW:
        data = audioop.alaw2lin(data, 2)
    return np.frombuffer(data, "<i2")


def encode(encoding: Encoding, sums: Sums) -> bytes:
    """The payloads of all rows, one after the other; values beyond 16 bits saturate."""
    if encoding is Encoding.LINEAR:
        return np.clip(sums, _LOWEST, _HIGHEST).astype("<i2").tobytes()
    shift, table = _COMPRESS[encoding]
    places = sums - _LOWEST
    places >>= shift
    return table.take(places, mode="clip").tobytes()  # places outside of the table are values that saturate


def encode_others(encoding: Encoding, total: Sums, rows: Rows) -> list[bytes]:
    """For each row the payload of the sum without it."""
    payloads: list[bytes] = []
    size = rows.shape[1] * encoding.sample_bytes
    for at in range(0, len(rows), _AT_ONCE):
        data = encode(encoding, total - rows[at : at + _AT_ONCE])
        payloads += [data[start : start + size] for start in range(0, len(data), size)]
    return payloads


def total(rows: Rows) -> Sums:
    """The sum of all rows."""
    sums: Sums = np.add.reduce(rows, axis=0, dtype=np.int32)
    return sums


def scaled(rows: Rows, factors: Factors) -> Rows:
    """The rows made louder or quieter, each by its factor, saturating."""
    louder: Rows = np.clip(np.rint(rows * factors[:, np.newaxis]), _LOWEST, _HIGHEST).astype(np.int16)
    return louder


def levels(rows: Rows) -> list[int]:
    """The mean of the absolute values of each row: Asterisk's measure for talking."""
    found: list[int] = np.abs(rows.astype(np.int32)).mean(axis=1).astype(np.int32).tolist()
    return found
