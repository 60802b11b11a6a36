"""Who listens to what every call brings about, by kind: an event that nobody hears is not even made."""

from __future__ import annotations

from globstar.core import events
from globstar.core.bus import EventBus, Listener


class Heard:
    """Live lists of listeners, for those who publish often: look at the list first, then make and publish the event."""

    __slots__ = (
        "application_changed", "application_ended", "application_started", "bridge_created", "bridge_destroyed",
        "bridge_technology_changed", "caller_id_changed", "channel_answered", "connected_line_changed", "dial_state_changed",
        "hangup_handlers_finished", "hangup_requested", "variable_set",
    )  # fmt: skip

    def __init__(self, bus: EventBus) -> None:
        heard = bus.listeners
        self.application_changed: list[Listener] = heard(events.ApplicationChanged)
        self.application_ended: list[Listener] = heard(events.ApplicationEnded)
        self.application_started: list[Listener] = heard(events.ApplicationStarted)
        self.bridge_created: list[Listener] = heard(events.BridgeCreated)
        self.bridge_destroyed: list[Listener] = heard(events.BridgeDestroyed)
        self.bridge_technology_changed: list[Listener] = heard(events.BridgeTechnologyChanged)
        self.caller_id_changed: list[Listener] = heard(events.CallerIdChanged)
        self.channel_answered: list[Listener] = heard(events.ChannelAnswered)
        self.connected_line_changed: list[Listener] = heard(events.ConnectedLineChanged)
        self.dial_state_changed: list[Listener] = heard(events.DialStateChanged)
        self.hangup_handlers_finished: list[Listener] = heard(events.HangupHandlersFinished)
        self.hangup_requested: list[Listener] = heard(events.HangupRequested)
        self.variable_set: list[Listener] = heard(events.VariableSet)
