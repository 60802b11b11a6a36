"""One stream of an offer or answer: codecs in common, payload numbers, direction, and the lines to write."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import NamedTuple, Protocol

from globstar.proto.sdp.amr import AMR_NAMES, answered, is_usable
from globstar.proto.sdp.bundle import Bundling, LocalSource, line_attributes
from globstar.proto.sdp.feedback import (
    TRANSPORT_EXTENSION,
    TRANSPORT_WIDE,
    agreed_feedback,
    extension_number,
    feedback_lines,
)
from globstar.proto.sdp.ilbc import ILBC_NAME, common_mode
from globstar.proto.sdp.payloads import OFFERED_PAYLOADS, STATIC_NUMBERS, canonical_name
from globstar.proto.sdp.preference import CodecPreference, IncomingPreference
from globstar.proto.sdp.values import UNSPECIFIED, Attribute, Direction, Media, RtpMap, SessionDescription, Stated
from globstar.proto.sdp.video import best_fit, other_variants, video_fit

TELEPHONE_EVENT = "TELEPHONE-EVENT"
RTP_PROTOCOLS = ("RTP/AVP", "RTP/AVPF")
#: Encodings whose parameters the answer repeats: what a stream contains is up to who encodes it (RFC 6184 8.2.2).
ECHOED_PARAMETERS = frozenset(("video", "text"))
#: First number for further dynamic payload types where 96 to 127 do not suffice (RFC 3551 section 3 leaves 35 to 63 free).
LOWEST_DYNAMIC = 35


class CodecDescription(NamedTuple):
    """A codec as SDP names it; independent of how the core represents formats.

    ``clock_rate`` is the RTP clock (8000 for G722). ``payload_type`` wishes a number for offers;
    ``ptime_ms`` is the packet time we send, ``max_ptime_ms`` the longest we take (0: no limit stated). ``variants`` are other
    parameters with which it will do as well; an offer has a payload type for each.
    """

    name: str
    clock_rate: int = 8000
    channels: int = 1
    fmtp: str = ""
    payload_type: int | None = None
    ptime_ms: int = 20
    max_ptime_ms: int = 0
    variants: tuple[str, ...] = ()

    @property
    def each(self) -> tuple[CodecDescription, ...]:
        """One for each set of parameters, the usual one first."""
        if not self.variants:
            return (self,)
        return tuple(self._replace(fmtp=fmtp, variants=()) for fmtp in (self.fmtp, *self.variants))

    def matches(self, rtpmap: RtpMap) -> bool:
        """Whether a payload type of the peer is this codec (names compare without case, RFC 8866 section 6.6)."""
        return (
            self.clock_rate == rtpmap.clock_rate
            and self.channels == rtpmap.channels
            and (self.name == rtpmap.name or canonical_name(self.name) == canonical_name(rtpmap.name))
        )


class Keying(Protocol):
    """How the keys of a stream come about: what its descriptions say for it, and which of the peer's will do."""

    def offer(self) -> tuple[Attribute, ...]:
        """The lines of an offer."""

    def answer(self, theirs: Media, description: SessionDescription) -> tuple[Attribute, ...] | None:
        """The lines of the answer to an offered stream; None declines it."""

    def accepts(self, theirs: Media, description: SessionDescription) -> bool:
        """Whether the answer to our offer can be used."""


@dataclass(frozen=True, slots=True)
class LocalMedia:
    """What we can do on one stream: the input of every offer and answer.

    ``codecs`` stand in the endpoint's order (``allow=``). ``attributes``, and those of ``keying`` (crypto, fingerprint, ICE),
    go before the rtpmap lines. ``protocols`` are the transport protocols we take; offers use the first. ``ptime_ms`` overrides
    the packet time of the codecs; ``use_ptime`` repeats the packet time that an offer asks for. ``preference`` chooses and
    orders the codecs of an answer of ours, ``narrowing`` does so once more, and ``answer_preference`` those of an answer
    that we get (None: as it says). ``formats`` are those of a stream that is no RTP (``t38``): it has no codecs.
    ``bundles`` says whether it may share a transport with others, ``shares`` that it does so already: then ``port`` and
    ``keying`` are those of the transport. ``source`` is what a bundled stream sends. ``lowest_dynamic`` is the first number
    below 64 that is used when 96 to 127 are taken. ``place`` is the m-line on which the stream was agreed (None: on none yet);
    it stays there as long as that line lives. With ``keeps_names`` our lines repeat what the other side calls them (``mid``, and
    ``label`` in an answer). ``feedback`` is what both sides may tell of what they receive (``nack pli``).
    """

    address: str
    port: int
    codecs: tuple[CodecDescription, ...]
    kind: str = "audio"
    direction: Direction = Direction.SENDRECV
    telephone_event: bool = True
    rtcp_mux: bool = False
    protocols: tuple[str, ...] = RTP_PROTOCOLS
    attributes: tuple[Attribute, ...] = ()
    ptime_ms: int | None = None
    preference: IncomingPreference | CodecPreference = IncomingPreference.LOCAL
    narrowing: CodecPreference | None = None
    answer_preference: CodecPreference | None = None
    use_ptime: bool = False
    formats: tuple[str, ...] = ()
    keying: Keying | None = None
    bundles: bool = False
    shares: bool = False
    source: LocalSource | None = None
    lowest_dynamic: int = LOWEST_DYNAMIC
    place: int | None = None
    keeps_names: bool = False
    feedback: tuple[str, ...] = ()


class NegotiatedCodec(NamedTuple):
    """One codec both sides have agreed on, with the payload numbers of both ways.

    ``codec`` is as we described it, but for parameters that must be the same on both sides. ``others`` are parameters under which
    the peer has offered it as well.
    """

    codec: CodecDescription
    send_payload_type: int
    receive_payload_type: int
    remote_fmtp: str = ""
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NegotiatedStream:
    """The agreement on one m-line; ``index`` is its place in the description.

    ``direction`` is ours: with ``direction.can_send`` False we stay silent. ``is_remote_hold`` is what Asterisk
    reports as hold: the peer is sendonly, inactive, or has set its address to 0.0.0.0.
    """

    index: int
    kind: str
    local: LocalMedia | None
    codecs: tuple[NegotiatedCodec, ...] = ()
    remote_address: str = ""
    remote_port: int = 0
    remote_rtcp_address: str = ""
    remote_rtcp_port: int = 0
    rtcp_mux: bool = False
    direction: Direction = Direction.INACTIVE
    is_remote_hold: bool = False
    send_dtmf: tuple[int, int] | None = None
    receive_dtmf: tuple[tuple[int, int], ...] = ()
    remote_ptime_ms: int | None = None
    remote_maxptime_ms: int | None = None
    remote: Media | None = None
    #: its place in a bundle; None where it has a transport of its own
    bundling: Bundling | None = None
    #: what both sides may tell of what they receive, and the number of the header extension for its transport-wide kind
    feedback: tuple[str, ...] = ()
    transport_extension: int = 0

    @property
    def is_active(self) -> bool:
        """Whether the stream carries media (its port is not 0 and a codec is agreed, or it is no RTP)."""
        return bool(self.codecs) or (self.local is not None and bool(self.local.formats))

    def digits_beside(self, clock_rate: int) -> tuple[int, int] | None:
        """Payload type and clock of the telephone-events that we send beside a codec: of its clock, if the peer takes such."""
        if self.send_dtmf is None or self.remote is None:
            return None
        events = _events(self.remote.stated, {clock_rate})
        return events[0] if events else self.send_dtmf


def _is_usable(codec: CodecDescription, fmtp: str) -> bool:
    """Whether the parameters that the peer gives a codec leave it one that we know."""
    if codec.name in AMR_NAMES:
        return is_usable(fmtp)
    if codec.name == "G7221":  # a bit rate is another codec (RFC 5577 section 4.1)
        return (
            not fmtp or codec.fmtp.partition("=")[2] == fmtp.replace(" ", "").lower().partition("bitrate=")[2].partition(";")[0]
        )
    return True


#: codecs of ours, each with the payload type that the peer gave it
Pairs = tuple[tuple[CodecDescription, RtpMap], ...]


def accept(mine: LocalMedia, theirs: Media, *, is_answer: bool = False) -> Pairs | None:
    """Codecs in common, each with the payload type that the peer gave it, in the order the preference asks for.

    None declines the stream; a stream that is no RTP has no codecs.
    """
    if mine.formats:
        return () if any(format in theirs.formats for format in mine.formats) else None
    said = theirs.stated
    common = _common if said.is_kept else _common.__wrapped__
    if is_answer:
        return common(mine.kind, mine.codecs, mine.answer_preference, None, said)
    return common(mine.kind, mine.codecs, mine.preference, mine.narrowing, said)


# Calls of an endpoint come to the same again and again: what two sides agree on, and what lines it makes, is worked out once for
# all that say the same.


@lru_cache(maxsize=256)
def _common(
    kind: str,
    codecs: tuple[CodecDescription, ...],
    preference: IncomingPreference | CodecPreference | None,
    narrowing: CodecPreference | None,
    theirs: Stated,
) -> Pairs | None:
    """See :func:`accept`; without a preference the order is theirs."""
    fitting = _fitting(codecs, theirs) if kind == "video" else {}
    pairs: list[tuple[CodecDescription, RtpMap]] = []
    for number in theirs.payload_types:
        rtpmap = theirs.rtpmaps.get(number)
        if rtpmap is None:
            continue
        for codec in codecs:
            if codec.matches(rtpmap) and fitting.get(codec, number) == number and all(codec is not one for one, _ in pairs):
                if _is_usable(codec, theirs.fmtps.get(number, "")):
                    pairs.append((codec, rtpmap))
                break
    if preference is IncomingPreference.LOCAL:
        pairs.sort(key=lambda pair: codecs.index(pair[0]))
    elif preference is not None:
        pairs = _chosen(pairs, preference, codecs)
    if narrowing is not None:
        pairs = _chosen(pairs, narrowing, codecs)
    return tuple(pairs) or None


def _fitting(codecs: Iterable[CodecDescription], theirs: Stated) -> dict[CodecDescription, int]:
    """By codec that has parameters the payload type whose parameters go with them best; -1 where none does."""
    found: dict[CodecDescription, int] = {}
    for codec in codecs:
        if codec.fmtp:
            numbers = [number for number, rtpmap in theirs.rtpmaps.items() if codec.matches(rtpmap)]
            ours = (codec.fmtp, *codec.variants)
            fits = {number: best_fit(codec.name, ours, theirs.fmtps.get(number, "")) for number in numbers}
            best = max(numbers, key=lambda number: fits[number], default=-1)
            found[codec] = best if fits.get(best) else -1
    return found


def _chosen(
    pairs: list[tuple[CodecDescription, RtpMap]],
    preference: IncomingPreference | CodecPreference,
    local: Sequence[CodecDescription],
) -> list[tuple[CodecDescription, RtpMap]]:
    rtpmaps = dict(pairs)
    return [(codec, rtpmaps[codec]) for codec in preference.choose([codec for codec, _ in pairs], local)]


def agree(
    index: int,
    mine: LocalMedia,
    pairs: Pairs,
    description: SessionDescription,
    theirs: Media,
    *,
    received: Media | None,
    bundling: Bundling | None = None,
) -> NegotiatedStream:
    """The agreement on one stream.

    ``received`` is our own offered line when ``theirs`` is an answer: we receive under our numbers and send under
    theirs, in the order of the answer (RFC 3264 section 7). In an answer of ours both are the offer's numbers.
    With ``bundling`` the address is that of the line whose transport is shared (RFC 9143 section 7.1.3).
    """
    carrier = description.media[bundling.tag] if bundling is not None else theirs
    said = theirs.stated
    terms = _terms if said.is_kept else _terms.__wrapped__
    codecs, send_dtmf, receive_dtmf = terms(
        mine.kind,
        pairs,
        mine.telephone_event,
        said,
        received.stated if received is not None else None,
        received is not None and mine.answer_preference is None,
    )
    connection = description.connection_of(carrier)
    host = connection.host if connection is not None else ""
    remote = said.direction or description.direction_of(theirs)
    # with ICE the address says nothing before candidates come (RFC 8840 4.1.1)
    if host in UNSPECIFIED and not (carrier.ice_ufrag or description.ice_ufrag):
        remote = Direction.of(send=remote.can_send, receive=False)
    ours = Direction.of(
        send=mine.direction.can_send and remote.can_receive, receive=mine.direction.can_receive and remote.can_send
    )
    rtcp = carrier.rtcp
    mux = mine.rtcp_mux and carrier.rtcp_mux
    feedback = agreed_feedback(mine.feedback, theirs) if mine.feedback else ()
    return NegotiatedStream(
        index=index,
        kind=mine.kind,
        local=mine,
        codecs=codecs,
        remote_address=host,
        remote_port=carrier.port,
        remote_rtcp_address=host if mux or rtcp is None or rtcp.address is None else rtcp.address,
        remote_rtcp_port=carrier.port if mux else rtcp.port if rtcp is not None else carrier.port + 1,
        rtcp_mux=mux,
        direction=ours,
        is_remote_hold=not remote.can_receive and (received is None or mine.direction.can_send),
        send_dtmf=send_dtmf,
        receive_dtmf=receive_dtmf,
        remote_ptime_ms=said.ptime_ms,
        remote_maxptime_ms=said.maxptime_ms,
        remote=theirs,
        bundling=bundling,
        feedback=feedback,
        transport_extension=extension_number(theirs, TRANSPORT_EXTENSION) if TRANSPORT_WIDE in feedback else 0,
    )


#: a payload type of telephone-events and their clock rate
Events = tuple[int, int]


@lru_cache(maxsize=256)
def _terms(
    kind: str, pairs: Pairs, telephone_event: bool, theirs: Stated, received: Stated | None, in_their_order: bool
) -> tuple[tuple[NegotiatedCodec, ...], Events | None, tuple[Events, ...]]:
    """The codecs agreed on, and the telephone-events that we send and receive; see :func:`agree`."""
    fmtps = theirs.fmtps
    chosen = [(_variant(codec, rtpmap, theirs, received), rtpmap) for codec, rtpmap in pairs]
    if in_their_order:
        order = theirs.payload_types
        chosen.sort(key=lambda pair: order.index(pair[1].payload_type))
    codecs = tuple(
        NegotiatedCodec(
            _agreed(codec, fmtps.get(rtpmap.payload_type, "")),
            rtpmap.payload_type,
            _number_of(codec, rtpmap.payload_type, received),
            fmtps.get(rtpmap.payload_type, ""),
            _others(codec, rtpmap, theirs) if received is None and kind == "video" else (),
        )
        for codec, rtpmap in chosen
    )
    clocks = {codec.codec.clock_rate for codec in codecs} | {8000}
    send_events = _events(theirs, clocks) if telephone_event else ()
    if not send_events:
        return codecs, None, ()
    wanted = codecs[0].codec.clock_rate
    send_dtmf = next((event for event in send_events if event[1] == wanted), send_events[0])
    return codecs, send_dtmf, send_events if received is None else _events(received, clocks)


def _number_of(codec: CodecDescription, default: int, received: Stated | None) -> int:
    if received is None:
        return default
    numbers = [rtpmap.payload_type for rtpmap in received.rtpmaps.values() if codec.matches(rtpmap)]
    if len(numbers) > 1:  # it has variants
        numbers.sort(key=lambda number: received.fmtps.get(number, "") != codec.fmtp)
    return numbers[0] if numbers else default


def _variant(codec: CodecDescription, rtpmap: RtpMap, theirs: Stated, received: Stated | None) -> CodecDescription:
    """Which of the variants in our offer an answer means: the one that goes best with its parameters."""
    if not codec.variants or received is None:
        return codec
    fmtp = theirs.fmtps.get(rtpmap.payload_type, "")
    offered = received.fmtps.get(rtpmap.payload_type, "")  # of those that go equally well the one with the same number
    return max(codec.each, key=lambda one: (video_fit(codec.name, one.fmtp, fmtp), one.fmtp == offered))


def _others(codec: CodecDescription, rtpmap: RtpMap, theirs: Stated) -> tuple[str, ...]:
    """Other parameters under which an offer has a codec."""
    fmtps = theirs.fmtps
    numbers = [number for number, other in theirs.rtpmaps.items() if codec.matches(other)]
    first = fmtps.get(rtpmap.payload_type, "")
    return other_variants(codec.name, first, (fmtps.get(number, "") for number in numbers)) if first and len(numbers) > 1 else ()


def _events(line: Stated, clocks: set[int]) -> tuple[Events, ...]:
    """Telephone-event payload types with their clock rates, as far as the clock fits a codec (RFC 4733 section 2.1)."""
    return tuple(
        (number, rtpmap.clock_rate)
        for number, rtpmap in line.rtpmaps.items()
        if rtpmap.name.upper() == TELEPHONE_EVENT and rtpmap.clock_rate in clocks
    )


def answer_line(mine: LocalMedia, theirs: Media, stream: NegotiatedStream, keys: tuple[Attribute, ...] = ()) -> Media:
    """Our line of an answer, to what was agreed on with ``theirs``."""
    if mine.formats:
        return Media(theirs.kind, mine.port, theirs.protocol, mine.formats, (*keys, *mine.attributes))
    ptime = mine.ptime_ms
    formats = tuple([(codec.receive_payload_type, codec.codec) for codec in stream.codecs])
    if mine.kind in ECHOED_PARAMETERS:
        formats = tuple([(codec.receive_payload_type, codec.codec._replace(fmtp=codec.remote_fmtp)) for codec in stream.codecs])
    elif mine.use_ptime and stream.remote_ptime_ms:
        longest = min((codec.codec.max_ptime_ms for codec in stream.codecs if codec.codec.max_ptime_ms), default=0)
        ptime = min(stream.remote_ptime_ms, longest or stream.remote_ptime_ms)
    bundling = stream.bundling
    numbers, lines = _written(mine.kind, ptime, formats, stream.receive_dtmf, stream.direction, stream.rtcp_mux)
    attributes = (
        *keys,
        *mine.attributes,
        *_feedback(stream.feedback, stream.transport_extension),
        *lines,
        *(mine.source.attributes() if mine.source is not None and bundling is not None else ()),
        *(line_attributes(bundling.mid, bundling.extension) if bundling is not None else ()),
        *(_names(mine, theirs, has_mid=bundling is not None) if mine.keeps_names else ()),
    )
    return Media(theirs.kind, mine.port, theirs.protocol, numbers, attributes)


def _names(mine: LocalMedia, theirs: Media, *, has_mid: bool) -> tuple[Attribute, ...]:
    """What an offered line is called (RFC 5888 section 9.1, RFC 4574), as far as our answer does not say it yet."""
    has_mid = has_mid or any(attribute.name == "mid" for attribute in mine.attributes)
    named = () if has_mid or not theirs.mid else (Attribute("mid", theirs.mid),)
    return (*named, *(Attribute("label", label) for label in theirs.all("label")[:1]))


def _agreed(codec: CodecDescription, theirs: str) -> CodecDescription:
    """A codec with the parameters that both sides will use, as far as they must be alike: iLBC's frames (RFC 3952 section 5), and
    how AMR is packed (RFC 4867 section 8.3)."""
    if codec.name in AMR_NAMES:
        return codec._replace(fmtp=answered(theirs))
    if codec.name != ILBC_NAME:
        return codec
    mode = common_mode(codec.fmtp, theirs)
    ptime = codec.ptime_ms if codec.ptime_ms % mode == 0 else mode
    return codec._replace(fmtp=f"mode={mode}", ptime_ms=ptime)


#: what a payload type means: name, clock rate, channels, parameters
Meaning = tuple[str, int, int, str]


def offer_line(
    mine: LocalMedia,
    protocol: str,
    known: Sequence[NegotiatedCodec],
    known_dtmf: Sequence[tuple[int, int]],
    *,
    mid: str = "",
    extension: int = 0,
    keys: tuple[Attribute, ...] = (),
    taken: dict[int, Meaning] | None = None,
    name: str = "",
    transport_extension: int = 0,
) -> Media:
    """Our line of an offer.

    ``extension`` is the number of the header extension for mids, ``transport_extension`` of that for numbers of the transport;
    ``taken`` are payload types of the bundle, which mean the same on all its lines (RFC 9143 9.1). ``name`` is the mid of a
    line outside of bundles.
    """
    if mine.formats:
        return Media(mine.kind, mine.port, protocol, mine.formats, (*keys, *mine.attributes))
    wishes = tuple(known), tuple(known_dtmf), mine.lowest_dynamic
    if taken is None:
        formats, events = _numbered_alone(mine.codecs, mine.telephone_event, *wishes)
    else:
        formats, events = _numbered(mine.codecs, mine.telephone_event, *wishes, taken)
    numbers, lines = _written(mine.kind, mine.ptime_ms, formats, events, mine.direction, mine.rtcp_mux)
    attributes = (
        *keys,
        *mine.attributes,
        *_feedback(mine.feedback, transport_extension),
        *lines,
        *(mine.source.attributes() if mine.source is not None and mid else ()),
        *line_attributes(mid, extension),
        *((Attribute("mid", name),) if name and not mid else ()),
    )
    return Media(mine.kind, mine.port, protocol, numbers, attributes)


#: codecs under the numbers that they have in a description
Formats = tuple[tuple[int, CodecDescription], ...]


def _numbered(
    ours: tuple[CodecDescription, ...],
    telephone_event: bool,
    known: tuple[NegotiatedCodec, ...],
    known_dtmf: tuple[Events, ...],
    lowest_dynamic: int,
    others: dict[int, Meaning],
) -> tuple[Formats, tuple[Events, ...]]:
    """Codecs and telephone-events of an offer; ``others`` are payload types of the bundle, those of this line are put there."""
    used: set[int] = set()
    kept = {codec.codec: codec.receive_payload_type for codec in known}
    kept_dtmf = {clock: number for number, clock in known_dtmf}
    codecs = [one for codec in ours for one in codec.each]
    wished = [kept.get(codec, codec.payload_type) for codec in codecs]
    reserved = {number for number in (*wished, *kept_dtmf.values()) if number is not None}
    formats: list[tuple[int, CodecDescription]] = []
    for codec, wish in zip(codecs, wished, strict=True):
        meaning = (codec.name, codec.clock_rate, codec.channels, codec.fmtp)
        occupied = {number for number, other in others.items() if other != meaning}
        encoding = (codec.name, codec.clock_rate, codec.channels)
        number = _free_number(encoding, wish, used | occupied, reserved, lowest_dynamic)
        if number is not None:
            used.add(number)
            others[number] = meaning
            formats.append((number, codec))
    events: list[Events] = []
    if telephone_event:
        for clock in dict.fromkeys((*(codec.clock_rate for _, codec in formats), 8000)):
            meaning = (TELEPHONE_EVENT, clock, 1, "")
            occupied = {number for number, other in others.items() if other != meaning}
            encoding = (TELEPHONE_EVENT, clock, 1)
            number = _free_number(encoding, kept_dtmf.get(clock), used | occupied, reserved, lowest_dynamic)
            if number is not None:
                used.add(number)
                others[number] = meaning
                events.append((number, clock))
    return tuple(formats), tuple(events)


@lru_cache(maxsize=256)
def _numbered_alone(
    ours: tuple[CodecDescription, ...],
    telephone_event: bool,
    known: tuple[NegotiatedCodec, ...],
    known_dtmf: tuple[Events, ...],
    lowest_dynamic: int,
) -> tuple[Formats, tuple[Events, ...]]:
    """The same for a line that is in no bundle."""
    return _numbered(ours, telephone_event, known, known_dtmf, lowest_dynamic, {})


def _feedback(kinds: tuple[str, ...], extension: int) -> tuple[Attribute, ...]:
    """The lines for these kinds of feedback; what needs a header extension goes with it."""
    if not kinds:
        return ()
    kinds = tuple(kind for kind in kinds if kind != TRANSPORT_WIDE or extension)
    extra = (Attribute("extmap", f"{extension} {TRANSPORT_EXTENSION}"),) if TRANSPORT_WIDE in kinds else ()
    return (*feedback_lines(kinds), *extra)


def _free_number(name: tuple[str, int, int], wish: int | None, used: set[int], reserved: set[int], lowest: int) -> int | None:
    """The wished number, else Asterisk's usual one, else a free dynamic one (96 to 127, then ``lowest`` to 63)."""
    if wish is not None and wish not in used:
        return wish
    encoding, clock_rate, channels = name
    for number in _candidates(canonical_name(encoding), clock_rate, channels, lowest):
        if number not in used and number not in reserved:
            return number
    return None


def _candidates(name: str, clock_rate: int, channels: int, lowest: int) -> Iterator[int]:
    static = STATIC_NUMBERS.get((name, clock_rate, channels))
    if static is not None:
        yield static
    usual = OFFERED_PAYLOADS.get((name, clock_rate))
    if usual is not None:
        yield usual
    yield from chain(range(96, 128), range(lowest, 64))


@lru_cache(maxsize=256)
def _written(
    kind: str, ptime_ms: int | None, formats: Formats, events: tuple[Events, ...], direction: Direction, rtcp_mux: bool
) -> tuple[tuple[str, ...], tuple[Attribute, ...]]:
    """The formats of a line, and the attributes for them in the order in which Asterisk writes them."""
    lines: list[Attribute] = []
    for number, codec in formats:
        lines.append(RtpMap(number, codec.name, codec.clock_rate, codec.channels).attribute())
        fmtp = codec.fmtp or (_redundancy(formats) if codec.name.upper() == "RED" else "")
        if fmtp:
            lines.append(Attribute("fmtp", f"{number} {fmtp}"))
    for number, clock in events:
        lines.append(RtpMap(number, "telephone-event", clock).attribute())
        lines.append(Attribute("fmtp", f"{number} 0-16"))
    if kind == "audio":
        ptime = ptime_ms or min((codec.ptime_ms for _, codec in formats), default=0)
        if ptime:
            lines.append(Attribute("ptime", str(ptime)))
        longest = min((codec.max_ptime_ms for _, codec in formats if codec.max_ptime_ms), default=0)
        if longest:
            lines.append(Attribute("maxptime", str(longest)))
    lines.append(Attribute(direction.value))
    if rtcp_mux:
        lines.append(Attribute("rtcp-mux"))
    return tuple([str(number) for number, _ in (*formats, *events)]), tuple(lines)


def _redundancy(formats: Sequence[tuple[int, CodecDescription]]) -> str:
    """What redundant text repeats: the T.140 of the same stream, twice (RFC 4103 section 5)."""
    number = next((number for number, codec in formats if codec.name.upper() == "T140"), None)
    return f"{number}/{number}/{number}" if number is not None else ""
