"""Conditions of the dialplan: what counts as true, and what time it is for GotoIfTime."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core.zones import check_zone
from globstar.dialplan.timing import TimeSpec, parse_timing

if TYPE_CHECKING:
    from globstar.core.channel import Channel

logger = Logger("pbx")


def is_true(condition: str) -> bool:
    """Whether a condition holds: false if it is empty or begins with a digit and the number there is zero."""
    if condition == "1":
        return True
    first = condition[:1]
    if not ("0" <= first <= "9"):
        return bool(condition)
    if first != "0":
        return True
    rest = condition.lstrip("0")[:1]
    return "1" <= rest <= "9"


def split_branches(text: str) -> tuple[str, str]:
    """``if true:if false``, split at the first colon."""
    if_true, _, if_false = text.partition(":")
    return if_true, if_false


def is_time(channel: Channel, text: str) -> bool:
    """Whether ``times,weekdays,mdays,months[,timezone]`` holds now, or at the time that TESTTIME() set for the channel."""
    spec, problems, unknown_zone = _timing(text)
    for problem in problems:
        logger.warning(problem)
    if unknown_zone:
        check_zone(channel, "time condition", unknown_zone)
    return spec.matches(now(channel))


def now(channel: Channel) -> datetime:
    """The local time, or what TESTTIME() set for the channel."""
    test_time = channel.variables.own("TESTTIME") or ""
    wall = float(test_time) if test_time.isascii() and test_time.isdigit() else channel.system.wall_time()
    return datetime.fromtimestamp(wall, UTC).astimezone()


@lru_cache(maxsize=1024)
def _timing(text: str) -> tuple[TimeSpec, tuple[str, ...], str]:
    """The condition, what is wrong with it, and the zone that there is not."""
    problems: list[str] = []
    zones: list[str] = []
    spec = parse_timing(text, problems.append, zones.append)
    return spec, tuple(problems), "".join(zones)
