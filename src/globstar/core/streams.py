"""Which streams a call has, as one side of it tells the other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from globstar.core.format import FormatCapabilities, MediaType


@dataclass(frozen=True, slots=True)
class CallStream:
    """One stream. ``number`` counts those of its kind from 0; streams of the same kind and number belong together.

    ``label`` (RFC 4574) and ``content`` (RFC 4796) are what its sender calls it, and says that it shows, "" for nothing.
    """

    kind: MediaType
    number: int = 0
    label: str = ""
    content: str = ""


@dataclass(frozen=True, slots=True)
class StreamTopology:
    """The data of a STREAM_TOPOLOGY_REQUEST_CHANGE: one side of a call has these streams now.

    ``formats`` are those of the kinds that it did not have before.
    """

    streams: tuple[CallStream, ...] = ()
    formats: FormatCapabilities = field(default_factory=FormatCapabilities)


def of_kind(streams: Iterable[CallStream], kind: MediaType) -> dict[int, CallStream]:
    """The streams of a kind, by their numbers, in order."""
    return {stream.number: stream for stream in sorted(streams, key=lambda one: one.number) if stream.kind is kind}
