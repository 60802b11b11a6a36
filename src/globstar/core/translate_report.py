"""What ``core show translation`` prints, in Asterisk's columns."""

from __future__ import annotations

from collections.abc import Iterable

from globstar.core.format import BUILTIN, Format, MediaType
from globstar.core.translate import TranslationRegistry, codec_family, describe_path


def _audio(formats: Iterable[Format] | None) -> list[Format]:
    return [f for f in (BUILTIN.values() if formats is None else formats) if f.codec.media is MediaType.AUDIO]


def _label(format: Format) -> str:
    """The name with its rate in kHz where the codec has several: ``slin8``, ``speex16``."""
    family = codec_family(format)
    return f"{family}{format.sample_rate // 1000}" if family in ("slin", "speex", "silk") else family


def translation_costs(registry: TranslationRegistry, *, is_measured: bool = False) -> dict[str, dict[str, float]]:
    """The costs of :func:`translation_matrix` by source and destination; where no way leads there is none."""
    used = {name for spec in registry for name in (spec.source.codec.name, spec.destination.codec.name)}
    shown = [format for format in _audio(None) if format.codec.name in used]
    measure = registry.measured if is_measured else registry.cost
    return {
        source.name: {to.name: cost for to in shown if to is not source and (cost := measure(source, to)) is not None}
        for source in shown
    }


def translation_matrix(
    registry: TranslationRegistry, formats: Iterable[Format] | None = None, *, is_measured: bool = False
) -> list[str]:
    """``core show translation``: the cost between all formats that have any translation, or what was measured of it."""
    used = {name for spec in registry for name in (spec.source.codec.name, spec.destination.codec.name)}
    shown = [f for f in _audio(formats) if f.codec.name in used]
    labels = [_label(f) for f in shown]
    widths = [max(5, len(label)) for label in labels]
    margin = max([len(label) for label in labels], default=0) + 1
    lines = [
        "         Translation times between formats (in microseconds) for one second of data",
        "          Source Format (Rows) Destination Format (Columns)",
        "",
        " " * margin + "".join(f" {label:>{width}}" for label, width in zip(labels, widths, strict=True)),
    ]
    for source, label in zip(shown, labels, strict=True):
        cells = []
        for destination, width in zip(shown, widths, strict=True):
            cost: float | None = registry.cost(source, destination)
            if cost and is_measured:
                cost = max(round(registry.measured(source, destination) or 0), 1)
            cells.append(f" {'-' if not cost else str(cost):>{width}}")
        lines.append(f"{label:>{margin}}" + "".join(cells))
    return lines


def translation_paths(registry: TranslationRegistry, source: Format, formats: Iterable[Format] | None = None) -> list[str]:
    """``core show translation paths <codec>``: the way from one codec to every other audio codec."""
    family = codec_family(source)
    lines = [f'--- Translation paths SRC Codec "{family}" sample rate {source.sample_rate} ---']
    for destination in _audio(formats):
        if destination.codec is source.codec:
            continue
        path = registry.find_path(source, destination)
        how = "No Translation Path" if path is None else describe_path(path)
        start = f"{family}:{source.sample_rate}"
        target = f"{codec_family(destination)}:{destination.sample_rate}"
        lines.append(f"\t{start[:16]:<16} To {target[:16]:<16}: {how[:60]:<60}")
    return lines
