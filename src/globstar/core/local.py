"""Local channels: two halves back to back, one for the caller, one that runs the dialplan."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from globstar.base.log import Logger
from globstar.core import events
from globstar.core.bridge import BridgeMember, LeaveReason, clear_peer_variables
from globstar.core.cause import Cause
from globstar.core.channel import Channel, ChannelState
from globstar.core.dejitter import even_out
from globstar.core.features import inherit_features
from globstar.core.format import FormatCapabilities, slin
from globstar.core.frame import Control, Frame, FrameType, digit_begin, digit_end
from globstar.core.frame import control as control_frame
from globstar.core.party import Connected, PartyId
from globstar.core.pbx import leads, leads_at_once
from globstar.core.streams import CallStream
from globstar.core.switches import settled_quietly
from globstar.core.tech import ChannelTech, DialRequest, RequestFailed
from globstar.dsp.jitterbuffer import JitterBuffer

if TYPE_CHECKING:
    from globstar.core.system import System

logger = Logger("chan_local")

#: Key in the data of a first half: who calls, where it does not know that as its connected line before the call has begun.
CALLED_BY = "called by"
#: Conditions that say what a caller hears; the half that is told them makes its opposite hear them.
_MUSIC = (Control.HOLD, Control.UNHOLD)


@dataclass(slots=True)
class LocalPair:
    """The two halves: ``owner`` (;1) belongs to whoever asked for it, ``channel`` (;2) runs the dialplan."""

    owner: Channel
    channel: Channel
    context: str
    extension: str
    #: option n unset: the halves step out when each is bridged to one other channel
    may_optimise: bool
    #: option m: hold passes through instead of making this channel play music
    passes_music: bool
    #: the streams that the caller has, for the calls that the dialplan makes
    streams: tuple[CallStream, ...] = ()
    #: the second half runs its dialplan; before that its end is no matter of the first
    is_called: bool = False

    def other(self, channel: Channel) -> Channel:
        """The opposite half."""
        return self.channel if channel is self.owner else self.owner


class LocalTech(ChannelTech):
    """``Local/exten[@context][/options]``: options n (no optimisation), m (hold passes through), j (jitter buffer)."""

    name = "Local"
    description = "Local Proxy Channel Driver"
    keeps_device_state = False
    passes_formats = True

    def __init__(self, system: System) -> None:
        self.system = system
        self._optimisations = 0

    def prepare(self, destination: str) -> Awaitable[None] | None:
        """Ask switches that have to wait for their answers; the call finds these then."""
        extension, _, context = destination.partition("/")[0].partition("@")
        context = context or "default"
        plan = self.system.plan
        if plan.is_known(context, extension):
            return None
        return settled_quietly(lambda: plan.find(context, extension, 1))

    def request(self, request: DialRequest) -> Channel:
        """Make both halves; the dialplan starts when the first is called."""
        place, _, options = request.destination.partition("/")
        extension, _, context = place.partition("@")
        context = context or "default"
        requestor = request.requestor
        system = request.system
        formats = request.capabilities.copy() if request.capabilities else FormatCapabilities([slin])
        base = system.next_channel_name(f"Local/{extension}@{context}")
        language = requestor.language if requestor is not None else ""
        owner = Channel(
            system, self, f"{base};1", context=context, extension=extension, unique_id=request.unique_id,
            linked_id=request.linked_id, native_formats=formats, language=language, is_outgoing=True,
        )  # fmt: skip
        second = request.second_unique_id or (f"{request.unique_id};2" if request.unique_id else "")
        channel = Channel(
            system, self, f"{base};2", state=ChannelState.RING, context=context, extension=extension,
            unique_id=second, linked_id=owner.linked_id, native_formats=formats.copy(), language=language,
        )  # fmt: skip
        if "j" in options:  # what the dialplan's half gets from the other is made even
            even_out(channel, JitterBuffer())
        owner.private = channel.private = LocalPair(owner, channel, context, extension, "n" not in options, "m" in options)
        if requestor is not None:
            owner.private.streams = requestor.tech.streams(requestor)
        for half in (owner, channel):
            system.announce_channel(half)
        return owner

    def new_pair(self, system: System, extension: str, context: str, requestor: Channel) -> tuple[Channel, Channel]:
        """Two halves without a dialplan, both up, to link what they are put into. Somebody must own each."""
        base = system.next_channel_name(f"Local/{extension}@{context}")
        halves = [
            Channel(
                system, self, f"{base};{number}", state=ChannelState.UP, context=context, extension=extension,
                linked_id=requestor.linked_id, native_formats=FormatCapabilities([slin]), language=requestor.language,
                is_outgoing=number == 1,
            )
            for number in (1, 2)
        ]  # fmt: skip
        pair = LocalPair(halves[0], halves[1], context, extension, may_optimise=False, passes_music=False, is_called=True)
        for half in halves:
            half.private = pair
            system.announce_channel(half)
        return halves[0], halves[1]

    def carry(self, channel: Channel, requestor: Channel) -> Channel:
        """Let a new half carry ``channel``, which goes on with what it does, in the place of its technology, which says goodbye.

        The result is that half, up and without an owner; what is said to it is heard by ``channel``.
        """
        system = channel.system
        base = system.next_channel_name(f"Local/{channel.extension}@{channel.context}")
        near = Channel(
            system, self, f"{base};1", state=ChannelState.UP, context=channel.context, extension=channel.extension,
            linked_id=requestor.linked_id, native_formats=FormatCapabilities([slin]), language=requestor.language,
            is_outgoing=True,
        )  # fmt: skip
        pair = LocalPair(near, channel, channel.context, channel.extension, False, False, is_called=True)
        near.private = pair
        system.announce_channel(near)
        channel.change_technology(self, pair, FormatCapabilities([slin]))
        return near

    def call(self, channel: Channel, destination: str, timeout: float) -> None:
        """Start the dialplan on the second half, which becomes a copy of what the first is told about the call."""
        pair = _pair(channel)
        second = pair.channel
        system = channel.system
        channel.variables.copy_to(second)
        second.dialed = channel.dialed
        second.redirecting = channel.redirecting
        second.account_code = second.account_code or channel.account_code
        second.peer_account = channel.peer_account
        second.language = channel.language
        second.music_class = channel.music_class
        second.hangup_cause = channel.hangup_cause
        second.data.update({key: value for key, value in channel.data.items() if key.startswith("inherit:")})
        inherit_features(channel, second)
        channel.call_id = channel.call_id or system.next_call_id()  # an originated one: both halves are one call
        second.call_id = second.call_id or channel.call_id
        caller: PartyId = channel.data.pop(CALLED_BY, channel.connected.id)
        second.caller.id = caller.copy()
        second.caller.ani = (channel.connected.ani if channel.connected.ani.number.valid else caller).copy()
        second.connected.id = channel.caller.id.copy()
        if second.caller.id.number.valid or second.caller.id.name.valid:
            system.bus.publish(events.CallerIdChanged(second))
        if second.connected.id.number.valid or second.connected.id.name.valid:
            system.bus.publish(events.ConnectedLineChanged(second))
        is_there = leads_at_once(second, pair.context, pair.extension)
        if is_there is None:
            system.start_call_task(second, self._begin_when_known(pair), "look-up")
        elif not is_there:
            second.hangup()
            raise RequestFailed(Cause.NOTDEFINED, _nowhere(pair))
        else:
            self._begin(pair)

    def _begin(self, pair: LocalPair) -> None:
        """The second half goes into the dialplan."""
        owner, second = pair.owner, pair.channel
        second.system.bus.publish(events.LocalBridged(owner, second, pair.context, pair.extension, pair.may_optimise))
        pair.is_called = True
        second.system.start_pbx(second)

    async def _begin_when_known(self, pair: LocalPair) -> None:
        """A switch has to ask elsewhere first whether the extension is there."""
        if await leads(pair.channel, pair.context, pair.extension):
            self._begin(pair)
            return
        _nowhere(pair)
        pair.owner.queue_hangup(Cause.NOTDEFINED)
        pair.channel.hangup()

    def answer(self, channel: Channel) -> None:
        """The second half answers: the first is told."""
        pair = _pair(channel)
        if channel is pair.channel:
            pair.owner.deliver(control_frame(Control.ANSWER))

    def hangup(self, channel: Channel) -> None:
        """Either half going takes the other along."""
        pair = _pair(channel)
        other = pair.other(channel)
        if other.is_hung_up or (channel is pair.channel and not pair.is_called):
            return
        if channel is pair.channel:
            status = channel.variables.own("DIALSTATUS")
            if status:
                other.set_variable("CHANLOCALSTATUS", status)
        elif not pair.is_called:
            other.hangup(channel.hangup_cause)
            return
        other.queue_hangup(channel.hangup_cause, source="")

    def indicate(self, channel: Channel, condition: Control, data: Any = b"") -> bool:
        """What one half is told, the other reports."""
        pair = _pair(channel)
        other = pair.other(channel)
        if other.is_hung_up:
            return True
        if condition in _MUSIC and not pair.passes_music:
            return False
        if condition is Control.CONNECTED_LINE and isinstance(data, Connected):
            _name(other, data.id)
        other.deliver(control_frame(condition, data))
        return True

    def send_digit_begin(self, channel: Channel, digit: str) -> bool:
        """Digits pass to the other half as events."""
        _pair(channel).other(channel).deliver(digit_begin(digit))
        return True

    def send_digit_end(self, channel: Channel, digit: str, duration_ms: int) -> bool:
        """See :meth:`send_digit_begin`."""
        _pair(channel).other(channel).deliver(digit_end(digit, duration_ms))
        return True

    def send_text(
        self, channel: Channel, text: str, content_type: str = "text/plain", *, from_name: str = "", to_name: str = ""
    ) -> bool:
        """Text passes as a TEXT frame."""
        _pair(channel).other(channel).deliver(Frame(FrameType.TEXT, 0, text))
        return True

    def streams(self, channel: Channel) -> tuple[CallStream, ...]:
        """Those of the caller on whose behalf the channels were made."""
        return _pair(channel).streams

    def write(self, channel: Channel, frame: Frame) -> None:
        """Media written to one half comes out of the other; the first such frame lets the halves step out if they can."""
        pair = _pair(channel)
        other = pair.other(channel)
        if other.is_hung_up:
            return
        if pair.may_optimise and channel.bridge_member is not None and other.bridge_member is not None:
            channel.system.loop.call_soon(self._optimise, pair)
        other.deliver(frame)

    def _optimise(self, pair: LocalPair) -> None:
        """Let the channel bridged to one half take the place of the other half in its bridge, so that both halves can go.

        Where both halves are with several others, the two bridges become one. Halves that are recorded, spied on or otherwise
        seen by a hook stay until that is over.
        """
        owner, channel = pair.owner, pair.channel
        near, far = owner.bridge_member, channel.bridge_member
        if not pair.may_optimise or near is None or far is None or near.bridge is far.bridge:
            return
        if near.is_apart or far.is_apart or owner.soft_hangup or channel.soft_hangup:
            return
        if any(half.read_hooks or half.write_hooks or half.signal_hooks for half in (owner, channel)):
            return
        if not (near.bridge.kind == far.bridge.kind == "basic"):
            return
        if len(near.peers) != 1:
            near, far = far, near
        if len(near.peers) != 1:
            if near.peers and far.peers:
                self._merge(pair, near, far)
            return
        source = near.peers[0]
        if source.is_apart or source.channel.soft_hangup:
            return
        pair.may_optimise = False
        number, self._optimisations = self._optimisations, self._optimisations + 1
        bus = owner.system.bus
        bus.publish(events.LocalOptimizationBegan(owner, channel, source.channel, number))
        near.bridge.dissolve_on_hangup = False  # it ends when the optimisation has been told, not when it loses the source
        far.bridge.move(source, swap=far)
        clear_peer_variables(near.channel)
        bus.publish(events.LocalOptimizationEnded(owner, channel, True, number))
        near.leave(LeaveReason.DISSOLVED)

    def _merge(self, pair: LocalPair, near: BridgeMember, far: BridgeMember) -> None:
        """The larger of the bridges of both halves takes in the members of the other one; the halves go."""
        kept, ended = near.bridge, far.bridge
        if len(ended.members) > len(kept.members):
            kept, ended = ended, kept
        if any(member.is_apart for member in ended.members):
            return
        pair.may_optimise = False
        number, self._optimisations = self._optimisations, self._optimisations + 1
        bus = self.system.bus
        bus.publish(events.LocalOptimizationBegan(pair.owner, pair.channel, None, number))
        kept.merge(ended)
        bus.publish(events.LocalOptimizationEnded(pair.owner, pair.channel, True, number))
        for half in (near, far):
            half.leave(LeaveReason.DISSOLVED)

    def device_state(self, resource: str) -> str | None:
        """INVALID if there is no such extension, INUSE while somebody calls there: as long as the first half lives."""
        extension, _, context = resource.partition("/")[0].partition("@")
        context = context or "default"
        system = self.system
        if system.plan.find(context, extension, 1) is None:
            return "INVALID"
        prefix = f"local/{extension}@{context}-".lower()
        is_called = any(name.endswith(";1") and name.lower().startswith(prefix) for name in system.channels)
        return "INUSE" if is_called else "NOT_INUSE"

    def describe(self, channel: Channel) -> dict[str, str]:
        """Where the dialplan half goes."""
        pair = _pair(channel)
        return {"Local": f"{pair.extension}@{pair.context}", "Optimise": "yes" if pair.may_optimise else "no"}


def _name(channel: Channel, party: PartyId) -> None:
    """A half is now known as who is behind the other one; nothing is told where that is known already.

    Of a half that is not up yet it is told when that rings or is answered.
    """
    number, name, known = party.number, party.name, channel.caller.id
    if not ((number.valid and number != known.number) or (name.valid and name != known.name)):
        return
    if number.valid:
        known.set_number(number.text)
    if name.valid:
        known.set_name(name.text)
    if channel.state is ChannelState.UP:
        channel.system.bus.publish(events.CallerIdChanged(channel))
    else:
        channel.is_renamed = True


def _pair(channel: Channel) -> LocalPair:
    pair = channel.private
    assert isinstance(pair, LocalPair)
    return pair


def _nowhere(pair: LocalPair) -> str:
    """Say in the log that the extension of a pair is not there; gives the reason for whoever asked for it."""
    logger.notice(f"No such extension {pair.extension}@{pair.context} for {pair.owner.name}")
    return f"no such extension {pair.extension}@{pair.context}"
