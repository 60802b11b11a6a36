"""What the dialplan asks of calendars."""

from __future__ import annotations

from dataclasses import dataclass

from globstar.base.log import Logger
from globstar.core.calendars import BusyState, CalendarEvent, CalendarFault
from globstar.core.channel import Channel
from globstar.core.functions import FunctionError
from globstar.core.numbers import leading_integer
from globstar.core.registry import function, write_function
from globstar.dialplan.arguments import argument, split_arguments
from globstar.modules.res.calendar.service import EVENT_KEY, SERVICE, Calendar, CalendarService

logger = Logger("res_calendar")

#: In a channel's data: what CALENDAR_QUERY() found, by number.
_QUERIES = "calendar queries"
#: Queries that a channel may hold; the oldest goes.
_MOST_QUERIES = 100
_WRITABLE = ("summary", "description", "organizer", "location", "categories", "priority", "uid", "start", "end", "busystate")
#: The end of a query without one.
_FOR_EVER = 2**62


@dataclass(frozen=True, slots=True)
class _Query:
    calendar: str
    events: list[CalendarEvent]


def _service(channel: Channel | None) -> CalendarService:
    service = channel.system.service(SERVICE, CalendarService) if channel is not None else None
    if service is None:
        raise FunctionError("the calendar functions need a channel")
    return service


def _calendar(channel: Channel | None, name: str) -> Calendar:
    calendar = _service(channel).calendars.get(name.strip())
    if calendar is None:
        raise FunctionError(f"there is no calendar '{name.strip()}'")
    return calendar


def _field(calendar: str, event: CalendarEvent, name: str) -> str:
    match name.strip().lower():
        case "summary":
            return event.summary
        case "description":
            return event.description
        case "organizer":
            return event.organizer
        case "location":
            return event.location
        case "categories":
            return event.categories
        case "priority":
            return str(event.priority)
        case "calendar":
            return calendar
        case "uid":
            return event.uid
        case "start":
            return str(event.start)
        case "end":
            return str(event.end)
        case "busystate":
            return str(int(event.busy_state))
    raise FunctionError(f"an event has no field '{name.strip()}'")


@function("CALENDAR_BUSY", syntax="CALENDAR_BUSY(calendar)")
def calendar_busy(channel: Channel | None, args: str) -> str:
    """1 when an event of the calendar that takes its owner's time goes on now, or may do so; else 0."""
    return "0" if _calendar(channel, args).busy_state is BusyState.FREE else "1"


@function("CALENDAR_EVENT", syntax="CALENDAR_EVENT(field)")
def calendar_event(channel: Channel | None, args: str) -> str:
    """A field of the event that this channel was called for.

    The fields are summary, description, organizer, location, categories, priority, calendar, uid, start, end (seconds since
    1970) and busystate (0 free, 1 tentative, 2 busy).
    """
    held: tuple[str, CalendarEvent] | None = channel.data.get(EVENT_KEY) if channel is not None else None
    if held is None:
        raise FunctionError("CALENDAR_EVENT is for channels that a calendar has called")
    return _field(*held, args)


@function("CALENDAR_QUERY", syntax="CALENDAR_QUERY(calendar[,start[,end]])")
def calendar_query(channel: Channel | None, args: str) -> str:
    """Keep the events of a calendar in a time, for CALENDAR_QUERY_RESULT(); gives the number of the query.

    ``start`` (now) and ``end`` (without end) are seconds since 1970. What calendar.conf's timeframe holds is searched.
    """
    arguments = split_arguments(args)
    calendar = _calendar(channel, argument(arguments, 0))
    assert channel is not None
    start = leading_integer(argument(arguments, 1), _service(channel).now)
    end = leading_integer(argument(arguments, 2), _FOR_EVER)
    if end < start:
        raise FunctionError(f"CALENDAR_QUERY: the end {end} is before the start {start}")
    queries: dict[int, _Query] = channel.data.setdefault(_QUERIES, {})
    number = max(queries, default=0) + 1
    queries[number] = _Query(calendar.name, calendar.between(start, end))
    if len(queries) > _MOST_QUERIES:
        del queries[min(queries)]
    return str(number)


@function("CALENDAR_QUERY_RESULT", syntax="CALENDAR_QUERY_RESULT(id,field[,entry])")
def calendar_query_result(channel: Channel | None, args: str) -> str:
    """A field of an event that CALENDAR_QUERY() found; see CALENDAR_EVENT() for the fields.

    ``getnum`` is how many there are; ``entry`` is which of them is asked, from 1.
    """
    arguments = split_arguments(args)
    queries: dict[int, _Query] = channel.data.get(_QUERIES, {}) if channel is not None else {}
    query = queries.get(leading_integer(argument(arguments, 0)))
    if query is None:
        raise FunctionError(f"there is no query '{argument(arguments, 0)}' on this channel")
    name = argument(arguments, 1)
    if name.strip().lower() == "getnum":
        return str(len(query.events))
    entry = leading_integer(argument(arguments, 2), 1)
    if not 1 <= entry <= len(query.events):
        raise FunctionError(f"the query has {len(query.events)} events, not {entry}")
    return _field(query.calendar, query.events[entry - 1], name)


@write_function("CALENDAR_WRITE", syntax="CALENDAR_WRITE(calendar,field[,...])")
async def calendar_write(channel: Channel | None, args: str, value: str) -> None:
    """Add an event to a calendar; the values stand in the order of the fields.

    The fields are those of CALENDAR_EVENT() but calendar. CALENDAR_SUCCESS is 1, or 0 where that failed.
    """
    arguments = split_arguments(args)
    calendar = _calendar(channel, argument(arguments, 0))
    assert channel is not None
    channel.set_variable("CALENDAR_SUCCESS", "0")
    names = [name.strip().lower() for name in arguments[1:]]
    values = split_arguments(value)
    if not names or len(names) != len(values):
        raise FunctionError(f"CALENDAR_WRITE: {len(names)} fields and {len(values)} values")
    unknown = [name for name in names if name not in _WRITABLE]
    if unknown:
        raise FunctionError(f"CALENDAR_WRITE: an event has no field '{unknown[0]}'")
    given = dict(zip(names, values, strict=True))
    system = channel.system
    start = leading_integer(given.get("start", ""), 0)
    end = leading_integer(given.get("end", ""), 0)
    if not start or end < start:
        raise FunctionError("CALENDAR_WRITE needs a start, and an end that is not before it")
    busy = leading_integer(given.get("busystate", ""), int(BusyState.BUSY))
    event = CalendarEvent(
        uid=given.get("uid") or f"{system.next_unique_id()}@globstar",
        summary=given.get("summary", ""), description=given.get("description", ""), organizer=given.get("organizer", ""),
        location=given.get("location", ""), categories=given.get("categories", ""),
        priority=leading_integer(given.get("priority", "")),
        start=start, end=end, busy_state=BusyState(busy) if 0 <= busy <= BusyState.BUSY else BusyState.BUSY,
    )  # fmt: skip
    kind = calendar.kind
    if kind is None or not kind.can_write:
        raise FunctionError(f"calendars of type '{calendar.settings.type}' cannot be written")
    try:
        await kind.write(calendar.access, event)
    except CalendarFault as fault:
        logger.warning(f"an event cannot be written to the calendar '{calendar.name}': {fault}")
        return
    channel.set_variable("CALENDAR_SUCCESS", "1")
    await calendar.fetch()
