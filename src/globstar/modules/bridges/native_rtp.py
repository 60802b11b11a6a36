"""Native RTP bridging: packets of two channels forwarded with new headers, or not seen at all; nothing is decoded."""

from __future__ import annotations

from globstar.core.bridge import Bridge, BridgeMember
from globstar.core.bridgemember import unheard
from globstar.core.bridgetech import BridgeCapability, BridgeTechnology, BridgeTechnologySpec
from globstar.core.channel import Channel
from globstar.core.pairrelay import PairRelay, entertained, native_of, relay_obstacle
from globstar.core.rtp_media import DIGITS, RtpMedia
from globstar.core.tech import NativeMedia
from globstar.core.tones import DigitTone

#: How often the direct media of a bridge may move within so many seconds before packets are relayed: two endpoints may answer
#: each move with one of their own.
MAX_MOVES = 16
MOVES_WITHIN = 60.0


class NativeRtpBridge(BridgeTechnology):
    """A relay between two RTP sessions that have agreed on one codec, for as long as nobody must see the frames.

    Packets of an encoding that only one side knows take the ordinary way, through frames and translators. Where both
    channels can, their endpoints are told to send to one another; the relay serves until they do. Who is held hears
    music, and what the other one still says is not relayed meanwhile.
    """

    name = "native_rtp"
    capability = BridgeCapability.NATIVE
    preference = 90
    least = 2

    def __init__(self, bridge: Bridge) -> None:
        super().__init__(bridge)
        self._pair = PairRelay(passes_digits=True)
        #: the channels whose media go directly, the last to come first: that is the caller
        self._direct: tuple[Channel, ...] = ()
        self._not_direct = ""
        self._aims: tuple[object, ...] = ()
        self._moves = 0
        self._moves_since = -MOVES_WITHIN

    @classmethod
    def unsuitable(cls, bridge: Bridge) -> str | None:
        """Two RTP channels with one codec, no hook, no digit feature."""
        return relay_obstacle(bridge, passes_digits=True)

    def start(self) -> None:
        """Join the sessions; what cannot be relayed flows as frames."""
        if self._pair.relays:
            self._pair.part()
        members = self.bridge.members
        if len(members) != 2:
            self._take_back()
            return
        first, second = members
        if first.is_apart or second.is_apart:  # a feature speaks to one of them
            self._take_back()
            for member in members:
                member.channel.read_untranslated()
                member.forward = unheard
            return
        for member, peer in ((first, second), (second, first)):
            member.channel.read_untranslated()
            member.speak_to(peer)
        self.media_changed()

    def generator_changed(self, member: BridgeMember) -> None:
        """No packets are relayed while a tone is played to one of the two, who hears it alone."""
        for peer in member.peers if len(self.bridge.members) == 2 else ():
            if not peer.is_apart:
                peer.speak_to(member)
                self.media_changed()

    def media_changed(self) -> None:
        """Relay what both know under the numbers of now, and see whether media may go directly."""
        members = self.bridge.members
        if len(members) != 2 or members[0].is_apart or members[1].is_apart:
            return
        one, two = native_of(members[0]), native_of(members[1])
        if one is None or two is None:
            self._pair.part()
            self._take_back()
            return
        self._pair.update(members, one.session, two.session)
        self._consider_direct(one, two)

    def _consider_direct(self, one: NativeMedia, two: NativeMedia) -> None:
        members = self.bridge.members
        self._not_direct = self._obstacle(one, two)
        if self._not_direct:
            if self._direct:
                self._take_back()
            return
        channels = (members[1].channel, members[0].channel)
        aims = _aims(one.session), _aims(two.session)
        if self._direct == channels and aims == self._aims:
            return
        now = self.bridge.system.loop.time()
        if now - self._moves_since >= MOVES_WITHIN:
            self._moves, self._moves_since = 0, now
        self._moves += 1
        if self._moves > MAX_MOVES:
            self._not_direct = "the endpoints keep moving their media"
            self._take_back()
            return
        self._direct, self._aims = channels, aims
        for channel, peer in (channels, channels[::-1]):
            channel.tech.native_bridge(channel, peer)

    def _obstacle(self, one: NativeMedia, two: NativeMedia) -> str:
        """Why media cannot go directly; "" if they can."""
        for member, native in zip(self.bridge.members, (one, two), strict=True):
            if not native.can_direct:
                return f"{member.channel.name}: {native.direct_reason or 'it knows no direct media'}"
            generator = member.channel.generator
            if generator is not None and not isinstance(generator, DigitTone):  # which is over before anybody could be told
                return f"{member.channel.name} would hear the other one, too"
        first, second = one.session, two.session
        if _is_ipv6(first) != _is_ipv6(second):
            return "one endpoint has an address of IPv4, the other one of IPv6"
        if first.sends_digits != second.sends_digits:
            return "digits travel in different ways"
        if first.session.rtcp_mux != second.session.rtcp_mux:  # one would send reports to where the other has media alone
            return "reports travel in different ways"
        common = [name for name in first.receive if name in second.receive]
        if any(first.receive[name] != second.send.get(name) or second.receive[name] != first.send.get(name) for name in common):
            return "the endpoints number their codecs differently"
        for key, side in first.sides.items():
            other = second.sides.get(key)
            if other is not None and not _understand(side, other):
                return f"the endpoints differ in stream {key}"
        return ""

    def detail(self) -> str:
        """Where the packets go."""
        if any(member.is_apart for member in self.bridge.members):
            return "one is spoken to apart"
        hearing = entertained(self.bridge.members)
        if hearing and self._not_direct:
            return f"{hearing}, not the other: {self._not_direct}"
        return "media go directly" if self._direct else f"packets are relayed: {self._not_direct}"

    def _take_back(self) -> None:
        channels, self._direct, self._aims = self._direct, (), ()
        for channel in channels:
            if not channel.is_hung_up:
                channel.tech.native_bridge(channel, None)

    def stop(self) -> None:
        """Part the sessions; each goes on where it is."""
        if self._pair.relays:
            self._pair.part()
        if self._direct:
            self._take_back()
        for member in self.bridge.members:
            member.forward = unheard

    def member_joined(self, member: BridgeMember) -> None:
        """Join as soon as there are two."""
        self.start()

    def member_left(self, member: BridgeMember) -> None:
        """The one who stays has nobody to speak to."""
        self.stop()


def _is_ipv6(media: RtpMedia) -> bool:
    """Whether the endpoint wants its media at an address of IPv6."""
    remote = media.session.remote_address
    return remote is not None and ":" in remote[0]


def _aims(media: RtpMedia) -> tuple[object, ...]:
    """Where an endpoint wants its streams, and under which numbers: the other one has to be told when it changes."""
    sides = [(key, _aims(side)) for key, side in media.sides.items()]
    return (media.session.remote_address, *media.receive.items(), *sides)


def _understand(one: RtpMedia, two: RtpMedia) -> bool:
    """Whether both name some codec, and number what they have in common alike."""
    common = [name for name in one.receive if name in two.receive]
    alike = all(one.receive[name] == two.send.get(name) and two.receive[name] == one.send.get(name) for name in common)
    return alike and any(not name.startswith(DIGITS) for name in common)


technology = BridgeTechnologySpec(name=NativeRtpBridge.name, technology=NativeRtpBridge)
