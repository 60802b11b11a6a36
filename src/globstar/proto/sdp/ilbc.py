"""The two frame lengths of iLBC: what an offer and its answer come to (RFC 3952 section 5)."""

from __future__ import annotations

from globstar.proto.sdp.video import parameters

ILBC_NAME = "iLBC"
#: Without a ``mode``.
USUAL_MODE = 30


def mode(fmtp: str) -> int:
    """The frame length that parameters ask for, ms."""
    return 20 if parameters(fmtp).get("mode") == "20" else USUAL_MODE


def common_mode(ours: str, theirs: str) -> int:
    """The frame length of both ways, ms: that of the lower bit rate, if the two sides do not agree."""
    return max(mode(ours), mode(theirs))
