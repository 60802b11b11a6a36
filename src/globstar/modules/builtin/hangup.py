"""Hangup."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.core.cause import CAUSE_TEXT, Cause
from globstar.core.channel import Channel
from globstar.core.registry import application

logger = Logger("pbx_builtins")

_NAMES = {member.name: int(member) for member in Cause if member in CAUSE_TEXT}


@application("Hangup", syntax="Hangup([causecode])")
def hangup(channel: Channel, data: str) -> int:
    """Hang up.

    ``causecode`` is a number, or a name such as NORMAL_CLEARING or USER_BUSY, in any case; it tells the caller why.
    Without it, the cause that is set already stays, or 16 (normal clearing) where none is.
    """
    cause = 0
    if data:
        cause = _cause_of(data)
        if not cause:
            logger.warning(f"'{data}' is no hangup cause")
    channel.hangup_cause = cause or channel.hangup_cause or Cause.NORMAL_CLEARING
    channel.hangup_source = channel.hangup_source or "dialplan/builtin"
    return -1


def _cause_of(text: str) -> int:
    """A cause by number, of any size, or by name; 0 if it is neither."""
    text = text.strip()
    number = text[1:] if text[:1] == "+" else text
    if number.isascii() and number.isdigit():
        return int(number[:10])
    return _NAMES.get(text.upper(), 0)
