"""The engine: turns the events of channels, calls and bridges into call detail records."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core import events
from globstar.core.cdr.chain import RecordChain
from globstar.core.cdr.posting import Poster
from globstar.core.cdr.record import FIELDS, CallRecord, Disposition, State
from globstar.core.cdr.settings import CdrSettings
from globstar.core.channel import Channel, ChannelState, SoftHangup

if TYPE_CHECKING:
    from globstar.core.bridge import Bridge
    from globstar.core.system import System

logger = Logger("cdr")

#: Name of the service.
SERVICE = "call records"

_DISPOSITION_OF_STATUS = {
    "ANSWER": Disposition.ANSWERED,
    "BUSY": Disposition.BUSY,
    "CONGESTION": Disposition.CONGESTION,
    "CHANUNAVAIL": Disposition.FAILED,
    "INVALIDARGS": Disposition.FAILED,
}
#: Bridges in which members do not talk to one another.
_QUIET_KINDS = ("holding", "parking")
#: How a channel may be that goes on in the dialplan.
_GOES_ON = (SoftHangup.NONE, SoftHangup.ASYNC_GOTO)


class CdrEngine:
    """Makes the records of one system. It listens only while records are enabled."""

    def __init__(self, system: System, settings: CdrSettings) -> None:
        self.system = system
        self.settings = settings
        self.now = system.wall_time
        self.poster = Poster(system, settings)
        self._sequence = 0
        self._undo: list[Callable[[], None]] = []
        #: channels that get another record when they run the next priority
        self._awaiting: set[Channel] = set()
        self._stop_awaiting: Callable[[], None] | None = None
        self._unsettled: list[CallRecord] = []
        #: the records of calls that another channel picked up, by the channel that rang
        self._picked: dict[Channel, CallRecord] = {}
        self.configure(settings)

    def configure(self, settings: CdrSettings) -> None:
        """Take other settings; records that are being made go on."""
        self.settings = self.poster.settings = settings
        self._unsubscribe()
        if not settings.batch:
            self.poster.submit()
        if not settings.enable:
            return
        subscribe = self.system.bus.subscribe
        self._undo = [
            subscribe(events.ChannelCreated, self._created),
            subscribe(events.ChannelStateChanged, self._state_changed),
            subscribe(events.HangupLogicStarted, self._hangup_logic_started),
            subscribe(events.ChannelHungUp, self._hung_up),
        ]
        if not settings.ignoredialchanges:
            self._undo += [
                subscribe(events.DialBegan, self._dial_began),
                subscribe(events.DialEnded, self._dial_ended),
                subscribe(events.CallPickedUp, self._picked_up),
            ]
        if not settings.ignorestatechanges:
            self._undo += [
                subscribe(events.BridgeEntered, self._bridge_entered),
                subscribe(events.BridgeLeft, self._bridge_left),
                subscribe(events.ParkingChanged, self._parking_changed),
            ]

    def _unsubscribe(self) -> None:
        for undo in self._undo:
            undo()
        self._undo = []

    def close(self) -> None:
        """Hand over what waits and listen no more."""
        self._unsubscribe()
        self.hand_over_all()
        if self.poster.waiting:
            logger.warning(f"{len(self.poster.waiting)} call detail records of the last batch are lost: safeshutdown is off")
        if self._stop_awaiting is not None:
            self._stop_awaiting()
            self._stop_awaiting = None

    def hand_over_all(self) -> None:
        """A backend ends, perhaps with the server: it gets what waits, the batch only with safeshutdown."""
        self.poster.work_off_all()
        if self.settings.safeshutdown:
            self.poster.submit()

    def next_sequence(self) -> int:
        """The number of a new record."""
        number, self._sequence = self._sequence, self._sequence + 1
        return number

    # -- the service ---------------------------------------------------------------------------------------------------

    def reset(self, channel: Channel, *, keep_variables: bool = False) -> None:
        """Begin the channel's open records anew."""
        chain = self.chain(channel)
        if chain is not None:
            chain.reset(keep_variables=keep_variables)

    def fork(
        self,
        channel: Channel,
        *,
        sets_answer: bool = False,
        ends_original: bool = False,
        resets_times: bool = False,
        keeps_variables: bool = True,
    ) -> bool:
        """Begin a second record beside the present one; False if there is none."""
        chain = self.chain(channel)
        return chain is not None and chain.fork(
            sets_answer=sets_answer,
            ends_original=ends_original,
            resets_times=resets_times,
            keeps_variables=keeps_variables,
        )

    def chain(self, channel: Channel) -> RecordChain | None:
        """The records of a channel, in their present state; None if it has none."""
        self._settle()
        chain = channel.cdr
        return chain if isinstance(chain, RecordChain) else None

    def describe(self, channel: Channel) -> list[str]:
        """The records as ``core show channel`` prints them."""
        chain = self.chain(channel)
        lines: list[str] = []
        for level, record in enumerate(chain.records if chain is not None else (), 1):
            lines += [f"level {level}: {name}={value}" for name, value in record.variables.items()]
            for name in FIELDS:
                raw = record.value(name, record.end or record.start, raw=True)
                if raw or name in ("clid", "src"):
                    lines.append(f"level {level}: {name}={raw}")
        return lines

    # -- channels ------------------------------------------------------------------------------------------------------

    def _created(self, event: events.ChannelCreated) -> None:
        channel = event.channel
        if channel.cdr is None and not channel.tech.is_internal:
            channel.cdr = RecordChain(self, channel, is_disabled=not self.settings.channeldefaultenabled)

    def _state_changed(self, event: events.ChannelStateChanged) -> None:
        channel = event.channel
        channel.step_cause = channel.hangup_cause
        chain = channel.cdr
        if chain is not None and channel.state is ChannelState.UP:
            now = self.now()
            for record in chain.records:
                if record.state is not State.FINISHED and not record.answer:
                    record.answer = now

    def _hangup_logic_started(self, event: events.HangupLogicStarted) -> None:
        """The records end with the first priority of h, whose arguments still see them open."""
        channel = event.channel
        chain: RecordChain | None = channel.cdr
        if chain is not None and self.settings.endbeforehexten:
            for record in chain.records:
                record.read_channel()
                record.is_ending = True
            chain.ending_cause = channel.step_cause
            self._listen_for_next(channel)

    def _hung_up(self, event: events.ChannelHungUp) -> None:
        channel = event.channel
        if self._picked:
            self._end_picked(channel)
        chain = channel.cdr
        if chain is None:
            return
        if channel in self._awaiting:
            self._forget(channel)
        chain.finish_all(chain.ending_cause)
        records = [record for record in chain.records if self._is_wanted(record)]
        if self.settings.debug:
            logger.verbose(1, f"CDR: {channel.name} is gone: {chain.records}, {len(records)} to post")
        if records:
            self.poster.take(records)
        channel.cdr = None  # the records name the channel: together they would stay until the next garbage collection

    def _end_picked(self, channel: Channel) -> None:
        """A channel whose call was picked up is gone: who called it has answered meanwhile, or not."""
        record = self._picked.pop(channel, None)
        if record is not None and not record.is_finished:
            record.disposition = Disposition.ANSWERED if record.answer else Disposition.NO_ANSWER
            record.finish(self.now(), self.settings)

    def _is_wanted(self, record: CallRecord) -> bool:
        """Whether backends get a record: not a called channel's own, nor, unless asked for, what nobody answered."""
        if record.is_disabled:
            return False
        if record.party_b is None:
            is_called = record.channel.is_outgoing and not (record.is_originated or record.is_own)
            is_called = is_called and not (record.is_traded and not record.is_ending)
            if is_called or record.is_callee:
                return False
        return bool(record.answer or record.party_b is not None or self.settings.unanswered)

    # -- the next record of a channel that goes on ---------------------------------------------------------------------

    def _await_next(self, channel: Channel) -> None:
        """The channel's records are closed (or wait for a bridge): its next priority begins another one."""
        if not channel.is_hung_up and channel.soft_hangup in _GOES_ON:
            self._listen_for_next(channel)

    def _listen_for_next(self, channel: Channel) -> None:
        self._awaiting.add(channel)
        if self._stop_awaiting is None:
            self._stop_awaiting = self.system.bus.subscribe(events.ApplicationStarted, self._application_started)

    def _forget(self, channel: Channel) -> None:
        self._awaiting.discard(channel)
        if not self._awaiting and self._stop_awaiting is not None:
            self._stop_awaiting()
            self._stop_awaiting = None

    def _application_started(self, event: events.ApplicationStarted) -> None:
        channel = event.channel
        if channel not in self._awaiting:
            return
        chain: RecordChain = channel.cdr
        if chain.ending_cause is not None:
            chain.finish_all(chain.ending_cause)
            self._forget(channel)
            return
        last = chain.last
        if last.place == (channel.context, channel.extension, channel.priority):
            return
        if (not last.is_finished and last.state is not State.PENDING) or (channel.stack and channel.stack[-1].is_special):
            return
        last.finish(self.now(), self.settings)
        self._forget(channel)
        chain.begin_own()

    # -- calls ---------------------------------------------------------------------------------------------------------

    def _dial_began(self, event: events.DialBegan) -> None:
        caller, peer = event.caller, event.peer
        if caller is None:
            if peer.cdr is not None:
                peer.cdr.last.is_originated = True
                peer.cdr.last.state = State.DIAL
            return
        if peer.cdr is not None:
            peer.cdr.was_dialed = True
        chain: RecordChain | None = caller.cdr
        if chain is None:
            return
        for record in chain.records:
            if record.state is State.SINGLE:
                break
        else:
            first = chain.last
            if first.state is State.PENDING:
                first.finish(self.now(), self.settings)
            record = chain.append()
            if first.is_app_locked:
                record.app, record.app_data, record.is_app_locked = first.app, first.app_data, True
        record.read_channel()
        record.state, record.party_b = State.DIAL, peer
        if caller in self._awaiting:
            self._forget(caller)

    def _dial_ended(self, event: events.DialEnded) -> None:
        caller, peer = event.caller, event.peer
        subject = caller if caller is not None else peer
        chain: RecordChain | None = subject.cdr
        if chain is None:
            return
        for record in chain.records:
            if record.state is State.DIAL and (record.party_b is peer or caller is None):
                break
        else:
            return
        if subject.goto_target is None:  # one that is sent elsewhere has its new place already
            record.read_channel()
        status = event.status
        if status in ("CANCEL", "ABORT") and self.settings.canceldispositionenabled:
            record.disposition = Disposition.CANCEL
        else:
            record.disposition = _DISPOSITION_OF_STATUS.get(status, Disposition.NO_ANSWER)
        if status != "ANSWER":
            record.finish(self.now(), self.settings)
        elif caller is None:
            record.state = State.SINGLE
            return
        else:
            record.state = State.PENDING
        self._await_next(subject)

    def _picked_up(self, event: events.CallPickedUp) -> None:
        """Another channel answers in the place of the one that was dialled, whose record ends when that one is gone.

        The two trade places: the one that rang has a record of its own if it just ends, the other one none any more.
        """
        target, channel = event.target, event.channel
        for record in target.cdr.records if target.cdr is not None else ():
            record.read_channel()
            record.is_traded = True
        for record in channel.cdr.records if channel.cdr is not None else ():
            record.is_callee = True
        for candidate in self.system.channels.values():
            chain = candidate.cdr
            for record in chain.records if chain is not None else ():
                if record.state is State.DIAL and record.party_b is target:
                    self._picked[target] = record
                    successor = chain.append()
                    successor.app, successor.app_data = record.app, record.app_data
                    successor.is_app_locked = record.is_app_locked
                    successor.state, successor.party_b = State.DIAL, channel
                    return

    # -- bridges -------------------------------------------------------------------------------------------------------

    def _bridge_entered(self, event: events.BridgeEntered) -> None:
        bridge, channel = event.bridge, event.channel
        chain: RecordChain | None = channel.cdr
        if chain is None:
            return
        if self._unsettled:
            self._settle()
        others: list[Channel] = []
        if len(bridge.members) > 1 and bridge.kind not in _QUIET_KINDS:
            others = [m.channel for m in bridge.members if m.channel is not channel and m.channel.cdr is not None]
        # who makes room for the channel is still there for a moment, and leaves
        swapped = event.swapped if event.swapped is not None and event.swapped.cdr is not None else None
        for record in chain.records:
            if record.state is State.SINGLE or record.state is State.PENDING:
                record.read_channel()
                partner = record.party_b
                if partner not in others:
                    partner = None
                    for other in [*others, swapped] if swapped is not None else others:
                        if self._is_party_a(channel, other):
                            partner = other
                            break
                chain.bridge(record, bridge, partner)
                if record.party_b is swapped and swapped is not None:
                    self._leave_party_a(record)
        partners = chain.partners(bridge) if others else ()
        for other in others:
            if other not in partners:
                self._pair(channel, other, bridge)
        if channel in self._awaiting:
            for record in chain.records:
                if record.state is State.BRIDGE:
                    self._forget(channel)
                    break

    def _pair(self, one: Channel, two: Channel, bridge: Bridge) -> None:
        """Two members without a common record: the one that is party A gets one, or its lonely record a party B."""
        if not self._is_party_a(one, two):
            one, two = two, one
        chain: RecordChain = one.cdr
        chain.bridge(chain.take_lonely(bridge) or chain.append(), bridge, two)

    def _is_party_a(self, one: Channel, two: Channel) -> bool:
        """Party A is who asked to be (CDR_PROP), then who was not called, then who is older."""
        if one.cdr.is_party_a != two.cdr.is_party_a:
            return bool(one.cdr.is_party_a)
        if one.cdr.is_callee != two.cdr.is_callee:
            return not one.cdr.is_callee
        return (one.created_wall, one.cdr.records[0].sequence) <= (two.created_wall, two.cdr.records[0].sequence)

    def _bridge_left(self, event: events.BridgeLeft) -> None:
        bridge, channel = event.bridge, event.channel
        now = self.now()
        chain: RecordChain | None = channel.cdr
        if chain is None:
            return
        is_over = True
        for record in chain.records:
            if record.state is State.BRIDGE and record.bridge is bridge:
                record.finish(now, self.settings)
            is_over = is_over and record.state is State.FINISHED
        if is_over:
            self._await_next(channel)
        if not chain.as_party_b:
            return
        theirs, chain.as_party_b = chain.as_party_b, []
        for record in theirs:
            if record.state is State.BRIDGE and record.party_b is channel:
                if record.bridge is bridge:
                    self._leave_party_a(record)
                else:
                    chain.as_party_b.append(record)

    def _leave_party_a(self, record: CallRecord) -> None:
        """Party B is gone. Party A usually leaves in the same moment and may be on its way elsewhere then: it is read there."""
        record.left_at = self.now()
        if not self._unsettled:
            self.system.loop.call_soon(self._settle)
        self._unsettled.append(record)

    def _parking_changed(self, event: events.ParkingChanged) -> None:
        member = event.parkee.bridge_member
        if event.kind == "ParkedCall" and event.parkee.cdr is not None and member is not None:
            event.parkee.cdr.note_parked(event.lot, event.space, member.bridge)
            self._forget(event.parkee)

    def _settle(self) -> None:
        """Close the records whose party B left while party A stayed."""
        unsettled, self._unsettled = self._unsettled, []
        stay: dict[Channel, None] = {}
        for record in unsettled:
            if not record.is_finished:
                record.finish(record.left_at, self.settings)
                stay[record.channel] = None
        for channel in stay:
            if all(record.is_finished for record in channel.cdr.records):
                self._await_next(channel)
