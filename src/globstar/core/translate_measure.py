"""What translators really take: each one timed on its own, as ``core show translation recalc`` asks for it."""

from __future__ import annotations

import math
import time
from array import array
from collections.abc import Callable, Iterable

from globstar.base.log import Logger
from globstar.core.format import Format
from globstar.core.translate import Step, TranslatorSpec

logger = Logger("translate")

#: The longest time that is measured, seconds of sound.
MOST_SECONDS = 60


def measure_all(specs: Iterable[TranslatorSpec], seconds: int, is_over: Callable[[], bool] = bool) -> dict[str, float]:
    """Microseconds of this thread's CPU time per second of audio, by the translators' names.

    Takes as long as the translators do; run it outside the loop. Once ``is_over`` it ends with those that were measured.
    Encoders are given a sound, decoders what the encoder of the same module makes of it; a decoder without one is not
    measured.
    """
    known = list(specs)
    encoders = {(spec.source.codec.name, spec.destination.codec.name): spec for spec in known}
    measured: dict[str, float] = {}
    for spec in known:
        frames = _input(spec, encoders)
        if frames is None:
            continue
        try:
            cost = _measure(_open(spec), frames, seconds, is_over)
            if cost is None:
                break
            measured[spec.name] = cost
        except Exception as error:  # a translator that fails must not keep the others from being measured
            logger.error(f"translator {spec.name} failed while it was measured", exception=error)
    return measured


def _open(spec: TranslatorSpec) -> Step:
    return spec.open_for(spec.source, spec.destination) if spec.open_for is not None else spec.open()


def _input(spec: TranslatorSpec, encoders: dict[tuple[str, str], TranslatorSpec]) -> list[bytes] | None:
    """A second of sound in frames of 20 ms in the translator's source format; None if it cannot be made."""
    source = spec.source
    if source.is_slin:
        return _sound(source)
    for (linear, coded), encoder in encoders.items():
        if coded == source.codec.name and encoder.source.is_slin and linear == spec.destination.codec.name:
            break
    else:
        found = next((e for (_, coded), e in encoders.items() if coded == source.codec.name and e.source.is_slin), None)
        if found is None:
            return None
        encoder = found
    step = _open(encoder)
    return [data for frame in _sound(encoder.source) if (data := step(frame))]


def _sound(linear: Format) -> list[bytes]:
    """Two voices' worth of tones: neither silence nor noise, which codecs treat apart."""
    rate = linear.sample_rate
    samples = array("h", (int(6000 * math.sin(i * 1320 / rate) + 3000 * math.sin(i * 5700 / rate)) for i in range(rate)))
    data = samples.tobytes()
    size = rate // 50 * 2
    return [data[start : start + size] for start in range(0, len(data) - size + 1, size)]


def _measure(step: Step, frames: list[bytes], seconds: int, is_over: Callable[[], bool]) -> float | None:
    """What a translator takes; None if that is not wanted any more."""
    step(frames[0])  # tables are made with the first frame
    before = time.thread_time()
    for _ in range(seconds):
        if is_over():
            return None
        for frame in frames:
            step(frame)
    return (time.thread_time() - before) * 1_000_000 / seconds
