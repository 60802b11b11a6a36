"""Pieces of SDP that bring candidates of ICE later: ``application/trickle-ice-sdpfrag`` (RFC 8840 section 9)."""

from __future__ import annotations

from dataclasses import dataclass, field

#: Lines that are looked at; what comes beyond is ignored.
MAX_LINES = 200


@dataclass(slots=True)
class Fragment:
    """The candidates of one m-line; ``mid`` is "" where it is not named."""

    mid: str = ""
    ufrag: str = ""
    candidates: list[str] = field(default_factory=list)


def parse_fragment(body: bytes) -> list[Fragment]:
    """The pieces in order; credentials above them hold for all that name none. Lines that mean nothing are left out."""
    common = Fragment()
    found: list[Fragment] = []
    for line in body.decode("utf-8", "replace").splitlines()[:MAX_LINES]:
        kind, _, value = line.strip().partition("=")
        if kind == "m":
            found.append(Fragment(ufrag=common.ufrag))
        elif kind == "a":
            here = found[-1] if found else common
            name, _, value = value.partition(":")
            if name == "mid":
                here.mid = value.strip()
            elif name == "ice-ufrag":
                here.ufrag = value.strip()
            elif name == "candidate":
                here.candidates.append(value.strip())
    return found or ([common] if common.candidates else [])
