"""TESTTIME, which lets a dialplan be tried out at another time."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from globstar.base.zones import find_zone
from globstar.core.channel import Channel
from globstar.core.functions import FunctionError
from globstar.core.registry import write_function

_TIME = re.compile(r"\s*(\d{4})[/-](\d{1,2})[/-](\d{1,2})[\s,]+(\d{1,2}):(\d{2})(?::(\d{2}))?(?:[\s,]+(\S+))?\s*$", re.ASCII)


@write_function("TESTTIME", syntax="TESTTIME(date,time[,zone])")
def test_time(channel: Channel | None, args: str, value: str) -> None:
    """Let the time conditions of this call, and of the calls it makes, hold at another time than now.

    ``Set(TESTTIME()=2024/03/05 15:00:00 America/New_York)``; the zone may be left out.
    """
    if channel is None:
        raise FunctionError("TESTTIME needs a channel")
    found = _TIME.match(value or args)
    if found is None:
        raise FunctionError(f"TESTTIME needs date time [zone], not '{value}'")
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    zone = find_zone(found[7]) if found[7] else None
    if found[7] and zone is None:
        raise FunctionError(f"'{found[7]}' is no known time zone")
    try:
        moment = datetime(year, month, day, hour, minute, second)
    except ValueError as error:
        raise FunctionError(f"'{value}' is no time: {error}") from error
    aware = moment.replace(tzinfo=zone) if zone is not None else moment.astimezone()
    channel.set_variable("__TESTTIME", str(int((aware - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())))
