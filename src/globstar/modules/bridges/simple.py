"""Two-party bridge in which each hears the other: by frames, or by packets where nobody needs to see the frames of audio."""

from globstar.core import bridgevideo
from globstar.core.bridge import Bridge, BridgeMember
from globstar.core.bridgemember import unheard
from globstar.core.bridgetech import BridgeCapability, BridgeTechnology, BridgeTechnologySpec
from globstar.core.mixing import PLAIN_MIX
from globstar.core.pairrelay import PairRelay, entertained, native_of, relay_obstacle

#: The technology without which packets are not relayed here either: who suspends it, or does not load it, wants frames.
_RELAYING = "native_rtp"
_ALONE = "nobody to speak to"


class SimpleBridge(BridgeTechnology):
    """Each member's voice is written to the other; translators are bound when both are in.

    Two RTP channels of one codec of which only the digits must be seen (features, bridges that tell of digits) need no frames of
    audio: their packets are relayed, and those of digits alone come as frames.
    """

    name = "simple_bridge"
    capability = BridgeCapability.ONE_TO_ONE
    preference = 50

    def __init__(self, bridge: Bridge) -> None:
        super().__init__(bridge)
        self._pair = PairRelay(passes_digits=False)
        #: why there are frames; "" while packets are relayed
        self._in_frames = _ALONE

    @classmethod
    def unsuitable(cls, bridge: Bridge) -> str | None:
        """Only two can take part, and both hear all that the other says."""
        if len(bridge.members) > 2:
            return f"{len(bridge.members)} channels, it serves two"
        for member in bridge.members:
            special = member.mix.special() if member.mix is not PLAIN_MIX else None
            if special is not None:
                return f"{member.channel.name} {special}"
        return None

    def start(self) -> None:
        """Bind the members to one another."""
        members = self.bridge.members
        if len(members) != 2:
            self._in_frames = _ALONE
            if self._pair.relays:
                self._pair.part()
            return
        if not any(member.is_apart for member in members):
            for member, peer in (members, members[::-1]):
                member.channel.read_untranslated()
                member.speak_to(peer)
        self.reconsidered()

    def reconsidered(self) -> None:
        """Relay packets from now on, or take frames."""
        reason = self._obstacle()
        members = self.bridge.members
        one, two = (native_of(members[0]), native_of(members[1])) if reason is None else (None, None)
        if one is None or two is None:
            self._in_frames = reason or "no media yet"
            self._pair.part()
        else:
            self._in_frames = ""
            self._pair.update(members, one.session, two.session)

    def _obstacle(self) -> str | None:
        """Why packets are not relayed."""
        bridge = self.bridge
        if any(member.is_apart for member in bridge.members):
            return "one is spoken to apart"
        relaying = bridge.system.bridge_technologies.get(_RELAYING)
        if relaying is None or relaying.is_suspended:
            return f"{_RELAYING} is {'suspended' if relaying is not None else 'not loaded'}"
        if bridge.video_mode != bridgevideo.NONE:
            return "whose video is seen was chosen"
        return relay_obstacle(bridge, passes_digits=False)

    def media_changed(self) -> None:
        """One may speak another codec now: its frames are translated once, for the other one, if they have to be at all."""
        members = self.bridge.members
        if len(members) == 2 and not any(member.is_apart for member in members):
            for member in members:
                member.channel.read_untranslated()
        self.reconsidered()

    def generator_changed(self, member: BridgeMember) -> None:
        """Who is on hold hears the music alone, whatever the other one still says."""
        for peer in member.peers if len(self.bridge.members) == 2 else ():
            if not peer.is_apart:
                peer.speak_to(member)
        self.reconsidered()

    def mix_changed(self) -> None:
        """Whose video is seen may have changed."""
        self.reconsidered()

    def detail(self) -> str:
        """What flows."""
        if self._in_frames:
            return f"frames: {self._in_frames}"
        hearing = entertained(self.bridge.members)
        return f"{hearing}, not the other; digits are seen" if hearing else "packets are relayed, digits are seen"

    def stop(self) -> None:
        """Unbind."""
        if self._pair.relays:
            self._pair.part()
        for member in self.bridge.members:
            member.forward = unheard

    def member_joined(self, member: BridgeMember) -> None:
        """Bind as soon as there are two."""
        self.start()

    def member_left(self, member: BridgeMember) -> None:
        """The one who stays has nobody to speak to."""
        self.stop()


technology = BridgeTechnologySpec(name=SimpleBridge.name, technology=SimpleBridge)
