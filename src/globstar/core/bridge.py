"""Bridges: where channels meet. The technology that moves their media is chosen by what all of them can do."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, IntFlag
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core import events
from globstar.core.frame import Control, Frame, FrameType
from globstar.core.registry import Spec

if TYPE_CHECKING:
    from globstar.core.channel import Channel
    from globstar.core.system import System

logger = Logger("bridge")


class BridgeCapability(IntFlag):
    """What a bridge technology offers; a bridge asks for one or several."""

    HOLDING = 1
    EARLY = 2
    NATIVE = 4
    ONE_TO_ONE = 8
    MULTIMIX = 16


class LeaveReason(Enum):
    """Why a member left its bridge."""

    HANGUP = "hangup"  # the channel itself must be given up (hung up, redirected, timed out)
    DISSOLVED = "dissolved"  # the bridge ended, usually because the other party left
    KICKED = "kicked"  # someone took the channel out, it goes on elsewhere
    LIMIT = "limit"  # its time limit ended
    DIGIT = "digit"  # a digit of its features ended the call


class BridgeTechnology:
    """One way to move media between the members of a bridge. One instance serves one bridge."""

    name = ""
    capability = BridgeCapability.ONE_TO_ONE
    #: the higher the better; Asterisk's bases are 10 holding, 20 early, 90 native, 50 one-to-one, 10 multimix
    preference = 50

    def __init__(self, bridge: Bridge) -> None:
        self.bridge = bridge

    @classmethod
    def unsuitable(cls, bridge: Bridge) -> str | None:
        """Why this technology cannot serve ``bridge`` as it is now; None if it can."""
        return None

    def start(self) -> None:
        """Begin to serve: bind every member's ``forward``."""

    def stop(self) -> None:
        """Undo :meth:`start`."""

    def member_joined(self, member: BridgeMember) -> None:
        """A member came while this technology serves."""

    def member_left(self, member: BridgeMember) -> None:
        """A member went while this technology serves."""


@dataclass(slots=True, kw_only=True)
class BridgeTechnologySpec(Spec):
    """A bridge technology offered by a module."""

    technology: type[BridgeTechnology]
    is_suspended: bool = False

    @property
    def kind(self) -> str:
        """Their registry's name."""
        return "bridge technology"


def _drop(frame: Frame) -> None:
    """Where voice goes while there is nobody to hear it."""


class BridgeMember:
    """A channel's place in a bridge.

    ``forward`` takes the channel's voice frames; the technology binds it once, so that a packet costs function calls only.
    ``digit_filter`` sees digits first and returns True to keep them from the others.
    ``left`` is done with the reason when the channel is out.
    """

    __slots__ = ("_remove_listener", "bridge", "channel", "digit_filter", "forward", "joined_at", "left", "on_leave")

    def __init__(self, bridge: Bridge, channel: Channel) -> None:
        self.bridge = bridge
        self.channel = channel
        self.forward: Callable[[Frame], None] = _drop
        self.digit_filter: Callable[[Frame], bool] | None = None
        self.left: asyncio.Future[LeaveReason] = asyncio.get_running_loop().create_future()
        self.on_leave: list[Callable[[BridgeMember, LeaveReason], None]] = []
        self.joined_at = channel.system.now()
        self._remove_listener: Callable[[], None] = lambda: None

    def receive(self, frame: Frame) -> None:
        """A frame from the channel."""
        if frame.type is FrameType.VOICE:
            self.forward(frame)
        elif frame.type in (FrameType.DTMF_BEGIN, FrameType.DTMF_END):
            if self.digit_filter is None or not self.digit_filter(frame):
                self.bridge.pass_on(self, frame)
        else:
            self.bridge.pass_on(self, frame)

    def drop_voice(self) -> None:
        """Nobody hears this member for now."""
        self.forward = _drop

    @property
    def peers(self) -> list[BridgeMember]:
        """The other members."""
        return [member for member in self.bridge.members if member is not self]


class Bridge:
    """A meeting of channels. Dissolves when one of two leaves, if ``dissolve_on_hangup``, and when it is empty."""

    __slots__ = (
        "capabilities", "created_at", "creator", "dissolve_on_hangup", "explanation", "is_dissolved", "kind", "members", "name", "system",
        "technology", "unique_id", "video_mode",
    )  # fmt: skip

    def __init__(
        self,
        system: System,
        *,
        capabilities: BridgeCapability = BridgeCapability.NATIVE
        | BridgeCapability.ONE_TO_ONE
        | BridgeCapability.MULTIMIX,
        kind: str = "basic",
        name: str = "",
        creator: str = "",
        dissolve_on_hangup: bool = True,
        unique_id: str = "",
    ) -> None:
        self.system = system
        self.capabilities = capabilities
        self.kind = kind
        self.name = name
        self.creator = creator
        self.dissolve_on_hangup = dissolve_on_hangup
        self.unique_id = unique_id or str(uuid.uuid4())
        self.video_mode = "none"
        self.created_at = system.now()
        self.members: list[BridgeMember] = []
        self.is_dissolved = False
        self.explanation: list[str] = []
        self.technology = self._choose()(self)
        system.bridges[self.unique_id] = self
        system.bus.publish(events.BridgeCreated(self))

    def __repr__(self) -> str:
        return f"<Bridge {self.unique_id} {self.technology.name} {[m.channel.name for m in self.members]}>"

    @property
    def channels(self) -> list[Channel]:
        """The members' channels, in the order in which they came."""
        return [member.channel for member in self.members]

    def join(self, channel: Channel, *, digit_filter: Callable[[Frame], bool] | None = None) -> BridgeMember:
        """Bring ``channel`` in; its owner then awaits ``member.left``."""
        member = BridgeMember(self, channel)
        member.digit_filter = digit_filter
        self.members.append(member)
        channel.bridge_member = member
        channel.stop_generator()
        if len(self.members) > 1:
            self._unify_linked_ids()
        self.system.bus.publish(events.BridgeEntered(self, channel))
        if self.technology.name != self._choose().name:
            self._switch(f"{channel.name} joined")
        else:
            self.technology.member_joined(member)
        self._set_peer_variables()
        channel.attach(member.receive)
        member._remove_listener = channel.on_hangup(lambda _: self.leave(member, LeaveReason.HANGUP))
        return member

    def _unify_linked_ids(self) -> None:
        """All members are one call: the oldest linked id wins."""
        oldest = min((m.channel for m in self.members), key=lambda channel: _linked_id_age(channel.linked_id)).linked_id
        for member in self.members:
            member.channel.set_linked_id(oldest)

    def _set_peer_variables(self) -> None:
        for member in self.members:
            peers = [peer.channel for peer in member.peers]
            member.channel.set_variable("BRIDGEPEER", ",".join(peer.name for peer in peers))
            member.channel.set_variable("BRIDGEPVTCALLID", peers[0].tech.private_unique_id(peers[0]) if peers else "")

    def leave(self, member: BridgeMember, reason: LeaveReason) -> None:
        """Take ``member`` out; a second call does nothing."""
        if member not in self.members:
            return
        self.members.remove(member)
        member._remove_listener()
        channel = member.channel
        self.technology.member_left(member)
        member.drop_voice()
        channel.detach(member.receive)
        channel.bridge_member = None
        if not channel.is_hung_up:
            channel.reset_formats()
            channel.set_variable("BRIDGEPEER", "")
            channel.set_variable("BRIDGEPVTCALLID", "")
        self.system.bus.publish(events.BridgeLeft(self, channel))
        for callback in tuple(member.on_leave):
            callback(member, reason)
        if not member.left.done():
            member.left.set_result(reason)
        if self.is_dissolved:
            return
        if not self.members or (self.dissolve_on_hangup and reason is not LeaveReason.KICKED and len(self.members) < 2):
            self.dissolve()
        else:
            self.reconsider(f"{channel.name} left")
            self._set_peer_variables()

    def dissolve(self) -> None:
        """End the bridge; every member leaves."""
        if self.is_dissolved:
            return
        self.is_dissolved = True
        for member in tuple(self.members):
            self.leave(member, LeaveReason.DISSOLVED)
        self.technology.stop()
        self.system.bridges.pop(self.unique_id, None)
        self.system.bus.publish(events.BridgeDestroyed(self))

    def pass_on(self, sender: BridgeMember, frame: Frame) -> None:
        """Give a frame other than voice to the other members."""
        for member in self.members:
            if member is sender:
                continue
            channel = member.channel
            if frame.type is FrameType.CONTROL and frame.subtype in _NOT_PASSED_ON:
                continue
            channel.write(frame)

    def reconsider(self, reason: str) -> None:
        """What the members can do may have changed: choose the technology again."""
        if not self.is_dissolved and self._choose().name != self.technology.name:
            self._switch(reason)

    def _switch(self, reason: str) -> None:
        old = self.technology.name
        self.technology.stop()
        for member in self.members:
            member.drop_voice()
        self.technology = self._choose()(self)
        self.technology.start()
        self.system.bus.publish(events.BridgeTechnologyChanged(self, old, reason))

    def _choose(self) -> type[BridgeTechnology]:
        """The preferred technology that suits; ``explanation`` says why others do not."""
        self.explanation = []
        candidates = sorted(self.system.bridge_technologies, key=lambda spec: -spec.technology.preference)
        for spec in candidates:
            technology = spec.technology
            if not technology.capability & self.capabilities:
                self.explanation.append(f"{spec.name}: not asked for by this kind of bridge")
            elif spec.is_suspended:
                self.explanation.append(f"{spec.name}: suspended")
            else:
                reason = technology.unsuitable(self)
                if reason is None:
                    self.explanation.append(f"{spec.name}: chosen")
                    return technology
                self.explanation.append(f"{spec.name}: {reason}")
        return BridgeTechnology


_NOT_PASSED_ON = (
    Control.HANGUP,
    Control.ANSWER,
    Control.PVT_CAUSE_CODE,
    Control.MASQUERADE_NOTIFY,
    Control.PLAYBACK_BEGIN,
)


def _linked_id_age(linked_id: str) -> tuple[int, int, str]:
    """Sort key of a unique id ``[system-]seconds.number``."""
    seconds, _, number = linked_id.rpartition("-")[2].partition(".")
    if seconds.isdigit() and number.isdigit():
        return int(seconds), int(number), linked_id
    return 0, 0, linked_id
