"""Channels that only bring sound into a bridge or take it out: announcers and recorders.

Each is a pair of halves. ``far`` (;2) is a member of the bridge, ``near`` (;1) belongs to who plays or records: what is written
to ``near`` is said in the bridge, what is heard in the bridge is read from ``near``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.core.bridge import Bridge, BridgeMember, LeaveReason
from globstar.core.cause import Cause
from globstar.core.channel import Channel, ChannelState
from globstar.core.format import Format, FormatCapabilities, slin
from globstar.core.local import LocalPair, LocalTech
from globstar.core.mixing import PLAIN_MIX, MemberMix
from globstar.core.tech import DialRequest, RequestFailed
from globstar.core.transfer import keep_in_bridge

if TYPE_CHECKING:
    from globstar.core.system import System


class MediaChannelTech(LocalTech):
    """Pairs named ``<name>/<purpose>-<number>;1`` and ``;2``; nobody can dial them."""

    is_internal = True

    def __init__(self, system: System, name: str, description: str) -> None:
        super().__init__(system)
        self.name = name
        self.description = description

    def request(self, request: DialRequest) -> Channel:
        """Only the server itself makes these."""
        raise RequestFailed(Cause.CHAN_NOT_IMPLEMENTED, f"{self.name} channels cannot be dialled")

    def open(self, purpose: str, *, format: Format = slin, language: str = "") -> MediaChannel:
        """A new pair, both halves up."""
        system = self.system
        base = system.next_channel_name(f"{self.name}/{purpose}")
        near, far = (
            Channel(
                system, self, f"{base};{number}", state=ChannelState.UP, context="default", extension="s",
                native_formats=FormatCapabilities([format]), language=language,
            )
            for number in (1, 2)
        )  # fmt: skip
        near.private = far.private = LocalPair(near, far, "default", "s", may_optimise=False, passes_music=True, is_called=True)
        for half in (near, far):
            system.announce_channel(half)
        return MediaChannel(near, far)

    def hangup(self, channel: Channel) -> None:
        """Both halves go together; neither needs an owner for that."""
        super().hangup(channel)
        self.system.device_states.changed(channel.name.rpartition("-")[0])

    def device_state(self, resource: str) -> str | None:
        """INUSE while there is such a pair."""
        prefix = f"{self.name}/{resource}-".lower()
        return "INUSE" if any(name.lower().startswith(prefix) for name in self.system.channels) else "UNKNOWN"


class MediaChannel:
    """A pair in use."""

    __slots__ = ("far", "member", "near")

    def __init__(self, near: Channel, far: Channel) -> None:
        self.near = near
        self.far = far
        self.member: BridgeMember | None = None

    def join(self, bridge: Bridge, *, role: str = "", mix: MemberMix = PLAIN_MIX) -> BridgeMember:
        """Bring the far half into a bridge; when it is out of it for good the pair ends."""
        self.member = bridge.join(self.far, role=role, mix=mix)
        keep_in_bridge(self.far, self.member)
        self.member.when_left(lambda _member, _reason: self.close())
        return self.member

    def close(self) -> None:
        """Leave the bridge and end; a second call does nothing."""
        if self.member is not None and not self.member.left.done():
            self.member.leave(LeaveReason.KICKED)
        for half in (self.near, self.far):
            if not half.is_hung_up:
                half.hangup(Cause.NORMAL_CLEARING)


def open_media_channel(
    system: System, technology: str, purpose: str, *, format: Format = slin, language: str = ""
) -> MediaChannel | None:
    """A new pair of ``technology`` (Announcer, Recorder ...); None if its module is not loaded."""
    spec = system.find_tech(technology)
    if spec is None or not isinstance(spec.tech, MediaChannelTech):
        return None
    return spec.tech.open(purpose, format=format, language=language)
