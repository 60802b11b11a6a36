"""Prometheus's text format, version 0.0.4.

It is written here rather than by prometheus_client, which ends the names of counters on ``_total``: Asterisk's do not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(slots=True)
class Metric:
    """A metric with its samples; ``kind`` is ``gauge`` or ``counter``."""

    name: str
    kind: str
    help: str
    samples: list[tuple[Mapping[str, str], float]] = field(default_factory=list)

    def add(self, value: float, **labels: str) -> None:
        """One sample. ``type_`` stands for the label ``type``."""
        self.samples.append(({name.rstrip("_"): text for name, text in labels.items()}, value))


def render(metrics: Iterable[Metric], common: Mapping[str, str]) -> str:
    """The text of metrics, each sample with the labels ``common`` as well; those without samples are left out."""
    lines: list[str] = []
    for metric in metrics:
        if not metric.samples:
            continue
        lines += [f"# HELP {metric.name} {_escape_help(metric.help)}", f"# TYPE {metric.name} {metric.kind}"]
        for labels, value in metric.samples:
            shown = ",".join(f'{name}="{_escape(text)}"' for name, text in {**common, **labels}.items())
            lines.append(f"{metric.name}{{{shown}}} {_number(value)}")
    return "\n".join([*lines, ""])


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else f"{value:.6f}".rstrip("0")


def _escape(text: str) -> str:
    text = text.encode("utf-8", "replace").decode()
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _escape_help(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")
