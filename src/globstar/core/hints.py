"""Hints of the dialplan as they are watched: which devices they follow, and who is told of a change.

Nothing is polled: a device that changed is looked up in an index, and only the watchers of its hints are called.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING

from globstar.core import events
from globstar.core.switches import substitute_place
from globstar.dialplan.plan import Mode, SwitchQuery

if TYPE_CHECKING:
    from globstar.core.devicestate import DeviceStates
    from globstar.core.system import System


#: watchers that are told in one callback of the loop
SLICE = 50


class HintChange(Enum):
    """What happened to a hint."""

    STATE = "state"
    PRESENCE = "presence"
    #: the dialplan has no such hint any more; the watcher is forgotten
    REMOVED = "removed"


class Hint:
    """The hint of one extension. ``state`` is the extension state that was told last, None before any."""

    __slots__ = ("context", "device_text", "devices", "extension", "is_made", "presence", "state", "text", "watchers")

    def __init__(self, context: str, extension: str, text: str, *, is_made: bool = False) -> None:
        self.context = context
        self.extension = extension
        #: made of a pattern for one extension that is watched
        self.is_made = is_made
        self.state: int | None = None
        self.watchers: dict[Watcher, None] = {}
        self.set_text(text)

    def set_text(self, text: str) -> None:
        """Read ``PJSIP/a&PJSIP/b,CustomPresence:c``."""
        self.text = text
        self.device_text, _, presence = text.partition(",")
        self.devices = tuple(part.strip() for part in self.device_text.split("&") if part.strip())
        self.presence = presence.strip()

    def __repr__(self) -> str:
        return f"<Hint {self.extension}@{self.context} {self.text}>"


#: ``watcher(hint, change)``
Watcher = Callable[[Hint, HintChange], None]


class Hints:
    """All hints of the dialplan in force, by place, device and presence."""

    def __init__(self, system: System, states: DeviceStates) -> None:
        self._system = system
        self._states = states
        self._built_for: tuple[object, int] = (None, 0)
        self._by_place: dict[tuple[str, str], Hint] = {}
        self._by_device: dict[str, list[Hint]] = {}
        self._by_presence: dict[str, list[Hint]] = {}
        self._state_listeners = system.bus.listeners(events.ExtensionStateChanged)
        self._presence_listeners = system.bus.listeners(events.ExtensionPresenceChanged)
        system.bus.subscribe(events.DialplanReplaced, lambda event: self.refresh())
        system.bus.subscribe(events.FullyBooted, lambda event: self._begin())

    def _begin(self) -> None:
        """Everything is loaded: what hints say now is nothing new to anybody."""
        self.refresh()
        for hint in self._by_place.values():
            hint.state = self._states.hint_state(hint.device_text)

    # -- the index ---------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Follow the dialplan in force; watchers of hints that are gone or follow other devices are told."""
        plan = self._system.plan
        if self._built_for == (plan, plan.generation):
            return
        self._built_for = (plan, plan.generation)
        old = self._by_place
        self._by_place, self._by_device, self._by_presence = {}, {}, {}
        for step in plan.hints():
            if not step.extension.startswith("_"):
                text = self._with_variables(step.app_name, step.context, step.extension)
                self._take(old.pop((step.context, step.extension), None), step.context, step.extension, text)
        for hint in old.values():
            if not hint.watchers:
                continue
            found = self._resolve(hint.context, hint.extension)
            if found is not None:
                hint.is_made = True
                self._take(hint, hint.context, hint.extension, found)
                continue
            watchers, hint.watchers = hint.watchers, {}
            for watcher in watchers:
                watcher(hint, HintChange.REMOVED)

    def _take(self, known: Hint | None, context: str, extension: str, text: str) -> Hint:
        hint = known
        if hint is None:
            hint = Hint(context, extension, text)
            if self._system.is_booted:
                hint.state = self._states.hint_state(hint.device_text)
        is_changed = hint.text != text
        if is_changed:
            hint.set_text(text)
        self._add(hint)
        if is_changed:
            self._look_at(hint)
        return hint

    def _add(self, hint: Hint) -> None:
        self._by_place[hint.context, hint.extension] = hint
        for device in {device.lower() for device in hint.devices}:
            self._by_device.setdefault(device, []).append(hint)
        if hint.presence:
            self._by_presence.setdefault(hint.presence.lower(), []).append(hint)

    def _remove(self, hint: Hint) -> None:
        del self._by_place[hint.context, hint.extension]
        for table, keys in (
            (self._by_device, {device.lower() for device in hint.devices}),
            (self._by_presence, {hint.presence.lower()} if hint.presence else set()),
        ):
            for key in keys:
                table[key].remove(hint)
                if not table[key]:
                    del table[key]

    def text_of(self, context: str, extension: str) -> str | None:
        """What the hint of an extension says, None if it has none."""
        hint = self.find(context, extension)
        return hint.text if hint is not None else self._resolve(context, extension)

    def _resolve(self, context: str, extension: str) -> str | None:
        """What the hint of an extension says; that of a pattern with its variables put in."""
        step = self._system.plan.hint(context, extension)
        if step is None:
            return None
        return self._with_variables(step.app_name, context, extension)

    def _with_variables(self, text: str, context: str, extension: str) -> str:
        if "${" not in text and "$[" not in text:
            return text
        return substitute_place(self._system, text, SwitchQuery(self._system.plan, context, extension, 1, "", Mode.MATCH))

    def devices(self) -> set[str]:
        """The devices that hints follow, as they are written there."""
        return {device for hint in self._by_place.values() for device in hint.devices}

    def follow_devices(self) -> bool:
        """Whether there is a hint that follows a device at all."""
        plan = self._system.plan
        if self._built_for != (plan, plan.generation):
            self.refresh()
        return bool(self._by_device)

    def of_device(self, device: str) -> list[Hint]:
        """The hints that follow a device, whose name is in lower case."""
        plan = self._system.plan
        if self._built_for != (plan, plan.generation):
            self.refresh()
        return self._by_device.get(device, [])

    def find(self, context: str, extension: str) -> Hint | None:
        """The hint of an extension if one is known by exactly this place."""
        self.refresh()
        return self._by_place.get((context, extension))

    # -- watching ----------------------------------------------------------------------------------------------------

    def watch(self, context: str, extension: str, watcher: Watcher) -> Hint | None:
        """Call ``watcher`` for every change of an extension's hint from now on; None if it has no hint."""
        self.refresh()
        hint = self._by_place.get((context, extension))
        if hint is None:
            step = self._system.plan.hint(context, extension)
            text = self._resolve(context, extension)
            if step is None or text is None:
                return None
            hint = self._by_place.get((step.context, step.extension))  # by way of an include
            if hint is None:
                hint = Hint(context, extension, text, is_made=True)
                self._add(hint)
        if hint.state is None:
            hint.state = self._states.hint_state(hint.device_text)
        else:
            self._look_at(hint)
        hint.watchers[watcher] = None
        return hint

    def unwatch(self, hint: Hint, watcher: Watcher) -> None:
        """Call ``watcher`` no more."""
        hint.watchers.pop(watcher, None)
        if not hint.watchers and hint.is_made and self._by_place.get((hint.context, hint.extension)) is hint:
            self._remove(hint)

    # -- changes -----------------------------------------------------------------------------------------------------

    def device_changed(self, device: str) -> None:
        """The state of a device changed."""
        for hint in tuple(self.of_device(device.lower())):
            self._look_at(hint)

    def _look_at(self, hint: Hint) -> None:
        state = self._states.hint_state(hint.device_text)
        if state == hint.state:
            return
        hint.state = state
        if self._state_listeners:
            from globstar.core.devicestate import EXTENSION_STATE_TEXT

            text = EXTENSION_STATE_TEXT.get(state, "Unknown")
            self._system.bus.publish(events.ExtensionStateChanged(hint.context, hint.extension, hint.device_text, state, text))
        self._tell(hint, HintChange.STATE, tuple(hint.watchers))

    def presence_changed(self, provider: str, presence: tuple[str, str, str]) -> None:
        """The presence of somebody changed: state, subtype, message."""
        self.refresh()
        for hint in tuple(self._by_presence.get(provider.lower(), ())):
            if self._presence_listeners:
                self._system.bus.publish(events.ExtensionPresenceChanged(hint.context, hint.extension, hint.text, *presence))
            self._tell(hint, HintChange.PRESENCE, tuple(hint.watchers))

    def _tell(self, hint: Hint, change: HintChange, watchers: tuple[Watcher, ...]) -> None:
        """Call the watchers, some at a time, so that a hint that all phones of a house watch does not hold up calls."""
        for watcher in watchers[:SLICE]:
            if watcher in hint.watchers:
                watcher(hint, change)
        if len(watchers) > SLICE:
            self._system.loop.call_soon(self._tell, hint, change, watchers[SLICE:])
