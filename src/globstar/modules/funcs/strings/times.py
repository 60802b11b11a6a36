"""STRFTIME and STRPTIME: times as text."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta, tzinfo

from globstar.base.zones import zone_or_utc
from globstar.core.channel import Channel
from globstar.core.functions import FunctionError
from globstar.core.registry import function
from globstar.core.zones import check_zone
from globstar.dialplan.arguments import argument, split_arguments
from globstar.modules.funcs.strings.strptime import parse_time

_EPOCH = re.compile(r"\s*([+-]?\d{1,12})(?:\.(\d*))?", re.ASCII)
#: What the C library's strftime does not know, or would take from the machine's zone.
_OWN = re.compile(r"%(?:%|[-_0^#EO]*(\d*)([qsZz]))")


def _zone(channel: Channel | None, function: str, name: str) -> tzinfo | None:
    """A zone by its name; None, the machine's own, without a name, UTC for an unknown one, which is told of."""
    check_zone(channel, function, name)
    return zone_or_utc(name)


@function("STRFTIME", syntax="STRFTIME([epoch][,timezone][,format])")
def format_time(channel: Channel | None, args: str) -> str:
    """A time as text.

    ``epoch`` is in seconds since 1970, now if not given. ``format`` is that of strftime, %c if not given; besides, %q gives
    milliseconds and %3q or %6q so many digits of the second's fraction.
    """
    arguments = split_arguments(args, 3)
    form = (arguments[2] if len(arguments) > 2 else "%c").partition("\0")[0]  # as C ends a text
    if not form:
        raise FunctionError("STRFTIME got an empty format")
    found = _EPOCH.match(argument(arguments, 0))
    if found is not None:
        seconds, fraction = int(found[1]), (found[2] or "")[:9]
    else:
        wall = channel.system.wall_time() if channel is not None else time.time()
        seconds, fraction = int(wall), f"{int(wall % 1 * 1e6):06d}"
    zone = _zone(channel, "STRFTIME", argument(arguments, 1))
    try:
        moment = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)).astimezone(zone)
    except OverflowError as error:
        raise FunctionError(f"{seconds} is beyond the times that can be told") from error

    def own(found: re.Match[str]) -> str:
        match found[2]:
            case "q":
                digits = min(int(found[1] or "3"), 9)
                return fraction.ljust(9, "0")[:digits]
            case "s":
                return str(seconds)
            case "Z":
                if zone is not None:
                    return (moment.tzname() or "").replace("%", "%%")
                return time.tzname[time.localtime(seconds).tm_isdst > 0].replace("%", "%%")
            case "z":
                return moment.strftime("%z")
            case _:
                return found[0]

    return time.strftime(_OWN.sub(own, form), moment.timetuple())


@function("STRPTIME", syntax="STRPTIME(datetime,timezone,format)")
def read_time(channel: Channel | None, args: str) -> str:
    """Seconds since 1970 of a time given as text.

    ``format`` says, with the letters of strptime, how the text is to be read. What the text leaves open is zero: a day of
    zero is the last one of the month before.
    """
    arguments = split_arguments(args, 3)
    if len(arguments) < 3 or not arguments[2]:
        raise FunctionError("STRPTIME needs a time, a time zone and a format")
    text, zone_name, form = arguments
    parsed = parse_time(text, form)
    if parsed is None:
        raise FunctionError(f"'{text}' is no time of the form '{form}'")
    try:
        return str(parsed.timestamp(_zone(channel, "STRPTIME", zone_name)))
    except (OverflowError, ValueError) as error:
        raise FunctionError(f"'{text}' is beyond the times that can be told") from error
