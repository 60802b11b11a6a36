"""The media of one call leg: its RTP session, its SDP, and the binding of both to a channel."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from globstar.base.errors import GlobstarError
from globstar.core.channel import Channel
from globstar.core.format import Format, FormatCapabilities, ulaw
from globstar.core.frame import Frame, FrameType, digit_begin, digit_end
from globstar.core.rtp_media import RtpMedia
from globstar.media.session import MediaTimeout, RtpSession
from globstar.media.settings import Payload, PayloadKind, SessionOptions
from globstar.modules.channels.pjsip.codecs import describe_all
from globstar.proto.sdp import Direction, LocalMedia, NegotiatedStream, NotAcceptable, OfferAnswer, SessionDescription, parse

if TYPE_CHECKING:
    from globstar.media.engine import RtpEngine
    from globstar.modules.channels.pjsip.endpoint import EndpointObject

_MEDIA = {rate: Payload(PayloadKind.MEDIA, rate) for rate in (8000, 16000, 48000)}
_DIGITS = {rate: Payload(PayloadKind.DIGITS, rate) for rate in (8000, 16000, 48000)}


class NoMedia(GlobstarError):
    """There is no port for RTP."""


class LegMedia:
    """One leg's audio. Made with the leg, bound to the channel when there is one, closed at hang-up.

    ``address`` is what SDP says, ``bind`` where the sockets are bound.
    """

    __slots__ = (
        "_bound", "_by_payload", "_clock_shift", "_codecs", "_described", "_description_text", "_endpoint", "_engine",
        "_read_format", "_read_payload", "address", "bind", "channel", "direction", "formats", "is_held", "negotiation",
        "session", "stream", "wants_digits", "write_format",
    )  # fmt: skip

    def __init__(
        self, engine: RtpEngine, endpoint: EndpointObject, address: str, bind: str, formats: FormatCapabilities, session_id: int
    ) -> None:
        self._engine = engine
        self._endpoint = endpoint
        self.address = address
        self.bind = bind
        self.formats = formats
        self.negotiation = OfferAnswer(session_id, owner=endpoint.sdp_owner, session_name=endpoint.sdp_session)
        self.session: RtpSession | None = None
        self.channel: Channel | None = None
        self.stream: NegotiatedStream | None = None
        self.direction = Direction.SENDRECV
        self.is_held = False
        self.wants_digits = endpoint.dtmf_mode in ("rfc4733", "auto", "auto_info")
        self.write_format: Format = formats.formats[0] if formats else ulaw
        self._codecs = describe_all(formats, endpoint.formats)
        self._by_payload: dict[int, Format] = {}
        self._read_payload = -1
        self._read_format: Format = self.write_format
        self._clock_shift = 0
        self._bound = False
        self._described: SessionDescription | None = None
        self._description_text = b""

    # -- life --------------------------------------------------------------------------------------------------------

    def open(self) -> RtpSession:
        """Bind the sockets, once. Raises :class:`NoMedia` when all ports are in use."""
        if self.session is None:
            endpoint = self._endpoint
            options = SessionOptions(
                symmetric=endpoint.rtp_symmetric,
                timeout=endpoint.rtp_timeout,
                timeout_hold=endpoint.rtp_timeout_hold,
                keepalive=endpoint.rtp_keepalive,
            )
            self.session = self._engine.open(self.bind, options)
            if self.session is None:
                raise NoMedia("no RTP port is free")
        return self.session

    def close(self) -> None:
        """Give the ports back."""
        if self.session is not None:
            self.session.close()

    # -- offer and answer --------------------------------------------------------------------------------------------

    def set_formats(self, formats: FormatCapabilities) -> None:
        """Offer these from now on."""
        self.formats = formats
        self._codecs = describe_all(formats, self._endpoint.formats)

    def _local(self) -> list[LocalMedia]:
        session = self.open()
        endpoint = self._endpoint
        return [
            LocalMedia(
                self.address,
                session.local_address[1],
                tuple(self._codecs),
                direction=self.direction,
                telephone_event=self.wants_digits,
                rtcp_mux=endpoint.rtcp_mux,
                preference=endpoint.answer_preference,
            )
        ]

    def make_offer(self) -> bytes:
        """Our offer."""
        return self._text(self.negotiation.create_offer(self._local()))

    def answer_offer(self, offer: SessionDescription) -> bytes:
        """Our answer to an offer, which is in force from now on. Raises NotAcceptable."""
        if not self._codecs:
            raise NotAcceptable("no codec is allowed")
        answer = self.negotiation.receive_offer(offer, self._local())
        self._apply(self.negotiation.streams)
        return self._text(answer)

    def take_answer(self, body: bytes) -> None:
        """Take the answer to our offer. Raises SdpParseError or NotAcceptable."""
        self._apply(self.negotiation.receive_answer(parse(body)))

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

    def _apply(self, streams: Iterable[NegotiatedStream]) -> None:
        stream = next((s for s in streams if s.kind == "audio" and s.is_active), None)
        session = self.open()
        if stream is None:
            session.set_direction(sending=False, receiving=False)
            return
        self.stream = stream
        receive: dict[int, Payload] = {}
        self._by_payload = {}
        agreed: list[Format] = []
        for codec in stream.codecs:
            format = self._codecs.get(codec.codec)
            if format is None:
                continue
            agreed.append(format)
            self._by_payload[codec.receive_payload_type] = format
            receive[codec.receive_payload_type] = _payload(_MEDIA, PayloadKind.MEDIA, codec.codec.clock_rate)
        for number, clock in stream.receive_dtmf:
            receive[number] = _payload(_DIGITS, PayloadKind.DIGITS, clock)
        first = stream.codecs[0]
        self.write_format = self._codecs[first.codec]
        codec_rate = self.write_format.codec
        self._clock_shift = 1 if codec_rate.sample_rate == 2 * codec_rate.clock_rate else 0
        session.rtcp_mux = stream.rtcp_mux
        session.set_payloads(receive, send=first.send_payload_type, clock_rate=first.codec.clock_rate, digits=stream.send_dtmf)
        if stream.remote_address and stream.remote_port and not stream.remote_address.startswith("0.0.0.0"):
            session.set_remote((stream.remote_address, stream.remote_port), (stream.remote_rtcp_address, stream.remote_rtcp_port))
        session.set_direction(sending=stream.direction.can_send, receiving=stream.direction.can_receive)
        session.set_hold(stream.is_remote_hold)
        self._read_payload = first.receive_payload_type
        self._read_format = self.write_format
        self.formats = FormatCapabilities(agreed, dict(self._endpoint.formats.framing_ms))
        if self.channel is not None:
            self._bind_formats(self.channel)

    # -- the channel -------------------------------------------------------------------------------------------------

    def bind_channel(self, channel: Channel) -> None:
        """Let the packets become frames of ``channel``."""
        self.channel = channel
        session = self.open()
        session.on_media = self._receive
        session.on_digit_begin = self._digit_began
        session.on_digit_end = self._digit_ended
        session.on_timeout = self._timed_out
        if self.stream is not None:
            self._bind_formats(channel)

    def _bind_formats(self, channel: Channel) -> None:
        if channel.native_formats.formats == self.formats.formats and channel.raw_write_format is self.write_format:
            return
        was_plain = channel.read_format is channel.raw_read_format and channel.write_format is channel.raw_write_format
        channel.set_native_formats(self.formats, read=self.write_format, write=self.write_format)
        if was_plain:
            channel.reset_formats()
        if channel.bridge_member is not None:
            channel.bridge_member.bridge.reconsider(f"{channel.name}: its codec is now {self.write_format.name}")

    def _receive(self, payload_type: int, payload: bytes, rtp_time: int, sequence: int, marker: bool) -> None:
        """One packet of the peer. On the path of every packet."""
        if payload_type != self._read_payload:
            format = self._by_payload.get(payload_type)
            if format is None:
                return
            self._read_payload = payload_type
            self._read_format = format
        format = self._read_format
        channel = self.channel
        if channel is not None:
            codec = format.codec
            size = codec.sample_bytes
            samples = len(payload) * codec.sample_count // size if size else 0
            channel.deliver(
                Frame(FrameType.VOICE, 0, payload, format=format, samples=samples, rtp_time=rtp_time, seq=sequence, marker=marker)
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
            receive[name], send[name] = codec.receive_payload_type, codec.send_payload_type
        if self.wants_digits:
            for number, clock in stream.receive_dtmf:
                receive.setdefault(f"telephone-event/{clock}/1", number)
            if stream.send_dtmf is not None:
                send[f"telephone-event/{stream.send_dtmf[1]}/1"] = stream.send_dtmf[0]
        return RtpMedia(session, receive, send)

    def write(self, frame: Frame) -> None:
        """Send a voice frame in the agreed format."""
        session = self.session
        if session is not None and self.stream is not None:
            session.send_media(frame.data, frame.samples >> self._clock_shift, frame.marker)

    def _digit_began(self, digit: str) -> None:
        if self.channel is not None:
            self.channel.deliver(digit_begin(digit))

    def _digit_ended(self, digit: str, duration_ms: int) -> None:
        if self.channel is not None:
            self.channel.deliver(digit_end(digit, duration_ms))

    def _timed_out(self, reason: MediaTimeout) -> None:
        if self.channel is not None:
            from globstar.core.cause import Cause

            self.channel.queue_hangup(Cause.REQUESTED_CHAN_UNAVAIL)


def _payload(known: dict[int, Payload], kind: PayloadKind, clock_rate: int) -> Payload:
    return known.get(clock_rate) or Payload(kind, clock_rate)
