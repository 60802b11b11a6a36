"""The packets of two RTP channels relayed past the core, whichever technology serves their bridge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from globstar.core.rtp_media import MeasuredVoice, RtpMedia
from globstar.media.relay import Relay

if TYPE_CHECKING:
    from globstar.core.bridge import Bridge, BridgeMember
    from globstar.core.tech import NativeMedia


def native_of(member: BridgeMember) -> NativeMedia | None:
    """What a member's channel can do natively with RTP; None if it has none now."""
    native = member.channel.tech.native_media(member.channel)
    return native if native is not None and isinstance(native.session, RtpMedia) else None


def entertained(members: Sequence[BridgeMember]) -> str:
    """Which members hear music or a tone, in words; "" for none."""
    names = [member.channel.name for member in members if member.channel.generator is not None]
    return f"{' and '.join(names)} {'hears' if len(names) == 1 else 'hear'} music or a tone" if names else ""


def relay_obstacle(bridge: Bridge, *, passes_digits: bool) -> str | None:
    """Why the packets of a bridge cannot be relayed; None if they can.

    It takes two RTP channels of one codec whose audio nobody must see, and, with ``passes_digits``, their digits neither. Without
    it the packets must also be of lengths that frames would have on their way.
    """
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
        needed = member.frames_needed() if passes_digits else member.audio_needed()
        if needed is not None:
            return needed
        offers.append(native)
    first, second = offers
    if first.format is None or second.format is None or first.format.codec is not second.format.codec:
        return f"{members[0].channel.name} and {members[1].channel.name} have different codecs"
    if first.session.packet_ms != second.session.packet_ms:
        asks = 0 if first.session.packet_ms else 1
        return f"{members[asks].channel.name}: packets of {offers[asks].session.packet_ms} ms are asked for"
    if not passes_digits:
        for source, to, member in ((first.session, second.session, members[0]), (second.session, first.session, members[1])):
            if source.voice is not None and source.voice.comes and not (to.voice is None or to.voice.takes(source.voice.comes)):
                return f"packets of {member.channel.name} are cut anew"
    return None


@dataclass(frozen=True, slots=True)
class _Measure:
    """Whether a packet of the one goes to the other as it is, None for one without voice; one that does not is told of."""

    source: MeasuredVoice
    to: MeasuredVoice

    def __call__(self, payload_type: int, payload: bytes) -> bool | None:
        samples = self.source.lasts(payload_type, payload)
        if samples is None:
            return None
        if self.to.takes(samples):
            return True
        self.source.note_length(payload_type, samples)
        return False


class PairRelay:
    """The relays of two members, one for each stream that both have; made anew when what they depend on has changed.

    Without ``passes_digits`` the packets of digits (RFC 4733) are left out: they go the ordinary way, as frames. Nobody can tell
    then whether frames or packets flow, so packets must be of the lengths that frames would have.
    """

    __slots__ = ("_key", "_passes_digits", "relays")

    def __init__(self, *, passes_digits: bool) -> None:
        self._passes_digits = passes_digits
        #: those that there are now; to be read only
        self.relays: list[Relay] = []
        #: what they were made of
        self._key: Sequence[tuple[object, ...]] = []

    def update(self, members: list[BridgeMember], one: RtpMedia, two: RtpMedia) -> None:
        """Relay what both know under the numbers of now; the audio only while neither of them hears music or a tone."""
        hearing = [member for member in members if member.channel.generator is not None]
        pairs = [("audio", one, two)] if not hearing else []
        if one.sides:
            both = [(key, side, two.sides[key]) for key, side in one.sides.items() if key in two.sides]
            pairs += [(key, side, other) for key, side, other in both if side.packet_ms == other.packet_ms]
        digits = self._passes_digits
        relayed = [
            (
                mine.session,
                yours.session,
                mine.pairs_to(yours, digits=digits),
                yours.pairs_to(mine, digits=digits),
                key.startswith("audio"),
                self._measure(mine, yours),
                self._measure(yours, mine),
            )
            for key, mine, yours in pairs
        ]
        if relayed == self._key:
            return
        if self.relays:
            self.part()
        self._key = relayed
        for first, second, there, back, is_audio, fits, fits_back in relayed:
            relay = Relay(first, second, there, back, see_digits=False, marks_talk=is_audio, fits=fits, fits_back=fits_back)
            relay.join()
            self.relays.append(relay)

    def _measure(self, source: RtpMedia, to: RtpMedia) -> _Measure | None:
        """What looks at the first packet; where digits are relayed, too, only if packets of one length are asked for."""
        if source.voice is None or to.voice is None or (self._passes_digits and not source.packet_ms):
            return None
        return _Measure(source.voice, to.voice)

    def part(self) -> None:
        """Relay nothing any more; each session goes on where it is."""
        for relay in self.relays:
            relay.leave()
        self.relays = []
        self._key = []
