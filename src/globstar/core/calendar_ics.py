"""iCalendar (RFC 5545) in and out: occurrences of events, recurring ones included, by the libraries of that name."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import icalendar
import recurring_ical_events

from globstar.core.calendars import BusyState, CalendarEvent, CalendarFault


def read_events(data: bytes, start: int, end: int) -> list[CalendarEvent]:
    """The occurrences that touch the time from ``start`` to ``end``, first ones first.

    Raises CalendarFault for what is no calendar.
    """
    try:
        calendar = icalendar.Calendar.from_ical(data)
        found = recurring_ical_events.of(calendar).between(datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(end, UTC))
    except (ValueError, KeyError, IndexError, TypeError, OverflowError, AttributeError) as error:
        raise CalendarFault(f"this is no calendar: {error}") from error
    events = [_event(entry) for entry in found if entry.name == "VEVENT" and "DTSTART" in entry]
    return sorted(events, key=lambda event: (event.start, event.end, event.uid))


def _seconds(moment: date | datetime) -> int:
    """A day begins at midnight where the server is; a time without a zone is the server's."""
    if not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day)
    return int(moment.timestamp())


def _event(entry: Any) -> CalendarEvent:
    begins = entry["DTSTART"].dt
    start = _seconds(begins)
    if "DTEND" in entry:
        end = _seconds(entry["DTEND"].dt)
    elif "DURATION" in entry:
        end = start + int(entry["DURATION"].dt.total_seconds())
    else:  # RFC 5545 3.6.1: a day lasts a day, a moment no time
        end = start + (0 if isinstance(begins, datetime) else 86400)
    organizer = str(entry.get("ORGANIZER", ""))
    return CalendarEvent(
        uid=str(entry.get("UID", "")),
        summary=str(entry.get("SUMMARY", "")),
        description=str(entry.get("DESCRIPTION", "")),
        organizer=organizer[7:] if organizer.lower().startswith("mailto:") else organizer,
        location=str(entry.get("LOCATION", "")),
        categories=",".join(str(category) for category in _categories(entry)),
        priority=int(entry.get("PRIORITY", 0) or 0),
        start=start,
        end=end,
        alarm=_alarm(entry, start, end),
        busy_state=_busy_state(entry),
    )


def _categories(entry: Any) -> list[Any]:
    value = entry.get("CATEGORIES")
    if value is None:
        return []
    lists = value if isinstance(value, list) else [value]
    return [category for part in lists for category in getattr(part, "cats", [part])]


def _busy_state(entry: Any) -> BusyState:
    if str(entry.get("TRANSP", "")).upper() == "TRANSPARENT" or str(entry.get("STATUS", "")).upper() == "CANCELLED":
        return BusyState.FREE
    return BusyState.TENTATIVE if str(entry.get("STATUS", "")).upper() == "TENTATIVE" else BusyState.BUSY


def _alarm(entry: Any, start: int, end: int) -> int:
    """When the first alarm rings (RFC 5545 3.6.6)."""
    times = []
    for alarm in entry.subcomponents:
        if alarm.name != "VALARM" or "TRIGGER" not in alarm:
            continue
        trigger = alarm["TRIGGER"]
        if isinstance(trigger.dt, timedelta):
            is_from_end = str(trigger.params.get("RELATED", "")).upper() == "END"
            times.append((end if is_from_end else start) + int(trigger.dt.total_seconds()))
        else:
            times.append(_seconds(trigger.dt))
    return min(times, default=0)


def write_event(event: CalendarEvent, now: int) -> bytes:
    """A calendar with one event in it."""
    entry = icalendar.Event()
    entry.add("UID", event.uid)
    entry.add("DTSTAMP", datetime.fromtimestamp(now, UTC))
    entry.add("DTSTART", datetime.fromtimestamp(event.start, UTC))
    entry.add("DTEND", datetime.fromtimestamp(event.end, UTC))
    for name, value in (
        ("SUMMARY", event.summary), ("DESCRIPTION", event.description), ("LOCATION", event.location),
        ("ORGANIZER", f"mailto:{event.organizer}" if event.organizer else ""),
    ):  # fmt: skip
        if value:
            entry.add(name, value)
    if event.categories:
        entry.add("CATEGORIES", [category.strip() for category in event.categories.split(",")])
    if event.priority:
        entry.add("PRIORITY", event.priority)
    entry.add("TRANSP", "TRANSPARENT" if event.busy_state is BusyState.FREE else "OPAQUE")
    entry.add("STATUS", "TENTATIVE" if event.busy_state is BusyState.TENTATIVE else "CONFIRMED")
    calendar = icalendar.Calendar()
    calendar.add("PRODID", "-//Globstar//calendar//EN")
    calendar.add("VERSION", "2.0")
    calendar.add_component(entry)
    data: bytes = calendar.to_ical()
    return data
