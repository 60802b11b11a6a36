"""calendar.conf: which calendars there are, and what to do when an event comes near."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.config import ConfigFile
from globstar.config.options import Options, Report, option
from globstar.config.values import boolean, integer, string

logger = Logger("res_calendar")


def _assignment(text: str) -> tuple[tuple[str, str], ...]:
    """Read ``name=value``."""
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise ValueError("expected name=value")
    return ((name.strip(), value.strip()),)


class CalendarSettings(Options):
    """One calendar."""

    name: str = ""

    type = option(string, "", help="Kind of calendar: ical or caldav.")
    url = option(string, "", help="Where it is.")
    user = option(string, "", help="Who reads it.")
    secret = option(string, "", help="With which password.", secret=True)
    refresh = option(integer(1), 60, unit="min", help="How often it is fetched.")
    timeframe = option(integer(1), 60, unit="min", help="How much of it is kept, from now on.")
    autoreminder = option(integer(0), 0, unit="min", help="How long before a busy event to call; 0: when its own alarm says.")
    channel = option(string, "", help="Whom to call then; nobody if empty.")
    context = option(string, "", help="Context of the extension that the call goes to.")
    extension = option(string, "", help="Where the call goes in the dialplan.")
    app = option(string, "", help="The application that it runs where no extension is given.")
    appdata = option(string, "", help="The arguments of that application.")
    waittime = option(integer(1), 60, unit="s", help="How long to wait for an answer.")
    setvar = option(_assignment, (), help="A variable of that call; may hold functions.", repeat="extend")
    fetch_again_at_reload = option(boolean, False, help="Fetch it at every reload, not only when the section has changed.")


def read_calendars(file: ConfigFile | None) -> dict[str, CalendarSettings]:
    """The calendars by name; what cannot be used is logged with its line and left out."""
    calendars: dict[str, CalendarSettings] = {}
    report = Report()
    for category in file or ():
        if category.name.lower() == "general":
            continue
        settings = CalendarSettings.read(category, report)
        settings.name = category.name
        if settings.type and settings.url:
            calendars[category.name] = settings
        else:
            logger.warning(f"{category.file}:{category.line}: the calendar '{category.name}' needs type and url")
    for warning in report.warnings:
        logger.warning(str(warning))
    return calendars
