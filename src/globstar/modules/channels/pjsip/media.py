"""The media of one call leg: its RTP session, its SDP, and the binding of both to a channel."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from globstar.base.errors import GlobstarError
from globstar.base.log import Logger
from globstar.core.channel import Channel
from globstar.core.channelstate import NoTranslation
from globstar.core.format import FMTP, Format, FormatCapabilities, MediaType, opus, ulaw
from globstar.core.frame import Control, Frame, FrameType, control, digit_begin, digit_end
from globstar.core.rtp_media import RtpMedia, RtpVoice
from globstar.dsp.byteorder import exchanged
from globstar.media.session import MediaTimeout, RtpSession
from globstar.media.settings import Payload, PayloadKind
from globstar.media.smoother import Packer
from globstar.modules.channels.pjsip import media_options
from globstar.modules.channels.pjsip.bundling import LegBundle, let_go, put_in_force
from globstar.modules.channels.pjsip.codecs import OTHER_FORMS, audio_codecs, describe_all, form_of, samples_of
from globstar.modules.channels.pjsip.endpoint import if_set
from globstar.modules.channels.pjsip.packets import PacketLengths
from globstar.modules.channels.pjsip.streams import SideStream
from globstar.modules.channels.pjsip.streams import wanted as wanted_sides
from globstar.modules.channels.pjsip.wires import wait_for_all
from globstar.proto.rtp import COMFORT_NOISE
from globstar.proto.sdp import (
    CodecDescription,
    Direction,
    LocalMedia,
    NegotiatedCodec,
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

#: Bytes of a sample of signed linear, and of that codec alone.
LINEAR_BYTES = 2
_NO_KINDS: frozenset[MediaType] = frozenset()
_MEDIA = {rate: Payload(PayloadKind.MEDIA, rate) for rate in (8000, 16000, 48000)}
_DIGITS = {rate: Payload(PayloadKind.DIGITS, rate) for rate in (8000, 16000, 48000)}


class NoMedia(GlobstarError):
    """There is no port for RTP."""


class LegMedia:
    """One leg's media: its audio, and the streams beside it. Made with the leg, closed at hang-up.

    ``address`` is what SDP says, ``bind`` where the sockets are bound.
    """

    __slots__ = (
        "_bound", "_bundle", "_by_payload", "_clock_shift", "_codecs", "_described", "_description_text", "_endpoint", "_engine",
        "_is_linear", "_kinds", "_lengths",
        "_most_samples", "_offer", "_read_format", "_read_payload", "_refined", "_regular", "_send_by_receive",
        "_smoother", "_usual_samples", "address", "bind", "channel", "described", "direct", "direction", "fax", "formats",
        "is_held", "negotiation", "session", "sides", "stream", "wants_digits", "wires", "write_format",
    )  # fmt: skip

    def __init__(
        self, engine: RtpEngine, endpoint: EndpointObject, address: str, bind: str, formats: FormatCapabilities, session_id: int
    ) -> None:
        self._engine = engine
        self._endpoint = endpoint
        self.address = address
        self.bind = bind
        self.formats = formats
        self.negotiation = OfferAnswer(session_id, owner=endpoint.sdp_owner, session_name=endpoint.sdp_session, address=address)
        self.session: RtpSession | None = None
        #: the streams that share a transport
        self._bundle = LegBundle(engine, endpoint)
        #: our side of the audio as it was described last
        self.described: LocalMedia | None = None
        #: how the audio is secured and finds its way; None: plain, to where SDP says
        self.wires = media_options.wires(engine, endpoint)
        self.channel: Channel | None = None
        self.stream: NegotiatedStream | None = None
        self.direction = Direction.SENDRECV
        self.is_held = False
        #: where the peer of a direct call wants its audio, while our side sends there; None: to us
        self.direct: tuple[str, int] | None = None
        self.sides: list[SideStream] = []
        self._kinds: frozenset[MediaType] = _NO_KINDS
        #: the fax of a call, once somebody has asked for one
        self.fax: Fax | None = None
        self.wants_digits = endpoint.dtmf_mode in ("rfc4733", "auto", "auto_info")
        audio = [format for format in formats if format.codec.media is MediaType.AUDIO]
        self.write_format: Format = audio[0] if audio else ulaw
        self._codecs = audio_codecs(endpoint)
        self._offer: tuple[CodecDescription, ...] | None = None
        self._by_payload: dict[int, Format] = {}
        self._send_by_receive: dict[int, NegotiatedCodec] = {}
        #: agreed codecs whose parameters are others than those that we wish
        self._refined: dict[CodecDescription, Format] = {}
        self._read_payload = -1
        self._read_format: Format = self.write_format
        self._clock_shift = 0
        self._is_linear = False
        #: makes the packets that are asked for
        self._smoother: Packer | None = None
        #: makes packets of the usual length once others came; what that is in samples, 0 where all go as they come that are not
        #: longer than the peer takes
        self._regular: Packer | None = None
        self._usual_samples = self._most_samples = 0
        self._lengths = PacketLengths(self.write_format, endpoint, None)
        self._bound = False
        self._described: SessionDescription | None = None
        self._description_text = b""

    # -- life --------------------------------------------------------------------------------------------------------

    def open(self) -> RtpSession:
        """Bind the sockets, once. Raises :class:`NoMedia` when all ports are in use."""
        if self.session is None:
            endpoint, engine = self._endpoint, self._engine
            self.session = engine.open(
                self.bind, media_options.session_options(endpoint), ports=media_options.ports(engine, endpoint)
            )
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
            side.channel = None
        if self.fax is not None:
            self.fax.close()

    # -- offer and answer --------------------------------------------------------------------------------------------

    def set_formats(self, formats: FormatCapabilities) -> None:
        """Offer these from now on."""
        self.formats = formats
        endpoint = self._endpoint
        audio = [format for format in formats if format.codec.media is MediaType.AUDIO]
        chosen = describe_all(audio, endpoint.formats, aal2_as_rfc3551=endpoint.g726_non_standard)
        self._codecs = {**self._codecs, **chosen}
        self._offer = tuple(chosen)
        for kind, limit in ((MediaType.VIDEO, endpoint.max_video_streams), (MediaType.TEXT, 1)):
            wanted = [format for format in formats if format.codec.media is kind]
            mine = [side for side in self.sides if side.kind is kind]
            for side in mine:
                side.formats = tuple(wanted)
            if wanted and not mine and limit:
                self.add_side(kind, wanted)

    def offer_everything(self) -> None:
        """Offer all that the endpoint allows, whatever was agreed before (all_codecs_on_empty_reinvite)."""
        self._offer = tuple(audio_codecs(self._endpoint))

    def offer_only(self, names: Collection[str]) -> None:
        """Offer those of the agreed codecs whose encodings are named: what both ends of a direct call know."""
        if self.stream is not None:
            self._offer = tuple(codec.codec for codec in self.stream.codecs if codec.codec.name in names) or None

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
        waiting = {
            "audio": [self.direct or (self.address, self.open().local_address[1])],
            "video": [
                side.direct or (self.address, side.port) for side in self.sides if side.kind is MediaType.VIDEO and side.port
            ],
            "text": [
                side.direct or (self.address, side.port) for side in self.sides if side.kind is MediaType.TEXT and side.port
            ],
        }
        return [
            waiting[line.kind].pop(0)
            for line in (local.media if local is not None else ())
            if line.port and line.is_rtp and waiting.get(line.kind)
        ]

    def add_side(self, kind: MediaType, formats: Sequence[Format]) -> SideStream:
        """One more stream, for offers and answers from now on."""
        number = sum(1 for side in self.sides if side.kind is kind)
        side = SideStream(self._engine, self._endpoint, kind, number, formats, self._bundle)
        side.channel = self.channel
        self.sides.append(side)
        return side

    def _local(self, codecs: Iterable[CodecDescription], offer: SessionDescription | None = None) -> list[LocalMedia]:
        """Our side of all streams, for an offer of ours or to answer ``offer``."""
        session = self.open()
        endpoint = self._endpoint
        if self.fax is not None and self.fax.is_wanted:
            image = self.fax.describe(self.address, self.bind)
            if image is None:
                raise NoMedia("no port for the fax is free")
            return [image]
        if self.wires is not None and not session.rides:
            self.wires.begin(session, self.address)
        address, port = self.direct or (self.address, session.local_address[1])
        self.described = LocalMedia(
            address,
            port,
            tuple(codecs),
            direction=self.direction,
            telephone_event=self.wants_digits,
            rtcp_mux=endpoint.rtcp_mux,
            protocols=media_options.protocols(endpoint),
            preference=endpoint.answer_preference,
            narrowing=if_set(endpoint.codec_prefs_outgoing_answer),
            answer_preference=if_set(endpoint.codec_prefs_incoming_answer),
            use_ptime=endpoint.use_ptime,
            keying=self.wires,
            bundles=endpoint.bundle,
            shares=session.bundle is not None,
            source=self._bundle.source_of(session, "audio"),
            lowest_dynamic=self._engine.settings.lowest_dynamic,
        )
        media = [self.described] if endpoint.max_audio_streams else []
        rides = self._bundle.takes_new(offer)
        for side in self.sides:
            local = side.describe(self.address, self.bind, self.direction, rides=rides)
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
        self._local(self._codecs, offer)
        is_bundle = offer is not None and self._endpoint.bundle and bool(bundles(offer))
        wires = [self.wires, *(() if is_bundle else (side.wires for side in self.sides))]
        return wait_for_all(wires, servers, self._engine.loop, on_done)

    def _want_sides(self, offer: SessionDescription | None) -> None:
        """Have streams for what an offer asks for, or for what ours is to have."""
        counts = {kind: sum(1 for side in self.sides if side.kind is kind) for kind in (MediaType.VIDEO, MediaType.TEXT)}
        for kind, formats in wanted_sides(self._endpoint, offer):
            counts[kind] -= 1
            if counts[kind] < 0:
                self.add_side(kind, formats)

    def make_offer(self) -> bytes:
        """Our offer: what was agreed, or what is to be offered at first."""
        codecs = self._offer
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
        if endpoint.video_formats or endpoint.text_formats:
            self._want_sides(offer)
        if self.direct is not None and media_options.holds(offer):
            self.direct = None  # the way back goes through us, and the answer can say so already
        self._bundle.prepare((self, *self.sides), offer, self.bind)
        answer = self.negotiation.receive_offer(offer, self._local(self._codecs, offer))
        self._apply(self.negotiation.streams)
        return self._text(answer)

    def answer_again(self, offer: SessionDescription) -> None:
        """Answer the first offer anew: our answer has not been sent yet, and what we want has changed."""
        self.negotiation.forget()
        self.answer_offer(offer)

    def take_answer(self, body: bytes) -> None:
        """Take the answer to our offer. Raises SdpParseError or NotAcceptable."""
        self._apply(self.negotiation.receive_answer(parse(body)))
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

    def _apply(self, streams: Sequence[NegotiatedStream]) -> None:
        if self._endpoint.bundle:
            self._bundle.apply((self, *self.sides), streams)
        for side in self.sides:
            side.apply(next((s for s in streams if s.local is not None and s.local is side.described), None))
        self._tell_new_kinds()
        fax = self.fax
        if fax is not None:
            fax.apply(next((s for s in streams if s.local is not None and s.local is fax.described), None))
        self._apply_audio(next((s for s in streams if s.kind == "audio" and s.is_active), None))
        channel = self.channel
        if channel is not None and channel.bridge_member is not None:
            channel.bridge_member.bridge.media_changed(f"{channel.name}: its media have changed")

    def _tell_new_kinds(self) -> None:
        """The endpoint has begun with video or text in the middle of a call: the other side may have it too."""
        kinds = frozenset(side.kind for side in self.sides if side.stream is not None) if self.sides else _NO_KINDS
        new, self._kinds = kinds - self._kinds, kinds
        channel = self.channel
        if new and channel is not None and channel.bridge_member is not None:
            formats = [format for side in self.sides if side.kind in new for format in side.agreed]
            channel.deliver(control(Control.STREAM_TOPOLOGY_REQUEST_CHANGE, FormatCapabilities(formats)))

    def _apply_audio(self, stream: NegotiatedStream | None) -> None:
        session = self.open()
        if stream is None:
            session.set_direction(sending=False, receiving=False)
            return
        self.stream = stream
        self._offer = None
        receive: dict[int, Payload] = {}
        self._by_payload = {}
        self._send_by_receive = {}
        self._refined = {}
        agreed: list[Format] = []
        for codec in stream.codecs:
            format = form_of(codec, self._codecs)
            if format is None:
                continue
            if codec.codec not in self._codecs:
                self._refined[codec.codec] = format
            agreed.append(format)
            self._by_payload[codec.receive_payload_type] = format
            self._send_by_receive[codec.receive_payload_type] = codec
            receive[codec.receive_payload_type] = _payload(_MEDIA, PayloadKind.MEDIA, codec.codec.clock_rate)
        for number, clock in stream.receive_dtmf:
            receive[number] = _payload(_DIGITS, PayloadKind.DIGITS, clock)
        first = stream.codecs[0]
        writes = self._by_payload[first.receive_payload_type]
        if first.remote_fmtp and writes.codec is opus.codec:  # the encoder heeds what the peer asks for
            writes = writes.with_attributes({**writes.attributes, FMTP: first.remote_fmtp})
        writes = PacketLengths(writes, self._endpoint, stream).for_encoder(writes)
        self._set_write_format(writes)
        session.rtcp_mux = stream.rtcp_mux
        session.set_payloads(receive, send=first.send_payload_type, clock_rate=first.codec.clock_rate, digits=stream.send_dtmf)
        put_in_force(self, stream)
        session.set_direction(sending=stream.direction.can_send, receiving=stream.direction.can_receive)
        session.set_hold(stream.is_remote_hold)
        self._read_payload = first.receive_payload_type
        self._read_format = self.write_format
        for side in self.sides:
            agreed += side.agreed
        self.formats = FormatCapabilities(agreed, dict(self._endpoint.formats.framing_ms))
        if self.channel is not None:
            self._bind_formats(self.channel)

    def _set_write_format(self, format: Format) -> None:
        """What we send from now on, and in packets of which length."""
        self.write_format = format
        codec = format.codec
        self._is_linear = codec.sample_bytes == LINEAR_BYTES
        self._clock_shift = 1 if codec.sample_rate == 2 * codec.clock_rate else 0
        lengths = self._lengths = PacketLengths(format, self._endpoint, self.stream)
        self._usual_samples = lengths.usual_samples(format)
        self._most_samples = lengths.most_samples(format)
        self._smoother = lengths.packer(format)
        self._regular = None

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
        session = self.open()
        session.owner = channel
        session.on_media = self._receive
        session.on_digit_begin = self._digit_began
        session.on_digit_end = self._digit_ended
        session.on_comfort_noise = self._noise_told
        session.on_timeout = self._timed_out
        for side in self.sides:
            side.channel = channel
        if self.stream is not None:
            self._bind_formats(channel)

    def _bind_formats(self, channel: Channel) -> None:
        if channel.native_formats.formats == self.formats.formats and channel.raw_write_format is self.write_format:
            return
        was_plain = channel.read_format is channel.raw_read_format and channel.write_format is channel.raw_write_format
        channel.set_native_formats(self.formats, read=self.write_format, write=self.write_format)
        if was_plain:
            channel.reset_formats()

    def _receive(self, payload_type: int, payload: bytes, rtp_time: int, sequence: int, marker: bool) -> None:
        """One packet of the peer. On the path of every packet."""
        if payload_type != self._read_payload:
            format = self._by_payload.get(payload_type)
            if format is None:
                return
            self._read_payload = payload_type
            self._read_format = format
            if not self._endpoint.asymmetric_rtp_codec:
                self._follow_codec(payload_type, format)
        format = self._read_format
        channel = self.channel
        if channel is not None:
            codec = format.codec
            size = codec.sample_bytes
            samples = len(payload) * codec.sample_count // size if size else samples_of(codec, payload)
            if size == LINEAR_BYTES:
                payload = exchanged(payload)
            channel.deliver(
                Frame(FrameType.VOICE, 0, payload, format=format, samples=samples, rtp_time=rtp_time, seq=sequence, marker=marker)
            )

    def _follow_codec(self, payload_type: int, format: Format) -> None:
        """The other side sends another of the agreed codecs: send that too, as most phones expect."""
        codec = self._send_by_receive[payload_type]
        channel, session = self.channel, self.session
        if channel is None or session is None or format is self.write_format:
            return
        try:
            channel.set_native_formats(channel.native_formats, write=format)
        except NoTranslation as error:
            logger.debug(1, f"{channel.name} goes on sending {self.write_format.name}: {error}")
            return
        self._set_write_format(format)
        session.select_payload(codec.send_payload_type, codec.codec.clock_rate)

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
        session, stream = self.session, self.stream
        if session is None or session.is_closed or stream is None:
            return None
        receive: dict[str, int] = {}
        send: dict[str, int] = {}
        for codec in stream.codecs:
            described = codec.codec
            name = f"{described.name}/{described.clock_rate}/{described.channels}"
            form = self._by_payload.get(codec.receive_payload_type)
            if form is not None and form.codec in OTHER_FORMS:
                name += " in its other form"
            receive[name], send[name] = codec.receive_payload_type, codec.send_payload_type
        if self.wants_digits:
            for number, clock in stream.receive_dtmf:
                receive.setdefault(f"telephone-event/{clock}/1", number)
            if stream.send_dtmf is not None:
                send[f"telephone-event/{stream.send_dtmf[1]}/1"] = stream.send_dtmf[0]
        if not self.sides:
            return RtpMedia(session, receive, send)
        views = ((side.key, side.relay_view()) for side in self.sides)
        return RtpMedia(session, receive, send, {name: view for name, view in views if view is not None})

    @property
    def unrelayable(self) -> str:
        """Why packets cannot be passed on as they come; "" if they can."""
        if self._smoother is not None:
            return f"packets of {self._lengths.wanted_ms} ms are asked for"
        return ""

    def write(self, frame: Frame) -> None:
        """Send a voice frame in the agreed format."""
        session = self.session
        if session is not None and self.stream is not None:
            smoother = self._smoother or self._regular
            data = exchanged(frame.data) if self._is_linear else frame.data
            if smoother is None:
                samples, usual = frame.samples, self._usual_samples
                if samples == usual or (not usual and samples <= self._most_samples):
                    session.send_media(data, samples >> self._clock_shift, frame.marker)
                    return
                # the other side has packets of another length
                smoother = self._regular = self._lengths.regular(self.write_format)
                if smoother is None:  # they cannot be divided
                    session.send_media(data, samples >> self._clock_shift, frame.marker)
                    return
            marker = frame.marker
            for packet, samples in smoother.take(data, frame.samples):
                session.send_media(packet, samples >> self._clock_shift, marker)
                marker = False
            if smoother is self._regular and smoother.is_empty:
                self._regular = None

    def write_side(self, frame: Frame) -> None:
        """Send a frame of video or text; without such a stream it goes nowhere."""
        format = frame.format
        if format is None:
            return
        for side in self.sides:
            if side.kind is format.codec.media and side.number == frame.subtype:
                side.write(frame)
                return

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
        if self.channel is not None:
            from globstar.core.cause import Cause

            self.channel.queue_hangup(Cause.REQUESTED_CHAN_UNAVAIL)


def _payload(known: dict[int, Payload], kind: PayloadKind, clock_rate: int) -> Payload:
    return known.get(clock_rate) or Payload(kind, clock_rate)
