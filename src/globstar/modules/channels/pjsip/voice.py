"""The voice of one RTP stream: which codecs were agreed on, and what becomes of packets and frames in between."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from globstar.core.channel import Channel
from globstar.core.format import FMTP, Codec, Format, MediaType, ulaw
from globstar.core.frame import Frame, FrameType
from globstar.dsp.byteorder import exchanged
from globstar.media.session import RtpSession
from globstar.media.settings import Payload, PayloadKind
from globstar.media.smoother import Packer
from globstar.media.source_times import SourceTimes
from globstar.modules.channels.pjsip.codecs import OTHER_FORMS, form_of, samples_of
from globstar.modules.channels.pjsip.kept import Encodings, EndpointAudio, VoicePlan, audio_of, keep, others
from globstar.modules.channels.pjsip.moderequests import MODES, ModeRequests
from globstar.modules.channels.pjsip.packets import PacketLengths
from globstar.proto.sdp import CodecDescription, Direction, LocalMedia, LocalSource, NegotiatedCodec, NegotiatedStream
from globstar.proto.sdp.values import Attribute

if TYPE_CHECKING:
    from globstar.media.engine import RtpEngine
    from globstar.modules.channels.pjsip.endpoint import EndpointObject
    from globstar.modules.channels.pjsip.wires import Wires

#: What waits for the rest of its packet is sent without it if that does not come within so many lengths of what was written
#: last, which is as soon as a prompt is over.
_PATIENCE = 1.5
#: Seconds by which the rest may be later where it comes over a network.
_NETWORK_PATIENCE = 0.1
#: Codecs whose encoders heed what the peer asks for in its fmtp.
_HEEDED = frozenset(("opus", "speex", "speex16", "speex32", *MODES))
#: Bytes of a sample of signed linear, and of that codec alone.
LINEAR_BYTES = 2


def describe_voice(
    engine: RtpEngine,
    kept: EndpointAudio,
    where: tuple[str, int],
    codecs: Iterable[CodecDescription],
    *,
    direction: Direction,
    telephone_event: bool,
    wires: Wires | None,
    session: RtpSession,
    source: LocalSource | None,
    place: int | None,
    attributes: tuple[Attribute, ...] = (),
) -> LocalMedia:
    """Our side of an audio stream, as the endpoint's options want it; ``where`` is the address that we name."""
    return LocalMedia(
        *where,
        tuple(codecs),
        direction=direction,
        telephone_event=telephone_event,
        attributes=attributes,
        keying=wires,
        shares=session.bundle is not None,
        source=source,
        lowest_dynamic=engine.settings.lowest_dynamic,
        place=place,
        **kept.line,
    )


class Voice:
    """Packets of a stream become frames of a channel, and frames packets, in the codecs that were agreed on."""

    __slots__ = (
        "_by_payload", "_clock_shift", "_codecs", "_comes", "_encodings", "_endpoint", "_is_linear", "_kept", "_lengths",
        "_most_samples", "_read_format", "_read_payload", "_refined", "_regular", "_requests", "_send_by_receive",
        "_send_payload", "_smoother", "_source", "_ssrc", "_times", "_usual_samples", "_waits_on", "_waits_until", "_writes",
        "channel", "session", "stream", "wants_digits", "write_format",
    )  # fmt: skip

    def __init__(self, endpoint: EndpointObject, formats: Sequence[Format]) -> None:
        self._endpoint = endpoint
        self.session: RtpSession | None = None
        self.channel: Channel | None = None
        self.stream: NegotiatedStream | None = None
        self.wants_digits = endpoint.dtmf_mode in ("rfc4733", "auto", "auto_info")
        first = formats[0] if formats else ulaw
        if first.codec.media is not MediaType.AUDIO:
            first = next((format for format in formats if format.codec.media is MediaType.AUDIO), ulaw)
        self.write_format: Format = first
        kept = self._kept = audio_of(endpoint)
        self._codecs = kept.codecs
        self._by_payload: Mapping[int, Format] = {}
        self._send_by_receive: Mapping[int, NegotiatedCodec] = {}
        #: agreed codecs whose parameters are others than those that we wish
        self._refined: Mapping[CodecDescription, Format] = {}
        self._encodings: dict[bool, Encodings] = {}
        self._read_payload = -1
        #: the type under which the peer would send what we send
        self._send_payload = -1
        self._read_format: Format = self.write_format
        self._clock_shift = 0
        self._is_linear = False
        #: makes the packets that are asked for
        self._smoother: Packer | None = None
        #: on whose ticks the rest of a packet is waited for, and until when (loop time)
        self._waits_on: RtpSession | None = None
        self._waits_until = 0.0
        #: makes packets of the usual length once others came; what that is in samples, 0 where all go as they come that are not
        #: longer than the peer takes
        self._regular: Packer | None = None
        self._usual_samples = self._most_samples = 0
        self._lengths = kept.lengths
        #: how long the peer's packets are, samples and ms, where they cannot go on as they come; 0 as long as none have been seen
        self._comes = (0, 0)
        #: what the peer asks of our encoder inside its stream; None where its packets have no such requests
        self._requests: ModeRequests | None = None
        self._times = SourceTimes()
        #: what our frames name as their source, and the SSRC of it
        self._source = ""
        self._ssrc: int | None = None
        #: the source of the frames that are written to us
        self._writes = ""

    # -- what was agreed ---------------------------------------------------------------------------------------------

    def agree(self, session: RtpSession, stream: NegotiatedStream) -> Sequence[Format]:
        """Take the codecs of an agreement, the first of which we send; gives them all."""
        self.send_rest()
        self.session, self.stream = session, stream
        plan = self._plan_for(stream)
        self._by_payload, self._send_by_receive, self._refined = plan.by_payload, plan.send_by_receive, plan.refined
        self._encodings = plan.encodings
        self._comes = (0, 0)
        first = stream.codecs[0]
        self._requests = self._requests_for(plan.writes)
        self._set_write_format(plan.writes if self._requests is None else self._requests.format, plan.lengths)
        session.rtcp_mux = stream.rtcp_mux
        session.set_payloads(
            plan.payloads, send=first.send_payload_type, clock_rate=first.codec.clock_rate, digits=stream.send_dtmf
        )
        self._read_payload = first.receive_payload_type
        self._read_format = self.plain_write_format
        self._send_payload = first.receive_payload_type
        return plan.formats

    def _plan_for(self, stream: NegotiatedStream) -> VoicePlan:
        """What an agreement means, as it was worked out before for the same endpoint if the codecs are its own."""
        kept = self._kept
        if self._codecs is not kept.codecs:
            return self._make_plan(stream)
        agreement = (
            stream.codecs, stream.receive_dtmf, stream.send_dtmf, stream.remote_ptime_ms, stream.remote_maxptime_ms
        )  # fmt: skip
        plan = kept.plans.get(agreement)
        if plan is None:
            plan = self._make_plan(stream)
            keep(kept.plans, agreement, plan)
        return plan

    def _make_plan(self, stream: NegotiatedStream) -> VoicePlan:
        formats: list[Format] = []
        by_payload: dict[int, Format] = {}
        send_by_receive: dict[int, NegotiatedCodec] = {}
        refined: dict[CodecDescription, Format] = {}
        payloads: dict[int, Payload] = {}
        for codec in stream.codecs:
            format = form_of(codec, self._codecs)
            if format is None:
                continue
            if codec.codec not in self._codecs:
                refined[codec.codec] = format
            formats.append(format)
            by_payload[codec.receive_payload_type] = format
            send_by_receive[codec.receive_payload_type] = codec
            payloads[codec.receive_payload_type] = Payload(PayloadKind.MEDIA, codec.codec.clock_rate)
        for number, clock in stream.receive_dtmf:
            payloads[number] = Payload(PayloadKind.DIGITS, clock)
        # Some phones send under the numbers of their answer instead of ours (RFC 3264 section 6.1): they can mean nothing else.
        if stream.send_dtmf is not None:
            payloads.setdefault(stream.send_dtmf[0], Payload(PayloadKind.DIGITS, stream.send_dtmf[1]))
        for codec in stream.codecs:
            theirs, form = codec.send_payload_type, by_payload.get(codec.receive_payload_type)
            if form is not None and theirs not in payloads:
                by_payload[theirs], send_by_receive[theirs] = form, codec
                payloads[theirs] = Payload(PayloadKind.MEDIA, codec.codec.clock_rate)
        writes, lengths = self._to_send(stream.codecs[0], by_payload, stream)
        return VoicePlan(tuple(formats), by_payload, send_by_receive, refined, payloads, writes, lengths, {})

    def _to_send(
        self, codec: NegotiatedCodec, by_payload: Mapping[int, Format], stream: NegotiatedStream
    ) -> tuple[Format, PacketLengths]:
        """The format in which we send an agreed codec: as the peer asks for it, and in frames that fit its packets."""
        format = by_payload[codec.receive_payload_type]
        if codec.remote_fmtp and format.codec.name in _HEEDED:
            format = format.with_attributes({**format.attributes, FMTP: codec.remote_fmtp})
        format = PacketLengths(format, self._endpoint, stream).for_encoder(format)
        return format, PacketLengths(format, self._endpoint, stream)

    @property
    def plain_write_format(self) -> Format:
        """What we send without what the peer asks for meanwhile: so it sends itself at first."""
        return self.write_format if self._requests is None else self._requests.plain

    def _requests_for(self, format: Format) -> ModeRequests | None:
        """What becomes of requests of the peer where we send this: those that it has made stay in force."""
        if format.codec.name not in MODES:
            return None
        known = self._requests
        return known if known is not None and known.are_for(format) else ModeRequests(format)

    def _set_write_format(self, format: Format, lengths: PacketLengths) -> None:
        """What we send from now on, and in packets of which length."""
        self.write_format = format
        codec = format.codec
        self._is_linear = codec.sample_bytes == LINEAR_BYTES
        self._clock_shift = 1 if codec.sample_rate == 2 * codec.clock_rate else 0
        self._lengths = lengths
        self._usual_samples = lengths.usual_samples
        self._most_samples = lengths.most_samples
        self._smoother = lengths.packer(format) if lengths.wanted_ms else None
        self._regular = None

    def encodings(self) -> Encodings:
        """The payload types under which we receive and send, by encoding, and by those of the peer's own description the
        encodings that it may send under them instead of ours; call it only with a stream."""
        known = self._encodings.get(self.wants_digits)
        if known is None:
            known = self._encodings[self.wants_digits] = self._name_encodings()
        return known

    def _name_encodings(self) -> Encodings:
        stream = self.stream
        assert stream is not None
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
        return receive, send, others(receive, send)

    @property
    def unrelayable(self) -> str:
        """Why the peer's packets cannot be passed on as they come; "" if they can, to who takes such packets."""
        if self._comes[0] and self._smoother is not None:
            return f"it sends packets of {self._comes[1]} ms, and {self._lengths.wanted_ms} are asked for"
        return ""

    @property
    def packet_ms(self) -> int:
        """The length of the packets that are made for the peer of whatever comes; 0 where they go as they come."""
        return self._lengths.wanted_ms if self._smoother is not None else 0

    @property
    def comes(self) -> int:
        """See MeasuredVoice."""
        return self._comes[0]

    def lasts(self, payload_type: int, payload: bytes) -> int | None:
        """See MeasuredVoice."""
        format = self._by_payload.get(payload_type)
        return _samples_in(format, payload) if format is not None and payload else None

    def takes(self, samples: int) -> bool:
        """See MeasuredVoice."""
        made, usual = self._smoother, self._usual_samples
        if made is not None:
            return samples == made.samples
        return samples == usual or (not usual and samples <= self._most_samples)

    def note_length(self, payload_type: int, samples: int) -> None:
        """See MeasuredVoice."""
        milliseconds = samples * 1000 // self._by_payload[payload_type].sample_rate
        self._comes = samples, milliseconds
        channel = self.channel
        if channel is not None and channel.bridge_member is not None:
            channel.bridge_member.bridge.media_changed(f"{channel.name} sends packets of {milliseconds} ms", is_agreed=False)

    # -- packets and frames ------------------------------------------------------------------------------------------

    def receive(self, payload_type: int, payload: bytes, rtp_time: int, sequence: int, marker: bool) -> None:
        """One packet of the peer. On the path of every packet."""
        if payload_type != self._read_payload and not self._turn_to(payload_type):
            return
        format, session = self._read_format, self.session
        channel = self.channel
        if channel is not None and session is not None:
            if session.remote_ssrc != self._ssrc:
                self._name_source(channel, session.remote_ssrc)
            codec = format.codec
            size = codec.sample_bytes
            samples = len(payload) * codec.sample_count // size if size else self._measure(codec, payload)
            if not payload or samples > codec.sample_rate:  # it keeps a port open (RFC 6263 4.3), or is longer than any packet
                session.not_rtp += 1
                return
            if size == LINEAR_BYTES:
                payload = exchanged(payload)
            channel.deliver(
                Frame(
                    FrameType.VOICE, 0, payload, format=format, samples=samples, rtp_time=rtp_time, seq=sequence, marker=marker,
                    source=self._source,
                )
            )  # fmt: skip

    def _measure(self, codec: Codec, payload: bytes) -> int:
        """The samples of a packet of variable rate; what it asks of our encoder is noted."""
        samples = samples_of(codec, payload)
        requests = self._requests
        if requests is not None and codec is requests.codec and samples:
            requests.receive(payload)
        return samples

    def _name_source(self, channel: Channel, ssrc: int) -> None:
        """The peer sends from another source than before, whose numbers and times say nothing of those before."""
        self._ssrc = ssrc
        self._source = f"{channel.unique_id} {ssrc:08x}"

    def _turn_to(self, payload_type: int) -> bool:
        """The peer sends another type than before; False for one that was not agreed."""
        format = self._by_payload.get(payload_type)
        if format is None:
            return False
        self._read_payload = payload_type
        self._read_format = format
        if not self._endpoint.asymmetric_rtp_codec:
            self._follow_codec(payload_type)
        return True

    def _follow_codec(self, payload_type: int) -> None:
        """The other side sends another of the agreed codecs: send that too, as most phones expect."""
        codec = self._send_by_receive[payload_type]
        session, stream = self.session, self.stream
        if session is None or stream is None or payload_type == self._send_payload:
            return
        writes, lengths = self._to_send(codec, self._by_payload, stream)
        requests = self._requests_for(writes)
        if requests is not None:
            writes = requests.format
        if not self._can_follow(writes):
            return
        self.send_rest()
        self._requests = requests
        self._send_payload = payload_type
        self._set_write_format(writes, lengths)
        session.select_payload(codec.send_payload_type, codec.codec.clock_rate)
        session.digit_payload = stream.digits_beside(codec.codec.clock_rate)

    def _can_follow(self, format: Format) -> bool:
        """Whether what is written can be sent in this format from now on."""
        return True

    def write(self, frame: Frame) -> None:
        """Send a voice frame in the agreed format."""
        session = self.session
        if session is not None and self.stream is not None:
            times, rtp_time = self._times, frame.rtp_time
            smoother = self._smoother or self._regular
            if self._waits_on is not None and (rtp_time != times.due or frame.source != self._writes):
                self.send_rest()  # what comes does not follow it
                smoother = self._smoother
            if frame.source != self._writes:
                self._writes = frame.source
                times.forget()
            if rtp_time != times.due and not times.meet(session, rtp_time, frame.seq, frame.samples >> self._clock_shift):
                self._send_late(session, frame)
                return
            if rtp_time is not None:
                times.due = rtp_time + (frame.samples >> self._clock_shift) & 0xFFFFFFFF
                times.number = frame.seq
            data = exchanged(frame.data) if self._is_linear else frame.data
            if smoother is None:
                samples, usual = frame.samples, self._usual_samples
                if samples == usual or (not usual and samples <= self._most_samples):  # see takes()
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
            if smoother.is_empty:
                if smoother is self._regular:
                    self._regular = None
            else:
                self._wait_for_rest(session, frame)

    def _wait_for_rest(self, session: RtpSession, frame: Frame) -> None:
        """The last packet is not full: it waits for what comes next, which nobody knows to come."""
        patience = frame.samples * _PATIENCE / self.write_format.sample_rate
        if frame.rtp_time is not None:
            patience += _NETWORK_PATIENCE
        self._waits_until = session.now() + patience
        if self._waits_on is None:
            self._waits_on = session
            session.on_relay = self.send_rest
            session.ticker.add(self._look_for_rest)

    def _look_for_rest(self) -> None:
        session = self._waits_on
        if session is not None and session.now() >= self._waits_until:
            self.send_rest()

    def send_rest(self) -> None:
        """Send what waits for the rest of its packet in one that is shorter: no more comes that belongs to it.

        So the end of a prompt is heard when the prompt ends, and nothing of it begins what comes next.
        """
        session, smoother = self._waits_on, self._smoother or self._regular
        if session is None:
            return
        self._waits_on = session.on_relay = None
        session.ticker.remove(self._look_for_rest)
        self._regular = None
        if smoother is not None and not session.is_closed:
            for packet, samples in smoother.flush():
                session.send_media(packet, samples >> self._clock_shift)

    def _send_late(self, session: RtpSession, frame: Frame) -> None:
        """Send a frame in the place that was left for it; one that has none came too late, and is dropped."""
        place = self._times.place_of(frame.seq)
        if place is None or self._smoother is not None or self._regular is not None:
            session.withheld += 1
        else:
            session.send_late(exchanged(frame.data) if self._is_linear else frame.data, *place)


def _samples_in(format: Format, payload: bytes) -> int:
    codec = format.codec
    size = codec.sample_bytes
    return len(payload) * codec.sample_count // size if size else samples_of(codec, payload)
