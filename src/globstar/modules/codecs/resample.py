"""Signed linear of every rate into every other."""

from __future__ import annotations

from itertools import permutations

from globstar.core.format import BUILTIN, Format
from globstar.core.registry import attach
from globstar.core.translate import Step, TranslatorSpec


def open_resampler(source: Format, destination: Format) -> Step:
    """A resampler for one stream."""
    from globstar.dsp.resample import Resampler

    return Resampler(source.sample_rate, destination.sample_rate)


def _offer() -> None:
    for source, destination in permutations([f for f in BUILTIN.values() if f.is_slin], 2):
        spec = TranslatorSpec(
            name=f"{source}to{destination}",
            source=source,
            destination=destination,
            open=lambda source=source, destination=destination: open_resampler(source, destination),  # type: ignore[misc]
        )
        attach(open_resampler, spec)


_offer()
