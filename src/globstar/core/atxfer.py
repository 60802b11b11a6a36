"""Attended transfer by digits: hold the other party, call somebody, talk, and then join them, go back, or talk all together."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import Enum

from globstar.base.log import Logger
from globstar.core import events
from globstar.core.announce import start_announcement
from globstar.core.attended import introduce
from globstar.core.bridge import Bridge, BridgeMember, LeaveReason
from globstar.core.cause import Cause
from globstar.core.channel import Channel
from globstar.core.dialing import CallStatus, OutgoingCall, request_channel
from globstar.core.features import DigitFeatures, FeatureAction, settings_for
from globstar.core.frame import Control, Frame, FrameType
from globstar.core.local import CALLED_BY, LocalPair
from globstar.core.party import Connected
from globstar.core.pbx import exists
from globstar.core.tech import RequestFailed
from globstar.core.transfer import TransferOutcome, ask_extension, hold_others, keep_in_bridge, transfer_context

logger = Logger("features")


class Step(Enum):
    """What happens to a transfer that is under way."""

    ANSWERED = "the target answered"
    TARGET_GONE = "the target is gone"
    TRANSFERER_GONE = "the transferer hung up"
    TRANSFEREE_GONE = "the transferee hung up"
    ABORT = "the transferer goes back"
    COMPLETE = "the transferer leaves"
    THREEWAY = "all talk together"
    SWAP = "the transferer talks to the other one"


@dataclass(slots=True)
class Target:
    """Whom the transferer calls: a Local channel, while it rings and once it answered."""

    call: OutgoingCall
    #: its place in a bridge from the beginning on; what it says goes to the call until it answers
    place: BridgeMember | None = None
    #: the same once it answered
    member: BridgeMember | None = None

    @property
    def channel(self) -> Channel:
        """The half that is called."""
        return self.call.channel

    def wait_in(self, bridge: Bridge) -> None:
        """Wait in a bridge for the answer."""
        if self.place is None:
            self.place = bridge.join(self.channel)
        elif self.place.bridge is not bridge and not self.place.left.done():
            bridge.move(self.place)
        if not self.call.is_over:
            self.channel.attach(self.call.receive)


def start_attended_transfer(member: BridgeMember) -> None:
    """The code of an attended transfer was pressed: ask for the extension."""
    if not member.is_apart and member.peers:
        _start(member, "", "")


def request_attended_transfer(channel: Channel, extension: str, context: str = "") -> bool:
    """Begin an attended transfer of whoever ``channel`` is bridged with; False if that is nobody, or the extension none."""
    member = channel.bridge_member
    if member is None or not member.peers or not exists(channel, context or transfer_context(channel), extension):
        return False
    member.bring_back()  # who runs an application of [applicationmap] is apart
    _start(member, extension, context)
    return True


def _start(member: BridgeMember, extension: str, context: str) -> None:
    channel = member.channel
    task = channel.system.start_call_task(channel, _ask_and_start(member, extension, context), "attended transfer")

    def left(_member: BridgeMember, _reason: LeaveReason) -> None:
        if task is not asyncio.current_task():
            task.cancel()

    member.when_left(left)


async def _ask_and_start(member: BridgeMember, extension: str, context: str) -> None:
    channel = member.channel
    if not extension:
        extension = await ask_extension(member)
    else:
        hold_others(member, True)
    if member.left.done() or not extension:
        return
    transfer = ConsultedTransfer(member, context or transfer_context(channel), extension)
    channel.system.tasks.start(transfer.run(), name=f"attended transfer of {channel.name}")


class ConsultedTransfer:
    """One attended transfer from the call to the target to its end. It outlives the transferer's channel."""

    def __init__(self, member: BridgeMember, context: str, extension: str) -> None:
        self.member = member
        self.transferer = member.channel
        self.system = self.transferer.system
        self.settings = settings_for(self.transferer)
        self.context, self.extension = context, extension
        #: where the transferees wait
        self.first = member.bridge
        self._second: Bridge | None = None
        self.steps: asyncio.Queue[Step] = asyncio.Queue()
        self.target: Target | None = None
        self._filter = member.digit_filter
        self._consulting: DigitFeatures | None = None
        self._members = (len(self.first.members), 0)

    @property
    def second(self) -> Bridge:
        """Where the transferer talks to the target; it exists from when there is a target."""
        if self._second is None:
            self._second = Bridge(self.system, creator=self.first.creator, dissolve_on_hangup=False)
        return self._second

    # -- the whole of it ---------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """See the transfer through."""
        first = self.first
        first.dissolve_on_hangup = False
        for peer in self.member.peers:
            peer.when_left(lambda _member, _reason: self._transferee_left())
        self.member.before_leaving = self._hand_over
        self.member.when_left(lambda _member, _reason: self.steps.put_nowait(Step.TRANSFERER_GONE))
        try:
            self._consult()
            await self._decide()
        finally:
            self._tidy()

    def _tidy(self) -> None:
        """Whatever happened: no bridge is left that nobody minds, and no digit is waited for."""
        if self._consulting is not None:
            self._consulting.close()
        self.member.before_leaving = None
        for bridge in (self.first, self._second):
            if bridge is None or bridge.is_dissolved:
                continue
            bridge.dissolve_on_hangup = True
            if len(bridge.members) < 2:
                bridge.dissolve()

    def _transferee_left(self) -> None:
        if not self._waiting():
            self.steps.put_nowait(Step.TRANSFEREE_GONE)

    def _consult(self) -> None:
        """Call the target and take the transferer out of the conversation, to where the target is waited for."""
        settings, member = self.settings, self.member
        self.target = self._call_target()
        actions: dict[str, FeatureAction] = {}
        for code, step in (
            (settings.attended_abort, Step.ABORT),
            (settings.attended_complete, Step.COMPLETE),
            (settings.attended_threeway, Step.THREEWAY),
            (settings.attended_swap, Step.SWAP),
        ):
            if code:
                actions[code] = self._presser(step)
        self._consulting = DigitFeatures(self.transferer, actions, settings.feature_digit_timeout)
        self._consulting.member = member
        self.second.move(member)
        if self.target is not None:  # nobody is known yet
            self.transferer.set_connected_line(self.target.channel.caller.id, tell_endpoint=False)
        self.transferer.hold_state = False
        member.digit_filter = self._consulting

    def _presser(self, step: Step) -> FeatureAction:
        return lambda _member: self.steps.put_nowait(step)

    async def _decide(self) -> None:
        """While the transferer consults: what it does, or what happens to the others."""
        deadline = self.system.now() + self.settings.attended_no_answer_timeout
        while True:
            step = await self._next(deadline if self.target is not None and self.target.member is None else None)
            logger.debug(1, f"attended transfer of {self.transferer.name}: {step.value}")
            if step is Step.ANSWERED:
                self._connect(self.second)
                introduce(self.second)
            elif step is Step.SWAP:
                self._swap()
            elif step in (Step.COMPLETE, Step.TRANSFERER_GONE):
                await self._leave(deadline)
                return
            elif step is Step.THREEWAY:
                if self.target is not None and self.target.member is not None:
                    self._threeway()
                    return
            elif step is Step.TRANSFEREE_GONE:
                self._lose_transferee()
                return
            else:  # back to the conversation: as wanted, or because nobody answered
                await self._return(is_told=step is Step.TARGET_GONE)
                return

    async def _next(self, deadline: float | None) -> Step:
        """The next thing that happens; no answer until ``deadline`` counts as the target being gone."""
        if deadline is None:
            return await self.steps.get()
        try:
            return await asyncio.wait_for(self.steps.get(), max(deadline - self.system.now(), 0))
        except TimeoutError:
            return Step.TARGET_GONE

    # -- the target --------------------------------------------------------------------------------------------------

    def _call_target(self) -> Target | None:
        """Call the extension on behalf of the transferer."""
        transferer = self.transferer
        try:
            local = request_channel(self.system, f"Local/{self.extension}@{self.context}", requestor=transferer)
        except RequestFailed:
            self.steps.put_nowait(Step.TARGET_GONE)
            return None
        local.set_variable("TRANSFERERNAME", transferer.name)
        local.set_variable("ATTENDEDTRANSFER", transferer.name)
        local.call_id = transferer.call_id
        local.data[CALLED_BY] = transferer.caller.id
        where = self.second if self.member.bridge is self.first and not self.member.left.done() else self.first
        call = OutgoingCall(local, f"Local/{self.extension}@{self.context}", on_change=self._target_changed)
        call.on_voice = self._early_voice
        try:
            call.place(self.settings.attended_no_answer_timeout, is_announced=False)  # as a part of the transfer
        except RequestFailed as failed:
            local.hangup(failed.cause)
            self.steps.put_nowait(Step.TARGET_GONE)
            return None
        pair = local.private
        if isinstance(pair, LocalPair):  # it may step out when the transfer is done
            pair.may_optimise = False
        local.set_connected_line(transferer.caller.id, tell_endpoint=False)
        target = Target(call)
        target.wait_in(where)
        return target

    def _waiting(self) -> list[Channel]:
        """Who waits for the target: all in the first bridge but the transferer and the target."""
        target = self.target.channel if self.target is not None else None
        return [channel for channel in self.first.channels if channel is not self.transferer and channel is not target]

    def _listeners(self) -> list[Channel]:
        """Who hears the target ring: the transferer, or when that has gone those who wait for the target."""
        if not self.member.left.done():
            return [self.transferer] if self.member.bridge is self.second else []
        return self._waiting()

    def _early_voice(self, frame: Frame) -> None:
        for channel in self._listeners():
            channel.write(frame)

    def _target_changed(self, call: OutgoingCall, frame: Frame | None) -> None:
        if call.is_over:
            call.announce_end(call.status)
            self.steps.put_nowait(Step.ANSWERED if call.status is CallStatus.ANSWER else Step.TARGET_GONE)
        elif frame is None or frame.type is not FrameType.CONTROL:
            return
        elif frame.subtype == Control.RINGING:
            call.announce_state()
            for channel in self._listeners():
                channel.indicate(Control.RINGING)
        elif frame.subtype == Control.CONNECTED_LINE and isinstance(frame.data, Connected):
            for channel in self._listeners():
                channel.set_connected_line(frame.data.id, frame.data.source)

    def _connect(self, bridge: Bridge) -> None:
        """The target answered: into the bridge with it."""
        target = self.target
        assert target is not None
        for channel in bridge.channels:
            channel.stop_generator()
        is_known = target.place is not None and target.place.bridge is bridge
        target.wait_in(bridge)
        member = target.member = target.place
        assert member is not None
        if is_known:
            bridge.tell_peer_variables()
        if not member.left.done():
            target.channel.attach(member.receive)
        target.channel.variables.unset("ATTENDEDTRANSFER")
        keep_in_bridge(target.channel, member)
        member.when_left(lambda _member, _reason: self.steps.put_nowait(Step.TARGET_GONE))

    def _drop_target(self, cause: int = Cause.NORMAL_CLEARING) -> None:
        target, self.target = self.target, None
        if target is None:
            return
        if target.place is not None:
            target.place.leave(LeaveReason.KICKED)
        if target.member is not None:
            return
        if not target.call.is_over:
            target.call.give_up(CallStatus.CANCEL, cause)
        elif not target.channel.is_hung_up:
            target.channel.hangup(cause)

    # -- ways out ----------------------------------------------------------------------------------------------------

    def _swap(self) -> None:
        """Talk to the one who waits, while the other one does."""
        if self.target is None or self.target.member is None:
            return
        here, there = (self.second, self.first) if self.member.bridge is self.second else (self.first, self.second)
        hold_others(self.member, True)
        there.move(self.member)
        hold_others(self.member, False)
        assert here is not there

    def _back_in_conversation(self) -> None:
        member = self.member
        release_held(self.first)
        if member.bridge is not self.first:
            self.first.move(member)
        member.digit_filter = self._filter
        hold_others(member, False)
        self.first.dissolve_on_hangup = True

    async def _return(self, *, is_told: bool) -> None:
        """The target is let go; the transferer is back with the transferee, and hears that nothing came of it.

        What it wanted itself is no failure of which others are told.
        """
        if is_told:
            self._tell(TransferOutcome.FAIL, "Fail")
        if not self.member.left.done():
            self._back_in_conversation()
        self._drop_target()
        if self.member.left.done():
            return
        await self._play(self.member, self.settings.transfer_failed_sound)

    def _threeway(self) -> None:
        """All in one bridge."""
        target = self.target
        assert target is not None
        assert target.member is not None
        if self.member.bridge is self.first:
            release_held(self.second)
        self.first.merge(self.second)
        self._back_in_conversation()
        self._allow_optimisation()
        self._tell(TransferOutcome.SUCCESS, "Threeway")

    def _lose_transferee(self) -> None:
        """Nobody waits any more: the transferer and the target have a call of their own, or the transferer has none."""
        member, target = self.member, self.target
        if target is not None and target.member is not None and not member.left.done():
            if member.bridge is not self.second:
                self.second.move(member)
            member.digit_filter = self._filter
            hold_others(member, False)
            self._allow_optimisation()
            return
        self._drop_target()
        if not member.left.done():
            member.leave(LeaveReason.DISSOLVED)

    async def _leave(self, deadline: float) -> None:
        """The transferer goes; those who waited get the target, now or when it answers."""
        target = self.target
        was_here = self.member.bridge is self.first
        self._end_transferer()
        if not self._waiting():
            self._drop_target()
        elif target is None or (target.member is not None and target.member.left.done()):
            await self._recall(0)
        elif target.member is not None:
            if target.member.bridge is not self.first or was_here:
                self._hand_over()
            self._finish()
            await self._play(target.member, self.settings.transfer_success_sound)
        else:
            release_held(self.first)
            target.wait_in(self.first)
            for channel in self._waiting():
                channel.indicate(Control.RINGING)
            await self._wait_for_target(deadline, 0)

    def _hand_over(self) -> None:
        """The transferer is about to go: the target comes to those who wait, if it has answered, and all hear who they are."""
        target = self.target
        if target is None or target.member is None or target.member.left.done() or not self._waiting():
            return
        is_here = self.member.bridge is self.first and not self.member.left.done()  # it has both in one bridge, and leaves them
        release_held(self.first)
        target.channel.hangup_source = target.channel.hangup_source or self.transferer.hangup_source  # as if still with it
        if target.member.bridge is not self.first:
            self.system.bus.publish(events.BridgesMerged(self.first, target.member.bridge))
            self.first.move(target.member)
        if not is_here:
            introduce(self.first)

    def _end_transferer(self) -> None:
        if not self.member.left.done():
            self.member.leave(LeaveReason.DIGIT)

    def _finish(self) -> None:
        """The target and those who waited are together."""
        self.first.dissolve_on_hangup = True
        self._allow_optimisation()
        self._tell(TransferOutcome.SUCCESS, "Bridge")

    async def _wait_for_target(self, deadline: float, attempt: int) -> None:
        """The transferer is gone and the target rings."""
        while True:
            step = await self._next(deadline)
            if step is Step.ANSWERED:
                self._connect(self.first)
                introduce(self.first)
                self._finish()
                return
            if step is Step.TRANSFEREE_GONE:
                self._drop_target()
                return
            if step is Step.TARGET_GONE:
                self._drop_target(Cause.NO_ANSWER)
                await self._recall(attempt)
                return

    async def _recall(self, attempt: int) -> None:
        """Nobody answered for a transferer that has gone: call it back, or try the target again, as often as is configured."""
        settings = self.settings
        waiting = [channel for channel in self._waiting() if not channel.soft_hangup]
        if not waiting:
            return
        if settings.attended_drop_call:
            self._tell(TransferOutcome.FAIL, "Fail")
            self.first.dissolve()
            return
        if await self._call_back(waiting[0]):
            return
        if attempt >= settings.attended_callback_retries or not self.first.members:
            self._tell(TransferOutcome.FAIL, "Fail")
            self.first.dissolve()
            return
        await asyncio.sleep(settings.attended_loop_delay)
        if not self.first.members:
            return
        self.target = self._call_target()
        await self._wait_for_target(self.system.now() + settings.attended_no_answer_timeout, attempt + 1)

    async def _call_back(self, party: Channel) -> bool:
        """Call the transferer's phone; True if it answered and talks to those who waited."""
        dial_string = self.transferer.name.rpartition("-")[0]
        ended: asyncio.Future[bool] = self.system.loop.create_future()

        def changed(call: OutgoingCall, frame: Frame | None) -> None:
            if call.is_over and not ended.done():
                ended.set_result(call.status is CallStatus.ANSWER)

        try:
            channel = request_channel(self.system, dial_string, requestor=party)
        except RequestFailed:
            return False
        channel.connected.id = party.caller.id.copy()
        channel.call_id = self.transferer.call_id
        call = OutgoingCall(channel, dial_string, on_change=changed)
        try:
            call.place(self.settings.attended_no_answer_timeout)
            answered = await asyncio.wait_for(ended, self.settings.attended_no_answer_timeout)
        except (RequestFailed, TimeoutError):
            answered = False
        except asyncio.CancelledError:
            call.give_up()
            raise
        if not answered or not self.first.members:
            if not channel.is_hung_up:
                call.give_up(CallStatus.CANCEL, Cause.NO_ANSWER)
            return False
        for waiting in self.first.channels:
            waiting.stop_generator()
        keep_in_bridge(channel, self.first.join(channel))
        self.first.dissolve_on_hangup = True
        introduce(self.first)
        return True

    # -- helpers -----------------------------------------------------------------------------------------------------

    def _allow_optimisation(self) -> None:
        pair = self.target.channel.private if self.target is not None else None
        if isinstance(pair, LocalPair):
            pair.may_optimise = True

    async def _play(self, member: BridgeMember, sound: str) -> None:
        """Let one member hear a sound before it goes on."""
        if sound and not member.left.done():
            await asyncio.wait([start_announcement(member, [sound])])

    def _tell(self, outcome: TransferOutcome, destination: str) -> None:
        target = self.target.channel if self.target is not None else None
        peers = [channel for channel in self.first.channels if channel not in (self.transferer, target)]
        self.system.bus.publish(
            events.AttendedTransferred(
                self.transferer,
                self.first,
                self.transferer,
                self.second,
                outcome.value,
                transferee=peers[0] if peers else None,
                target=target,
                destination=destination,
                bridge=self.first if outcome is TransferOutcome.SUCCESS else None,
                members=self._members,
            )
        )


def release_held(bridge: Bridge) -> None:
    """Those who wait in a bridge are taken off hold, although who held them has gone."""
    for channel in bridge.channels:
        if channel.is_held:
            channel.indicate(Control.UNHOLD)
