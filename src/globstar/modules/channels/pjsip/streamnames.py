"""What a stream of a call is called."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.media import LegMedia
    from globstar.modules.channels.pjsip.streams import SideStream


def label_of(line: LegMedia | SideStream) -> str:
    """The label (RFC 4574) by which the endpoint knows a stream: its own, else that which our offer has told it; ""."""
    remote = line.stream.remote if line.stream is not None else None
    theirs = remote.all("label") if remote is not None else []
    ours = [name.value or "" for name in line.names if name.name == "label"]
    return next(filter(None, [*theirs, *ours]), "")


def names_of(line: LegMedia | SideStream) -> list[str]:
    """How a stream is called: kind and place of its m-line (``audio-0``, ``video-2``), its mid, its label; in small letters."""
    stream = line.stream
    if stream is None:
        return []
    mid = stream.remote.mid if stream.remote is not None else None
    told = [mid or "", *(stream.remote.all("label") if stream.remote is not None else []), label_of(line)]
    return [f"{stream.kind}-{stream.index}", *dict.fromkeys(name.lower() for name in told if name)]
