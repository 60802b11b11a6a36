"""Test events: what applications and others tell outside test systems of their states (``testevents = yes`` in asterisk.conf).

Without that ``system.test_events`` is False, nobody listens to anything for them, and telling a state is one look at it.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

from globstar.core import events

if TYPE_CHECKING:
    from globstar.core.channel import Channel
    from globstar.core.system import System


@dataclass(slots=True)
class TestEvent:
    """A state was reached, or an assertion (``kind`` Assert) failed, at a place in the code (AMI TestEvent)."""

    __test__ = False

    kind: str
    state: str
    file: str
    function: str
    line: int
    fields: tuple[tuple[str, str], ...]


def tell_state(system: System, state: str, channel: Channel | None = None, **fields: object) -> None:
    """Tell that ``state`` is reached where this is called; the fields follow in order, the channel's name last."""
    if system.test_events:
        _publish(system, "StateChange", state, channel, fields)


def tell_assertion(system: System, is_so: bool, name: str, channel: Channel | None = None, **fields: object) -> None:
    """Tell that something is not as it must be."""
    if system.test_events and not is_so:
        _publish(system, "Assert", name, channel, fields)


def _publish(system: System, kind: str, state: str, channel: Channel | None, fields: dict[str, object]) -> None:
    frame = sys._getframe(2)
    code = frame.f_code
    shown = tuple((name, str(value)) for name, value in fields.items())
    if channel is not None:
        shown += (("Channel", channel.name),)
    system.bus.publish(TestEvent(kind, state, PurePath(code.co_filename).name, code.co_name, frame.f_lineno, shown))


def follow_bus(system: System) -> None:
    """Tell of what the bus says anyway. Called once at the start, if test events are wanted."""
    bus = system.bus

    def played(event: events.FilePlayed) -> None:
        name, dot, _ = event.file.rpartition(".")
        tell_state(system, "PLAYBACK", event.channel, Message=name if dot else event.file)

    def digit(event: events.DigitBegan) -> None:
        if event.direction == "Received":
            tell_state(system, "DTMF_BEGIN", event.channel, Digit=event.digit)

    def recorded(event: events.MixMonitorStopped) -> None:
        tell_state(system, "MIXMONITOR_END", event.channel)

    def muted(event: events.MixMonitorMuted) -> None:
        tell_state(system, "AUDIOHOOK_GROUP_MUTE_TOGGLE", event.channel, Direction=event.direction, Muted=int(event.is_muted))

    def module(event: events.ModuleChanged) -> None:
        if not event.error:
            tell_state(system, "MODULE_LOAD" if event.is_loaded else "MODULE_UNLOAD", Module=event.module)

    bus.subscribe(events.FilePlayed, played)
    bus.subscribe(events.DigitBegan, digit)
    bus.subscribe(events.MixMonitorStopped, recorded)
    bus.subscribe(events.MixMonitorMuted, muted)
    bus.subscribe(events.ModuleChanged, module)
