"""Native RTP bridging: packets of two channels forwarded with new headers, nothing decoded."""

from __future__ import annotations

from globstar.core.bridge import Bridge, BridgeCapability, BridgeMember, BridgeTechnology, BridgeTechnologySpec
from globstar.core.rtp_media import RtpMedia
from globstar.core.tech import NativeMedia
from globstar.media.relay import Relay


class NativeRtpBridge(BridgeTechnology):
    """A relay between two RTP sessions that have agreed on one codec, for as long as nobody must see the frames.

    Packets of an encoding that only one side knows take the ordinary way, through frames and translators.
    """

    name = "native_rtp"
    capability = BridgeCapability.NATIVE
    preference = 90

    def __init__(self, bridge: Bridge) -> None:
        super().__init__(bridge)
        self._relay: Relay | None = None

    @classmethod
    def unsuitable(cls, bridge: Bridge) -> str | None:
        """Two RTP channels with one codec, no hook, no digit feature, nobody on hold."""
        members = bridge.members
        if len(members) != 2:
            return f"{len(members)} channels, it serves two"
        offers: list[NativeMedia] = []
        for member in members:
            channel = member.channel
            native = channel.tech.native_media(channel)
            if native is None or native.kind != "rtp":
                return f"{channel.name} has no RTP"
            if not native.can_relay:
                return f"{channel.name}: {native.reason or 'its packets cannot be relayed'}"
            needed = member.frames_needed()
            if needed is not None:
                return needed
            if channel.hold_state:
                return f"{channel.name} holds the other"
            offers.append(native)
        first, second = offers
        if first.format is None or second.format is None or first.format.codec is not second.format.codec:
            return f"{members[0].channel.name} and {members[1].channel.name} have different codecs"
        return None

    def start(self) -> None:
        """Join the sessions; what cannot be relayed flows as frames."""
        self.stop()
        members = self.bridge.members
        if len(members) != 2:
            return
        first, second = members
        for member, peer in ((first, second), (second, first)):
            member.channel.set_read_format(member.channel.raw_read_format)
            member.forward = peer.channel.write
        one, two = _rtp(first), _rtp(second)
        if one is not None and two is not None:
            self._relay = Relay(one.session, two.session, one.pairs_to(two), two.pairs_to(one), see_digits=False)
            self._relay.join()

    def stop(self) -> None:
        """Part the sessions; each goes on where it is."""
        if self._relay is not None:
            self._relay.leave()
            self._relay = None
        for member in self.bridge.members:
            member.drop_voice()

    def member_joined(self, member: BridgeMember) -> None:
        """Join as soon as there are two."""
        self.start()

    def member_left(self, member: BridgeMember) -> None:
        """The one who stays has nobody to speak to."""
        self.stop()


def _rtp(member: BridgeMember) -> RtpMedia | None:
    native = member.channel.tech.native_media(member.channel)
    media = native.session if native is not None else None
    return media if isinstance(media, RtpMedia) else None


technology = BridgeTechnologySpec(name=NativeRtpBridge.name, technology=NativeRtpBridge)
