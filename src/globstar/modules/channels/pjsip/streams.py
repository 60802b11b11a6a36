"""Video and text of a call: streams beside the audio, passed on as they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from globstar.core.bridgeremb import BitRate
from globstar.core.channel import Channel
from globstar.core.format import FMTP, Format, FormatCapabilities, MediaType, red, t140
from globstar.core.frame import Control, Frame, FrameType, control
from globstar.core.rtp_media import RtpMedia
from globstar.media.feedback import MAX_GAP, VideoFeedback
from globstar.media.session import RtpSession
from globstar.media.settings import Payload, PayloadKind, SessionOptions
from globstar.modules.channels.pjsip import media_options
from globstar.modules.channels.pjsip.bundling import LegBundle, let_go, put_in_force
from globstar.modules.channels.pjsip.codecs import VARIANTS, describe_all
from globstar.modules.channels.pjsip.kept import others
from globstar.modules.channels.pjsip.text import RedundantText, Typist, pace_of
from globstar.proto.rtp import RtcpPacket, asks_for_picture
from globstar.proto.rtp.red import generations_of
from globstar.proto.sdp import Attribute, CodecDescription, Direction, LocalMedia, NegotiatedStream, SessionDescription
from globstar.proto.sdp.feedback import BIT_RATE, INTRA_REQUEST, NACK, PICTURE_LOSS, TRANSPORT_WIDE
from globstar.proto.sdp.video import video_fit

if TYPE_CHECKING:
    from globstar.media.engine import RtpEngine
    from globstar.modules.channels.pjsip.endpoint import EndpointObject
    from globstar.modules.channels.pjsip.wires import Wires

#: what an endpoint may tell us of its pictures under RTP/AVPF (RFC 4585 4.2, RFC 5104 7.1), and a browser besides
_FEEDBACK = (INTRA_REQUEST, BIT_RATE, NACK, PICTURE_LOSS)
_BROWSERS_FEEDBACK = (TRANSPORT_WIDE, *_FEEDBACK)
#: Seconds by which times may differ from ours after a pause, when they are of the same clock.
MAX_DRIFT = 2
_FRAMES = {MediaType.VIDEO: FrameType.VIDEO, MediaType.TEXT: FrameType.TEXT}


class SideStream:
    """One video or text stream: an RTP session whose packets become frames, and frames packets, with nothing decoded.

    ``number`` counts the streams of its kind; frames carry it as their subtype, so that the second video of one side
    goes to the second of the other.
    """

    __slots__ = (
        "_agreed",
        "_bundle",
        "_by_payload",
        "_endpoint",
        "_engine",
        "_last_number",
        "_number_shift",
        "_redundant",
        "_requests",
        "_resumes",
        "_send_by_codec",
        "_shift",
        "_source",
        "_ssrc",
        "_typist",
        "_writes",
        "channel",
        "described",
        "direct",
        "formats",
        "is_wanted",
        "kind",
        "names",
        "number",
        "only_shows",
        "place",
        "session",
        "stream",
        "wires",
    )  # fmt: skip

    def __init__(
        self,
        engine: RtpEngine,
        endpoint: EndpointObject,
        kind: MediaType,
        number: int,
        formats: Sequence[Format],
        bundle: LegBundle,
    ) -> None:
        self._engine = engine
        self._bundle = bundle
        self._endpoint = endpoint
        self.kind = kind
        self.number = number
        self.formats: tuple[Format, ...] = tuple(formats)
        #: the m-line on which it was agreed
        self.place: int | None = None
        #: False once it is to go: our next offer declines it
        self.is_wanted = True
        #: what the other side of the call says of it (label, content), for our offers
        self.names: tuple[Attribute, ...] = ()
        #: we have asked for it to show the endpoint something, and want nothing of it
        self.only_shows = False
        self.session: RtpSession | None = None
        #: how it is secured and finds its way; None: plain, to where SDP says
        self.wires: Wires | None = None
        self.channel: Channel | None = None
        self.stream: NegotiatedStream | None = None
        #: where the other end of a direct call wants its packets; None: with us
        self.direct: tuple[str, int] | None = None
        #: our side as it was described last
        self.described: LocalMedia | None = None
        self._by_payload: dict[int, Format] = {}
        self._agreed: tuple[Format, ...] = ()
        self._send_by_codec: dict[str, int] = {}
        #: what our frames name as their source, and the SSRC of it
        self._source = ""
        self._ssrc: int | None = None
        #: the source of the frames that are written to us
        self._writes = ""
        #: how often packets had been sent past our sender, by a relay
        self._resumes = 0
        #: what turns the time of the other side's packets into ours; None before the first
        self._shift: int | None = None
        #: the same for their numbers, and the highest of those
        self._number_shift = 0
        self._last_number: int | None = None
        #: how many pictures from scratch were asked for by Full Intra Requests
        self._requests = 0
        #: the redundancy of a text stream, where it is agreed
        self._redundant: RedundantText | None = None
        #: who types the server's own texts, once there was one
        self._typist: Typist | None = None

    def bind(self, channel: Channel | None) -> None:
        """Let the packets become frames of ``channel``; None: of none any more."""
        self.channel = channel
        self._ssrc = None
        if self.session is not None:
            self.session.owner = channel

    def describe(
        self,
        address: str,
        bind: str,
        direction: Direction,
        codecs: Sequence[CodecDescription] = (),
        *,
        rides: bool = False,
        is_answer: bool = False,
    ) -> LocalMedia | None:
        """Our side of the stream; None when no port is free. One that ``rides`` needs none: it is in the bundle of the call.

        ``codecs`` are those of audio.
        """
        if not self.is_wanted and not is_answer:
            self.described = None
            return None
        if self.session is None and rides:
            self.session = self._bundle.open_riding(self, self.session_options())
        elif self.session is None:
            self.session = self._engine.open(
                bind, self.session_options(), ports=media_options.ports(self._engine, self._endpoint)
            )
            self.wires = media_options.wires(self._engine, self._endpoint)
        session = self.session
        if session is None:
            self.described = None
            return None
        if self.wires is not None and not session.rides:
            self.wires.begin(session, address)
        if self.only_shows:
            direction = Direction.of(send=direction.can_send, receive=False)
        where = self.direct or (address, self.port)
        self.described = self._description(session, where, direction, codecs, is_answer=is_answer)
        return self.described

    def session_options(self) -> SessionOptions:
        """Of its sockets and timers."""
        return media_options.session_options(self._endpoint, self.kind)

    def _description(
        self,
        session: RtpSession,
        where: tuple[str, int],
        direction: Direction,
        codecs: Sequence[CodecDescription],
        *,
        is_answer: bool,
    ) -> LocalMedia:
        return LocalMedia(
            *where,
            tuple(describe_all(self.formats, FormatCapabilities())),
            kind=self.kind.value,
            direction=direction,
            telephone_event=False,
            rtcp_mux=self._endpoint.rtcp_mux,
            protocols=media_options.protocols(self._endpoint),
            attributes=() if is_answer else self.names,
            feedback=self._feedback,
            preference=self._endpoint.answer_preference,
            keying=self.wires,
            bundles=self._endpoint.bundle,
            shares=session.bundle is not None,
            source=self._bundle.source_of(session, self.key),
            lowest_dynamic=self._engine.settings.lowest_dynamic,
            place=self.place,
            keeps_names=media_options.keeps_names(self._endpoint),
        )

    @property
    def _feedback(self) -> tuple[str, ...]:
        """What we offer to tell and to be told."""
        endpoint = self._endpoint
        if self.kind is not MediaType.VIDEO or not endpoint.use_avpf:
            return ()
        return _BROWSERS_FEEDBACK if endpoint.webrtc else _FEEDBACK

    @property
    def key(self) -> str:
        """Which stream of a call this is."""
        return f"{self.kind.value} {self.number}"

    @property
    def port(self) -> int:
        """Our port, 0 while there is none."""
        return self.session.local_address[1] if self.session is not None else 0

    def apply(self, stream: NegotiatedStream | None, *, may_come_back: bool = False) -> None:
        """What was agreed; None when the stream is declined, which gives its port back, unless it may come back."""
        session = self.session
        if session is None:
            return
        if stream is None or not stream.is_active or (session.rides and stream.bundling is None):
            self.stream = self.place = None
            if may_come_back or self._bundle.carries_others(self):
                session.set_direction(sending=False, receiving=False)
            else:
                self.close()
            return
        is_new, self.stream = self.stream is None, stream
        self.place = stream.index
        self._agree(session, stream)
        session.owner = self.channel
        put_in_force(self, stream)
        session.set_direction(sending=stream.direction.can_send, receiving=stream.direction.can_receive)
        session.set_hold(stream.is_remote_hold)
        if is_new and self.only_shows and self.kind is MediaType.VIDEO:  # after the ACK
            self._engine.loop.call_soon(self._begin_to_show)

    def _agree(self, session: RtpSession, stream: NegotiatedStream) -> None:
        """Take the codecs that were agreed on, and the packets that come."""
        by_name = {description.name: format for description, format in describe_all(self.formats, FormatCapabilities()).items()}
        receive: dict[int, Payload] = {}
        self._by_payload = {}
        self._send_by_codec = {}
        for codec in stream.codecs:
            format = by_name[codec.codec.name]
            if codec.remote_fmtp and self.kind is MediaType.VIDEO:
                self._settle_on(format, codec.codec.fmtp)
                format = format.with_attributes({FMTP: codec.remote_fmtp})
            self._by_payload[codec.receive_payload_type] = format
            self._send_by_codec.setdefault(format.codec.name, codec.send_payload_type)
            receive[codec.receive_payload_type] = Payload(PayloadKind.MEDIA, codec.codec.clock_rate)
        self._agreed = tuple(self._by_payload.values())
        for codec in stream.codecs:  # see Voice: under the numbers of its own description the peer can mean nothing else
            if codec.send_payload_type not in receive:
                self._by_payload[codec.send_payload_type] = self._by_payload[codec.receive_payload_type]
                receive[codec.send_payload_type] = Payload(PayloadKind.MEDIA, codec.codec.clock_rate)
        self._agree_redundancy(session, stream)
        first = stream.codecs[0]
        session.rtcp_mux = stream.rtcp_mux
        session.set_payloads(receive, send=first.send_payload_type, clock_rate=first.codec.clock_rate)
        session.on_media = self._receive
        session.on_rtcp = self._reported if self.kind is MediaType.VIDEO else None
        self._agree_feedback(session, stream)

    def _settle_on(self, format: Format, fmtp: str) -> None:
        """Of several variants that we have offered one was chosen: the others are not offered again."""
        if VARIANTS in format.attributes:
            chosen = format.with_attributes({FMTP: fmtp})
            self.formats = tuple(chosen if one is format else one for one in self.formats)

    def prefer_variant(self, name: str, fmtp: str) -> bool:
        """Want the codec of a name with these parameters; False where that is what the endpoint sends anyway."""
        agreed = next((one for one in self.stream.codecs if one.codec.name == name), None) if self.stream is not None else None
        if agreed is None or not agreed.others or video_fit(name, fmtp, agreed.remote_fmtp) == 2:
            return False
        by_name = {description.name: format for description, format in describe_all(self.formats, FormatCapabilities()).items()}
        plain = by_name[name]
        self.formats = tuple(one.with_attributes({FMTP: fmtp}) if one is plain else one for one in self.formats)
        return True

    def _begin_to_show(self) -> None:
        """What is to be seen begins with a whole picture."""
        if self.channel is not None and not self.channel.is_hung_up and self.stream is not None:
            self.channel.deliver(control(Control.VIDUPDATE, self.number))

    def _agree_feedback(self, session: RtpSession, stream: NegotiatedStream) -> None:
        """What is told beyond the loss of pictures; nothing is kept or looked at where it was not agreed."""
        kinds, feedback = stream.feedback, session.feedback
        if not stream.transport_extension and NACK not in kinds and BIT_RATE not in kinds:
            if feedback is not None:
                feedback.close()
                session.feedback = None
            return
        if feedback is None:
            feedback = session.feedback = VideoFeedback(session, self._engine.loop)
        feedback.agree(nacks=NACK in kinds, bit_rates=BIT_RATE in kinds, extension=stream.transport_extension)
        feedback.on_bit_rate = self._bit_rate_told

    def _bit_rate_told(self, bits: int, sources: int) -> None:
        """The endpoint can receive so much, of this and other streams: whoever sends it pictures is told."""
        if self.channel is not None:
            self.channel.deliver(Frame(FrameType.RTCP, self.number, BitRate(bits, sources)))

    def tell_bit_rate(self, rate: BitRate) -> None:
        """The other side can receive so much of the endpoint's pictures."""
        if self.session is not None and self.session.feedback is not None:
            self.session.feedback.tell_bit_rate(rate.bits)

    def _agree_redundancy(self, session: RtpSession, stream: NegotiatedStream) -> None:
        """Text that is repeated carries the numbers of its own stream: it is undone here and made anew for the other side."""
        by_name = {codec.codec.name.upper(): codec for codec in stream.codecs}
        repeated, plain = by_name.get("RED"), by_name.get("T140")
        if self.kind is not MediaType.TEXT or repeated is None or plain is None:
            self._drop_redundancy()
            return
        agreed = repeated.send_payload_type, plain.send_payload_type, generations_of(repeated.remote_fmtp)
        if self._redundant is None:
            self._redundant = RedundantText(session, self._engine.loop, *agreed)
        else:
            self._redundant.agree(*agreed)

    def _drop_redundancy(self) -> None:
        redundant, self._redundant = self._redundant, None
        if redundant is not None:
            redundant.close()

    @property
    def agreed(self) -> list[Format]:
        """The formats that were agreed, with the parameters of the other side."""
        return list(self._agreed)

    def relay_view(self) -> RtpMedia | None:
        """What a bridge needs to relay our packets."""
        session, stream = self.session, self.stream
        if session is None or session.is_closed or stream is None:
            return None
        receive, send = {}, {}
        redundancy = self._redundancy_of(stream)
        for codec in stream.codecs:
            described = codec.codec
            name = f"{described.name}/{described.clock_rate}/{described.channels}"
            mine, yours = (f"{name} {how}" for how in redundancy) if redundancy else (name, name)
            receive[mine], send[yours] = codec.receive_payload_type, codec.send_payload_type
        return RtpMedia(session, receive, send, also=others(receive, send) if not redundancy else {})

    def _redundancy_of(self, stream: NegotiatedStream) -> tuple[str, str] | None:
        """How text is repeated that we get, and that we send; None where it is not.

        All of such a stream can be passed on as it is only where the numbers within are the same; else nothing of it, as
        some packets would be missed among the others.
        """
        by_name = {codec.codec.name.upper(): codec for codec in stream.codecs}
        repeated = by_name.get("RED")
        if repeated is None:
            return None
        inside, again = by_name.get("T140", repeated), generations_of(repeated.remote_fmtp)
        return f"{inside.receive_payload_type} {again}", f"{inside.send_payload_type} {again}"

    def _receive(self, payload_type: int, payload: bytes, rtp_time: int, sequence: int, marker: bool) -> None:
        channel, session, format = self.channel, self.session, self._by_payload.get(payload_type)
        if channel is None or session is None or format is None:
            return
        if session.remote_ssrc != self._ssrc:
            self._name_source(channel, session.remote_ssrc)
        if self._redundant is not None:
            # the numbers show what was lost of the packets, of which nothing needs to be lost of the text
            take = self._redundant.receive if format is red else self._redundant.receive_plain
            for text in take(payload, sequence, rtp_time):
                channel.deliver(Frame(FrameType.TEXT, self.number, text, format=t140, rtp_time=rtp_time, source=self._source))
            return
        channel.deliver(
            Frame(
                _FRAMES[self.kind], self.number, payload, format=format, rtp_time=rtp_time, seq=sequence, marker=marker,
                source=self._source,
            )
        )  # fmt: skip

    def _name_source(self, channel: Channel, ssrc: int) -> None:
        """The endpoint sends from another source than before, whose numbers and times say nothing of those before."""
        if self._ssrc is not None and self._redundant is not None:
            self._redundant.source_changed()
        self._ssrc = ssrc
        self._source = f"{channel.unique_id} {self.key} {ssrc:08x}"

    def _reported(self, packets: tuple[RtcpPacket, ...]) -> None:
        """The endpoint has lost the picture: the other side is asked for one from scratch."""
        if self.channel is not None and asks_for_picture(packets):
            self.channel.deliver(control(Control.VIDUPDATE, self.number))

    def ask_for_picture(self) -> bool:
        """Ask the endpoint for a picture from scratch by RTCP; False where its profile has no such feedback."""
        session, stream = self.session, self.stream
        if session is None or stream is None or stream.remote is None or not stream.remote.protocol.endswith("F"):
            return False
        if INTRA_REQUEST in stream.feedback and PICTURE_LOSS not in stream.feedback:
            self._requests += 1
            session.ask_for_picture(self._requests)
        else:
            session.ask_for_picture()
        return True

    def write(self, frame: Frame) -> None:
        """Send a packet of the other side on; one of a codec that was not agreed is dropped."""
        session, format = self.session, frame.format
        if session is None or self.stream is None or format is None:
            return
        number = self._send_by_codec.get(format.codec.name)
        if number is None:
            return
        if frame.source != self._writes or session.sender.resumes != self._resumes:  # others, or past us
            self._writes, self._resumes = frame.source, session.sender.resumes
            self._shift = self._last_number = None
        if not session.is_sending:  # what is not sent is not lost
            self._last_number = None
        sequence = self._sequence_of(session, frame.seq, frame.rtp_time)
        time = self._time_of(session, frame.rtp_time)
        if self._redundant is not None:
            follows_loss = 0 < (sequence - session.sender.sequence & 0xFFFF) <= MAX_GAP
            self._redundant.write(frame.data, time, marker=frame.marker, follows_loss=follows_loss)
        else:
            session.send_packet(frame.data, time, number, frame.marker, sequence)

    def _time_of(self, session: RtpSession, theirs: int | None) -> int:
        """When a packet is of: theirs moved by as much as fitted their first one to the moment in which it came."""
        if theirs is None:
            return session.rtp_time_now()
        if self._shift is None:
            self._shift = session.rtp_time_next() - theirs
        return theirs + self._shift & 0xFFFFFFFF

    def _sequence_of(self, session: RtpSession, theirs: int | None, time: int | None) -> int:
        """The number of a packet, so that what was lost before us stays visible, and what comes late has its place."""
        last, following = self._last_number, session.sender.sequence
        if theirs is None:
            self._last_number = None
            return following
        ahead = theirs - last & 0xFFFF if last is not None else 0
        if ahead >= 0x10000 - MAX_GAP:  # it comes late
            ours = theirs + self._number_shift & 0xFFFF
            return ours if session.feedback is None or not session.feedback.is_used(ours) else following
        self._last_number = theirs
        ours = following
        if 0 < ahead <= MAX_GAP:
            ours = following + ahead - 1 & 0xFFFF
        elif last is not None:
            self._look_at_time(session, time)
        self._number_shift = ours - theirs
        return ours

    def _look_at_time(self, session: RtpSession, theirs: int | None) -> None:
        """Their numbers have jumped: did the source begin anew under its old name, its times are others as well."""
        if theirs is None or self._shift is None:
            return
        early = (theirs + self._shift - session.rtp_time_now() + 0x80000000 & 0xFFFFFFFF) - 0x80000000
        if abs(early) > MAX_DRIFT * session.sender.clock_rate:
            self._shift = None

    def type_text(self, text: str) -> bool:
        """Send a text of our own as real-time text; False where none is agreed, or too much waits."""
        session, stream = self.session, self.stream
        codecs = stream.codecs if stream is not None else ()
        codec = next((codec for codec in codecs if codec.codec.name.upper() == "T140"), None)
        if session is None or codec is None or not session.is_sending:
            return False
        if self._typist is None:
            self._typist = Typist(self._engine.loop, self._write_typed)
        self._typist.pace = pace_of(codec.remote_fmtp)
        return self._typist.type(text)

    def _write_typed(self, text: bytes, is_first: bool) -> None:
        self.write(Frame(FrameType.TEXT, self.number, text, format=t140, marker=is_first))

    def close(self) -> None:
        """Give the ports back."""
        if self._typist is not None:
            self._typist.close()
        self._drop_redundancy()
        let_go(self)
        self.session = self.wires = None


def wanted(endpoint: EndpointObject, offer: SessionDescription | None) -> list[tuple[MediaType, Sequence[Format], int]]:
    """The side streams to have ready for an offer (None: ours), as far as the endpoint allows: kind, formats and how many."""
    found: list[tuple[MediaType, Sequence[Format], int]] = []
    most_audio = endpoint.max_audio_streams
    if most_audio > 1 and offer is not None:
        found.append((MediaType.AUDIO, endpoint.audio_formats, min(_asked(endpoint, offer, MediaType.AUDIO), most_audio) - 1))
    for kind, formats, limit in (
        (MediaType.VIDEO, endpoint.video_formats, endpoint.max_video_streams),
        (MediaType.TEXT, endpoint.text_formats, 1),
    ):
        if formats and limit:
            found.append((kind, formats, min(_asked(endpoint, offer, kind) if offer is not None else 1, limit)))
    return found


def _asked(endpoint: EndpointObject, offer: SessionDescription, kind: MediaType) -> int:
    """How many streams of a kind an offer asks for."""
    lines = [media for media in offer.media if media.kind == kind.value]
    return sum(1 for media in lines if media.port or (endpoint.bundle and media.has("bundle-only")))
