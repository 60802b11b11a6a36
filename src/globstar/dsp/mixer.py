"""Conference mixing: whoever speaks is a row of a matrix, one matrix per sampling rate; each hears the sum without itself.

A step of a mix is: :func:`decode` the payloads of those who speak, :meth:`Mixer.totals`, :func:`encode_others` for those who
spoke, :func:`encode` for what all the others hear. Sums are kept in 32 bits and saturate only when they are encoded, so that
leaving oneself out is exact. Rates meet in the sums: what is heard at one rate is the sum of that rate and the converted sums of
the others, which costs a conversion for each pair of rates, however many take part.

The arithmetic is native where that was built, else numpy's (``mixing``), with the same results.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from globstar.base.native import require_current, require_native
from globstar.dsp.encoding import Encoding, Rows, Sums
from globstar.dsp.resample import Resampler

try:
    require_native()
    from globstar.dsp import _mixing as arithmetic

    require_current(arithmetic)
except ImportError:
    from globstar.dsp import mixing as arithmetic  # type: ignore[no-redef]

__all__ = [
    "Encoding", "Mixer", "Rows", "Sums", "decode", "encode", "encode_each", "encode_others", "levels", "scaled", "without",
]  # fmt: skip


decode, encode, encode_others = arithmetic.decode, arithmetic.encode, arithmetic.encode_others
levels, scaled, total = arithmetic.levels, arithmetic.scaled, arithmetic.total


def encode_each(encoding: Encoding, sums: Sums) -> list[bytes]:
    """The payload of every row."""
    data = encode(encoding, sums)
    size = sums.shape[1] * encoding.sample_bytes
    return [data[at : at + size] for at in range(0, len(data), size)]


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

    def totals(
        self, spoken: Mapping[int, Rows], wanted: Iterable[int], more: Mapping[int, Sums] | None = None
    ) -> dict[int, Sums]:
        """What all together say, at every rate of ``wanted``; ``spoken`` are the rows by rate, absent where nobody speaks.

        ``more`` are sums of others who speak, by rate.
        """
        sums = {rate: total(rows) for rate, rows in spoken.items() if len(rows)}
        for rate, others in more.items() if more else ():
            sums[rate] = sums[rate] + others if rate in sums else others
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
            for destination, heard in found.items():
                if source == destination:
                    continue
                converter = self._converters.get((source, destination))
                if converter is None:
                    if source not in sums:
                        continue
                    converter = self._converters[source, destination] = _Converter(source, destination)
                converted = converter.step(sums.get(source), self.samples(source))
                if converted is not None:
                    found[destination] = heard + converted
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
