"""Audio streams of a call beside the first (max_audio_streams)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core.channel import Channel
from globstar.core.format import Format, MediaType
from globstar.core.frame import Frame, FrameType, digit_begin, digit_end
from globstar.core.rtp_media import RtpMedia
from globstar.core.translate import TranslationPath
from globstar.dsp.byteorder import exchanged
from globstar.media.session import RtpSession
from globstar.media.settings import SessionOptions
from globstar.modules.channels.pjsip import media_options
from globstar.modules.channels.pjsip.bundling import LegBundle
from globstar.modules.channels.pjsip.kept import audio_of
from globstar.modules.channels.pjsip.streams import SideStream
from globstar.modules.channels.pjsip.voice import LINEAR_BYTES, Voice, describe_voice
from globstar.proto.sdp import CodecDescription, Direction, LocalMedia, NegotiatedStream

if TYPE_CHECKING:
    from globstar.media.engine import RtpEngine
    from globstar.modules.channels.pjsip.endpoint import EndpointObject

logger = Logger("chan_pjsip")


class _MoreVoice(Voice):
    """The voice of such a stream: its frames are of a type of their own, and have its number."""

    __slots__ = ("number",)

    def __init__(self, endpoint: EndpointObject, formats: Sequence[Format], number: int) -> None:
        super().__init__(endpoint, formats)
        self.number = number

    def receive(self, payload_type: int, payload: bytes, rtp_time: int, sequence: int, marker: bool) -> None:
        """One packet of the peer."""
        channel, session = self.channel, self.session
        if channel is None or session is None or (payload_type != self._read_payload and not self._turn_to(payload_type)):
            return
        if session.remote_ssrc != self._ssrc:
            self._name_source(channel, session.remote_ssrc)
        format = self._read_format
        codec, size = format.codec, format.codec.sample_bytes
        samples = len(payload) * codec.sample_count // size if size else self._measure(codec, payload)
        data = exchanged(payload) if size == LINEAR_BYTES else payload
        channel.deliver(
            Frame(
                FrameType.MORE_VOICE, self.number, data, format=format, samples=samples, rtp_time=rtp_time, seq=sequence,
                marker=marker, source=self._source,
            )
        )  # fmt: skip


class AudioStream(SideStream):
    """One audio stream beside the first.

    Applications hear the first alone, and write to it. This one is for the stream of the same number of the other side of a
    call, translated where their codecs differ. Digits in it are digits of the channel; ours go out in the first stream.
    """

    __slots__ = ("_is_narrowed", "_offers_all", "_path", "_path_from", "_path_to", "offer", "voice")

    def __init__(
        self, engine: RtpEngine, endpoint: EndpointObject, number: int, formats: Sequence[Format], bundle: LegBundle
    ) -> None:
        super().__init__(engine, endpoint, MediaType.AUDIO, number, formats, bundle)
        self.voice = _MoreVoice(endpoint, formats, number)
        #: the codecs of our next offer; None for those of the agreement, or of the first stream
        self.offer: tuple[CodecDescription, ...] | None = None
        #: see LegMedia
        self._is_narrowed = self._offers_all = False
        #: what turns the frames of the other side into what we send, where they differ; None for nothing that could
        self._path: TranslationPath | None = None
        self._path_from: Format | None = None
        self._path_to: Format | None = None

    def offer_only(self, names: set[str]) -> None:
        """Offer those of the agreed codecs whose encodings are named."""
        if self.stream is not None:
            self.offer = tuple(codec.codec for codec in self.stream.codecs if codec.codec.name in names) or None
            self._is_narrowed = self.offer is not None

    def bind(self, channel: Channel | None) -> None:
        """See SideStream."""
        super().bind(channel)
        self.voice.channel = channel

    # -- what was agreed ---------------------------------------------------------------------------------------------

    def session_options(self) -> SessionOptions:
        """As those of the first, but for its time-outs."""
        return replace(media_options.session_options(self._endpoint), timeout=0, timeout_hold=0)

    def _description(
        self,
        session: RtpSession,
        where: tuple[str, int],
        direction: Direction,
        codecs: Sequence[CodecDescription],
        *,
        is_answer: bool,
    ) -> LocalMedia:
        self._offers_all = not is_answer and self._is_narrowed and self.direct is None
        if not is_answer and not self._offers_all:
            agreed = tuple(codec.codec for codec in self.stream.codecs) if self.stream is not None else ()
            codecs = self.offer or agreed or codecs
        return describe_voice(
            self._engine, audio_of(self._endpoint), where, codecs, direction=direction, telephone_event=self.voice.wants_digits,
            wires=self.wires, session=session, source=self._bundle.source_of(session, self.key), place=self.place,
            attributes=() if is_answer else self.names,
        )  # fmt: skip

    def _agree(self, session: RtpSession, stream: NegotiatedStream) -> None:
        voice = self.voice
        self.offer = None
        if self._offers_all:
            self._is_narrowed = self._offers_all = False
        voice.agree(session, stream)
        session.on_media = voice.receive
        session.on_digit_begin = self._digit_began
        session.on_digit_end = self._digit_ended

    @property
    def agreed(self) -> list[Format]:
        """None of its own: a channel's formats are those of its first audio stream."""
        return []

    def relay_view(self) -> RtpMedia | None:
        """What a bridge needs to relay our packets; None where they have to be cut anew."""
        session = self.session
        if session is None or session.is_closed or self.stream is None or self.voice.unrelayable:
            return None
        voice = self.voice
        receive, send, also = voice.encodings()
        return RtpMedia(session, receive, send, packet_ms=voice.packet_ms, voice=voice, also=also)

    def close(self) -> None:
        """See SideStream."""
        self.voice.send_rest()
        super().close()

    # -- frames ------------------------------------------------------------------------------------------------------

    def write(self, frame: Frame) -> None:
        """Send a frame of the other side, in the codec that was agreed on; one that cannot be translated is dropped."""
        channel, format, voice = self.channel, frame.format, self.voice
        if channel is None or format is None or self.stream is None:
            return
        wanted = voice.write_format
        if format.codec is not wanted.codec:
            if format is not self._path_from or wanted is not self._path_to:
                self._path_from, self._path_to = format, wanted
                self._path = channel.system.translation.build_path(format, wanted)
                if self._path is None:
                    logger.warning(f"{channel.name}: no translators lead from {format} to {wanted}; {self.key} stays silent")
            translated = self._path.translate(frame) if self._path is not None else None
            if translated is None:
                return
            frame = translated
        voice.write(frame)

    def _digit_began(self, digit: str) -> None:
        if self.channel is not None:
            self.channel.deliver(digit_begin(digit))

    def _digit_ended(self, digit: str, duration_ms: int) -> None:
        if self.channel is not None:
            self.channel.deliver(digit_end(digit, duration_ms))
