"""Whose video the members of a bridge see: everybody's, that of one, or that of who talks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.core.frame import Control, Frame

if TYPE_CHECKING:
    from globstar.core.bridge import Bridge, BridgeMember

#: The modes, as manager clients and the CLI see them: ``none`` and ``sfu`` let everybody see everybody.
NONE, SINGLE, TALKER, SFU = "none", "single", "talker", "sfu"
_CHOOSING = (SINGLE, TALKER)


def viewers(bridge: Bridge, sender: BridgeMember) -> list[BridgeMember]:
    """Who sees the video of ``sender``.

    Where one member is shown, all others see it, and it sees whoever was shown before.
    """
    sender.sends_video = True
    others = [member for member in sender.peers if not member.is_apart]
    if bridge.video_mode not in _CHOOSING:
        return others
    source = bridge.video_source
    if source is None:  # who sends first is shown until something else is known
        bridge.set_video_source(sender.channel)
        return others
    if sender.channel is source:
        return others
    if sender.channel is bridge.previous_video_source:
        return [member for member in others if member.channel is source]
    return []


def talking_began(bridge: Bridge, member: BridgeMember) -> None:
    """In ``talker`` mode a member that begins to talk is shown, if it sends video."""
    if bridge.video_mode == TALKER and member.sends_video and member.bridge is bridge:
        bridge.set_video_source(member.channel)


def pass_picture_request(bridge: Bridge, viewer: BridgeMember, frame: Frame) -> bool:
    """A viewer asks for a whole picture: in a choosing mode only who is shown is asked. False if all are to be asked."""
    if bridge.video_mode not in _CHOOSING or frame.subtype != Control.VIDUPDATE:
        return False
    source = bridge.video_source
    if source is not None and source is not viewer.channel:
        source.write(frame)
    return True
