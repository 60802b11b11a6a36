"""Calendars on CalDAV servers (RFC 4791): ``type=caldav``."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote
from xml.etree import ElementTree as ET

from globstar.core.calendar_http import ask
from globstar.core.calendars import KINDS_SERVICE, CalendarAccess, CalendarEvent, CalendarFault, calendar_library
from globstar.core.loader import ModuleDeclined

if TYPE_CHECKING:
    from globstar.core.system import System

REQUIRES = ("res_calendar",)

_CALENDAR_DATA = "{urn:ietf:params:xml:ns:caldav}calendar-data"
#: RFC 4791 7.8: all events that touch a time, with their data.
_QUERY = """<?xml version="1.0" encoding="utf-8"?>
<C:calendar-query xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav">
  <D:prop><D:getetag/><C:calendar-data/></D:prop>
  <C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT">
    <C:time-range start="{start:%Y%m%dT%H%M%SZ}" end="{end:%Y%m%dT%H%M%SZ}"/>
  </C:comp-filter></C:comp-filter></C:filter>
</C:calendar-query>
"""
_XML = {"Content-Type": "application/xml; charset=utf-8", "Depth": "1"}


def _read_answer(body: bytes, start: int, end: int) -> list[CalendarEvent]:
    """The occurrences in a multistatus. Raises CalendarFault."""
    from globstar.core.calendar_ics import read_events  # the library is there only where calendars are wanted

    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        raise CalendarFault("the server's answer declares entities, which no CalDAV server does")
    try:
        tree = ET.fromstring(body)
    except ET.ParseError as error:
        raise CalendarFault(f"the server's answer is no XML: {error}") from error
    events = [event for data in tree.iter(_CALENDAR_DATA) if data.text for event in read_events(data.text.encode(), start, end)]
    return sorted(events, key=lambda event: (event.start, event.end, event.uid))


class CalDavKind:
    """The server searches, and takes new events."""

    description = "CalDAV calendars"
    can_write = True

    async def fetch(self, access: CalendarAccess, start: int, end: int) -> Sequence[CalendarEvent]:
        """See CalendarKind."""
        query = _QUERY.format(start=datetime.fromtimestamp(start, UTC), end=datetime.fromtimestamp(end, UTC))
        body = await ask(access, "REPORT", body=query.encode(), headers=_XML, good=(207,))
        return await asyncio.get_running_loop().run_in_executor(None, _read_answer, body, start, end)

    async def write(self, access: CalendarAccess, event: CalendarEvent) -> None:
        """See CalendarKind (RFC 4791 5.3.2): a resource of its own, named by the event."""
        from globstar.core.calendar_ics import write_event

        url = f"{access.url.rstrip('/')}/{quote(event.uid, safe='@')}.ics"
        headers = {"Content-Type": "text/calendar; charset=utf-8"}
        await ask(access, "PUT", url, body=write_event(event, int(time.time())), headers=headers, good=(200, 201, 204))


def load(system: System) -> None:
    """Offer the kind."""
    if not calendar_library():
        raise ModuleDeclined("the package icalendar is not installed (pip install globstar[calendar])")
    system.services[KINDS_SERVICE]["caldav"] = CalDavKind()


def unload(system: System) -> None:
    """Offer it no more."""
    system.services[KINDS_SERVICE].pop("caldav", None)
