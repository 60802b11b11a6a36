"""A channel's place in a bridge."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING

from globstar.core.frame import Frame, FrameType
from globstar.core.idle import IdleMode
from globstar.core.mixing import PLAIN_MIX, MemberMix
from globstar.core.party import PartyId

if TYPE_CHECKING:
    from globstar.core.bridge import Bridge
    from globstar.core.channel import Channel
    from globstar.core.picturerequests import PictureRequests


class LeaveReason(Enum):
    """Why a member left its bridge."""

    HANGUP = "hangup"  # the channel itself must be given up (hung up, redirected, timed out)
    DISSOLVED = "dissolved"  # the bridge ended, usually because the other party left
    KICKED = "kicked"  # someone took the channel out, it goes on elsewhere
    LIMIT = "limit"  # its time limit ended
    DIGIT = "digit"  # a digit of its features ended the call


def unheard(frame: Frame) -> None:
    """Where a member's voice goes (``forward``) while there is nobody to hear it."""


class BridgeMember:
    """A channel's place in a bridge; it keeps its place, features and listeners when it moves to another bridge.

    ``forward`` takes the channel's voice frames; the technology binds it once, so that a packet costs function calls only.
    ``digit_filter`` sees digits first and returns True to keep them from the others.
    ``left`` is done with the reason when the channel is out for good, after the ``on_leave`` callbacks.
    ``destination`` is where in the dialplan the channel goes on when it is out (after-bridge goto).
    ``is_apart`` members are spoken to by a feature: neither hear nor are heard.
    """

    __slots__ = (
        "_remove_listener",
        "before_leaving",
        "bridge",
        "channel",
        "destination",
        "digit_filter",
        "forward",
        "goes_on_later",
        "idle",
        "is_apart",
        "joined_at",
        "left",
        "mix",
        "news_of_peer",
        "on_leave",
        "picture_requests",
        "replaced_by",
        "role",
        "sees",
        "sends_video",
    )  # fmt: skip

    def __init__(self, bridge: Bridge, channel: Channel) -> None:
        self.bridge = bridge
        self.channel = channel
        self.forward: Callable[[Frame], None] = unheard
        self.digit_filter: Callable[[Frame], bool] | None = None
        self.destination: tuple[str, str, int] | None = None
        #: whether listeners hear that it goes on there after they hear that it left
        self.goes_on_later = False
        self.is_apart = False
        #: what kind of member it is, where the bridge's technology makes a difference (``announcer`` of a holding bridge)
        self.role = ""
        #: what it hears while it waits in a holding bridge
        self.idle: IdleMode | None = None
        self.mix: MemberMix = PLAIN_MIX
        self.sends_video = False
        #: those that others make of it, once there were some
        self.picture_requests: PictureRequests | None = None
        #: where each sees everybody: by who is seen, and in which of its streams, the number of the own stream
        self.sees: dict[tuple[BridgeMember, int], int] = {}
        self.left: asyncio.Future[LeaveReason] = asyncio.get_running_loop().create_future()
        self.on_leave: list[Callable[[BridgeMember, LeaveReason], None]] = []
        #: called once when the member is about to leave for good, while all is as it was
        self.before_leaving: Callable[[], None] | None = None
        #: who the peer is by now, which the channel is told when it is not spoken to any more
        self.news_of_peer: tuple[PartyId, int] | None = None
        #: who took its place, for the callbacks of ``on_leave``
        self.replaced_by: BridgeMember | None = None
        self.joined_at = channel.system.now()
        self._remove_listener: Callable[[], None] | None = None

    def __repr__(self) -> str:
        return f"<BridgeMember {self.channel.name} of {self.bridge.unique_id}>"

    def receive(self, frame: Frame) -> None:
        """A frame from the channel."""
        kind = frame.type
        if kind is FrameType.VOICE:
            self.forward(frame)
        elif self.is_apart:
            return
        elif kind is FrameType.DTMF_BEGIN or kind is FrameType.DTMF_END:
            if self.digit_filter is None or not self.digit_filter(frame):
                self.bridge.pass_on(self, frame)
        else:
            self.bridge.pass_on(self, frame)

    def drop_voice(self) -> None:
        """Nobody hears this member for now."""
        self.forward = unheard

    def speak_to(self, peer: BridgeMember) -> None:
        """Let ``peer`` hear this member, unless it is played music or a tone, which is heard alone."""
        if peer.channel.generator is None:
            self.forward = peer.channel.write
            peer.channel.expect_another_source()
        else:
            self.forward = unheard

    def generator_changed(self) -> None:
        """The channel is played something from now on, which nobody's voice is mixed into, or nothing any more."""
        if not self.is_apart and not self.bridge.is_dissolved:
            self.bridge.technology.generator_changed(self)

    @property
    def peers(self) -> list[BridgeMember]:
        """The other members."""
        return [member for member in self.bridge.members if member is not self]

    def frames_needed(self) -> str | None:
        """Why the core must see this member's audio or digits; None if it need not."""
        if self.digit_filter is not None:
            return f"{self.channel.name} has digit features"
        return self.audio_needed()

    def audio_needed(self) -> str | None:
        """Why the core must see this member's audio frame by frame; None if it need not."""
        channel = self.channel
        if channel.read_hooks or channel.write_hooks:
            return f"{channel.name} has hooks on its audio"
        plc = channel.system.translation.plc
        if plc.on_equal_codecs and plc.generic:
            return f"lost packets of {channel.name} are concealed"
        special = self.mix.special() if self.mix is not PLAIN_MIX else None
        return f"{channel.name} {special}" if special is not None else None

    def set_mix(self, mix: MemberMix) -> None:
        """Change what the member gives to a mix and hears of it (mute, volume ...)."""
        if mix != self.mix:
            self.mix = mix
            self.bridge.mix_changed(f"{self.channel.name} {mix.special() or 'is mixed as it is'}")

    def set_apart(self) -> None:
        """Take the member out of the conversation without leaving: a feature speaks to it."""
        if not self.is_apart:
            self.is_apart = True
            self.bridge.hearing_changed(f"{self.channel.name} is apart")

    def bring_back(self) -> None:
        """Undo :meth:`set_apart`."""
        if self.is_apart:
            self.is_apart = False
            self.bridge.hearing_changed(f"{self.channel.name} is back")
            news, self.news_of_peer = self.news_of_peer, None
            if news is not None:
                self.channel.set_connected_line(*news)

    def meet(self, party: PartyId, source: int = 0) -> None:
        """The channel is told who the other one is; who is spoken to is told afterwards."""
        if self.is_apart:
            self.news_of_peer = party.copy(), source
        else:
            self.channel.set_connected_line(party, source)

    def leave(self, reason: LeaveReason) -> None:
        """Leave the bridge for good; a second call does nothing."""
        self.bridge.leave(self, reason)

    def when_left(self, callback: Callable[[BridgeMember, LeaveReason], None]) -> None:
        """Call ``callback`` when the member is out for good, now if it is."""
        if self.left.done():
            callback(self, self.left.result())
        else:
            self.on_leave.append(callback)

    def _channel_gone(self, channel: Channel) -> None:
        self.bridge.leave(self, LeaveReason.HANGUP)
