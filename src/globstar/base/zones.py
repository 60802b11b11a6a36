"""Time zones by their names: those of the zone database, and POSIX's form of TZ (``CET-1CEST,M3.5.0,M10.5.0/3``)."""

from __future__ import annotations

import io
import re
import struct
from datetime import UTC, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

#: A name of a zone with its offset, as POSIX writes it (Base Definitions, section 8.3); a rule may follow.
_POSIX = re.compile(r"(?:[A-Za-z]{3,}|<[A-Za-z0-9+-]{3,}>)[+-]?\d{1,2}(?::[0-5]\d){0,2}(?:[A-Za-z<][^,]*,[^,]+,[^,]+)?", re.ASCII)
#: The head of a file of the zone database, version 2 (RFC 8536 section 3.1): one type of time, no changes, no leap seconds.
_HEAD = struct.pack(">4sc15x6L", b"TZif", b"2", 0, 0, 0, 0, 1, 4)
_UTC_TYPE = struct.pack(">lBB4s", 0, 0, 0, b"UTC\0")


@lru_cache(maxsize=256)
def find_zone(name: str) -> tzinfo | None:
    """The time zone called ``name``; None where there is none. The first look-up of each reads a small file."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return _posix_zone(name)


def zone_or_utc(name: str) -> tzinfo | None:
    """The time zone called ``name``, UTC for an unknown one as in Asterisk; None, the machine's, without a name."""
    return (find_zone(name) or UTC) if name else None


def _posix_zone(text: str) -> tzinfo | None:
    """The zone of a POSIX text, which is read as the last line of a file of the zone database (RFC 8536 section 3.3)."""
    if len(text) > 64 or _POSIX.fullmatch(text) is None:
        return None
    part = _HEAD + _UTC_TYPE
    try:
        return ZoneInfo.from_file(io.BytesIO(part + part + b"\n" + text.encode() + b"\n"), key=text)
    except ValueError:
        return None
