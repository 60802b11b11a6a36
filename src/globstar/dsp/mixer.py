"""Conference mixing: whoever speaks is a row of a matrix, one matrix per sampling rate; each hears the sum without itself.

A step of a mix is: :func:`decode` the payloads of those who speak, :meth:`Mixer.totals`, :func:`encode_others` for those who
spoke, :func:`encode` for what all the others hear. Sums are kept in 32 bits and saturate only when they are encoded, so that
leaving oneself out is exact. Rates meet in the sums: what is heard at one rate is the sum of that rate and the converted sums of
the others, which costs a conversion for each pair of rates, however many take part.
"""

from __future__ import annotations

import audioop
from collections.abc import Iterable, Mapping
from enum import Enum

import numpy as np
import numpy.typing as npt

from globstar.dsp.g711 import linear_to_alaw, linear_to_ulaw
from globstar.dsp.resample import Resampler

#: one row of 16 bit samples for each who speaks
Rows = npt.NDArray[np.int16]
#: samples of a sum, or rows of such: wider than 16 bits
Sums = npt.NDArray[np.int32]

_LOWEST, _HIGHEST = -32768, 32767
#: Rows that are treated at once: what is needed meanwhile stays in the cache, and is too small to be fetched from the
#: operating system anew in each step.
_AT_ONCE = 96


class Encoding(Enum):
    """What the mixer reads and writes by itself."""

    LINEAR = "linear"
    ULAW = "ulaw"
    ALAW = "alaw"

    @property
    def sample_bytes(self) -> int:
        """Bytes of a sample."""
        return 2 if self is Encoding.LINEAR else 1


_ALL_SAMPLES = np.arange(_LOWEST, _HIGHEST + 1, dtype="<i2").tobytes()
#: One byte for each value that the law tells apart: mu-law looks at the upper 14 bits, A-law at 13.
_COMPRESS = {
    Encoding.ULAW: (2, np.frombuffer(linear_to_ulaw(_ALL_SAMPLES), np.uint8)[:: 1 << 2].copy()),
    Encoding.ALAW: (3, np.frombuffer(linear_to_alaw(_ALL_SAMPLES), np.uint8)[:: 1 << 3].copy()),
}


def decode(encoding: Encoding, payloads: list[bytes], samples: int) -> Rows:
    """The payloads as rows; each must hold exactly ``samples`` samples."""
    count = len(payloads)
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


def scaled(rows: Rows, factors: npt.NDArray[np.float32]) -> Rows:
    """The rows made louder or quieter, each by its factor, saturating."""
    louder: Rows = np.clip(np.rint(rows * factors[:, np.newaxis]), _LOWEST, _HIGHEST).astype(np.int16)
    return louder


def levels(rows: Rows) -> list[int]:
    """The mean of the absolute values of each row: Asterisk's measure for talking."""
    found: list[int] = np.abs(rows.astype(np.int32)).mean(axis=1).astype(np.int32).tolist()
    return found


def encode_each(encoding: Encoding, sums: Sums) -> list[bytes]:
    """The payload of every row."""
    data = encode(encoding, sums)
    size = sums.shape[1] * encoding.sample_bytes
    return [data[at : at + size] for at in range(0, len(data), size)]


def encode_others(encoding: Encoding, total: Sums, rows: Rows) -> list[bytes]:
    """``encode_each(encoding, without(total, rows))``, in pieces: the quick way for many rows."""
    payloads: list[bytes] = []
    for at in range(0, len(rows), _AT_ONCE):
        payloads += encode_each(encoding, total - rows[at : at + _AT_ONCE])
    return payloads


def without(total: Sums, rows: Rows) -> Sums:
    """What each of those who speak hears: all the others."""
    return total - rows


class Mixer:
    """The sums of one conference, with the state of the conversions between its rates.

    ``interval_ms`` is the length of a step.
    """

    __slots__ = ("_converters", "interval_ms")

    def __init__(self, interval_ms: int = 20) -> None:
        self.interval_ms = interval_ms
        self._converters: dict[tuple[int, int], _Converter] = {}

    def samples(self, rate: int) -> int:
        """How many samples a step has at ``rate``."""
        return rate * self.interval_ms // 1000

    def totals(self, spoken: Mapping[int, Rows], wanted: Iterable[int]) -> dict[int, Sums]:
        """What all together say, at every rate of ``wanted``; ``spoken`` are the rows by rate, absent where nobody speaks."""
        sums = {rate: np.add.reduce(rows, axis=0, dtype=np.int32) for rate, rows in spoken.items() if len(rows)}
        found: dict[int, Sums] = {}
        for rate in wanted:
            own = sums.get(rate)
            found[rate] = np.zeros(self.samples(rate), np.int32) if own is None else own
        if len(found) > 1 or any(rate not in found for rate in sums) or self._converters:
            self._convert(sums, found)
        return found

    def _convert(self, sums: dict[int, Sums], found: dict[int, Sums]) -> None:
        """Add to each total what is said at other rates. A rate at which nobody speaks any more still rings for one step."""
        for source in sums.keys() | {pair[0] for pair in self._converters}:
            for destination, total in found.items():
                if source == destination:
                    continue
                converter = self._converters.get((source, destination))
                if converter is None:
                    if source not in sums:
                        continue
                    converter = self._converters[source, destination] = _Converter(source, destination)
                converted = converter.step(sums.get(source), self.samples(source))
                if converted is not None:
                    found[destination] = total + converted
                elif source not in sums:
                    del self._converters[source, destination]


class _Converter:
    """The sum of one rate at another."""

    __slots__ = ("_resampler", "_rings")

    def __init__(self, source: int, destination: int) -> None:
        self._resampler = Resampler(source, destination)
        self._rings = False

    def step(self, sums: Sums | None, samples: int) -> Sums | None:
        """The next step; None when there is nothing but silence."""
        if sums is None:
            if not self._rings:
                return None
            self._rings = False
            sums = np.zeros(samples, np.int32)
        else:
            self._rings = True
        return np.rint(self._resampler.convert(sums)).astype(np.int32)
