"""Attended transfer: a party with two calls brings its partners together and goes."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.core import events
from globstar.core.announce import start_announcement
from globstar.core.bridge import Bridge, BridgeMember, LeaveReason
from globstar.core.bridgetech import BridgeCapability
from globstar.core.cause import Cause
from globstar.core.channel import Channel, NoTranslation, SoftHangup
from globstar.core.local import LocalTech
from globstar.core.transfer import TransferOutcome, hold_others, keep_in_bridge

logger = Logger("transfer")


def attended_transfer(first: Channel, second: Channel, *, is_external: bool = False) -> TransferOutcome:
    """Bring together whoever ``first`` talks to with whoever ``second`` talks to; both channels then end.

    Two bridges of two become one. A bridge of several takes in the lonely partner of the other, or is linked with the other.
    Where one of the channels runs an application (a voice mail, a queue, a call that rings), the partner of the other goes on
    in it in its place; so does it where one of them waits in a holding bridge (a parking lot). Two applications cannot be brought
    together.
    """
    one, two = first.bridge_member, second.bridge_member
    told = events.AttendedTransferred(
        first, one.bridge if one is not None else None, second, two.bridge if two is not None else None,
        TransferOutcome.INVALID.value, is_external=is_external,
        members=(len(one.bridge.members) if one is not None else 0, len(two.bridge.members) if two is not None else 0),
    )  # fmt: skip
    outcome = TransferOutcome.INVALID
    if first is not second and not (first.soft_hangup or second.soft_hangup):
        if one is not None and two is not None:
            outcome = _both_bridged(one, two, told)
        elif one is not None:
            outcome = _into_application(one, second, told)
        elif two is not None:
            outcome = _into_application(two, first, told)
    if told.destination != "Bridge":  # which is told while the bridges become one
        told.result = outcome.value
        first.system.bus.publish(told)
    return outcome


def replace_party(newcomer: Channel, replaced: Channel) -> bool:
    """Answer ``newcomer`` and let it take the place of ``replaced``, which ends: in its bridge, or as the one who speaks to the
    application that ``replaced`` runs. The newcomer, which nobody owns yet, gets its owner here. False if that cannot be.
    """
    if replaced.soft_hangup or replaced.is_hung_up:
        return False
    newcomer.answer_at_once()
    newcomer.system.bus.publish(events.ChannelUnheld(newcomer))
    member = replaced.bridge_member
    if member is not None:
        bridge = member.bridge
        _condemn(replaced)
        keep_in_bridge(newcomer, bridge.join(newcomer, swap=member))
        _end(replaced)
    else:
        try:
            near = _local(replaced).carry(replaced, newcomer)
        except NoTranslation as error:
            logger.warning(f"{newcomer.name} cannot take the place of {replaced.name}: {error}")
            return False
        bridge = Bridge(newcomer.system)
        keep_in_bridge(near, bridge.join(near))
        keep_in_bridge(newcomer, bridge.join(newcomer))
    introduce(bridge)
    return True


def _both_bridged(one: BridgeMember, two: BridgeMember, told: events.AttendedTransferred) -> TransferOutcome:
    for alone, waiting in ((one, two), (two, one)):
        if _is_holding(waiting.bridge) and not _is_holding(alone.bridge) and len(alone.peers) == 1:
            return _into_holding(alone, waiting, told)
    if one.bridge is two.bridge or not one.peers or not two.peers:
        return TransferOutcome.INVALID
    hold_others(one, False)
    hold_others(two, False)
    told.transferee = one.peers[0].channel if len(one.peers) == 1 else None
    told.target = two.peers[0].channel if len(two.peers) == 1 else None
    told.target_linked_id = told.target.linked_id if told.target is not None else ""
    if len(one.peers) == 1:
        _merge(one, two, told)
    elif len(two.peers) == 1:
        _merge(two, one, told)
    else:
        told.destination, told.link = "Link", _link(one, two)
    return TransferOutcome.SUCCESS


def _is_holding(bridge: Bridge) -> bool:
    return bool(bridge.capabilities & BridgeCapability.HOLDING)


def _into_holding(alone: BridgeMember, waiting: BridgeMember, told: events.AttendedTransferred) -> TransferOutcome:
    """The partner of ``alone`` waits in the place of ``waiting``: in a parking lot, say, where others are no partners."""
    hold_others(alone, False)
    told.transferee = alone.peers[0].channel
    _merge(alone, waiting, told)
    return TransferOutcome.SUCCESS


def _merge(alone: BridgeMember, kept: BridgeMember, told: events.AttendedTransferred) -> None:
    """The one partner of ``alone`` takes the place of ``kept`` in its bridge; both of the transferring party leave.

    That is told before they end, and where ``alone`` runs the dialplan even before it leaves its bridge.
    """
    partner, bridge = alone.peers[0], kept.bridge
    told.destination, told.bridge, told.result = "Bridge", bridge, TransferOutcome.SUCCESS.value
    alone.bridge.dissolve_on_hangup = False
    _mark(alone.channel, partner.channel)
    _condemn(alone.channel)
    _condemn(kept.channel)
    bridge.move(partner, swap=kept)
    partner.channel.variables.unset("ATTENDEDTRANSFER")
    bus = alone.channel.system.bus
    if "pbx" in alone.channel.data:
        bus.publish(told)
    else:
        alone.on_leave.insert(0, lambda _member, _reason: bus.publish(told))
    alone.leave(LeaveReason.KICKED)
    _end(kept.channel, SoftHangup.DEVICE)
    _end(alone.channel, is_told=False)
    introduce(bridge)
    sound = alone.channel.variables.get("ATTENDED_TRANSFER_COMPLETE_SOUND")
    if sound:
        for member in bridge.members:
            if member is not partner and not _is_holding(bridge):
                start_announcement(member, [sound])


def _mark(transferer: Channel, transferee: Channel) -> None:
    transferer.set_variable("ATTENDEDTRANSFER", transferee.name)
    transferee.set_variable("ATTENDEDTRANSFER", transferer.name)


def introduce(bridge: Bridge) -> None:
    """Tell two parties that were just brought together who the other one is."""
    if len(bridge.members) != 2 or _is_holding(bridge):
        return
    first, second = bridge.members
    first.meet(second.channel.caller.id)
    second.meet(first.channel.caller.id)


def _condemn(channel: Channel) -> None:
    """The channel is about to lose its place in a bridge and has nowhere else to go on: it ends then."""
    channel.soft_hangup |= SoftHangup.EXPLICIT


def _end(channel: Channel, reason: SoftHangup = SoftHangup.EXPLICIT, *, is_told: bool = True) -> None:
    """The transferring party is done with this call."""
    if not channel.is_hung_up:
        channel.request_hangup(reason, channel.hangup_cause or Cause.NORMAL_CLEARING, is_told=is_told)


def _link(one: BridgeMember, two: BridgeMember) -> tuple[Channel, Channel]:
    """Two conferences become one: the halves of a Local channel take the places in the two bridges."""
    near, far = _local(one.channel).new_pair(one.channel.system, "transfer", one.channel.context, one.channel)
    for half, member in ((near, one), (far, two)):
        half.mark_answered()
        transferer = member.channel
        _condemn(transferer)
        keep_in_bridge(half, member.bridge.join(half, swap=member))
        _end(transferer)
    return near, far


def _local(channel: Channel) -> LocalTech:
    spec = channel.system.find_tech("Local")
    assert spec is not None
    tech = spec.tech
    assert isinstance(tech, LocalTech)
    return tech


def _into_application(member: BridgeMember, channel: Channel, told: events.AttendedTransferred) -> TransferOutcome:
    """The partners of ``member`` go on in what ``channel`` runs: it keeps running, carried from now on by a Local half in the
    bridge instead of by the transferring party's phone.
    """
    if not member.peers:
        return TransferOutcome.INVALID
    hold_others(member, False)
    transferer = member.channel
    bridge = member.bridge
    told.transferee = member.peers[0].channel if len(member.peers) == 1 else None
    told.destination, told.application = "App", channel.application
    try:
        near = _local(channel).carry(channel, transferer)
    except NoTranslation as error:
        logger.warning(f"{transferer.name} cannot hand {channel.name} over: {error}")
        return TransferOutcome.FAIL
    near.caller.id = channel.connected.id.copy()
    _mark(transferer, channel)
    _condemn(transferer)
    keep_in_bridge(near, bridge.join(near, swap=member))
    _end(transferer)
    introduce(bridge)
    return TransferOutcome.SUCCESS
