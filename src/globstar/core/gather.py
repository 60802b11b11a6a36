"""Bringing a channel into a bridge from whatever it does: another bridge, or its dialplan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from globstar.core.announce import start_announcement
from globstar.core.bridge import Bridge, BridgeMember
from globstar.core.channel import Channel
from globstar.core.channelstate import ChannelState
from globstar.core.features import settings_of
from globstar.core.pbx import INTERLUDE
from globstar.core.playback import play_all
from globstar.core.twoparty import PartyRights, give_rights, join_with_rights


@dataclass(frozen=True, slots=True)
class Gathering:
    """How a channel takes part. Without ``place`` it goes on at its next priority when it is out of the bridge."""

    rights: PartyRights = field(default_factory=PartyRights)
    place: tuple[str, str, int] | None = None
    hears_tone: bool = False
    hangs_up: bool = False


def can_be_gathered(channel: Channel) -> bool:
    """Whether it can be taken from what it does: it is bridged, or answered and in a dialplan."""
    return channel.bridge_member is not None or (channel.state is ChannelState.UP and "pbx" in channel.data)


def gather(channel: Channel, meeting: Bridge, how: Gathering, arrived: Callable[[BridgeMember], None]) -> None:
    """Bring ``channel`` into ``meeting``; ``arrived`` is called when it is there."""
    member = channel.bridge_member
    if member is not None:
        meeting.move(member)
        _settle(member, how)
        arrived(member)
        return

    async def take_part(channel: Channel) -> None:
        tone = _tone(channel, how)
        if tone:
            await play_all(channel, [tone])
        if meeting.is_dissolved:
            return
        joined = join_with_rights(meeting, channel, how.rights)
        arrived(joined)
        await joined.left
        if how.hangs_up:
            channel.request_hangup()

    channel.data[INTERLUDE] = take_part
    channel.redirect(*(how.place or (channel.context, channel.extension, channel.priority + 1)))


def _tone(channel: Channel, how: Gathering) -> str:
    return settings_of(channel.system).courtesy_tone if how.hears_tone else ""


def _settle(member: BridgeMember, how: Gathering) -> None:
    """What is different for one who comes from another bridge; codes that it had stay unless it is given others."""
    if how.rights != PartyRights():
        give_rights(member, how.rights)
    if how.place is not None:
        member.destination = how.place
    if how.hangs_up:
        member.when_left(lambda left, _reason: left.channel.request_hangup())
    tone = _tone(member.channel, how)
    if tone:
        start_announcement(member, [tone])
