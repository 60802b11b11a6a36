"""What res_calendar and the modules that fetch calendars share: events, and the interface of a kind of calendar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from globstar.base.errors import GlobstarError
from globstar.base.packages import is_installed

#: The service under which kinds of calendars are offered: ``dict[str, CalendarKind]``, by ``type`` of calendar.conf.
KINDS_SERVICE = "calendar kinds"
#: Largest calendar that is read, bytes.
MAX_BYTES = 16 * 1024 * 1024


def calendar_library() -> bool:
    """Whether the packages are there that :mod:`globstar.core.calendar_ics` needs."""
    return all(is_installed(name) for name in ("icalendar", "recurring_ical_events"))


class CalendarFault(GlobstarError):
    """A calendar cannot be fetched, read or written."""


class BusyState(IntEnum):
    """What an event does to its owner's time; the numbers are Asterisk's."""

    FREE = 0
    TENTATIVE = 1
    BUSY = 2


@dataclass(frozen=True, slots=True)
class CalendarEvent:
    """One occurrence. Times are seconds since 1970; ``alarm`` is when to remind, 0 for never."""

    uid: str
    summary: str = ""
    description: str = ""
    organizer: str = ""
    location: str = ""
    categories: str = ""
    priority: int = 0
    start: int = 0
    end: int = 0
    alarm: int = 0
    busy_state: BusyState = BusyState.BUSY


@dataclass(frozen=True, slots=True)
class CalendarAccess:
    """Where a calendar is and who may read it."""

    url: str
    user: str = ""
    secret: str = ""

    def __repr__(self) -> str:
        return f"<CalendarAccess {self.url} of {self.user}, secret redacted>"


class CalendarKind(Protocol):
    """One ``type`` of calendar."""

    @property
    def description(self) -> str:
        """For ``calendar show types``."""

    @property
    def can_write(self) -> bool:
        """Whether :meth:`write` works."""

    async def fetch(self, access: CalendarAccess, start: int, end: int) -> Sequence[CalendarEvent]:
        """All occurrences between two times, in order. Raises CalendarFault."""

    async def write(self, access: CalendarAccess, event: CalendarEvent) -> None:
        """Add an event. Raises CalendarFault."""
