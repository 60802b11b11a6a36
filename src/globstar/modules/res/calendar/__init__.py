"""Calendar integration."""

from globstar.core.calendars import KINDS_SERVICE
from globstar.core.system import System
from globstar.modules.res.calendar.cli import dump_schedule, show_calendar, show_calendars, show_types
from globstar.modules.res.calendar.functions import (
    calendar_busy,
    calendar_event,
    calendar_query,
    calendar_query_result,
    calendar_write,
)
from globstar.modules.res.calendar.service import DEVICE_PREFIX, SERVICE, CalendarService

__all__ = [
    "calendar_busy",
    "calendar_event",
    "calendar_query",
    "calendar_query_result",
    "calendar_write",
    "dump_schedule",
    "load",
    "reload",
    "show_calendar",
    "show_calendars",
    "show_types",
    "unload",
]


def load(system: System) -> None:
    """Read calendar.conf; calendars are fetched once everything is loaded, for their kinds come with modules of their own."""
    service = CalendarService(system)
    system.services[SERVICE] = service
    system.services.setdefault(KINDS_SERVICE, {})
    system.device_states.add_provider(DEVICE_PREFIX, service.device_state)
    service.load()


def reload(system: System) -> None:
    """Read calendar.conf again."""
    service = system.service(SERVICE, CalendarService)
    if service is not None:
        service.load()


async def unload(system: System) -> None:
    """Fetch nothing any more."""
    service = system.service(SERVICE, CalendarService)
    if service is not None:
        await service.stop()
    system.device_states.remove_provider(DEVICE_PREFIX)
    system.services.pop(SERVICE, None)
