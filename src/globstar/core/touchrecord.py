"""One-touch recording: a party of a call starts and stops MixMonitor by a digit code or by its phone's button."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.config.values import is_false
from globstar.core.bridge import BridgeMember, LeaveReason
from globstar.core.channel import ChannelGone
from globstar.core.features import settings_for
from globstar.core.playback import play_all
from globstar.core.services import CallRecorder
from globstar.core.soundfile import SoundFault

if TYPE_CHECKING:
    from globstar.core.channel import Channel

logger = Logger("features")

_KEY = "touch recording"


def is_recording(channel: Channel) -> bool:
    """Whether the other party of the channel is recorded at its wish."""
    return _KEY in channel.data


def toggle_recording(member: BridgeMember) -> None:
    """Start to record the call, or stop that; the feature automixmon."""
    if is_recording(member.channel):
        stop_recording(member)
    else:
        start_recording(member)


def start_recording(member: BridgeMember) -> bool:
    """Record the call of ``member`` with its one other party; False if that cannot be.

    The recording is the other party's, as with Asterisk; both get TOUCH_MIXMONITOR_OUTPUT. The file is called after
    TOUCH_MIXMONITOR, else after both numbers, in the format TOUCH_MIXMONITOR_FORMAT and with TOUCH_MIXMONITOR_PREFIX. Both hear
    a beep every TOUCH_MIXMONITOR_BEEP seconds where that is set (15 if it is no number).
    """
    channel = member.channel
    recorder = channel.system.service("call recorder", CallRecorder)  # type: ignore[type-abstract]
    peers = member.peers
    if recorder is None or len(peers) != 1 or is_recording(channel):
        logger.warning(f"{channel.name}: there is nothing to record, or nobody who records")
        _announce([member], settings_for(channel).recording_failed_sound)
        return False
    peer = peers[0].channel
    variable = channel.variables.get
    middle = variable("TOUCH_MIXMONITOR") or f"{_number(channel)}-{_number(peer)}"
    prefix, extension = variable("TOUCH_MIXMONITOR_PREFIX") or "auto", variable("TOUCH_MIXMONITOR_FORMAT") or "wav"
    name = f"{prefix}-{int(channel.system.wall_time())}-{middle.replace('/', '-')}.{extension}"
    try:
        identity = recorder.start(peer, name, f"b{_beeps(variable('TOUCH_MIXMONITOR_BEEP'))}")
    except SoundFault as fault:
        logger.warning(f"{channel.name}: recording is not possible: {fault}")
        _announce([member], settings_for(channel).recording_failed_sound)
        return False
    channel.data[_KEY] = (peer, identity)
    for party in (channel, peer):
        party.set_variable("TOUCH_MIXMONITOR_OUTPUT", name)
    _tell(member, "TOUCH_MIXMONITOR_MESSAGE_START")
    return True


def stop_recording(member: BridgeMember) -> bool:
    """End what :func:`start_recording` began; False if nothing is recorded."""
    channel = member.channel
    peer, identity = channel.data.pop(_KEY, (None, ""))
    recorder = channel.system.service("call recorder", CallRecorder)  # type: ignore[type-abstract]
    if peer is None or recorder is None:
        return False
    channel.system.tasks.start(recorder.stop(peer, identity), name="end of a recording")
    _tell(member, "TOUCH_MIXMONITOR_MESSAGE_STOP")
    return True


def _beeps(seconds: str | None) -> str:
    """The option of MixMonitor for beeps of a period; none where that is empty or says no."""
    if is_false(seconds):
        return ""
    return f"B({seconds})" if seconds and seconds.isdecimal() and int(seconds) else "B" if seconds else ""


def _number(channel: Channel) -> str:
    number = channel.caller.id.number
    return number.text if number.valid and number.text else channel.name.replace("/", "-")


def _tell(member: BridgeMember, variable: str) -> None:
    """Play the courtesy tone, and the sound that a variable of the channel names, to both parties."""
    sounds = (settings_for(member.channel).courtesy_tone, member.channel.variables.get(variable) or "")
    _announce([member, *member.peers], *sounds)


def _announce(members: list[BridgeMember], *sounds: str) -> None:
    """Play sounds to some parties, apart from one another; nothing to who is spoken to already."""
    names = [sound for sound in sounds if sound]
    for party in members if names else ():
        if not party.is_apart:
            task = party.channel.system.start_call_task(party.channel, _play(party, names), "recording message")
            party.when_left(partial(_cancel, task))


def _cancel(task: asyncio.Task[object], _member: BridgeMember, _reason: LeaveReason) -> None:
    task.cancel()


async def _play(member: BridgeMember, sounds: list[str]) -> None:
    member.set_apart()
    try:
        await play_all(member.channel, sounds)
    except ChannelGone:
        return
    finally:
        if not member.left.done():
            member.bring_back()
