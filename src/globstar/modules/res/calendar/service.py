"""The calendars of a system: fetched again and again, busy or not, and calls when an event comes near."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.base.tasks import TaskOwner
from globstar.core.calendars import KINDS_SERVICE, BusyState, CalendarAccess, CalendarEvent, CalendarFault, CalendarKind
from globstar.core.devicestate import DeviceState
from globstar.core.dialing import Origination, originate
from globstar.core.functions import assign
from globstar.dialplan.substitute import substitute
from globstar.modules.res.calendar.settings import CalendarSettings, read_calendars

if TYPE_CHECKING:
    from globstar.core.channel import Channel
    from globstar.core.system import System

logger = Logger("res_calendar")

SERVICE = "calendars"
#: In a channel's data: the event that it was called for.
EVENT_KEY = "calendar event"
DEVICE_PREFIX = "Calendar"
#: How often a calendar is tried again that could not be fetched, seconds.
_RETRY = 60.0
#: Longest time that an event loop can be told to wait at once, seconds.
_LONGEST = 86400.0


class Calendar:
    """One calendar, its events, and what is to happen when."""

    def __init__(self, service: CalendarService, settings: CalendarSettings) -> None:
        self._service = service
        self.settings = settings
        self.events: list[CalendarEvent] = []
        self._timers: list[asyncio.TimerHandle] = []
        self._reminded: set[tuple[str, int]] = set()
        self._refresh: asyncio.Task[None] | None = None
        self._has_failed = False

    @property
    def name(self) -> str:
        """Its name."""
        return self.settings.name

    @property
    def access(self) -> CalendarAccess:
        """Where it is."""
        return CalendarAccess(self.settings.url, self.settings.user, self.settings.secret)

    @property
    def kind(self) -> CalendarKind | None:
        """What fetches it; None while the module of its type is not loaded."""
        kinds: dict[str, CalendarKind] = self._service.system.services.get(KINDS_SERVICE, {})
        return kinds.get(self.settings.type.lower())

    def start(self) -> None:
        """Fetch it, now and again."""
        self._refresh = self._service.tasks.start(self._keep_fresh(), name=f"calendar {self.name}")

    def stop(self) -> None:
        """Fetch it no more, and forget what was to happen."""
        if self._refresh is not None:
            self._refresh.cancel()
        self._cancel_timers()

    async def _keep_fresh(self) -> None:
        await self._service.system.booted.wait()
        while True:
            is_fetched = await self.fetch()
            await asyncio.sleep(self.settings.refresh * 60 if is_fetched else _RETRY)

    async def fetch(self) -> bool:
        """Fetch it once; a failure is logged when it begins, and leaves the events that are known."""
        kind = self.kind
        now = self._service.now
        try:
            if kind is None:
                raise CalendarFault(f"no module for calendars of type '{self.settings.type}' is loaded")
            events = list(await kind.fetch(self.access, now, now + self.settings.timeframe * 60))
        except CalendarFault as fault:
            if not self._has_failed:
                logger.warning(f"the calendar '{self.name}' cannot be fetched: {fault}")
            self._has_failed = True
            return False
        if self._has_failed:
            logger.notice(f"the calendar '{self.name}' is fetched again")
        self._has_failed = False
        self.events = events
        self._schedule()
        return True

    # -- what happens when -------------------------------------------------------------------------------------------

    def reminder(self, event: CalendarEvent) -> int:
        """When to call for an event, 0 for never."""
        if self.settings.autoreminder and event.busy_state is not BusyState.FREE:
            return event.start - self.settings.autoreminder * 60
        return event.alarm

    def _schedule(self) -> None:
        self._cancel_timers()
        now = self._service.now
        self._reminded = {(uid, start) for uid, start in self._reminded if start > now - _LONGEST}
        for event in self.events:
            for moment in (event.start, event.end):
                if moment > now:
                    self._at(moment, self._changed)
            reminder = self.reminder(event)
            if reminder and self.settings.channel and (event.uid, event.start) not in self._reminded and event.start > now:
                self._at(max(reminder, now), self._remind, event)
        self._changed()

    def _at(self, moment: int, action: object, *args: object) -> None:
        delay = moment - self._service.now
        if delay <= _LONGEST:  # what comes later is fetched again before
            self._timers.append(self._service.system.loop.call_later(delay, action, *args))  # type: ignore[arg-type]

    def _cancel_timers(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    def _changed(self) -> None:
        self._service.system.device_states.changed(f"{DEVICE_PREFIX}:{self.name}")

    def _remind(self, event: CalendarEvent) -> None:
        self._reminded.add((event.uid, event.start))
        self._service.tasks.start(self._call(event), name=f"reminder {self.name}")

    async def _call(self, event: CalendarEvent) -> None:
        settings = self.settings

        def prepare(channel: Channel) -> None:
            channel.data[EVENT_KEY] = (self.name, event)
            for name, value in settings.setvar:
                assign(channel, name, substitute(value, channel.variables))

        has_extension = bool(settings.extension)
        result = await originate(
            self._service.system,
            Origination(
                dial_string=settings.channel,
                context=settings.context if has_extension else "",
                extension=settings.extension,
                application="" if has_extension else settings.app,
                data="" if has_extension else settings.appdata,
                timeout=settings.waittime,
                caller_id=f'"Calendar" <{self.name}>',
                on_created=prepare,
            ),
        )
        if result.channel is None:
            logger.notice(
                f"'{event.summary}' of the calendar '{self.name}': {settings.channel} was not reached ({result.status})"
            )

    # -- what is asked -----------------------------------------------------------------------------------------------

    @property
    def busy_state(self) -> BusyState:
        """The state now."""
        now = self._service.now
        return max((event.busy_state for event in self.events if event.start <= now < event.end), default=BusyState.FREE)

    def between(self, start: int, end: int) -> list[CalendarEvent]:
        """The events that touch a time."""
        return [event for event in self.events if event.end >= start and event.start <= end]


class CalendarService:
    """All calendars; service ``calendars``."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.tasks = TaskOwner("res_calendar")
        self.calendars: dict[str, Calendar] = {}

    @property
    def now(self) -> int:
        """The time of day, seconds since 1970."""
        return int(self.system.wall_time())

    def load(self) -> None:
        """Read calendar.conf, again if need be: calendars whose section did not change keep what they have."""
        wanted = read_calendars(self.system.configuration.read("calendar.conf"))
        for name, calendar in list(self.calendars.items()):
            settings = wanted.get(name)
            if settings is None or settings != calendar.settings or settings.fetch_again_at_reload:
                calendar.stop()
                del self.calendars[name]
        for name, settings in wanted.items():
            if name not in self.calendars:
                calendar = self.calendars[name] = Calendar(self, settings)
                calendar.start()

    async def stop(self) -> None:
        """End everything."""
        for calendar in self.calendars.values():
            calendar.stop()
        self.calendars.clear()
        await self.tasks.close()

    def device_state(self, name: str) -> DeviceState:
        """The state of the device ``Calendar:name``."""
        calendar = self.calendars.get(name)
        if calendar is None:
            return DeviceState.INVALID
        return DeviceState.NOT_INUSE if calendar.busy_state is BusyState.FREE else DeviceState.INUSE
