"""Device states and hints: who is busy, and who watches."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import IntEnum
from typing import TYPE_CHECKING

from globstar.core import events
from globstar.core.channel import Channel, ChannelState
from globstar.core.hints import Hints

if TYPE_CHECKING:
    from globstar.core.system import System


class DeviceState(IntEnum):
    """State of one device; the numbers and texts are Asterisk's."""

    UNKNOWN = 0
    NOT_INUSE = 1
    INUSE = 2
    BUSY = 3
    INVALID = 4
    UNAVAILABLE = 5
    RINGING = 6
    RINGINUSE = 7
    ONHOLD = 8


DEVICE_STATE_TEXT = {
    DeviceState.UNKNOWN: "Unknown",
    DeviceState.NOT_INUSE: "Not in use",
    DeviceState.INUSE: "In use",
    DeviceState.BUSY: "Busy",
    DeviceState.INVALID: "Invalid",
    DeviceState.UNAVAILABLE: "Unavailable",
    DeviceState.RINGING: "Ringing",
    DeviceState.RINGINUSE: "Ring+Inuse",
    DeviceState.ONHOLD: "On Hold",
}

#: Extension states (AST_EXTENSION_*): number and text of a hint.
EXTENSION_STATE_TEXT = {
    -2: "Removed", -1: "Deactivated", 0: "Idle", 1: "InUse", 2: "Busy", 4: "Unavailable", 8: "Ringing",
    9: "InUse&Ringing", 16: "Hold", 17: "InUse&Hold",
}  # fmt: skip

_EXTENSION_STATE = {
    DeviceState.UNKNOWN: 0,
    DeviceState.NOT_INUSE: 0,
    DeviceState.INUSE: 1,
    DeviceState.BUSY: 2,
    DeviceState.INVALID: 4,
    DeviceState.UNAVAILABLE: 4,
    DeviceState.RINGING: 8,
    DeviceState.RINGINUSE: 9,
    DeviceState.ONHOLD: 16,
}


def parse_device_state(text: str) -> DeviceState:
    """``INUSE``, ``NOT_INUSE`` ...; what is no such name is UNKNOWN."""
    return DeviceState.__members__.get(text.strip().upper(), DeviceState.UNKNOWN)


def aggregate(states: list[DeviceState]) -> DeviceState:
    """The state of several devices behind one hint, by Asterisk's rules."""
    if not states:
        return DeviceState.UNAVAILABLE
    has = set(states)
    in_use = bool(has & {DeviceState.INUSE, DeviceState.RINGINUSE, DeviceState.ONHOLD, DeviceState.BUSY})
    if has & {DeviceState.RINGING, DeviceState.RINGINUSE}:
        return DeviceState.RINGINUSE if in_use else DeviceState.RINGING
    busy = {DeviceState.BUSY}
    if has == busy:
        return DeviceState.BUSY
    if DeviceState.ONHOLD in has and not has & {DeviceState.INUSE, DeviceState.BUSY}:
        return DeviceState.ONHOLD  # as was recorded of a hint for two phones, one held and one idle
    if in_use:
        return DeviceState.INUSE
    if DeviceState.NOT_INUSE in has:
        return DeviceState.NOT_INUSE
    if DeviceState.UNAVAILABLE in has:
        return DeviceState.UNAVAILABLE
    if has == {DeviceState.INVALID}:
        return DeviceState.INVALID
    return DeviceState.UNKNOWN


def extension_state_of(states: list[DeviceState]) -> int:
    """The number of the state that an extension has by the states of its hint's devices."""
    return _EXTENSION_STATE[aggregate(states)]


Provider = Callable[[str], "DeviceState | None"]


class DeviceStates:
    """States of devices and hints. Providers answer for name prefixes (``Custom:``, ``Queue:`` ...); technologies and
    channels answer for ``Tech/resource``. ``changed`` is called by whoever knows that something changed.
    """

    def __init__(self, system: System) -> None:
        self.system = system
        self._providers: dict[str, Provider] = {}
        #: by provider name: the devices it has, without the name
        self._names: dict[str, Callable[[], Iterable[str]]] = {}
        #: presence by provider name (``CustomPresence``): state, subtype and message for the rest of the name
        self.presence_providers: dict[str, Callable[[str], tuple[str, str, str]]] = {}
        #: states of devices elsewhere, by device and server
        self._remote: dict[str, dict[str, DeviceState]] = {}
        #: what the dialplan's hints follow, and who watches them
        self.hints = Hints(system, self)
        self._last: dict[str, DeviceState] = {}
        #: devices to look at again, with how often that was asked for
        self._pending: dict[str, int] = {}
        #: of these, the ones that are told of only if they are known to have been in another state
        self._quietly: set[str] = set()
        self._listeners = system.bus.listeners(events.DeviceStateChanged)
        bus = system.bus
        bus.subscribe(events.ChannelStateChanged, self._state_changed)
        bus.subscribe(events.ChannelHungUp, self._hung_up)

    def add_provider(self, prefix: str, provider: Provider, names: Callable[[], Iterable[str]] | None = None) -> None:
        """Let ``provider`` answer for devices called ``prefix:...``; ``names`` gives those that lists are to show."""
        self._providers[prefix.lower()] = provider
        if names is not None:
            self._names[prefix] = names

    def remove_provider(self, prefix: str) -> None:
        """Take a provider back."""
        self._providers.pop(prefix.lower(), None)
        self._names.pop(prefix, None)

    def state(self, device: str) -> DeviceState:
        """The state of one device now, here and at other servers that told of it."""
        state = self.local_state(device)
        remote = self._remote.get(device.lower()) if self._remote else None
        if not remote:
            return state
        states = list(remote.values())
        return aggregate(states if state in (DeviceState.INVALID, DeviceState.UNKNOWN) else [state, *states])

    def known(self) -> list[str]:
        """The devices whose state was told of, is followed by a hint or is listed by a provider, sorted."""
        listed = {f"{prefix}:{name}" for prefix, names in self._names.items() for name in names()}
        return sorted({*self._last, *self.hints.devices(), *listed})

    def set_remote(self, device: str, source: str, state: DeviceState | None) -> None:
        """Another server tells the state of a device there; None when it tells no more."""
        key = device.lower()
        if state is None:
            remote = self._remote.get(key, {})
            remote.pop(source, None)
            if not remote:
                self._remote.pop(key, None)
        else:
            self._remote.setdefault(key, {})[source] = state
        self.changed(device)

    def local_state(self, device: str) -> DeviceState:
        """The state of one device of this server."""
        prefix, colon, rest = device.partition(":")
        if colon and "/" not in prefix:
            provider = self._providers.get(prefix.lower())
            found = provider(rest) if provider is not None else None
            return found if found is not None else DeviceState.UNKNOWN if provider else DeviceState.INVALID
        tech_name, slash, resource = device.partition("/")
        spec = self.system.find_tech(tech_name) if slash else None
        if spec is None:
            return DeviceState.INVALID
        answer = spec.tech.device_state(resource)
        if answer is not None:
            return parse_device_state(answer)
        return self.from_channels(device)

    def from_channels(self, device: str, idle: DeviceState = DeviceState.UNKNOWN) -> DeviceState:
        """What the channels of a device (``PJSIP/bob``) say; ``idle`` if it has none."""
        wanted = device.lower()
        states = [
            _STATE_OF_CHANNEL.get(channel.state, DeviceState.INUSE) if not channel.is_held else DeviceState.ONHOLD
            for channel in self.system.channels.values()
            if device_of(channel).lower() == wanted
        ]
        states = [state for state in states if state is not DeviceState.UNKNOWN]
        return aggregate(states) if states else idle

    def changed(self, device: str) -> None:
        """A device may have changed: it is looked at again when the running callback is over.

        So several changes at once, as when a call is answered as soon as it comes, are told as one. A device that no hint
        names is not looked at while nobody listens; its first change after somebody begins to is told in any case.
        """
        if not self._listeners and not self.hints.of_device(device.lower()):
            self._last.pop(device, None)
            return
        if not self._pending:
            self.system.loop.call_soon(self._look_again)
        self._pending[device] = self._pending.get(device, 0) + 1
        self._quietly.discard(device)

    def look_now(self, device: str) -> None:
        """A device changed, and that is told at once, not when the running callback is over."""
        self.changed(device)
        if device in self._pending:
            del self._pending[device]
            self._look_at(device, 1)

    def follow(self, device: str) -> DeviceState:
        """The state now, for somebody who waits for another one: each change from it is told."""
        state = self.state(device)
        if device not in self._pending:
            self._last[device] = state
        return state

    def _look_again(self) -> None:
        devices, self._pending = self._pending, {}
        quietly, self._quietly = self._quietly, set()
        for device, count in devices.items():
            self._look_at(device, count, is_quiet=device in quietly)

    def _look_at(self, device: str, count: int, *, is_quiet: bool = False) -> None:
        """Tell the state of a device if it is news, or as often as it was asked for if it is not kept."""
        state = self.state(device)
        known = self._last.get(device)
        self._last[device] = state
        if known is None and is_quiet:
            return
        if self._keeps(device):
            count = int(known is not state)
        for _ in range(count):
            self.system.bus.publish(events.DeviceStateChanged(device, state.name))
        if count:
            self.hints.device_changed(device)

    def _keeps(self, device: str) -> bool:
        """Whether a device's state is kept, so that only another one is news."""
        tech_name, slash, _ = device.partition("/")
        spec = self.system.find_tech(tech_name) if slash else None
        return spec is None or spec.tech.keeps_device_state

    def _state_changed(self, event: events.ChannelStateChanged) -> None:
        if self._listeners or self._last or self.hints.follow_devices():
            self.channel_changed(event.channel)

    def _hung_up(self, event: events.ChannelHungUp) -> None:
        if self._listeners or self._last or self.hints.follow_devices():
            self._channel_gone(event.channel)

    def channel_changed(self, channel: Channel) -> None:
        """A channel's part in the state of its device may have changed. That one comes into being is no such change: what is
        seen of a call begins with its ringing or its answer.
        """
        if not channel.tech.is_internal:
            self.changed(device_of(channel))

    def _channel_gone(self, channel: Channel) -> None:
        """A call is over; where nothing was seen of it before, its end is no news either."""
        if channel.tech.is_internal:
            return
        device = device_of(channel)
        is_first = device not in self._pending
        self.changed(device)
        if is_first and device in self._pending:
            self._quietly.add(device)

    # -- hints -----------------------------------------------------------------------------------------------------

    def hint_state(self, hint: str) -> int:
        """The extension state of a hint's devices (``PJSIP/a&PJSIP/b``)."""
        devices = [device for device in hint.partition(",")[0].split("&") if device]
        return extension_state_of([self.state(device) for device in devices])

    def presence_of(self, provider: str) -> tuple[str, str, str]:
        """State, subtype and message behind the second part of a hint; ``not_set`` without one."""
        answer = self.presence_providers.get(provider.partition(":")[0].lower()) if provider else None
        return answer(provider.partition(":")[2]) if answer is not None else ("not_set", "", "")

    def presence(self, provider: str) -> str:
        """The presence behind the second part of a hint; ``not_set`` without one."""
        return self.presence_of(provider)[0]

    def presence_changed(self, provider: str) -> None:
        """Whoever keeps the presence of ``CustomPresence:name`` says that it changed."""
        presence = self.presence_of(provider)
        self.hints.presence_changed(provider, presence)
        self.system.bus.publish(events.PresenceStateChanged(provider, *presence))

    def watchers(self, context: str, extension: str) -> int:
        """How many subscribe to the state of an extension."""
        hint = self.hints.find(context, extension)
        return len(hint.watchers) if hint is not None else 0

    def extension_state(self, context: str, extension: str) -> int | None:
        """The state of an extension that has a hint, None if it has none."""
        text = self.hints.text_of(context, extension)
        return self.hint_state(text) if text is not None else None


_STATE_OF_CHANNEL = {
    ChannelState.DOWN: DeviceState.UNKNOWN,
    ChannelState.RESERVED: DeviceState.INUSE,
    ChannelState.OFFHOOK: DeviceState.INUSE,
    ChannelState.DIALING: DeviceState.INUSE,
    ChannelState.RING: DeviceState.INUSE,
    ChannelState.RINGING: DeviceState.RINGING,
    ChannelState.UP: DeviceState.INUSE,
    ChannelState.BUSY: DeviceState.BUSY,
}


def device_of(channel: Channel) -> str:
    """``PJSIP/bob`` of ``PJSIP/bob-00000001``."""
    return channel.name.rpartition("-")[0] or channel.name
