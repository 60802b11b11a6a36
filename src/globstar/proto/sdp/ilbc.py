"""The two frame lengths of iLBC: what an offer and its answer come to (RFC 3952 section 5)."""

from __future__ import annotations

from globstar.proto.sdp.payloads import canonical_name
from globstar.proto.sdp.video import parameters

#: Without a ``mode``.
USUAL_MODE = 30


def is_ilbc(name: str) -> bool:
    """Whether this is the encoding name of iLBC."""
    return canonical_name(name) == "ILBC"


def mode(fmtp: str) -> int:
    """The frame length that parameters ask for, ms."""
    return 20 if parameters(fmtp).get("mode") == "20" else USUAL_MODE


def common_mode(ours: str, theirs: str) -> int:
    """The frame length of both ways, ms: that of the lower bit rate, if the two sides do not agree."""
    return max(mode(ours), mode(theirs))
