"""Sounds for one member of a bridge, which the others do not hear."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from globstar.core.channel import ChannelGone
from globstar.core.playback import play_all

if TYPE_CHECKING:
    from globstar.core.bridge import BridgeMember, LeaveReason


def start_announcement(member: BridgeMember, sounds: list[str]) -> asyncio.Task[object]:
    """Begin to :func:`announce`, in a task of the member's channel."""
    channel = member.channel
    task = channel.system.start_call_task(channel, announce(member, sounds), "announcement")

    def left(_member: BridgeMember, _reason: LeaveReason) -> None:
        if task is not asyncio.current_task():
            task.cancel()

    member.when_left(left)
    return task


async def announce(member: BridgeMember, sounds: list[str]) -> None:
    """Let one member hear sounds, apart from the others; nothing if it is spoken to by something else already."""
    if member.is_apart:
        return
    member.set_apart()
    try:
        await play_all(member.channel, sounds)
    except ChannelGone:
        return
    finally:
        if not member.left.done():
            member.bring_back()
