"""Whose video the members of a bridge see: everybody's, that of one, or that of who talks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.core import picturerequests
from globstar.core.format import MediaType
from globstar.core.frame import Control, Frame, control

if TYPE_CHECKING:
    from globstar.core.bridge import Bridge, BridgeMember

#: The modes, as manager clients and the CLI see them. In a conference ``none`` shows nobody until somebody is chosen, and ``sfu``
#: shows everybody to everybody, each in a stream of its own.
NONE, SINGLE, TALKER, SFU = "none", "single", "talker", "sfu"
#: The modes that show one member at a time, by its first video.
ONE_SHOWN = (SINGLE, TALKER)


def viewers(bridge: Bridge, sender: BridgeMember, stream: int = 0) -> list[tuple[BridgeMember, int]]:
    """Who sees a stream of video of ``sender``, each with the number of its own stream in which it does.

    Where one member is shown, all others see it, and it sees whoever was shown before.
    """
    sender.sends_video = True
    others = [member for member in sender.peers if not member.is_apart]
    source = bridge.video_source
    if bridge.video_mode == NONE:
        return [(member, stream) for member in others] if _all_see_all(bridge) or source is sender.channel else []
    if bridge.video_mode == SFU:
        return [(member, _place(member, sender, stream)) for member in others]
    if stream:
        return []
    if source is None:  # who sends first is shown until something else is known
        bridge.set_video_source(sender.channel)
        return [(member, 0) for member in others]
    if sender.channel is source:
        return [(member, 0) for member in others]
    if sender.channel is bridge.previous_video_source:
        return [(member, 0) for member in others if member.channel is source]
    return []


def _all_see_all(bridge: Bridge) -> bool:
    """Whether nobody needs to be chosen: two in a call, or waiting callers, to whom only an announcer shows something."""
    return len(bridge.members) <= 2 or not bridge.technology.mixes


def _place(viewer: BridgeMember, sender: BridgeMember, stream: int) -> int:
    """The stream in which a viewer sees another one; it stays as long as both are there."""
    key = (sender, stream)
    place = viewer.sees.get(key)
    if place is None:
        taken = set(viewer.sees.values())
        place = viewer.sees[key] = next(number for number in range(len(taken) + 1) if number not in taken)
        if place and not viewer.channel.is_hung_up:
            viewer.channel.tech.want_streams(viewer.channel, MediaType.VIDEO, place + 1)
        picturerequests.ask(sender, stream)  # it needs a whole picture to begin with
        if viewer.bridge.remb is not None:
            viewer.bridge.remb.wake()
    return place


def forget(bridge: Bridge, member: BridgeMember) -> None:
    """A member has left: its places are free."""
    member.sees.clear()
    if bridge.remb is not None:
        bridge.remb.forget(member)
    for viewer in bridge.members:
        if not viewer.sees:
            continue
        for key in [key for key in viewer.sees if key[0] is member]:
            del viewer.sees[key]


def talking_began(bridge: Bridge, member: BridgeMember) -> None:
    """In ``talker`` mode a member that begins to talk is shown, if it sends video."""
    if bridge.video_mode == TALKER and member.sends_video and member.bridge is bridge:
        bridge.set_video_source(member.channel)


def begin(bridge: Bridge, member: BridgeMember) -> None:
    """A member has come where many see video that is sent: it needs a whole picture to begin with.

    Where everybody has a stream of its own, that is seen to when the stream begins. Two in a call ask for themselves.
    """
    for peer in bridge.members:
        if peer.sends_video and peer is not member:
            break
    else:
        return
    if bridge.video_mode == SFU or (
        bridge.video_mode == NONE and len(bridge.members) <= 2 and bridge.technology.is_noticed(member)
    ):
        return
    if _has_screen(member):
        pass_picture_request(bridge, member, control(Control.VIDUPDATE))


def _has_screen(member: BridgeMember) -> bool:
    channel = member.channel
    streams = channel.tech.streams(channel)
    return any(stream.kind is MediaType.VIDEO for stream in streams) or bool(channel.native_formats.of_media(MediaType.VIDEO))


def pass_picture_request(bridge: Bridge, viewer: BridgeMember, frame: Frame) -> None:
    """A viewer asks for a whole picture: only who it sees is asked."""
    if bridge.video_mode == NONE and _all_see_all(bridge):
        for member in viewer.peers:
            if not member.is_apart and bridge.technology.is_noticed(member):
                if len(bridge.members) > 2:
                    picturerequests.ask(member, frame.data)
                else:
                    member.channel.write(frame)
        return
    if bridge.video_mode == SFU:
        for (sender, stream), place in list(viewer.sees.items()):
            if frame.data in (place, b""):
                picturerequests.ask(sender, stream)
        return
    source = bridge.video_source
    if source is viewer.channel:  # it sees who was shown before
        source = bridge.previous_video_source
    shown = source.bridge_member if source is not None and source is not viewer.channel else None
    if shown is not None and shown.bridge is bridge:
        picturerequests.ask(shown, 0 if bridge.video_mode in ONE_SHOWN else frame.data)
