"""Blind transfer: a bridged channel sends the other party to an extension."""

from __future__ import annotations

import asyncio

from globstar.base.log import Logger
from globstar.core import events
from globstar.core.bridge import BridgeMember, LeaveReason
from globstar.core.channel import Channel, ChannelGone
from globstar.core.features import FeatureSettings, settings_of
from globstar.core.frame import Control, control
from globstar.core.pbx import exists, plan_of
from globstar.core.playback import play_all

logger = Logger("features")

_ANY_DIGIT = "0123456789*#ABCD"


def transfer_context(channel: Channel) -> str:
    """Where the extensions are that ``channel`` may transfer to: TRANSFER_CONTEXT, or the context that it runs in."""
    return channel.variables.get("TRANSFER_CONTEXT") or channel.context


def blind_transfer(member: BridgeMember, context: str, extension: str, *, is_external: bool = False) -> bool:
    """Send the one other member of the bridge to an extension; the transferer leaves. False if that cannot be.

    Both get BLINDTRANSFER with the other's name. ``is_external`` marks a transfer asked for by an endpoint or manager.
    """
    _hold_others(member, False)
    bridge = member.bridge
    peers = member.peers
    transferer = member.channel
    if len(peers) != 1 or not exists(peers[0].channel, context, extension):
        bridge.system.bus.publish(events.BlindTransferred(transferer, None, bridge, context, extension, False, is_external))
        return False
    peer = peers[0]
    transferee = peer.channel
    transferee.set_variable("BLINDTRANSFER", transferer.name)
    transferer.set_variable("BLINDTRANSFER", transferee.name)
    peer.destination = (context, extension, 1)
    bridge.system.bus.publish(events.BlindTransferred(transferer, transferee, bridge, context, extension, True, is_external))
    bridge.leave(member, LeaveReason.DIGIT)
    if not peer.left.done():  # a bridge that stays without the transferer
        bridge.leave(peer, LeaveReason.KICKED)
    return True


def redirect_both(first: Channel, first_place: tuple[str, str, int], second: Channel, second_place: tuple[str, str, int]) -> None:
    """Send two channels elsewhere in the dialplan at once; a bridge between them ends without hanging up either."""
    member = second.bridge_member
    if member is not None:
        member.destination = second_place
    first.redirect(*first_place)
    if member is None or not member.left.done():
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
    settings = settings_of(channel.system)
    _hold_others(member, True)
    member.set_apart()
    extension = ""
    try:
        extension = await _ask(channel, settings)
    except ChannelGone:
        return
    finally:
        if not member.left.done():
            member.bring_back()
            if not extension:
                _hold_others(member, False)
    if extension and not member.left.done() and not blind_transfer(member, transfer_context(channel), extension):
        logger.warning(f"{channel.name}: nobody can be transferred to {extension}@{transfer_context(channel)}")


def _hold_others(member: BridgeMember, is_hold: bool) -> None:
    channel = member.channel
    channel.hold_state = is_hold
    event: object = events.ChannelHeld(channel, "") if is_hold else events.ChannelUnheld(channel)
    channel.system.bus.publish(event)
    member.bridge.pass_on(member, control(Control.HOLD if is_hold else Control.UNHOLD, ""))


async def _ask(channel: Channel, settings: FeatureSettings) -> str:
    """The extension that the channel dials, asked for several times; "" if none that exists was dialled."""
    context = transfer_context(channel)
    prompt = settings.transfer_announce_sound
    for attempt in range(1, settings.transfer_dial_attempts + 1):
        digits = await _collect(channel, context, prompt, settings.transfer_digit_timeout)
        if digits and exists(channel, context, digits):
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
    while digits != "#" and (not digits or plan.match_more(context, digits, number)):
        digit = await channel.wait_for_digit(timeout)
        if digit is None or digit == "#":
            break
        digits += digit
    return "" if digits == "#" else digits
