"""The engine: turns the events of the bus into events of channels (CEL) and hands them to the backends."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from globstar.base.log import Logger
from globstar.core import events
from globstar.core.bridge import Bridge
from globstar.core.cel.event import KINDS, LAST_KINDS, CelEvent, snapshot
from globstar.core.cel.settings import CelSettings
from globstar.core.channel import Channel
from globstar.core.registry import Registry, Spec

if TYPE_CHECKING:
    from globstar.core.system import System

logger = Logger("cel")

#: Name of the service.
SERVICE = "channel events"

#: How a parked call left its place, in CEL's words; one that is taken out is told of while it is still there.
_PARKING_ENDS = {
    "ParkedCallTimeOut": "ParkedCallTimeOut",
    "ParkedCallGiveUp": "ParkedCallGiveUp",
}


@dataclass(slots=True, kw_only=True)
class CelBackendSpec(Spec):
    """Where events go. ``post(system, event)`` must not block; ``description`` is shown by ``cel show status``."""

    post: Callable[[Any, CelEvent], None]
    description: str = ""

    @property
    def kind(self) -> str:
        """Their registry's name."""
        return "cel backend"


class CelEngine:
    """Makes the events of one system. It listens only to what the configuration tracks."""

    def __init__(self, system: System, settings: CelSettings) -> None:
        self.system = system
        self.settings = settings
        self.backends: Registry[CelBackendSpec] = system.registry("cel backend")
        self.made = 0
        #: how many channels have a linked id
        self._linked: dict[str, int] = {}
        #: how the last call of a channel ended
        self._dial_status: dict[Channel, str] = {}
        #: events of channels that enter a parking lot: they come after PARK_START, which is known a little later
        self._held: dict[Channel, list[CelEvent]] = {}
        #: where channels were that are about to leave a parking lot
        self._came_from: dict[Channel, tuple[str, str]] = {}
        self._undo: list[Callable[[], None]] = []
        self.configure(settings)

    def configure(self, settings: CelSettings) -> None:
        """Take other settings."""
        self.settings = settings
        self.close()
        self._came_from.clear()
        kinds = settings.kinds if settings.enable else frozenset()
        if "HANGUP" not in kinds:  # nobody would take them out again
            self._dial_status.clear()
        if not settings.enable:
            return
        subscribe = self.system.bus.subscribe

        def listen(event_type: type[Any], listener: Callable[[Any], None], *wanted: str) -> None:
            if kinds.intersection(wanted):
                self._undo.append(subscribe(event_type, listener))

        listen(events.ChannelCreated, self._created, "CHAN_START", "LINKEDID_END")
        listen(events.ChannelAnswered, self._answered, "ANSWER")
        listen(events.ChannelHungUp, self._hung_up, "HANGUP", "CHAN_END", "LINKEDID_END")
        listen(events.LinkedIdChanged, self._linked_id_changed, "LINKEDID_END")
        if settings.apps:
            listen(events.ApplicationStarted, self._application_started, "APP_START")
            listen(events.ApplicationEnded, self._application_ended, "APP_END")
        listen(events.BridgeEntered, self._bridge_entered, "BRIDGE_ENTER")
        listen(events.BridgeLeft, self._bridge_left, "BRIDGE_EXIT")
        listen(events.ParkingChanged, self._parking_changed, "PARK_START", "PARK_END")
        listen(events.ParkedCallTaken, self._parked_call_taken, "PARK_END")
        listen(events.BlindTransferred, self._blind_transferred, "BLINDTRANSFER")
        listen(events.AttendedTransferred, self._attended_transferred, "ATTENDEDTRANSFER")
        listen(events.CallPickedUp, self._picked_up, "PICKUP")
        listen(events.DialEnded, self._dial_ended, "FORWARD", "HANGUP")
        listen(events.LocalOptimizationBegan, self._optimisation_began, "LOCAL_OPTIMIZE_BEGIN")
        listen(events.LocalOptimizationEnded, self._optimisation_ended, "LOCAL_OPTIMIZE")
        listen(events.FilePlayed, self._file_played, "STREAM_BEGIN")
        listen(events.FilePlayEnded, self._file_ended, "STREAM_END")
        listen(events.MusicOnHoldChanged, self._music_changed, "STREAM_BEGIN", "STREAM_END")
        listen(events.DigitEnded, self._digit, "DTMF")
        if "LINKEDID_END" in kinds:
            self._linked.clear()
            for channel in self.system.channels.values():
                self._count(channel.linked_id, channel)

    def close(self) -> None:
        """Listen no more."""
        for undo in self._undo:
            undo()
        self._undo.clear()

    def tracks(self, kind: str) -> bool:
        """Whether events of a kind are made."""
        return self.settings.enable and kind in self.settings.kinds

    def user_event(self, channel: Channel, name: str, extra: str) -> None:
        """An event that the dialplan defines (CELGenUserEvent)."""
        if self.tracks("USER_DEFINED"):
            self._make(channel, "USER_DEFINED", {"extra": extra}, user_defined=name)

    def tracked_kinds(self) -> list[str]:
        """The kinds that are tracked, ALL first where it was asked for, in the order of their numbers."""
        found = [kind for kind in KINDS if kind in self.settings.kinds]
        return ["ALL", *found] if self.settings.tracks_all else found

    # -- making an event -----------------------------------------------------------------------------------------------

    def _make(
        self,
        channel: Channel,
        kind: str,
        extra: dict[str, Any] | None = None,
        *,
        peer: str = "",
        user_defined: str = "",
        place: tuple[str, str] | None = None,
    ) -> None:
        if kind not in self.settings.kinds:
            return
        if channel.tech.is_internal and (kind in LAST_KINDS or not channel.tech.is_standing):
            return
        text = json.dumps(extra, separators=(",", ":"), ensure_ascii=False) if extra is not None else ""
        event = snapshot(channel, kind, self.system.wall_time(), peer, text, user_defined, self.settings.dateformat, place)
        if self._held and channel in self._held and kind != "PARK_START":
            self._held[channel].append(event)
        else:
            self._post(event)

    def _release(self, channel: Channel) -> None:
        for event in self._held.pop(channel, ()):
            self._post(event)

    def _post(self, event: CelEvent) -> None:
        self.made += 1
        for backend in self.backends:
            try:
                backend.post(self.system, event)
            except Exception as error:  # one backend's bug must not keep the event from the others
                logger.error(f"CEL backend {backend.name} failed", exception=error)

    # -- channels ------------------------------------------------------------------------------------------------------

    def _created(self, event: events.ChannelCreated) -> None:
        self._count(event.channel.linked_id, event.channel)
        self._make(event.channel, "CHAN_START")

    def _answered(self, event: events.ChannelAnswered) -> None:
        self._make(event.channel, "ANSWER")

    def _hung_up(self, event: events.ChannelHungUp) -> None:
        channel = event.channel
        if "HANGUP" in self.settings.kinds:
            extra = {
                "hangupcause": int(channel.hangup_cause),
                "hangupsource": channel.hangup_source,
                "dialstatus": self._dial_status.pop(channel, ""),
            }
            self._make(channel, "HANGUP", extra)
        self._make(channel, "CHAN_END")
        if self._discount(channel.linked_id, channel):
            self._make(channel, "LINKEDID_END")

    def _count(self, linked_id: str, channel: Channel) -> None:
        if not channel.tech.is_internal:
            self._linked[linked_id] = self._linked.get(linked_id, 0) + 1

    def _discount(self, linked_id: str, channel: Channel) -> bool:
        """One channel less has the linked id; whether it was the last."""
        if channel.tech.is_internal:
            return False
        left = self._linked.get(linked_id, 0) - 1
        if left > 0:
            self._linked[linked_id] = left
            return False
        return self._linked.pop(linked_id, None) is not None

    def _linked_id_changed(self, event: events.LinkedIdChanged) -> None:
        """The channel left a call: the event of a call that nobody is part of any more shows the channel as it was in it."""
        channel = event.channel
        self._count(channel.linked_id, channel)
        if self._discount(event.old, channel):
            ended = snapshot(channel, "LINKEDID_END", self.system.wall_time(), "", "", "", self.settings.dateformat)
            ended.linked_id = event.old
            self._post(ended)

    def _application_started(self, event: events.ApplicationStarted) -> None:
        if self.settings.tracks_application(event.application):
            self._make(event.channel, "APP_START")

    def _application_ended(self, event: events.ApplicationEnded) -> None:
        if self.settings.tracks_application(event.application):
            self._make(event.channel, "APP_END")

    # -- bridges -------------------------------------------------------------------------------------------------------

    def _bridge_entered(self, event: events.BridgeEntered) -> None:
        if event.bridge.kind == "parking" and "PARK_START" in self.settings.kinds:
            self._held[event.channel] = []
            self.system.loop.call_soon(self._release, event.channel)
        self._bridged("BRIDGE_ENTER", event.bridge, event.channel)

    def _bridge_left(self, event: events.BridgeLeft) -> None:
        self._bridged("BRIDGE_EXIT", event.bridge, event.channel)

    def _bridged(self, kind: str, bridge: Bridge, channel: Channel) -> None:
        peer = ",".join(member.channel.name for member in bridge.members if member.channel is not channel)
        # who comes back from a parking lot is told with its new place before it leaves, and with the old one when it does
        place = self._came_from.pop(channel, None) if kind == "BRIDGE_EXIT" and self._came_from else None
        extra = {"bridge_id": bridge.unique_id, "bridge_technology": bridge.technology.name}
        self._make(channel, kind, extra, peer=peer, place=place)

    def _optimisation_began(self, event: events.LocalOptimizationBegan) -> None:
        self._optimised("LOCAL_OPTIMIZE_BEGIN", event.one, event.two)

    def _optimisation_ended(self, event: events.LocalOptimizationEnded) -> None:
        self._optimised("LOCAL_OPTIMIZE", event.one, event.two)

    def _optimised(self, kind: str, one: Channel, two: Channel) -> None:
        self._make(one, kind, {"local_two": two.name, "local_two_uniqueid": two.unique_id})

    # -- calls ---------------------------------------------------------------------------------------------------------

    def _dial_ended(self, event: events.DialEnded) -> None:
        caller = event.caller
        if caller is not None and not caller.is_hung_up and "HANGUP" in self.settings.kinds:
            self._dial_status[caller] = event.status
        if event.forward:
            self._make(caller or event.peer, "FORWARD", {"forward": event.forward})

    def _picked_up(self, event: events.CallPickedUp) -> None:
        extra = {"pickup_channel": event.channel.name, "pickup_channel_uniqueid": event.channel.unique_id}
        self._make(event.target, "PICKUP", extra)

    def _parking_changed(self, event: events.ParkingChanged) -> None:
        if event.kind == "ParkedCall":
            extra = {"parker_dial_string": event.parker_dial_string, "parking_lot": event.lot}
            self._make(event.parkee, "PARK_START", extra)
            self._release(event.parkee)
        elif event.kind in _PARKING_ENDS:
            extra = {"reason": _PARKING_ENDS[event.kind]}
            member = event.parkee.bridge_member
            sent = member.destination if event.kind == "ParkedCallTimeOut" and member is not None else None
            place = (sent[0], sent[1]) if sent is not None else None
            if sent is not None and "BRIDGE_EXIT" in self.settings.kinds:
                self._came_from[event.parkee] = (event.parkee.context, event.parkee.extension)
            self._make(event.parkee, "PARK_END", extra, place=place)

    def _parked_call_taken(self, event: events.ParkedCallTaken) -> None:
        self._make(event.parkee, "PARK_END", {"reason": "ParkedCallUnparked", "retriever": event.retriever.name})

    def _blind_transferred(self, event: events.BlindTransferred) -> None:
        if not event.is_success:
            return
        transferee = event.transferee
        extra = {
            "extension": event.exten,
            "context": event.context,
            "bridge_id": event.bridge.unique_id if event.bridge is not None else "",
            "transferee_channel_name": transferee.name if transferee is not None else "N/A",
            "transferee_channel_uniqueid": transferee.unique_id if transferee is not None else "N/A",
        }
        self._make(event.transferer, "BLINDTRANSFER", extra)

    def _attended_transferred(self, event: events.AttendedTransferred) -> None:
        """The first channel is one with a bridge; the other call may have ended in an application."""
        if event.result != "Success":
            return
        first, first_bridge, second, second_bridge = event.first, event.first_bridge, event.second, event.second_bridge
        if first_bridge is None:
            first, first_bridge, second, second_bridge = second, second_bridge, first, None
        extra = {
            "bridge1_id": first_bridge.unique_id if first_bridge is not None else "",
            "channel2_name": second.name,
            "channel2_uniqueid": second.unique_id,
        }
        if second_bridge is not None:
            extra["bridge2_id"] = second_bridge.unique_id
        elif event.destination == "App":
            extra["app"] = event.application
        for name, party in (("transferee", event.transferee), ("transfer_target", event.target)):
            extra[f"{name}_channel_name"] = party.name if party is not None else "N/A"
            extra[f"{name}_channel_uniqueid"] = party.unique_id if party is not None else "N/A"
        self._make(first, "ATTENDEDTRANSFER", extra)

    # -- what is heard -------------------------------------------------------------------------------------------------

    def _file_played(self, event: events.FilePlayed) -> None:
        sound, _, file_format = event.file.rpartition(".")
        extra = {"sound": sound, "format": file_format, "language": event.language}
        self._make(event.channel, "STREAM_BEGIN", extra, user_defined="FILE_STREAM_BEGIN")

    def _file_ended(self, event: events.FilePlayEnded) -> None:
        self._make(event.channel, "STREAM_END", user_defined="FILE_STREAM_END")

    def _music_changed(self, event: events.MusicOnHoldChanged) -> None:
        if event.music_class is None:
            self._make(event.channel, "STREAM_END", user_defined="MOH_STREAM_END")
        else:
            self._make(event.channel, "STREAM_BEGIN", {"class": event.music_class}, user_defined="MOH_STREAM_BEGIN")

    def _digit(self, event: events.DigitEnded) -> None:
        extra = {"digit": event.digit, "duration_ms": event.duration_ms}
        self._make(event.channel, "DTMF", extra, user_defined=event.direction)
