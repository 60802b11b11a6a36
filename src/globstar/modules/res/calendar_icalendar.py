"""Calendars in files that a web server gives (iCalendar, RFC 5545): ``type=ical``."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from globstar.core.calendar_http import ask
from globstar.core.calendars import KINDS_SERVICE, CalendarAccess, CalendarEvent, CalendarFault, calendar_library
from globstar.core.loader import ModuleDeclined

if TYPE_CHECKING:
    from globstar.core.system import System

REQUIRES = ("res_calendar",)


def _read(data: bytes, start: int, end: int) -> list[CalendarEvent]:
    from globstar.core.calendar_ics import read_events  # the library is there only where calendars are wanted

    return read_events(data, start, end)


class ICalendarKind:
    """The whole calendar is one file, and only read."""

    description = "iCalendar .ics calendars"
    can_write = False

    async def fetch(self, access: CalendarAccess, start: int, end: int) -> Sequence[CalendarEvent]:
        """See CalendarKind."""
        data = await ask(access, "GET", headers={"Accept": "text/calendar"})
        return await asyncio.get_running_loop().run_in_executor(None, _read, data, start, end)

    async def write(self, access: CalendarAccess, event: CalendarEvent) -> None:
        """See CalendarKind."""
        raise CalendarFault("a calendar of type ical cannot be written")


def load(system: System) -> None:
    """Offer the kind."""
    if not calendar_library():
        raise ModuleDeclined("the package icalendar is not installed (pip install globstar[calendar])")
    system.services[KINDS_SERVICE]["ical"] = ICalendarKind()


def unload(system: System) -> None:
    """Offer it no more."""
    system.services[KINDS_SERVICE].pop("ical", None)
