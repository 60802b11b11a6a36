"""``calendar show ...`` and ``calendar dump sched``."""

from __future__ import annotations

from datetime import datetime

from globstar.core.calendars import KINDS_SERVICE, BusyState, CalendarKind
from globstar.core.cli import CliUsage, cli_command
from globstar.core.cli_data import table
from globstar.core.system import System
from globstar.modules.res.calendar.service import SERVICE, Calendar, CalendarService

_STATES = {BusyState.FREE: "free", BusyState.TENTATIVE: "tentative", BusyState.BUSY: "busy"}


def _service(system: System) -> CalendarService:
    service: CalendarService = system.services[SERVICE]
    return service


def _time(system: System, seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, system.local_time().tzinfo):%Y-%m-%d %I:%M:%S %p %z}"


@cli_command("calendar show calendars")
def show_calendars(system: System, args: list[str]) -> str:
    """Show the calendars of calendar.conf, and whether their owners are busy."""
    if args:
        raise CliUsage
    columns = (("Calendar", "<20"), ("Type", "<10"), ("Status", "<6"))
    rows = [
        (calendar.name, calendar.settings.type, "free" if calendar.busy_state is BusyState.FREE else "busy")
        for calendar in _service(system).calendars.values()
    ]
    return table(columns, rows, rule=f"{'--------':<20} {'----':<10} {'------':<6}")


def _names(system: System, args: list[str]) -> list[str]:
    return list(_service(system).calendars) if len(args) <= 1 else []


@cli_command("calendar show calendar", usage="calendar show calendar <calendar name>", complete=_names)
def show_calendar(system: System, args: list[str]) -> str:
    """Show one calendar and the events that are known of it."""
    if len(args) != 1:
        raise CliUsage
    calendar = _service(system).calendars.get(args[0])
    if calendar is None:
        return f"There is no calendar '{args[0]}'\n"
    settings = calendar.settings
    pairs = [
        ("Name", calendar.name), ("Notify channel", settings.channel), ("Notify context", settings.context),
        ("Notify extension", settings.extension), ("Notify application", settings.app), ("Notify appdata", settings.appdata),
        ("Refresh time", str(settings.refresh)), ("Timeframe", str(settings.timeframe)),
        ("Autoreminder", str(settings.autoreminder)),
    ]  # fmt: skip
    lines = [f"{name:<17} : {value}" for name, value in pairs]
    lines += ["Events", "------"]
    for event in calendar.events:
        lines += [
            f"{name:<12}: {value}"
            for name, value in (
                ("Summary", event.summary), ("Description", event.description), ("Organizer", event.organizer),
                ("Location", event.location), ("Categories", event.categories), ("Priority", str(event.priority)),
                ("UID", event.uid),
                ("Start", _time(system, event.start)), ("End", _time(system, event.end)),
                ("Alarm", _time(system, event.alarm) if event.alarm else "none"), ("State", _STATES[event.busy_state]),
            )
        ]  # fmt: skip
        lines.append("")
    return "\n".join([*lines, ""])


@cli_command("calendar show types")
def show_types(system: System, args: list[str]) -> str:
    """Show the kinds of calendars that can be fetched."""
    if args:
        raise CliUsage
    kinds: dict[str, CalendarKind] = system.services.get(KINDS_SERVICE, {})
    lines = [f"{'Type':<10} Description", f"{'----':<10} -----------"]
    return "\n".join([*lines, *(f"{name:<10} {kind.description}" for name, kind in kinds.items()), ""])


@cli_command("calendar dump sched")
def dump_schedule(system: System, args: list[str]) -> str:
    """Show what is to happen next because of the calendars."""
    if args:
        raise CliUsage
    service = _service(system)
    entries = [entry for calendar in service.calendars.values() for entry in _schedule(calendar, service.now)]
    return "".join(f"{_time(system, when)}  {what}\n" for when, what in sorted(entries))


def _schedule(calendar: Calendar, now: int) -> list[tuple[int, str]]:
    entries = []
    for event in calendar.events:
        for when, what in ((calendar.reminder(event), "reminder"), (event.start, "start"), (event.end, "end")):
            if when > now:
                entries.append((when, f"{calendar.name}: {what} of '{event.summary}'"))
    return entries
