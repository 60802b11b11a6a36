"""The event bus: typed events, delivered at once and in order; free when nobody listens.

A publisher that cares for speed keeps ``listeners(EventType)``, a live list, and builds the event only when the list
is not empty.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from globstar.base.log import Logger

logger = Logger("bus")
E = TypeVar("E")
Listener = Callable[[Any], None]


class EventBus:
    """Delivers events to the listeners of their exact type, then to those of every type.

    Delivery is a plain call on the publisher's stack, so that the order of one channel's events is the order in which
    they happened. A listener that fails is logged and the others still hear the event.
    """

    __slots__ = ("_listeners", "_watchers", "counts", "published")

    def __init__(self) -> None:
        self._listeners: dict[type, list[Listener]] = {}
        self._watchers: list[Listener] = []
        self.published = 0
        #: events that were delivered to somebody, by type
        self.counts: dict[type, int] = {}

    def listeners(self, event_type: type[Any]) -> list[Listener]:
        """The live list of those who listen to ``event_type``; read only."""
        found = self._listeners.get(event_type)
        if found is None:
            found = self._listeners[event_type] = list(self._watchers)
        return found

    def topics(self) -> dict[type, list[Listener]]:
        """Every type of event that somebody has listened to or asked about, with those who listen; read only."""
        return self._listeners

    def subscribe(self, event_type: type[E], listener: Callable[[E], None]) -> Callable[[], None]:
        """Call ``listener`` for each event of ``event_type``; the result undoes it."""
        listeners = self._listeners.get(event_type)
        if listeners is None:
            listeners = self.listeners(event_type)
        listeners.append(listener)

        def unsubscribe() -> None:
            if listener in listeners:
                listeners.remove(listener)

        return unsubscribe

    def watch(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener`` for every event of any type; the result undoes it."""
        self._watchers.append(listener)
        for listeners in self._listeners.values():
            listeners.append(listener)

        def unwatch() -> None:
            if listener in self._watchers:
                self._watchers.remove(listener)
            for listeners in self._listeners.values():
                if listener in listeners:
                    listeners.remove(listener)

        return unwatch

    def publish(self, event: Any) -> None:
        """Deliver ``event``."""
        listeners = self._listeners.get(type(event))
        if listeners is None:
            if not self._watchers:
                return
            listeners = self.listeners(type(event))
        if not listeners:
            return
        self.published += 1
        self.counts[type(event)] = self.counts.get(type(event), 0) + 1
        for listener in tuple(listeners):
            try:
                listener(event)
            except Exception as error:  # one listener's bug must neither end the call nor silence the others
                logger.error(f"listener {listener!r} failed on {type(event).__name__}", exception=error)
