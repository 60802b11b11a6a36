"""Values of CHANNEL's items as text."""

from __future__ import annotations

from globstar.core.channel import Channel
from globstar.core.functions import FunctionError

AMA_FLAGS = {"omit": 1, "billing": 2, "documentation": 3}
TRANSFER_CAPABILITIES = ("SPEECH", "DIGITAL", "RESTRICTED_DIGITAL", "3K1AUDIO", "DIGITAL_W_TONES", "VIDEO")
#: Call and pickup groups go from 0 to this.
_LAST_GROUP = 63


def format_groups(groups: frozenset[int]) -> str:
    """``1, 3, 4``."""
    return ", ".join(map(str, sorted(groups)))


def parse_groups(text: str) -> frozenset[int]:
    """Groups written as ``1,3-4``; raises :class:`FunctionError`."""
    groups: set[int] = set()
    for part in filter(None, (part.strip() for part in text.split(","))):
        first, dash, last = part.partition("-")
        if not (first.isascii() and first.isdigit() and (not dash or (last.isascii() and last.isdigit()))):
            raise FunctionError(f"'{part}' is no group or range of groups")
        start, end = int(first[:4]), int((last if dash else first)[:4])
        if end > _LAST_GROUP or start > end:
            raise FunctionError(f"groups go from 0 to {_LAST_GROUP}, not '{part}'")
        groups.update(range(start, end + 1))
    return frozenset(groups)


def parse_names(text: str) -> frozenset[str]:
    """Names of groups, separated by commas."""
    return frozenset(filter(None, (name.strip() for name in text.split(","))))


def hangup_handler(channel: Channel, text: str) -> str:
    """``[[context,]exten,]priority[(arguments)]`` with context and extension filled in from where the channel is now."""
    place, parenthesis, arguments = text.partition("(")
    parts = [part.strip() for part in place.split(",", 2)]
    while len(parts) < 3:
        parts.insert(0, channel.extension if len(parts) == 1 else channel.context)
    return ",".join(parts) + parenthesis + arguments
