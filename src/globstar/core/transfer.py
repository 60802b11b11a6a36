"""Blind transfer: a bridged channel sends the other party to an extension."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import Enum

from globstar.base.log import Logger
from globstar.core import events
from globstar.core.bridge import BridgeMember, LeaveReason, clear_peer_variables
from globstar.core.channel import Channel, ChannelGone
from globstar.core.dialing import request_channel
from globstar.core.features import FeatureSettings, settings_for
from globstar.core.frame import Control, control
from globstar.core.pbx import continue_in_dialplan, exists, leads, learn, may_go_on, plan_of
from globstar.core.playback import play_all
from globstar.core.services import Parking
from globstar.core.tech import RequestFailed
from globstar.core.testevents import tell_state

logger = Logger("features")

_ANY_DIGIT = "0123456789*#ABCD"


class TransferOutcome(Enum):
    """What became of a transfer; the values are those of the Result field of its events."""

    SUCCESS = "Success"
    INVALID = "Invalid"  # nobody is there to be transferred
    NOT_PERMITTED = "Not Permitted"
    FAIL = "Fail"


def transfer_context(channel: Channel) -> str:
    """Where the extensions are that ``channel`` may transfer to: TRANSFER_CONTEXT, or the context that it runs in."""
    return channel.variables.get("TRANSFER_CONTEXT") or channel.context


def blind_transfer(
    member: BridgeMember,
    context: str,
    extension: str,
    *,
    is_external: bool = False,
    prepare: Callable[[Channel], None] | None = None,
) -> bool:
    """Send the one other member of the bridge to an extension; the transferer leaves. False if that cannot be.

    Both get BLINDTRANSFER with the other's name. ``is_external`` marks a transfer asked for by an endpoint or manager.
    ``prepare`` is called with the channel that goes elsewhere, before it does.
    """
    bridge = member.bridge
    technology = bridge.technology.name  # as it was before anything was prepared
    peers = member.peers
    transferer = member.channel
    if len(peers) != 1 or not exists(peers[0].channel, context, extension):
        hold_others(member, False)
        tell_failure(transferer, context, extension, TransferOutcome.FAIL, is_external=is_external)
        return False
    peer = peers[0]
    transferee = peer.channel
    parking = bridge.system.service("parking", Parking)  # type: ignore[type-abstract]
    if parking is not None and parking.takes(transferee, context, extension):
        hold_others(member, False)
        told = events.BlindTransferred(
            transferer, transferee, bridge, context, extension, True, is_external, TransferOutcome.SUCCESS.value, technology
        )

        def tell() -> None:
            if prepare is not None:
                prepare(transferee)
            bridge.system.bus.publish(told)

        if parking.park_transferee(member, context, extension, tell):
            return True
        tell_failure(transferer, context, extension, TransferOutcome.FAIL, is_external=is_external)
        return False
    transferer.system.bus.publish(events.ChannelUnheld(transferer))
    transferer.hold_state = True  # the other is told when this one leaves
    transferee.set_variable("BLINDTRANSFER", transferer.name)
    transferer.set_variable("BLINDTRANSFER", transferee.name)
    if prepare is not None:
        prepare(transferee)
    peer.destination = (context, extension, 1)
    result = TransferOutcome.SUCCESS.value
    clear_peer_variables(transferer)
    told = events.BlindTransferred(transferer, transferee, bridge, context, extension, True, is_external, result, technology)
    bridge.system.bus.publish(told)
    reason = LeaveReason.DISSOLVED if bridge.dissolve_on_hangup else LeaveReason.KICKED
    bridge.dissolve_on_hangup = False  # not before the other one has left, which is alone for a moment
    bridge.leave(member, LeaveReason.DIGIT)
    bridge.leave(peer, reason)
    return True


def tell_failure(
    transferer: Channel, context: str, extension: str, outcome: TransferOutcome, *, is_external: bool = False
) -> TransferOutcome:
    """Tell the listeners that nobody was transferred; the result is ``outcome``."""
    member = transferer.bridge_member
    bridge = member.bridge if member is not None else None
    told = events.BlindTransferred(transferer, None, bridge, context, extension, False, is_external, outcome.value)
    transferer.system.bus.publish(told)
    return outcome


def transfer_others(
    transferer: Channel,
    context: str,
    extension: str,
    *,
    is_external: bool = True,
    prepare: Callable[[Channel], None] | None = None,
) -> TransferOutcome:
    """Send whoever ``transferer`` is bridged with to an extension; the transferer leaves.

    One other party goes there itself. A bridge of several stays, and a Local channel takes the transferer's place in it.
    ``prepare`` is called with the channel that goes there.
    """
    member = transferer.bridge_member
    if member is None or not member.peers:
        return tell_failure(transferer, context, extension, TransferOutcome.INVALID, is_external=is_external)
    if len(member.peers) == 1:
        done = blind_transfer(member, context, extension, is_external=is_external, prepare=prepare)
        return TransferOutcome.SUCCESS if done else TransferOutcome.FAIL
    return _transfer_bridge(member, context, extension, is_external=is_external, prepare=prepare)


def _transfer_bridge(
    member: BridgeMember, context: str, extension: str, *, is_external: bool, prepare: Callable[[Channel], None] | None
) -> TransferOutcome:
    transferer, bridge = member.channel, member.bridge
    hold_others(member, False)
    try:
        local = request_channel(transferer.system, f"Local/{extension}@{context}/n", requestor=transferer)
        local.set_variable("BLINDTRANSFER", transferer.name)
        if prepare is not None:
            prepare(local)
        local.tech.call(local, f"{extension}@{context}", 0)
    except RequestFailed as failed:
        logger.warning(f"{transferer.name}: the parties cannot be transferred: {failed}")
        return tell_failure(transferer, context, extension, TransferOutcome.FAIL, is_external=is_external)
    local.mark_answered()
    result = TransferOutcome.SUCCESS.value
    told = events.BlindTransferred(transferer, None, bridge, context, extension, True, is_external, result)
    transferer.system.bus.publish(told)
    keep_in_bridge(local, bridge.join(local, swap=member))
    return TransferOutcome.SUCCESS


def keep_in_bridge(channel: Channel, member: BridgeMember) -> None:
    """Let a channel that nobody else owns end, or go on in the dialplan where it was sent, as soon as it is out of its bridge."""
    channel.call_id = channel.call_id or channel.system.next_call_id()

    def left(_member: BridgeMember, _reason: LeaveReason) -> None:
        if not continue_in_dialplan(channel):
            channel.hangup()

    member.when_left(left)


def redirect_both(first: Channel, first_place: tuple[str, str, int], second: Channel, second_place: tuple[str, str, int]) -> None:
    """Send two channels elsewhere in the dialplan at once; a bridge between them ends without hanging up either."""
    one, two = first.bridge_member, second.bridge_member
    if one is not None and two is not None and one.peers == [two]:
        one.destination, two.destination = first_place, second_place
        one.bridge.dissolve()
        return
    first.redirect(*first_place)
    second.redirect(*second_place)


def start_blind_transfer(member: BridgeMember) -> None:
    """The code of a blind transfer was pressed: ask for the extension, in a task of its own."""
    channel = member.channel
    task = channel.system.start_call_task(channel, _ask_and_transfer(member), "blind transfer")
    member.on_leave.append(lambda _member, _reason: _cancel(task))


def _cancel(task: asyncio.Task[object]) -> None:
    """The bridge is over while the extension is asked for; the task itself may be what ends it."""
    if task is not asyncio.current_task():
        task.cancel()


async def _ask_and_transfer(member: BridgeMember) -> None:
    """Play the announcement, collect the extension, transfer; back to the conversation when that fails."""
    channel = member.channel
    extension = await ask_extension(member)
    if not extension:
        return
    for peer in member.peers:
        await learn(peer.channel, transfer_context(channel), [extension])
    if not member.left.done() and not blind_transfer(member, transfer_context(channel), extension):
        logger.warning(f"{channel.name}: nobody can be transferred to {extension}@{transfer_context(channel)}")


async def ask_extension(member: BridgeMember) -> str:
    """Hold the others and ask one party for an extension, apart from them, unless TRANSFER_EXTEN names one that exists.

    "" if it dialled none: it is back with them then.
    """
    channel = member.channel
    settings = settings_for(channel)
    hold_others(member, True)
    tell_state(channel.system, "TRANSFER_BEGIN_DIAL", channel)
    given = channel.variables.get("TRANSFER_EXTEN")
    if given and await leads(channel, transfer_context(channel), given):
        return given
    member.set_apart()
    channel.detach(member.receive)  # digits wait from now on, also while the prompt's file is opened
    extension = ""
    try:
        extension = await _ask(channel, settings)
    except ChannelGone:
        return ""
    finally:
        if not member.left.done():
            channel.attach(member.receive)
            member.bring_back()
            if not extension:
                hold_others(member, False)
    return extension


def hold_others(member: BridgeMember, is_hold: bool) -> None:
    """The member's party holds the others, or takes them back."""
    channel = member.channel
    channel.hold_state = is_hold
    event: object = events.ChannelHeld(channel, "") if is_hold else events.ChannelUnheld(channel)
    channel.system.bus.publish(event)
    if is_hold or any(peer.channel.is_held for peer in member.peers):
        member.bridge.pass_on(member, control(Control.HOLD if is_hold else Control.UNHOLD, ""))


async def _ask(channel: Channel, settings: FeatureSettings) -> str:
    """The extension that the channel dials, asked for several times; "" if none that exists was dialled."""
    context = transfer_context(channel)
    prompt = settings.transfer_announce_sound
    for attempt in range(1, settings.transfer_dial_attempts + 1):
        digits = await _collect(channel, context, prompt, settings.transfer_digit_timeout)
        tell_state(channel.system, "TRANSFER_DIALLED", channel, Digits=digits)
        if digits and await leads(channel, context, digits):
            tell_state(channel.system, "TRANSFER_DIAL_FINAL", channel, Digits=digits)
            return digits
        is_last = attempt == settings.transfer_dial_attempts
        if not digits:
            logger.verbose(2, f"{channel.name} did not dial an extension to transfer to")
            break
        await play_all(channel, [settings.transfer_invalid_sound if is_last else settings.transfer_retry_sound])
        prompt = ""
    await play_all(channel, [settings.transfer_failed_sound])
    return ""


async def _collect(channel: Channel, context: str, prompt: str, timeout: float) -> str:
    """Digits until no longer extension can follow, a pause of ``timeout`` or #."""
    digits = (await play_all(channel, [prompt], stop_on=_ANY_DIGIT) or "") if prompt else ""
    plan = plan_of(channel)
    number = channel.caller.id.number.text if channel.caller.id.number.valid else ""
    while digits != "#" and (not digits or await may_go_on(plan, context, digits, number)):
        digit = await channel.wait_for_digit(timeout)
        if digit is None or digit == "#":
            break
        digits += digit
    return "" if digits == "#" else digits
