"""Time conditions of GotoIfTime, IFTIME and `include =>`: times, weekdays, days, months, zone.

Fields are separated by commas (or bars), missing ones mean any; each is `*` or ranges joined by `&`. A range may wrap
(fri-tue, 23:00-06:00) and includes both ends; the resolution is a minute. A field that cannot be read is warned
about and matches never, as in Asterisk.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, tzinfo

from globstar.base.zones import find_zone, zone_or_utc

WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
MINUTES_PER_DAY = 24 * 60

_CLOCK = re.compile(r"([0-9]{1,2}):([0-9]{1,2})(?![0-9])")
_SEPARATOR = re.compile(r"[,|]")

Warn = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class TimeSpec:
    """A condition on the time; None in a field means any. `minutes` holds first and last minutes of the day."""

    minutes: tuple[tuple[int, int], ...] | None = None
    weekdays: frozenset[int] | None = None
    days: frozenset[int] | None = None
    months: frozenset[int] | None = None
    zone: tzinfo | None = None

    @property
    def is_always(self) -> bool:
        """Whether the condition holds at any time."""
        return self.minutes is None and self.weekdays is None and self.days is None and self.months is None

    def matches(self, now: datetime) -> bool:
        """Tell whether the condition holds at `now` (in the system's zone; with a zone of its own, `now` is aware)."""
        if self.zone is not None:
            now = now.astimezone(self.zone)
        if self.months is not None and now.month not in self.months:
            return False
        if self.days is not None and now.day not in self.days:
            return False
        if self.weekdays is not None and now.isoweekday() % 7 not in self.weekdays:
            return False
        if self.minutes is None:
            return True
        minute = now.hour * 60 + now.minute
        return any(
            first <= minute <= last if first <= last else (minute >= first or minute <= last) for first, last in self.minutes
        )


def parse_timing(text: str, warn: Warn, unknown_zone: Warn | None = None) -> TimeSpec:
    """Read a condition; `warn` is told about every field that cannot be read.

    A zone that there is not is taken to be UTC; `unknown_zone` gets its name where it is given, else `warn` is told.
    """
    if unknown_zone is None:
        unknown_zone = lambda name: warn(f"there is no time zone '{name}'; it is taken to be UTC")  # noqa: E731
    fields = _SEPARATOR.split(text, maxsplit=4)
    fields += [""] * (5 - len(fields))
    return TimeSpec(
        minutes=_read_times(fields[0], warn),
        weekdays=_read_numbers(fields[1], WEEKDAYS, 0, 6, "day of the week", warn),
        days=_read_numbers(fields[2], (), 1, 31, "day", warn),
        months=_read_numbers(fields[3], MONTHS, 1, 12, "month", warn),
        zone=_read_zone(fields[4], unknown_zone),
    )


def _read_times(text: str, warn: Warn) -> tuple[tuple[int, int], ...] | None:
    if text in ("", "*"):
        return None
    ranges: list[tuple[int, int]] = []
    for part in text.split("&"):
        first, dash, last = part.partition("-")
        start = _read_clock(first)
        end = _read_clock(last) if dash else start
        if start is None or end is None:
            warn(f"'{part}' is not a time range")
        else:
            ranges.append((start, end))
    return tuple(ranges)


def _read_clock(text: str) -> int | None:
    found = _CLOCK.match(text)
    if not found:
        return None
    minute = int(found[1]) * 60 + int(found[2])
    return minute if minute < MINUTES_PER_DAY and int(found[2]) < 60 else None


def _read_numbers(text: str, names: tuple[str, ...], first: int, last: int, what: str, warn: Warn) -> frozenset[int] | None:
    if text in ("", "*"):
        return None
    numbers: set[int] = set()
    for part in text.split("&"):
        start_text, dash, end_text = part.partition("-")
        start = _read_number(start_text, names, first, last)
        end = _read_number(end_text, names, first, last) if dash else start
        if start is None or end is None:
            warn(f"'{part}' is not a {what}")
        elif start <= end:
            numbers.update(range(start, end + 1))
        else:
            numbers.update(range(start, last + 1), range(first, end + 1))
    return frozenset(numbers)


def _read_number(text: str, names: tuple[str, ...], first: int, last: int) -> int | None:
    """Read a name of three letters, or a number counted from one."""
    if text.lower() in names:
        return names.index(text.lower()) + first
    if not re.fullmatch(r"[0-9]{1,2}", text, re.ASCII):
        return None
    number = int(text) - 1 + first if names else int(text)
    return number if first <= number <= last else None


def _read_zone(text: str, warn: Warn) -> tzinfo | None:
    """The zone, UTC for an unknown one, whose name ``warn`` gets."""
    if not text:
        return None
    if find_zone(text) is None:
        warn(text)
    return zone_or_utc(text)
