"""How many messages wait in every mailbox of the system, whoever counts them, and who is told (message waiting indication)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

from globstar.core import events

if TYPE_CHECKING:
    from globstar.core.bus import EventBus
    from globstar.core.channel import Channel


class MailboxState(NamedTuple):
    """Messages of one mailbox; urgent ones are new ones too."""

    new: int = 0
    old: int = 0
    urgent: int = 0


NOTHING = MailboxState()

#: ``watcher(mailbox)``: its state is another one
Watcher = Callable[[str], None]


def mailbox_name(text: str) -> str:
    """``100@default`` for ``100``; spaces around are cut."""
    text = text.strip()
    return text if not text or "@" in text else f"{text}@default"


class Mailboxes:
    """The states of all mailboxes that anybody told of: voicemail, other servers, SIP peers, MWI from outside."""

    def __init__(self, bus: EventBus) -> None:
        self._bus = bus
        self._states: dict[str, MailboxState] = {}
        #: mailboxes that were told by others, with who did
        self._sources: dict[str, str] = {}
        self._watchers: dict[str, dict[Watcher, None]] = {}
        #: told of every change, with the one who made it
        self._listeners: list[Callable[[str, MailboxState, str], None]] = []

    def state(self, mailbox: str) -> MailboxState:
        """The state of one mailbox; nothing waits in one that is not known."""
        return self._states.get(mailbox_name(mailbox), NOTHING)

    def total(self, mailboxes: Iterable[str]) -> MailboxState:
        """The messages of several mailboxes together."""
        states = [self.state(name) for name in mailboxes]
        return MailboxState(sum(s.new for s in states), sum(s.old for s in states), sum(s.urgent for s in states))

    def known(self) -> dict[str, MailboxState]:
        """Every mailbox that is known."""
        return dict(self._states)

    def local(self) -> dict[str, MailboxState]:
        """The mailboxes that are counted here, not told by others."""
        return {name: state for name, state in self._states.items() if name not in self._sources}

    def update(
        self, mailbox: str, new: int, old: int, urgent: int = 0, *, channel: Channel | None = None, source: str = ""
    ) -> bool:
        """Somebody counted; True if the counts are others than before. ``source`` names another server that told us."""
        name = mailbox_name(mailbox)
        state = MailboxState(new, old, urgent)
        is_changed = self._states.get(name, NOTHING) != state
        self._states[name] = state
        if source:
            self._sources[name] = source
        else:
            self._sources.pop(name, None)
        self._bus.publish(events.MessageWaiting(name, new, old, urgent, channel))
        if is_changed:
            self._tell(name, state, source)
        return is_changed

    def learn(self, counts: Iterable[tuple[str, MailboxState]]) -> None:
        """Take counts made at the start: only those that watch a mailbox are told, and only of a change."""
        for mailbox, state in counts:
            name = mailbox_name(mailbox)
            is_changed = self._states.get(name, NOTHING) != state
            self._states[name] = state
            if is_changed:
                self._tell(name, state, "")

    def forget(self, mailbox: str) -> bool:
        """The mailbox exists no more; False if it was not known."""
        name = mailbox_name(mailbox)
        state = self._states.pop(name, None)
        self._sources.pop(name, None)
        if state is not None and state != NOTHING:
            self._tell(name, NOTHING, "")
        return state is not None

    def _tell(self, name: str, state: MailboxState, source: str) -> None:
        for watcher in tuple(self._watchers.get(name, ())):
            watcher(name)
        for listener in tuple(self._listeners):
            listener(name, state, source)

    def watch(self, mailbox: str, watcher: Watcher) -> None:
        """Call ``watcher`` whenever the counts of a mailbox change."""
        self._watchers.setdefault(mailbox_name(mailbox), {})[watcher] = None

    def unwatch(self, mailbox: str, watcher: Watcher) -> None:
        """Call it no more."""
        name = mailbox_name(mailbox)
        watchers = self._watchers.get(name)
        if watchers is not None:
            watchers.pop(watcher, None)
            if not watchers:
                del self._watchers[name]

    def listen(self, listener: Callable[[str, MailboxState, str], None]) -> Callable[[], None]:
        """Call ``listener(mailbox, state, source)`` for every change of any mailbox; the result undoes it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)
