"""Bridges: where channels meet. The technology that moves their media is chosen by what all of them can do."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core import bridgeremb, bridgevideo, events
from globstar.core.announce import start_announcement
from globstar.core.bridgemember import BridgeMember, LeaveReason, unheard
from globstar.core.bridgeremb import NO_REMB, RembSettings
from globstar.core.bridgetech import BridgeCapability, BridgeTechnology, BridgeTechnologySpec, candidates, preference
from globstar.core.cause import Cause
from globstar.core.channelstate import SoftHangup
from globstar.core.frame import Control, Frame, FrameType
from globstar.core.frame import control as control_frame
from globstar.core.idle import IdleMode
from globstar.core.mixing import PLAIN_BRIDGE_MIX, PLAIN_MIX, BridgeMix, MemberMix
from globstar.core.party import Connected

if TYPE_CHECKING:
    from globstar.core.channel import Channel
    from globstar.core.system import System

__all__ = ["Bridge", "BridgeCapability", "BridgeMember", "BridgeTechnology", "BridgeTechnologySpec", "LeaveReason"]

logger = Logger("bridge")


class Bridge:
    """A meeting of channels. Dissolves when one of two leaves, if ``dissolve_on_hangup``, and when it is empty."""

    __slots__ = (
        "_candidates", "_generation", "_named", "_owes_telling", "_told_again", "capabilities", "created_at", "creator",
        "dissolve_on_hangup", "is_dissolved", "is_holding", "is_standing",
        "kind", "last_change", "members", "mix", "name", "previous_video_source", "remb", "remb_settings", "system",
        "technology", "unique_id",
        "video_mode", "video_source",
    )  # fmt: skip

    def __init__(
        self,
        system: System,
        *,
        capabilities: BridgeCapability = BridgeCapability.NATIVE | BridgeCapability.ONE_TO_ONE | BridgeCapability.MULTIMIX,
        kind: str = "basic",
        name: str = "",
        creator: str = "",
        dissolve_on_hangup: bool = True,
        is_standing: bool = False,
        unique_id: str = "",
        mix: BridgeMix | None = None,
    ) -> None:
        self.system = system
        self.capabilities = capabilities
        #: members wait, each for itself
        self.is_holding = BridgeCapability.HOLDING in capabilities
        #: the technologies that come into question, the preferred first, and the state of their registry that this is of
        self._candidates: list[BridgeTechnologySpec] = []
        self._generation = -1
        self.kind = kind
        self.name = name
        self.creator = creator
        self.dissolve_on_hangup = dissolve_on_hangup
        #: it stays while nobody is in it, until whoever made it ends it
        self.is_standing = is_standing
        self.unique_id = unique_id or str(uuid.uuid4())
        #: whose video all see: none, talker, single (``video_source``), sfu (everybody sees everybody)
        self.video_mode = "none"
        self.video_source: Channel | None = None
        self.previous_video_source: Channel | None = None
        #: what receivers of video can take, while its senders are told of it
        self.remb: bridgeremb.RembCollector | None = None
        self.remb_settings = NO_REMB
        self.mix = mix if mix is not None else PLAIN_BRIDGE_MIX
        #: the last change of technology and its reason
        self.last_change = ""
        self.created_at = system.now()
        self.members: list[BridgeMember] = []
        self.is_dissolved = False
        self.technology = self._choose()(self)
        #: how often the variables about peers are told again, after a change of technology
        self._told_again = 0
        #: those who are named to the others, as long as there are more members
        self._named: list[BridgeMember] = []
        #: whether they are to be told again because media of a member changed
        self._owes_telling = 0
        system.bridges[self.unique_id] = self
        if system.heard.bridge_created:
            system.bus.publish(events.BridgeCreated(self))

    def __repr__(self) -> str:
        return f"<Bridge {self.unique_id} {self.technology.name} {[m.channel.name for m in self.members]}>"

    @property
    def channels(self) -> list[Channel]:
        """The members' channels, in the order in which they came."""
        return [member.channel for member in self.members]

    # -- coming and going --------------------------------------------------------------------------------------------

    def join(
        self,
        channel: Channel,
        *,
        digit_filter: Callable[[Frame], bool] | None = None,
        role: str = "",
        idle: IdleMode | None = None,
        mix: MemberMix = PLAIN_MIX,
        swap: BridgeMember | None = None,
    ) -> BridgeMember:
        """Bring ``channel`` in, in the place of ``swap`` if given, which leaves; its owner then awaits ``member.left``."""
        member = BridgeMember(self, channel)
        member.digit_filter = digit_filter
        member.role = role
        member.idle = idle
        member.mix = mix
        if swap is not None:
            self._exit(swap, is_replaced=True)
            swap.replaced_by = member
        self._enter(member, swapped=swap.channel if swap is not None else None)
        if swap is not None:
            self._finish(swap, LeaveReason.KICKED)
        if channel.soft_hangup:
            self.leave(member, LeaveReason.HANGUP)
        else:
            member._remove_listener = channel.on_hangup(member._channel_gone)
        return member

    def move(self, member: BridgeMember, *, swap: BridgeMember | None = None) -> None:
        """Bring in a member of another bridge; with ``swap`` it takes the place of a member of this one, which leaves."""
        origin = member.bridge
        origin._exit(member, is_moving=True)
        if swap is not None:
            self._exit(swap, is_replaced=True)
            swap.replaced_by = member
        member.bridge = self
        self._enter(member, swapped=swap.channel if swap is not None else None)
        if swap is not None:
            self._finish(swap, LeaveReason.KICKED)
        origin._after_departure(f"{member.channel.name} moved to another bridge", may_dissolve=True)

    def merge(self, other: Bridge) -> None:
        """Bring in all members of ``other``, which ends."""
        if other is self or self.is_dissolved or other.is_dissolved:
            return
        self.system.bus.publish(events.BridgesMerged(self, other))
        other.dissolve_on_hangup = False  # not before the last one has moved
        for member in tuple(other.members):
            self.move(member)
        other.dissolve()

    def leave(self, member: BridgeMember, reason: LeaveReason) -> None:
        """Take ``member`` out for good; a second call does nothing."""
        if member not in self.members:
            return
        before, member.before_leaving = member.before_leaving, None
        if before is not None:
            before()
        may_dissolve = reason is not LeaveReason.KICKED
        if reason is LeaveReason.HANGUP and member.channel.hangup_source:
            for peer in self.members:
                peer.channel.hangup_source = peer.channel.hangup_source or member.channel.hangup_source
        if member.channel.hold_state:
            self.pass_on(member, control_frame(Control.UNHOLD))
        if member.channel.is_held and not self.is_holding:
            member.channel.indicate(Control.UNHOLD)
            self.reconsider(f"{member.channel.name} is about to leave")
        self._exit(member)
        self._after_departure(f"{member.channel.name} left", may_dissolve=may_dissolve)
        self._finish(member, reason)

    def dissolve(self) -> None:
        """End the bridge; every member leaves."""
        if self.is_dissolved:
            return
        self.is_dissolved = True
        for member in tuple(self.members):
            self.leave(member, LeaveReason.DISSOLVED)
        self.technology.stop()
        if self.remb is not None:
            self.remb = bridgeremb.put_in_force(self, NO_REMB)
        self.system.bridges.pop(self.unique_id, None)
        if self.system.heard.bridge_destroyed:
            self.system.bus.publish(events.BridgeDestroyed(self))
        del self.technology.bridge  # nobody asks it any more, and both are freed without the collector

    def _enter(self, member: BridgeMember, swapped: Channel | None = None) -> None:
        channel = member.channel
        channel.stop_generator()
        self.members.append(member)
        channel.bridge_member = member
        if channel.hangup_cause != Cause.NORMAL_CLEARING:
            channel.hangup_cause, channel.tech_cause = 0, 0  # what went before is told
        if len(self.members) > 1:
            self._unify_linked_ids()
        self.system.bus.publish(events.BridgeEntered(self, channel, swapped))
        channel.variables.unset("BLINDTRANSFER", "ATTENDEDTRANSFER")
        if self.is_holding:
            clear_peer_variables(channel)
        chosen = self._choose()
        if self.technology.name != chosen.name:
            self._switch(f"{channel.name} joined", chosen)
        else:
            self.technology.member_joined(member)
            if swapped is not None and BridgeCapability.NATIVE in self.technology.capability:
                self._told_again = 1
        self._set_peer_variables()
        channel.attach(member.receive)
        if len(self.members) > 1:
            bridgevideo.begin(self, member)
        sound = channel.variables.get(ENTRY_SOUND)
        if sound:
            channel.variables.unset(ENTRY_SOUND)
            start_announcement(member, [sound])

    def _exit(self, member: BridgeMember, *, is_moving: bool = False, is_replaced: bool = False) -> None:
        """Take a member out of the media and the list, and tell so; where it goes on is settled before."""
        channel = member.channel
        if member.is_apart:
            channel.stop_generator()  # what only this member hears ends before it leaves
        is_sent = bool(channel.soft_hangup) and SoftHangup.ASYNC_GOTO in channel.soft_hangup
        goes_on = False
        if not is_moving:
            if member._remove_listener is not None:
                member._remove_listener()
                member._remove_listener = None
            if member.destination is not None and not channel.soft_hangup:
                is_sent, goes_on = not member.goes_on_later, member.goes_on_later
                channel.redirect(*member.destination)
        self.members.remove(member)
        self.technology.member_left(member)
        member.forward = unheard
        channel.detach(member.receive)
        channel.bridge_member = None
        if not is_moving:
            clear_peer_variables(channel)
        if len(self.members) == 1 and not is_replaced and not is_moving:  # who stays behind loses its peer's name when it leaves
            clear_peer_variables(self.members[0].channel)
        if is_sent and not is_moving:
            self.system.bus.publish(events.ChannelSentElsewhere(channel))
        self.system.bus.publish(events.BridgeLeft(self, channel))
        if goes_on:
            self.system.bus.publish(events.ChannelSentElsewhere(channel))
        bridgevideo.forget(self, member)
        if self.video_source is channel:
            self.set_video_source(None)
        if self.previous_video_source is channel:
            self.previous_video_source = None

    def _finish(self, member: BridgeMember, reason: LeaveReason) -> None:
        """A member is out for good: its channel is put in order and its owner told."""
        channel = member.channel
        channel.hangup_cause = channel.hangup_cause or Cause.NORMAL_CLEARING
        if not channel.is_hung_up:
            channel.reset_formats()
        for callback in tuple(member.on_leave):
            callback(member, reason)
        if not member.left.done():
            member.left.set_result(reason)

    def _after_departure(self, reason: str, *, may_dissolve: bool) -> None:
        if self.is_dissolved:
            return
        if not self.members and self.is_standing:
            self.reconsider(reason)
        elif not self.members or (self.dissolve_on_hangup and may_dissolve and len(self.members) < 2):
            self.dissolve()
        else:
            self.reconsider(reason)
            self._set_peer_variables()

    def _unify_linked_ids(self) -> None:
        """All members are one call: the oldest linked id wins."""
        oldest = self.members[0].channel.linked_id
        for member in self.members:
            linked_id = member.channel.linked_id
            if linked_id != oldest and _linked_id_age(linked_id) < _linked_id_age(oldest):
                oldest = linked_id
        for member in self.members:
            if member.channel.linked_id != oldest:
                member.channel.set_linked_id(oldest)

    def _set_peer_variables(self) -> None:
        """BRIDGEPEER and BRIDGEPVTCALLID of every member that is not alone.

        In a large bridge, who comes after those who are named changes nothing for the others: only the last one is told.
        """
        members = self.members
        if len(members) < 2 or self.is_holding:
            return
        first = members[: _MOST_PEERS_NAMED + 1]
        is_known = len(members) > len(first) and first == self._named
        self._named = first if len(members) >= len(first) > _MOST_PEERS_NAMED else []
        for member in members[-1:] if is_known else members:
            peer = first[1 if first[0] is member else 0].channel
            names = peer.name
            if len(first) > 2:
                names = ",".join([other.channel.name for other in first if other is not member][:_MOST_PEERS_NAMED])
            variables = member.channel.variables
            told = {"BRIDGEPEER": names}
            call_id = peer.tech.private_unique_id(peer)
            if call_id or variables.own("BRIDGEPVTCALLID"):
                told["BRIDGEPVTCALLID"] = call_id
            variables.set_all(told)
        again, self._told_again = self._told_again, 0
        if again and self.system.heard.variable_set:
            for _ in range(again):
                self.tell_peer_variables()

    def tell_peer_variables(self) -> None:
        """Tell of the variables anew: Asterisk sets them again with every change of the technology, and clients see that."""
        for member in self.members:
            for name in _PEER_VARIABLES:
                value = member.channel.variables.own(name)
                if value:
                    self.system.bus.publish(events.VariableSet(member.channel, name, value))

    def settle(self) -> None:
        """Media of a member, or who sees them, have changed: tell of the variables about peers, as often as that is owed."""
        count, self._owes_telling, self._told_again = self._owes_telling, 0, 0
        if count and self.system.heard.variable_set and len(self.members) > 1:
            for _ in range(count):
                self.tell_peer_variables()

    # -- frames ------------------------------------------------------------------------------------------------------

    def pass_on(self, sender: BridgeMember, frame: Frame) -> None:
        """Give a frame other than voice to the other members."""
        if frame.type is FrameType.CONTROL:
            self.settle()
            if frame.subtype == Control.VIDUPDATE:
                bridgevideo.pass_picture_request(self, sender, frame)
                return
        if not self.technology.is_noticed(sender):
            return
        if frame.type is FrameType.CONTROL:
            if frame.subtype in _NOT_PASSED_ON or (self.technology.mixes and frame.subtype in _FOR_TWO):
                return
            if frame.subtype == Control.CONNECTED_LINE and isinstance(frame.data, Connected):
                for member in sender.peers:
                    member.meet(frame.data.id, frame.data.source)
                return
        elif frame.type is FrameType.VIDEO:
            for member, stream in bridgevideo.viewers(self, sender, frame.subtype):
                member.channel.write(frame if stream == frame.subtype else frame.in_stream(stream))
            return
        elif frame.type is FrameType.MORE_VOICE and (
            len(self.members) != 2 or sender.mix.is_muted or sender.peers[0].mix.is_deaf
        ):
            return  # a conference mixes first streams alone
        elif frame.type is FrameType.RTCP and self.technology.mixes:  # what one of many can take is no bound for all
            if self.remb is not None:
                self.remb.take(sender, frame)
            return
        for member in self.members:
            if member is not sender and not member.is_apart:
                member.channel.write(frame)

    def mix_changed(self, reason: str) -> None:
        """How is mixed has changed: another technology may be needed."""
        if self.is_dissolved:
            return
        technology = self.technology
        self.reconsider(reason)
        if self.technology is technology:
            technology.mix_changed()

    def set_mix(self, mix: BridgeMix) -> None:
        """Mix in another way from now on."""
        if mix != self.mix:
            self.mix = mix
            self.mix_changed("the mixing was set")

    def set_video_mode(self, mode: str, source: Channel | None = None) -> None:
        """Whose video is seen from now on: none, single (of ``source``), talker, sfu."""
        self.video_mode = mode
        self.set_video_source(source)
        self.technology.mix_changed()
        self.set_remb(self.remb_settings)

    def set_remb(self, settings: RembSettings) -> None:
        """What receivers of video can take is told to senders in this way from now on, where everybody sees everybody (sfu)."""
        self.remb_settings = settings
        self.remb = bridgeremb.put_in_force(self, settings)

    def set_video_source(self, channel: Channel | None) -> None:
        """All see the video of ``channel`` from now on; None: of whoever the mode gives."""
        previous = self.video_source
        if channel is previous:
            return
        self.previous_video_source = previous if previous in self.channels else None
        self.video_source = channel
        self.system.bus.publish(events.VideoSourceChanged(self, previous))
        if channel is not None and not channel.is_hung_up:
            # those who see it now need a whole picture, and see its first video alone but where streams go as they are
            channel.write(control_frame(Control.VIDUPDATE, 0 if self.video_mode in bridgevideo.ONE_SHOWN else b""))

    def hearing_changed(self, reason: str) -> None:
        """A member went apart or came back: bind anew who hears whom."""
        if self.is_dissolved:
            return
        self.reconsider(reason)
        for member in self.members:
            member.forward = unheard
        self.technology.start()

    def reconsider(self, reason: str) -> None:
        """What the members can do may have changed: choose the technology again."""
        if self.is_dissolved:
            return
        chosen = self._choose()
        if chosen.name != self.technology.name:
            self._switch(reason, chosen)
        else:
            self.technology.reconsidered()

    def hooks_changed(self, reason: str) -> None:
        """A member's voice is seen by somebody from now on, or by nobody any more; told of at the loop's next turn."""
        if not self.is_dissolved:
            self.reconsider(reason)
            self._owes_telling += 1 + self._told_again
            self._told_again = 0
            self.system.loop.call_soon(self.settle)

    def media_changed(self, reason: str, *, is_agreed: bool = True) -> None:
        """A member agreed on other media (codec, address, direction): choose again, or let the technology adapt.

        Who brought it about calls :meth:`settle` in the end. Without ``is_agreed`` nothing new was said on the wire.
        """
        if self.is_dissolved:
            return
        if is_agreed and len(self.members) > 1:
            self._owes_telling = self._owes_telling or 1
        chosen = self._choose()
        if chosen.name != self.technology.name:
            self._switch(reason, chosen)
        else:
            self.technology.media_changed()

    def _switch(self, reason: str, chosen: type[BridgeTechnology]) -> None:
        """Let another technology serve."""
        old = self.technology.name
        self.technology.stop()
        is_apart = False
        for member in self.members:
            member.forward = unheard
            is_apart = is_apart or member.is_apart
        self.technology = chosen(self)
        self.last_change = f"{old} to {self.technology.name}: {reason}"
        self.technology.start()
        if self.system.heard.bridge_technology_changed:
            self.system.bus.publish(events.BridgeTechnologyChanged(self, old, reason))
        self._told_again = 1 if is_apart else 2

    def _choose(self) -> type[BridgeTechnology]:
        """The preferred technology that suits."""
        generation = self.system.bridge_technologies.generation
        if generation != self._generation:
            self._candidates, self._generation = candidates(self.system, self.capabilities), generation
        count = len(self.members)
        for spec in self._candidates:
            technology = spec.technology
            if count >= technology.least and not spec.is_suspended and technology.unsuitable(self) is None:
                return technology
        serving: BridgeTechnology | None = getattr(self, "technology", None)
        if serving is not None and count >= serving.least and serving.unsuitable(self) is None:
            return type(serving)  # suspended, or its module is gone, and nothing is there that could serve instead
        return BridgeTechnology

    def explain(self) -> list[str]:
        """One line per technology: why it serves, or why it does not."""
        lines = []
        chosen, detail = self.technology.name, self.technology.detail()
        found = f"chosen, {detail}" if detail else "chosen"
        if self.system.bridge_technologies.get(chosen) is None:
            lines.append(f"{chosen}: {found}, though it is not loaded any more: no other one suits" if chosen else _NOBODY_SERVES)
        for spec in sorted(self.system.bridge_technologies, key=preference):
            reason: str | None = "not asked for by this kind of bridge"
            if spec.technology.capability & self.capabilities:
                reason = "suspended" if spec.is_suspended else spec.technology.unsuitable(self)
            if spec.name == chosen:
                reason = "it is suspended: no other one suits" if spec.is_suspended else reason
                reason = f"{found}, though {reason}" if reason else found
            lines.append(f"{spec.name}: {reason or 'a preferred one suits'}")
        if self.last_change:
            lines.append(f"last change: {self.last_change}")
        if self.remb is not None:
            lines.append(f"bit rates of video: {self.remb.detail()}")
        return lines


_NOT_PASSED_ON = (
    Control.HANGUP,
    Control.ANSWER,
    Control.PVT_CAUSE_CODE,
    Control.MASQUERADE_NOTIFY,
    Control.PLAYBACK_BEGIN,
)


#: What is said of a bridge for which there is no technology.
_NOBODY_SERVES = "no technology suits: nobody hears anybody"
#: Variable of a channel: a sound that it hears, and the others do not, when it comes into a bridge; once.
ENTRY_SOUND = "BRIDGE_PLAY_SOUND"
#: What says how a call of two goes on; in a conference it concerns nobody else.
_FOR_TWO = (
    Control.HOLD,
    Control.UNHOLD,
    Control.RINGING,
    Control.BUSY,
    Control.CONGESTION,
    Control.PROGRESS,
    Control.PROCEEDING,
    Control.CONNECTED_LINE,
    Control.REDIRECTING,
)
#: What tells a member of the others.
_PEER_VARIABLES = ("BRIDGEPEER", "BRIDGEPVTCALLID")
#: How many peers BRIDGEPEER names, so that a conference of hundreds does not name all to each.
_MOST_PEERS_NAMED = 10


def clear_peer_variables(channel: Channel) -> None:
    """Nobody is with the channel any more: its variables about peers are empty."""
    if channel.is_hung_up:
        return
    channel.variables.make_empty(_PEER_VARIABLES)


def _linked_id_age(linked_id: str) -> tuple[int, int, str]:
    """Sort key of a unique id ``[system-]seconds.number``."""
    seconds, _, number = linked_id.rpartition("-")[2].partition(".")
    if seconds.isdigit() and number.isdigit():
        return int(seconds), int(number), linked_id
    return 0, 0, linked_id
