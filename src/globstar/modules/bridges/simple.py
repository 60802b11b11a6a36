"""Two-party bridge in which frames flow from one channel straight to the other."""

from globstar.core.bridge import Bridge, BridgeMember
from globstar.core.bridgetech import BridgeCapability, BridgeTechnology, BridgeTechnologySpec


class SimpleBridge(BridgeTechnology):
    """Each member's voice is written to the other; translators are bound when both are in."""

    name = "simple_bridge"
    capability = BridgeCapability.ONE_TO_ONE
    preference = 50

    @classmethod
    def unsuitable(cls, bridge: Bridge) -> str | None:
        """Only two can take part, and both hear all that the other says."""
        if len(bridge.members) > 2:
            return f"{len(bridge.members)} channels, it serves two"
        for member in bridge.members:
            special = member.mix.special()
            if special is not None:
                return f"{member.channel.name} {special}"
        return None

    def start(self) -> None:
        """Bind the members to one another."""
        if len(self.bridge.members) != 2:
            return
        first, second = self.bridge.members
        if first.is_apart or second.is_apart:
            return
        for member, peer in ((first, second), (second, first)):
            member.channel.set_read_format(member.channel.raw_read_format)
            member.speak_to(peer)

    def generator_changed(self, member: BridgeMember) -> None:
        """Who is on hold hears the music alone, whatever the other one still says."""
        for peer in member.peers if len(self.bridge.members) == 2 else ():
            if not peer.is_apart:
                peer.speak_to(member)

    def stop(self) -> None:
        """Unbind."""
        for member in self.bridge.members:
            member.drop_voice()

    def member_joined(self, member: BridgeMember) -> None:
        """Bind as soon as there are two."""
        self.start()

    def member_left(self, member: BridgeMember) -> None:
        """The one who stays has nobody to speak to."""
        self.stop()


technology = BridgeTechnologySpec(name=SimpleBridge.name, technology=SimpleBridge)
