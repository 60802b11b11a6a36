"""The media of one call leg: its RTP session, its SDP, and the binding of both to a channel."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from itertools import count
from typing import TYPE_CHECKING

from globstar.base.errors import GlobstarError
from globstar.base.log import Logger
from globstar.core.bridgeremb import BitRate
from globstar.core.channel import Channel
from globstar.core.channelstate import NoTranslation
from globstar.core.format import Format, FormatCapabilities, MediaType
from globstar.core.frame import Control, Frame, FrameType, control, digit_begin, digit_end
from globstar.core.rtp_media import RtpMedia, RtpVoice
from globstar.core.streams import CallStream, StreamTopology
from globstar.media.session import MediaTimeout, RtpSession
from globstar.modules.channels.pjsip import media_options
from globstar.modules.channels.pjsip.audio import AudioStream
from globstar.modules.channels.pjsip.bundling import LegBundle, let_go, put_in_force
from globstar.modules.channels.pjsip.streams import SideStream
from globstar.modules.channels.pjsip.streams import wanted as wanted_sides
from globstar.modules.channels.pjsip.voice import Voice, describe_voice
from globstar.modules.channels.pjsip.wires import wait_for_all
from globstar.proto.rtp import COMFORT_NOISE
from globstar.proto.sdp import (
    Attribute,
    CodecDescription,
    Direction,
    LocalMedia,
    NegotiatedStream,
    NotAcceptable,
    OfferAnswer,
    SessionDescription,
    bundles,
    parse,
)

if TYPE_CHECKING:
    from globstar.media.engine import RtpEngine
    from globstar.modules.channels.pjsip.endpoint import EndpointObject
    from globstar.modules.channels.pjsip.t38 import Fax
    from globstar.proto.sdp.fragment import Fragment

logger = Logger("chan_pjsip")

_NO_STREAMS: frozenset[tuple[MediaType, int]] = frozenset()


class NoMedia(GlobstarError):
    """There is no port for RTP."""


class LegMedia(Voice):
    """One leg's media: its audio, and the streams beside it. Made with the leg, closed at hang-up.

    ``address`` is what SDP says, ``bind`` where the sockets are bound.
    """

    kind = MediaType.AUDIO

    __slots__ = (
        "_bundle", "_described", "_description_text", "_engine", "_is_narrowed", "_offer", "_offers_all", "_told", "_view",
        "_wishes", "address", "bind", "described", "direct", "direction", "fax", "formats", "is_held", "names", "negotiation",
        "place", "sides", "wires",
    )  # fmt: skip

    def __init__(
        self, engine: RtpEngine, endpoint: EndpointObject, address: str, bind: str, formats: FormatCapabilities, session_id: int
    ) -> None:
        super().__init__(endpoint, formats.formats)
        self._engine = engine
        self.address = address
        self.bind = bind
        self.formats = formats
        self.negotiation = OfferAnswer(session_id, owner=endpoint.sdp_owner, session_name=endpoint.sdp_session, address=address)
        #: the streams that share a transport
        self._bundle = LegBundle(engine, endpoint)
        #: our side of the audio as it was described last
        self.described: LocalMedia | None = None
        #: the m-line on which it was agreed
        self.place: int | None = None
        #: what the other side of the call says of it (label, content), for our offers
        self.names: tuple[Attribute, ...] = ()
        #: how the audio is secured and finds its way; None: plain, to where SDP says
        self.wires = media_options.wires(engine, endpoint)
        self.direction = Direction.SENDRECV
        self.is_held = False
        #: where the peer of a direct call wants its audio, while our side sends there; None: to us
        self.direct: tuple[str, int] | None = None
        self.sides: list[SideStream] = []
        self._told: frozenset[tuple[MediaType, int]] = _NO_STREAMS
        #: the fax of a call, once somebody has asked for one
        self.fax: Fax | None = None
        self._offer: tuple[CodecDescription, ...] | None = None
        #: what was chosen for our offers; None for all that the endpoint allows
        self._wishes: tuple[CodecDescription, ...] | None = None
        #: the endpoint was offered no more than both ends of a direct call know, and has not been offered all since
        self._is_narrowed = self._offers_all = False
        #: what a bridge was told last of plain audio, and whether digits were wanted then
        self._view: tuple[RtpMedia, NegotiatedStream, bool] | None = None
        self._described: SessionDescription | None = None
        self._description_text = b""

    # -- life --------------------------------------------------------------------------------------------------------

    def open(self) -> RtpSession:
        """Bind the sockets, once. Raises :class:`NoMedia` when all ports are in use."""
        if self.session is None:
            endpoint, engine = self._endpoint, self._engine
            self.session = engine.open(self.bind, self._kept.session_options, ports=media_options.ports(engine, endpoint))
            if self.session is None:
                raise NoMedia("no RTP port is free")
        return self.session

    def close(self) -> None:
        """Give the ports back."""
        carrier = self._bundle.carrier
        for side in self.sides:
            if side is not carrier:
                side.close()
        let_go(self)
        if isinstance(carrier, SideStream):
            carrier.close()
        self._bundle.close()
        for side in self.sides:
            side.bind(None)
        if self.fax is not None:
            self.fax.close()
        self._view = None  # it knows us, too: together they would wait for the garbage collector

    # -- offer and answer --------------------------------------------------------------------------------------------

    def set_formats(self, formats: FormatCapabilities, *, is_wish: bool = True) -> None:
        """Offer these next; if it ``is_wish``, whenever all is offered again, too."""
        self.formats = formats
        endpoint = self._endpoint
        audio = tuple([format for format in formats if format.codec.media is MediaType.AUDIO])
        chosen = self._kept.describe(audio)
        if not chosen.items() <= self._codecs.items():
            self._codecs = {**self._codecs, **chosen}
        self._offer = tuple(chosen)
        if is_wish:
            self._wishes = self._offer
        if len(audio) == len(formats) and not self.sides:
            return
        for kind, limit in ((MediaType.VIDEO, endpoint.max_video_streams), (MediaType.TEXT, 1)):
            wanted = [format for format in formats if format.codec.media is kind]
            mine = [side for side in self.sides if side.kind is kind]
            for side in mine:
                side.formats = tuple(wanted)
            if wanted and not mine and limit:
                self.add_side(kind, wanted)

    def offer_everything(self) -> None:
        """Offer all that the endpoint allows, whatever was agreed before (all_codecs_on_empty_reinvite)."""
        self._offer = tuple(self._kept.codecs)

    def offer_only(self, names: Collection[str]) -> None:
        """Offer those of the agreed codecs whose encodings are named: what both ends of a direct call know."""
        if self.stream is not None:
            self._offer = tuple(codec.codec for codec in self.stream.codecs if codec.codec.name in names) or None
            self._is_narrowed = self._offer is not None

    def _everything(self) -> tuple[CodecDescription, ...]:
        """What the endpoint is offered again after direct media (RFC 3264 section 8.3.2).

        All of its codecs, in the order that they had in our first offer, or by which our answer chose.
        """
        if self._wishes is not None:
            return self._wishes
        allowed, stream = tuple(self._kept.codecs), self.stream
        if stream is None or not media_options.prefers_remote(self._endpoint):
            return allowed
        agreed = [codec.codec for codec in stream.codecs]
        first = [one for codec in agreed for one in allowed if (one.name, one.clock_rate) == (codec.name, codec.clock_rate)]
        return (*first, *(codec for codec in allowed if codec not in first))

    def told_addresses(self) -> list[tuple[str, int]]:
        """Where our description in force, or on its way, wants RTP, stream by stream."""
        local = self.negotiation.local
        if local is None:
            return []
        found = []
        for line in local.media:
            connection = local.connection_of(line)
            if line.port and line.is_rtp:
                found.append((connection.host if connection is not None else "", line.port))
        return found

    def told_fingerprints(self) -> set[tuple[str, str]]:
        """Name of the hash and digest of every certificate that our description names."""
        local = self.negotiation.local
        if local is None:
            return set()
        return {(found.hash_name, found.value) for part in (local, *local.media) for found in part.fingerprints}

    def wanted_addresses(self) -> list[tuple[str, int]]:
        """Where RTP is to go, in the order of our description."""
        local = self.negotiation.local
        waiting: dict[str, list[tuple[str, int]]] = {}
        lines: list[LegMedia | SideStream] = [self, *(side for side in self.sides if side.port and side.is_wanted)]
        if len(lines) > 1:
            lines.sort(key=lambda line: (line.place is None, line.place or 0))
        for line in lines:
            port = line.port if isinstance(line, SideStream) else self.open().local_address[1]
            waiting.setdefault(line.kind.value, []).append(line.direct or (self.address, port))
        return [
            waiting[line.kind].pop(0)
            for line in (local.media if local is not None else ())
            if line.port and line.is_rtp and waiting.get(line.kind)
        ]

    def add_side(self, kind: MediaType, formats: Sequence[Format], number: int | None = None) -> SideStream:
        """One more stream, for offers and answers from now on, under the lowest free number unless it is said."""
        is_audio = kind is MediaType.AUDIO
        if number is None:
            taken = {side.number for side in self.sides if side.kind is kind}
            number = next(free for free in count(int(is_audio)) if free not in taken)
        side = (
            AudioStream(self._engine, self._endpoint, number, formats, self._bundle)
            if is_audio
            else SideStream(self._engine, self._endpoint, kind, number, formats, self._bundle)
        )
        side.bind(self.channel)
        self.sides.append(side)
        return side

    def _local(self, codecs: Sequence[CodecDescription], offer: SessionDescription | None = None) -> list[LocalMedia]:
        """Our side of all streams, for an offer of ours or to answer ``offer``."""
        session = self.session or self.open()
        endpoint = self._endpoint
        if self.fax is not None and self.fax.is_wanted:
            image = self.fax.describe(self.address, self.bind)
            if image is None:
                raise NoMedia("no port for the fax is free")
            return [image]
        if self.wires is not None and not session.rides:
            self.wires.begin(session, self.address)
        self.described = describe_voice(
            self._engine,
            self._kept,
            self.direct or (self.address, session.local_address[1]),
            codecs,
            direction=self.direction,
            telephone_event=self.wants_digits,
            wires=self.wires,
            session=session,
            source=self._bundle.source_of(session, "audio") if endpoint.bundle else None,
            place=self.place,
            attributes=self.names if offer is None else (),
        )
        media = [self.described] if endpoint.max_audio_streams else []
        rides = bool(self.sides) and self._bundle.takes_new(offer)
        for side in self.sides:
            local = side.describe(self.address, self.bind, self.direction, codecs, rides=rides, is_answer=offer is not None)
            if local is not None:
                media.append(local)
        return media

    def gather(self, offer: SessionDescription | None, on_done: Callable[[], None]) -> bool:
        """Ask STUN and TURN servers about the ports of our description to come, an answer to ``offer`` or an offer.

        True if there is something to wait for; then ``on_done`` is called. Raises :class:`NoMedia`.
        """
        servers = self._engine.ice_servers
        if self.wires is None or not servers.are_there:
            return False
        if offer is not None or self._offer is None:
            self._want_sides(offer)
        self._local(tuple(self._codecs), offer)
        is_bundle = offer is not None and self._endpoint.bundle and bool(bundles(offer))
        wires = [self.wires, *(() if is_bundle else (side.wires for side in self.sides))]
        return wait_for_all(wires, servers, self._engine.loop, on_done)

    def _want_sides(self, offer: SessionDescription | None) -> None:
        """Have streams for what an offer asks for, or for what ours is to have."""
        for kind, formats, wanted in wanted_sides(self._endpoint, offer):
            for _ in range(wanted - sum(1 for side in self.sides if side.kind is kind)):
                self.add_side(kind, formats)

    def make_offer(self) -> bytes:
        """Our offer: what was agreed, or what is to be offered at first."""
        codecs = self._offer
        self._offers_all = (
            self._is_narrowed and self.direct is None and self.is_agreed and not self._endpoint.prevents_transcoding
        )
        if self._offers_all:
            codecs = self._everything()
        if codecs is None:
            if self.is_agreed:
                by_format = {format.name: codec for codec, format in (*self._codecs.items(), *self._refined.items())}
                codecs = tuple(by_format[format.name] for format in self.formats if format.name in by_format)
            else:
                codecs = tuple(self._codecs)
                self._want_sides(None)
        return self._text(self.negotiation.create_offer(self._local(codecs)))

    def answer_offer(self, offer: SessionDescription) -> bytes:
        """Our answer to an offer, which is in force from now on. Raises NotAcceptable."""
        if not self._codecs:
            raise NotAcceptable("no codec is allowed")
        endpoint = self._endpoint
        if endpoint.video_formats or endpoint.text_formats or endpoint.max_audio_streams > 1:
            self._want_sides(offer)
        if self.direct is not None and media_options.holds(offer):
            self.direct = None  # the way back goes through us, and the answer can say so already
        if self._bundle.bundle is not None:
            self._bundle.prepare((self, *self.sides), offer, self.bind)
        answer = self.negotiation.receive_offer(offer, self._local(tuple(self._codecs), offer))
        self._apply(self.negotiation.streams)
        return self._text(answer)

    def answer_again(self, offer: SessionDescription) -> None:
        """Answer the first offer anew: our answer has not been sent yet, and what we want has changed."""
        self.negotiation.forget()
        self.answer_offer(offer)

    def take_answer(self, body: bytes, *, is_early: bool = False) -> None:
        """Take the answer to our offer. Raises SdpParseError or NotAcceptable.

        After one that ``is_early`` another fork may take what it declines; :meth:`give_up_declined` is called in the end.
        """
        streams = self.negotiation.receive_answer(parse(body))
        if self._offers_all:
            self._is_narrowed = self._offers_all = False
        self._apply(streams, is_early=is_early)
        if self.channel is not None and self.channel.bridge_member is not None:
            self.channel.bridge_member.bridge.settle()

    @property
    def has_open_offer(self) -> bool:
        """Whether an offer of ours waits for its answer."""
        return self.negotiation.offered is not None

    @property
    def is_agreed(self) -> bool:
        """Whether offer and answer have been exchanged."""
        return self.stream is not None

    def description(self) -> bytes:
        """Our description in force, for sending it once more."""
        local = self.negotiation.local
        return self._text(local) if local is not None else self.make_offer()

    def _text(self, description: SessionDescription) -> bytes:
        """The description as it is sent; it is asked for when it is made and again when it is sent."""
        if description is not self._described:
            self._described, self._description_text = description, str(description).encode()
        return self._description_text

    def give_up_declined(self) -> None:
        """The call is answered: streams that no fork has taken give their ports back."""
        for side in self.sides:
            if side.stream is None:
                side.apply(None)
        self._forget_closed()

    def _forget_closed(self) -> None:
        """Streams of audio that are declined are over; during a fax all are, and come back after it."""
        if self.sides and (self.fax is None or not self.fax.is_wanted):
            self.sides = [side for side in self.sides if side.session is not None or side.kind is not MediaType.AUDIO]

    def _apply(self, streams: Sequence[NegotiatedStream], *, is_early: bool = False) -> None:
        audio = None
        for stream in streams:
            if audio is None and stream.kind == "audio" and stream.is_active:
                audio = stream
        if audio is not None and self.sides and audio.local is not self.described:
            other = next((side for side in self.sides if isinstance(side, AudioStream) and side.described is audio.local), None)
            if other is not None:
                self._exchange(other)
        if self._endpoint.bundle:
            self._bundle.apply((self, *self.sides), streams)
        for side in self.sides:
            found = next((s for s in streams if s.local is not None and s.local is side.described), None)
            side.apply(found, may_come_back=is_early)
        if self.sides:
            self._forget_closed()
        fax = self.fax
        if fax is not None:
            fax.apply(next((s for s in streams if s.local is not None and s.local is fax.described), None))
        self._apply_audio(audio)
        if self.sides or self._told:
            self._tell_streams()
        channel = self.channel
        if channel is not None and channel.bridge_member is not None:
            channel.bridge_member.bridge.media_changed(f"{channel.name}: its media have changed")

    def _exchange(self, other: AudioStream) -> None:
        """Go on over the transport of another audio stream, and let that one go on over ours.

        The first is the one that applications hear: when its line is given up, or one before it comes to life, the lowest that
        lives becomes the first. A transport, its keys and its way belong to the line.
        """
        self.send_rest()
        other.voice.send_rest()
        self.session, other.session = other.session, self.session
        self.wires, other.wires = other.wires, self.wires
        self.described, other.described = other.described, self.described
        self.place, other.place = other.place, self.place
        self.names, other.names = other.names, self.names
        self._bundle.exchange(self, other)
        if other.session is not None:
            other.session.on_timeout = other.session.on_comfort_noise = None
            other.session.set_options(other.session_options())
        self.open().set_options(media_options.session_options(self._endpoint))
        self._bind_session()

    def _tell_streams(self) -> None:
        """The endpoint has begun with video, text or more audio in the middle of a call: the other side may have it too.

        What it gives up it tells of audio alone: a picture that goes may come back, as all does after a fax.
        """
        if self.fax is not None and self.fax.is_wanted:
            return
        streams = (
            frozenset((side.kind, side.number) for side in self.sides if side.stream is not None) if self.sides else _NO_STREAMS
        )
        before, self._told = self._told, streams
        channel = self.channel
        if streams == before or channel is None or channel.bridge_member is None:
            return
        kinds = {kind for kind, _ in streams} - {kind for kind, _ in before}
        formats = [format for side in self.sides if side.kind in kinds for format in side.agreed]
        topology = StreamTopology(self.streams(), FormatCapabilities(formats))
        channel.deliver(control(Control.STREAM_TOPOLOGY_REQUEST_CHANGE, topology))

    def streams(self) -> tuple[CallStream, ...]:
        """The streams that the call has, as the endpoint calls them; what we only show it is none of its own."""
        first = [_told(MediaType.AUDIO, 0, self.stream)] if self.stream is not None else []
        return (*first, *(_told(s.kind, s.number, s.stream) for s in self.sides if s.stream is not None and not s.only_shows))

    def _apply_audio(self, stream: NegotiatedStream | None) -> None:
        session = self.session or self.open()
        if stream is None:
            self.send_rest()
            session.set_direction(sending=False, receiving=False)
            return
        self._offer = None
        self.place = stream.index
        self._view = None
        agreed = list(self.agree(session, stream))
        put_in_force(self, stream)
        session.set_direction(sending=stream.direction.can_send, receiving=stream.direction.can_receive)
        session.set_hold(stream.is_remote_hold)
        for side in self.sides:
            agreed += side.agreed
        self.formats = FormatCapabilities(agreed, dict(self._endpoint.formats.framing_ms))
        if self.channel is not None:
            self._bind_formats(self.channel)

    def audio_sessions(self) -> list[RtpSession]:
        """Those of all audio streams."""
        audio = [self.session, *(side.session for side in self.sides if side.kind is MediaType.AUDIO)]
        return [session for session in audio if session is not None]

    def take_candidates(self, fragment: Fragment) -> int:
        """Candidates that the endpoint has found after its description; how many can be used."""
        lines: list[LegMedia | SideStream] = [self, *self.sides]
        agreed = [(line, line.stream) for line in lines if line.stream is not None and line.wires is not None]
        named = [line for line, stream in agreed if stream.remote is not None and stream.remote.mid == (fragment.mid or None)]
        found = named or ([] if fragment.mid else [line for line, _ in agreed])
        wires = found[0].wires if found else None
        return wires.take_candidates(fragment.ufrag, fragment.candidates) if wires is not None else 0

    @property
    def is_bundled(self) -> bool:
        """Whether streams share a transport."""
        return self._bundle.bundle is not None

    def carries_others(self, side: SideStream) -> bool:
        """Whether other streams need the ports of this one."""
        return self._bundle.carries_others(side)

    @property
    def is_secure(self) -> bool:
        """Whether all streams of the call are encrypted; before they are agreed on, whether they will have to be."""
        if not self.is_agreed:
            return self.wires is not None and self.wires.is_secured and not self._endpoint.media_encryption_optimistic
        sessions = [self.session, *(side.session for side in self.sides if side.stream is not None)]
        return all(session is not None and session.is_secured for session in sessions)

    # -- the channel -------------------------------------------------------------------------------------------------

    def bind_channel(self, channel: Channel) -> None:
        """Let the packets become frames of ``channel``."""
        self.channel = channel
        self._bind_session()
        for side in self.sides:
            side.bind(channel)
        if self.stream is not None:
            self._bind_formats(channel)

    def _bind_session(self) -> None:
        session = self.session or self.open()
        session.owner = self.channel
        session.on_media = self.receive
        session.on_digit_begin = self._digit_began
        session.on_digit_end = self._digit_ended
        session.on_comfort_noise = self._noise_told
        session.on_timeout = self._timed_out

    def _bind_formats(self, channel: Channel) -> None:
        if channel.native_formats.formats == self.formats.formats and channel.raw_write_format is self.write_format:
            return
        was_plain = channel.read_format is channel.raw_read_format and channel.write_format is channel.raw_write_format
        channel.set_native_formats(self.formats, read=self.plain_write_format, write=self.write_format)
        if was_plain:
            channel.reset_formats()

    def _can_follow(self, format: Format) -> bool:
        """See Voice: the channel has to translate to it."""
        channel = self.channel
        if channel is None:
            return False
        try:
            channel.set_native_formats(channel.native_formats, write=format)
        except NoTranslation as error:
            logger.debug(1, f"{channel.name} goes on sending {self.write_format.name}: {error}")
            return False
        return True

    def voice_view(self) -> RtpVoice | None:
        """The audio as it is on the wire; None as long as nothing is agreed, or when packets are made of others."""
        session, codec = self.session, self._send_by_receive.get(self._read_payload)
        if session is None or session.is_closed or self.stream is None or codec is None:
            return None
        if self._smoother is not None or self._regular is not None or self._clock_shift:
            return None
        if self._read_format is not self.write_format:
            return None
        return RtpVoice(
            session, self._read_payload, self._read_format, codec.send_payload_type, self.write_format, self._usual_samples
        )

    def relay_view(self) -> RtpMedia | None:
        """What a bridge needs to relay our packets; None as long as nothing is agreed."""
        session = self.session
        if session is None or session.is_closed or self.stream is None:
            return None
        ms = self._lengths.wanted_ms if self._smoother is not None else 0  # as packet_ms, which bridges ask for often
        is_plain = not self.sides and not ms
        if is_plain and self._view is not None:
            view, agreed, with_digits = self._view
            if agreed is self.stream and with_digits is self.wants_digits and view.session is session:
                return view
        receive, send, also = self.encodings()
        if is_plain:
            view = RtpMedia(session, receive, send, voice=self, also=also)
            self._view = (view, self.stream, self.wants_digits)
            return view
        views = ((side.key, side.relay_view()) for side in self.sides)
        sides = {name: view for name, view in views if view is not None}
        return RtpMedia(session, receive, send, sides, ms, self, also)

    def write_side(self, frame: Frame) -> None:
        """Send a frame of video or text; without such a stream it goes nowhere."""
        format = frame.format
        if format is None:
            return
        for side in self.sides:
            if side.kind is format.codec.media and side.number == frame.subtype:
                side.write(frame)
                return

    def type_text(self, text: str) -> bool:
        """Send a text of our own as real-time text; False where none is agreed."""
        return any(side.type_text(text) for side in self.sides if side.kind is MediaType.TEXT)

    def tell_bit_rate(self, frame: Frame) -> None:
        """The other side can receive so much of the pictures of a stream."""
        for side in self.sides:
            if side.kind is MediaType.VIDEO and side.number == frame.subtype and isinstance(frame.data, BitRate):
                side.tell_bit_rate(frame.data)

    def _digit_began(self, digit: str) -> None:
        if self.channel is not None:
            self.channel.deliver(digit_begin(digit))

    def _digit_ended(self, digit: str, duration_ms: int) -> None:
        if self.channel is not None:
            self.channel.deliver(digit_end(digit, duration_ms))

    def _noise_told(self, level: int) -> None:
        if self.channel is not None:
            self.channel.deliver(Frame(FrameType.CNG, level))

    def write_noise(self, level: int) -> None:
        """The other side is silent over noise of this level (-dBov): tell it to an endpoint that knows comfort noise."""
        session, stream = self.session, self.stream
        if session is not None and stream is not None and stream.remote is not None:
            if COMFORT_NOISE in stream.remote.payload_types:
                session.send_comfort_noise(level)

    def _timed_out(self, reason: MediaTimeout) -> None:
        channel, session = self.channel, self.session
        if channel is None or session is None:
            return
        limit = session.options.timeout_hold if session.is_held else session.options.timeout
        answered_at = channel.answered_at
        if answered_at is None or self._engine.loop.time() - answered_at < limit:  # nobody has to speak before the answer
            session.await_media(answered_at)
            return
        from globstar.core.cause import Cause

        channel.queue_hangup(Cause.REQUESTED_CHAN_UNAVAIL)


def _told(kind: MediaType, number: int, stream: NegotiatedStream | None) -> CallStream:
    line = stream.remote if stream is not None else None
    label, content = (line.all(name) if line is not None else [] for name in ("label", "content"))
    return CallStream(kind, number, label[0] if label else "", content[0] if content else "")
