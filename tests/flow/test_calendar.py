"""Calendars: busy or not by the clock, queries, calls when an event comes near; and a real CalDAV server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from globstar.base.log import Level
from globstar.core.calendar_ics import read_events, write_event
from globstar.core.calendars import BusyState, CalendarAccess, CalendarEvent, CalendarFault
from globstar.core.cli import run_command
from globstar.core.devicestate import DeviceState
from globstar.core.functions import FunctionError
from globstar.core.system import System
from globstar.dialplan import compile_template
from globstar.modules.res.calendar_caldav import CalDavKind
from globstar.modules.res.calendar_icalendar import ICalendarKind
from tests.support.phone import Phone
from tests.support.switch import LogCapture, running_system

CONF = """\
[general]
[work]
type=fake
url=http://work
refresh=15
timeframe=120
{more}
"""
MODULES = "[modules]\nautoload=no\n" + "".join(
    f"load={name}\n" for name in ("pbx_config", "res_calendar", "func_callerid", "func_global")
)


class FakeKind:
    """Gives the events that a test put there."""

    description = "for tests"
    can_write = True

    def __init__(self) -> None:
        self.events: list[CalendarEvent] = []
        self.fault = ""
        self.fetched = 0

    async def fetch(self, access: CalendarAccess, start: int, end: int) -> Sequence[CalendarEvent]:
        self.fetched += 1
        if self.fault:
            raise CalendarFault(self.fault)
        return [event for event in self.events if event.end > start and event.start < end]

    async def write(self, access: CalendarAccess, event: CalendarEvent) -> None:
        if self.fault:
            raise CalendarFault(self.fault)
        self.events.append(event)


@asynccontextmanager
async def calendars(
    root: Path, more: str = "", *, dialplan: str = "", starts_in: int = 600
) -> AsyncIterator[tuple[System, FakeKind]]:
    """A system with one calendar, in which one event of half an hour begins after ``starts_in`` seconds."""
    kind = FakeKind()

    def prepare(system: System) -> None:
        now = int(system.wall_time())
        kind.events = [
            CalendarEvent(
                "one",
                "Team meeting",
                "weekly",
                "ann@example.com",
                "Room 3",
                "WORK,MEETING",
                5,
                now + starts_in,
                now + starts_in + 1800,
            )
        ]
        system.services["calendar kinds"] = {"fake": kind}

    files = {"modules.conf": MODULES, "calendar.conf": CONF.format(more=more), "extensions.conf": dialplan}
    async with running_system(root, files, prepare=prepare) as system:
        await asyncio.sleep(0.1)
        yield system, kind


async def ask(phone: Phone, text: str) -> str:
    found = phone.system.functions.render(phone.channel, compile_template(text))
    return found if isinstance(found, str) else str(await found)


@pytest.mark.virtual_time
async def test_busy_by_the_clock(tmp_path: Path) -> None:
    async with calendars(tmp_path) as (system, _):
        phone = Phone(system)
        states = system.device_states
        assert await ask(phone, "${CALENDAR_BUSY(work)}") == "0"
        assert states.state("Calendar:work") is DeviceState.NOT_INUSE
        await asyncio.sleep(610)
        assert await ask(phone, "${CALENDAR_BUSY(work)}") == "1"
        assert states.state("Calendar:work") is DeviceState.INUSE
        await asyncio.sleep(1800)
        assert await ask(phone, "${CALENDAR_BUSY(work)}") == "0"
        assert states.state("Calendar:other") is DeviceState.INVALID
        phone.channel.request_hangup()


@pytest.mark.virtual_time
async def test_queries(tmp_path: Path) -> None:
    async with calendars(tmp_path) as (system, kind):
        event = kind.events[0]
        phone = Phone(system)
        number = await ask(phone, "${CALENDAR_QUERY(work)}")
        assert number == "1"
        fields = (
            "getnum",
            "summary",
            "description",
            "organizer",
            "location",
            "categories",
            "priority",
            "calendar",
            "uid",
            "busystate",
        )
        found = [await ask(phone, f"${{CALENDAR_QUERY_RESULT({number},{field})}}") for field in fields]
        assert found == ["1", "Team meeting", "weekly", "ann@example.com", "Room 3", "WORK,MEETING", "5", "work", "one", "2"]
        assert await ask(phone, "${CALENDAR_QUERY_RESULT(1,start,1)}") == str(event.start)
        assert await ask(phone, "${CALENDAR_QUERY_RESULT(1,end)}") == str(event.end)
        assert await ask(phone, f"${{CALENDAR_QUERY(work,{event.end + 1})}}") == "2"
        assert await ask(phone, "${CALENDAR_QUERY_RESULT(2,getnum)}") == "0"
        for bad in (
            "CALENDAR_QUERY(none)", "CALENDAR_QUERY(work,5,4)", "CALENDAR_QUERY_RESULT(9,summary)",
            "CALENDAR_QUERY_RESULT(1,shoes)", "CALENDAR_QUERY_RESULT(1,summary,2)", "CALENDAR_EVENT(summary)",
            "CALENDAR_BUSY(none)",
        ):  # fmt: skip
            with LogCapture() as log:
                assert await ask(phone, f"${{{bad}}}") == ""
            assert len(log.records) == 1, bad
        phone.channel.request_hangup()


@pytest.mark.virtual_time
async def test_writing(tmp_path: Path) -> None:
    async with calendars(tmp_path) as (system, kind):
        phone = Phone(system)
        now = int(system.wall_time())
        write = system.functions.write
        await write(
            phone.channel, "CALENDAR_WRITE", "work,summary,start,end,busystate", f"Lunch\\, long,{now + 60},{now + 120},1"
        )
        assert phone.channel.get_variable("CALENDAR_SUCCESS") == "1"
        assert (kind.events[-1].summary, kind.events[-1].busy_state) == ("Lunch, long", BusyState.TENTATIVE)
        assert await ask(phone, "${CALENDAR_QUERY_RESULT(${CALENDAR_QUERY(work)},getnum)}") == "2"  # it is fetched again
        for args, value in (
            ("work,summary", "no time"), ("work,start,end", "5"), ("work,start,shoes", "5,6"), ("work,start,end", "6,5"),
            ("none,start", "5"),
        ):  # fmt: skip
            phone.channel.set_variable("CALENDAR_SUCCESS", "")
            with pytest.raises(FunctionError):
                await write(phone.channel, "CALENDAR_WRITE", args, value)
            assert phone.channel.get_variable("CALENDAR_SUCCESS") in ("0", "")
        kind.fault = "full"
        with LogCapture() as log:
            await write(phone.channel, "CALENDAR_WRITE", "work,start,end", f"{now},{now}")
        assert phone.channel.get_variable("CALENDAR_SUCCESS") == "0"
        assert "full" in log.texts(Level.WARNING)[0]
        phone.channel.request_hangup()


NOTIFY = (
    "channel=Local/me@phones\ncontext=remind\nextension=s\nsetvar=CALLERID(name)=${CALENDAR_EVENT(summary)}\nsetvar=WHERE=hall\n"
)
DIALPLAN = (
    "[phones]\nexten => me,1,Answer()\nsame => n,Wait(1)\n"
    "[remind]\nexten => s,1,Set(GLOBAL(TOLD)=${CALENDAR_EVENT(summary)}|${CALLERID(name)}|${WHERE}|${CALENDAR_EVENT(calendar)})\n"
)


@pytest.mark.virtual_time
@pytest.mark.parametrize(("more", "when"), [("autoreminder=5\n", 300), ("", 480)])
async def test_a_call_before_the_event(tmp_path: Path, more: str, when: int) -> None:
    """By autoreminder, else by the event's own alarm; once."""
    async with calendars(tmp_path, more + NOTIFY, dialplan=DIALPLAN) as (system, kind):
        event = kind.events[0]
        kind.events = [CalendarEvent(**{**_fields(event), "alarm": event.start - 120})]
        await system.services["calendars"].calendars["work"].fetch()
        await asyncio.sleep(when - 5)
        assert system.globals.get("TOLD") is None
        await asyncio.sleep(10)
        assert system.globals.get("TOLD") == "Team meeting|Team meeting|hall|work"
        system.globals.set("TOLD", "")
        await asyncio.sleep(900)  # it is fetched again meanwhile
        assert not system.globals.get("TOLD")


def _fields(event: CalendarEvent) -> dict[str, object]:
    return {name: getattr(event, name) for name in CalendarEvent.__dataclass_fields__}


@pytest.mark.virtual_time
async def test_a_calendar_that_cannot_be_fetched_keeps_what_it_has(tmp_path: Path) -> None:
    async with calendars(tmp_path) as (system, kind):
        calendar = system.services["calendars"].calendars["work"]
        kind.fault = "the server is down"
        with LogCapture() as log:
            await asyncio.sleep(15 * 60 + 200)
            assert len(calendar.events) == 1
            kind.fault = ""
            await asyncio.sleep(100)
        assert log.texts(Level.WARNING) == ["the calendar 'work' cannot be fetched: the server is down"]
        assert log.texts(Level.NOTICE) == ["the calendar 'work' is fetched again"]


@pytest.mark.virtual_time
async def test_the_command_line(tmp_path: Path) -> None:
    bad = "[half]\ntype=ical\n[odd]\ntype=fake\nurl=x\nrefresh=never\nsetvar=x\nshoes=2\n"
    with LogCapture() as log:
        async with calendars(tmp_path, bad) as (system, _):
            assert "work                 fake       free" in await run_command(system, "calendar show calendars")
            shown = await run_command(system, "calendar show calendar work")
            assert "Summary     : Team meeting" in shown
            assert "State       : busy" in shown
            assert await run_command(system, "calendar show calendar none") == "There is no calendar 'none'\n"
            assert "fake       for tests" in await run_command(system, "calendar show types")
            planned = (await run_command(system, "calendar dump sched")).splitlines()
            assert sorted(line.split("  ")[1] for line in planned) == [
                f"{name}: {what} of 'Team meeting'" for name in ("odd", "work") for what in ("end", "start")
            ]
            await run_command(system, "module reload res_calendar")
    assert len([text for text in log.texts(Level.WARNING) if "calendar.conf" in text]) >= 4


# -- iCalendar -----------------------------------------------------------------------------------------------------------

ICS = """\
BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//test//EN
BEGIN:VEVENT
UID:weekly
DTSTAMP:20240101T000000Z
DTSTART:20240304T090000Z
DURATION:PT30M
RRULE:FREQ=DAILY;COUNT=3
EXDATE:20240305T090000Z
SUMMARY:Stand-up
ORGANIZER:mailto:ann@example.com
CATEGORIES:WORK,MEETING
STATUS:TENTATIVE
BEGIN:VALARM
ACTION:DISPLAY
TRIGGER:-PT15M
END:VALARM
END:VEVENT
BEGIN:VEVENT
UID:free
DTSTAMP:20240101T000000Z
DTSTART:20240304T120000Z
DTEND:20240304T130000Z
TRANSP:TRANSPARENT
END:VEVENT
END:VCALENDAR
""".replace("\n", "\r\n").encode()


def at(day: int, hour: int, minute: int = 0) -> int:
    return int(datetime(2024, 3, day, hour, minute, tzinfo=UTC).timestamp())


def test_rfc5545_occurrences() -> None:
    events = read_events(ICS, at(4, 0), at(10, 0))
    assert [(event.uid, event.start, event.end) for event in events] == [
        ("weekly", at(4, 9), at(4, 9, 30)), ("free", at(4, 12), at(4, 13)), ("weekly", at(6, 9), at(6, 9, 30)),
    ]  # fmt: skip
    first = events[0]
    assert (first.summary, first.organizer, first.categories) == ("Stand-up", "ann@example.com", "WORK,MEETING")
    assert first.alarm == at(4, 8, 45)
    assert [event.busy_state for event in events[:2]] == [BusyState.TENTATIVE, BusyState.FREE]
    assert read_events(ICS, at(7, 0), at(10, 0)) == []


@pytest.mark.parametrize("data", [b"not a calendar", b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n", b"\xff\xfe", b""])
def test_what_is_no_calendar(data: bytes) -> None:
    with pytest.raises(CalendarFault, match="no calendar"):
        read_events(data, at(4, 0), at(10, 0))


def test_what_is_written_can_be_read() -> None:
    event = CalendarEvent(
        "u1", "Lunch, long", "with\nlines", "bob@example.com", "Café", "A,B", 3, at(4, 12), at(4, 13), 0, BusyState.TENTATIVE
    )
    assert read_events(write_event(event, at(1, 0)), at(4, 0), at(5, 0)) == [event]


async def _serve(data: bytes, status: str = "200 OK") -> tuple[asyncio.Server, str, list[str]]:
    asked: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(data)}\r\nConnection: close\r\n\r\n".encode() + data)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    return server, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/cal.ics", asked


async def test_a_file_on_a_web_server() -> None:
    server, url, asked = await _serve(ICS)
    async with server:
        events = await ICalendarKind().fetch(CalendarAccess(url, "ann", "sesame"), at(4, 0), at(5, 0))
    assert [event.uid for event in events] == ["weekly", "free"]
    assert "Authorization: Basic YW5uOnNlc2FtZQ==" in asked[0]


async def test_servers_that_refuse_or_are_not_there() -> None:
    server, url, _ = await _serve(b"", "403 Forbidden")
    async with server:
        with pytest.raises(CalendarFault, match="403 Forbidden"):
            await ICalendarKind().fetch(CalendarAccess(url), 0, 1)
    with pytest.raises(CalendarFault):
        await ICalendarKind().fetch(CalendarAccess(url), 0, 1)
    with pytest.raises(CalendarFault):
        await ICalendarKind().write(CalendarAccess(url), CalendarEvent("x"))


@pytest.mark.parametrize("body", [b"<!DOCTYPE x [<!ENTITY a 'b'>]><x/>", b"<unclosed", b""])
async def test_caldav_answers_that_are_none(body: bytes) -> None:
    server, url, _ = await _serve(body, "207 Multi-Status")
    async with server:
        with pytest.raises(CalendarFault):
            await CalDavKind().fetch(CalendarAccess(url), 0, 1)
