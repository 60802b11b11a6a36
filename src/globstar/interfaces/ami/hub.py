"""Who is connected and which events reach whom."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Protocol

from globstar.base.log import Logger
from globstar.base.tasks import TaskOwner
from globstar.core import events, security
from globstar.core.channel import Channel
from globstar.core.manager import (
    CHANNEL_VARIABLES,
    ManagerEvent,
    ManagerEventSpec,
    Permission,
)
from globstar.core.registry import Registry
from globstar.interfaces.ami.guesses import Guesses
from globstar.interfaces.ami.settings import ManagerSettings
from globstar.interfaces.ami.wire import encode, event_text

if TYPE_CHECKING:
    from globstar.core.system import System
    from globstar.interfaces.ami.session import Session

logger = Logger("manager")

#: What is told of a channel that ends.
_ENDS = (events.HangupRequested, events.ChannelHungUp)

#: name of the hub among the system's services
SERVICE = "manager"


class Output(Protocol):
    """Where a session's bytes go."""

    def write(self, data: bytes) -> None:
        """Queue bytes; a client that does not take them is cut off by the output itself."""

    def close(self) -> None:
        """End the connection after what is queued."""

    def set_reading(self, is_wanted: bool) -> None:
        """Stop or go on to take actions from the client."""


class ManagerHub:
    """All sessions of one system. Listens to the bus only while somebody is logged in who may read events."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.settings = ManagerSettings()
        self.tasks = TaskOwner("manager")
        self.sessions: list[Session] = []
        self.guesses = Guesses()
        #: numbers of the sessions, of the events, and what was counted
        self.opened = 0
        self.number = 0
        self.sent = 0
        self.cut_off = 0
        #: what was told last: class and text
        self.last: tuple[Permission, str] | None = None
        #: the last events for the action Replay: number, class, name and text
        self.kept: deque[tuple[int, Permission, str, str]] = deque(maxlen=0)
        self._translations: Registry[ManagerEventSpec] = system.registry("manager event")
        self._generation = -1
        self._unsubscribe: list[Callable[[], None]] = []
        self._disabled: frozenset[str] = frozenset()

    def apply(self, settings: ManagerSettings) -> None:
        """Take over a configuration; who is logged in stays so."""
        self.settings = settings
        general = settings.general
        self._disabled = frozenset(general.disabledevents)
        self.system.services.pop(CHANNEL_VARIABLES, None)
        if general.channelvars:
            self.system.services[CHANNEL_VARIABLES] = general.channelvars
        if self.kept.maxlen != general.replayevents:
            self.kept = deque(self.kept, maxlen=general.replayevents)
        self.listen_as_needed()

    # -- sessions ------------------------------------------------------------------------------------------------------

    @property
    def waiting(self) -> int:
        """How many sessions are not logged in yet."""
        return sum(not session.is_logged_in for session in self.sessions)

    def add(self, session: Session) -> int:
        """A session began; its number."""
        self.sessions.append(session)
        self.opened += 1
        return self.opened

    def remove(self, session: Session) -> None:
        """A session ended."""
        if session in self.sessions:
            self.sessions.remove(session)
            self.listen_as_needed()

    async def close(self) -> None:
        """End every session."""
        for session in list(self.sessions):
            session.end()
        self._stop_listening()
        await self.tasks.close()

    # -- events --------------------------------------------------------------------------------------------------------

    @property
    def is_listening(self) -> bool:
        """Whether the bus is listened to."""
        return bool(self._unsubscribe)

    def listen_as_needed(self) -> None:
        """Listen to the bus if somebody wants events, else not."""
        is_wanted = bool(self.kept.maxlen) or any(session.wanted for session in self.sessions)
        if is_wanted and (not self._unsubscribe or self._generation != self._translations.generation):
            self._stop_listening()
            self._generation = self._translations.generation
            bus = self.system.bus
            self._unsubscribe = [bus.subscribe(spec.event, self._translator(spec)) for spec in self._translations]
            self._unsubscribe.append(bus.subscribe(ManagerEvent, self.send))
            self._unsubscribe.append(bus.subscribe(events.ModuleChanged, self._modules_changed))
        elif not is_wanted:
            self._stop_listening()

    def _stop_listening(self) -> None:
        for unsubscribe in self._unsubscribe:
            unsubscribe()
        self._unsubscribe.clear()

    def _modules_changed(self, event: events.ModuleChanged) -> None:
        self.listen_as_needed()

    def _translator(self, spec: ManagerEventSpec) -> Callable[[object], None]:
        translate: Callable[[object], Iterable[ManagerEvent]] = spec.translate
        send = self.send
        hides_messages = self.system.options.hide_messaging_ami_events and spec.event is not events.UserEventRaised

        def listener(event: object) -> None:
            channel = getattr(event, "channel", None)
            if isinstance(channel, Channel) and channel.tech.is_internal:
                if not channel.tech.is_standing or hides_messages or isinstance(event, _ENDS):
                    return  # announcers and their like are nobody's calls
            for told in translate(event):
                send(told)

        return listener

    def send(self, event: ManagerEvent) -> None:
        """Tell everybody who may and wants to know."""
        permission = event.permission
        bits = int(permission)
        readers = [session for session in self.sessions if session.wanted_bits & bits]  # flags are slow to combine
        if not (readers or self.kept.maxlen) or event.name in self._disabled:
            return
        self.number += 1
        text = event_text(event, self._extra())
        self.last = (permission, text)
        if self.kept.maxlen:
            self.kept.append((self.number, permission, event.name, text))
        data: bytes | None = None
        for session in readers:
            if session.filters and not session.filters.passes(event.name, text):
                continue
            if data is None:
                data = encode(f"{text}\r\n")
            self.sent += 1
            session.tell(data)

    def _extra(self) -> list[tuple[str, str | None]]:
        general = self.settings.general
        extra: list[tuple[str, str | None]] = []
        if general.timestampevents:
            extra.append(("Timestamp", f"{self.system.wall_time():.6f}"))
        if general.eventnumbers or general.debug:
            extra.append(("SequenceNumber", str(self.number)))
        return extra

    def fully_booted(self) -> ManagerEvent:
        """What a client is told at its login once everything is loaded."""
        wall = self.system.wall_time()
        return ManagerEvent(
            "FullyBooted",
            Permission.SYSTEM,
            (
                ("Uptime", str(int(wall - self.system.started_wall))),
                ("LastReload", str(int(wall - self.system.last_reload_wall))),
                ("Status", "Fully Booted"),
            ),
        )

    def dropped(self, session: Session, reason: str) -> None:
        """A client did not read and is being cut off: log it, count it, and tell the others."""
        self.cut_off += 1
        logger.warning(f"manager client {session.account or 'not logged in'} at {session.remote[0]} is cut off: {reason}")
        self.remove(session)
        fields = (("AccountID", session.account), ("RemoteAddress", session.remote_text), ("Reason", reason))
        self.send(ManagerEvent("ManagerClientCutOff", Permission.SYSTEM, fields))

    def report(self, session: Session, kind: security.SecurityEventType, account: str, **extra: str) -> None:
        """A security event about a session."""
        security.report(
            self.system, kind, service="AMI", account=account, session=session.identity, local=session.local_text,
            remote=session.remote_text, session_time=session.opened_wall, **extra,
        )  # fmt: skip
