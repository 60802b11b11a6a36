"""In packets of which length a leg sends its voice: what was configured, what the peer asks for, and what it takes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from globstar.core import format as formats
from globstar.core.format import FRAMING, Format
from globstar.media.smoother import FramePacker, Packer, Smoother
from globstar.modules.channels.pjsip.codecs import longest_ms, whole_frames
from globstar.proto.rtp.amr import NARROW_BITS, NO_REQUEST, WIDE_BITS, pack, unpack
from globstar.proto.rtp.g723 import g723_frames
from globstar.proto.rtp.opus import opus_frames, opus_packet
from globstar.proto.rtp.speex import SpeexFrame, speex_frames, speex_packet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from globstar.modules.channels.pjsip.endpoint import EndpointObject
    from globstar.proto.sdp import NegotiatedStream

#: Frames that the encoder of Opus makes, ms (RFC 6716 section 2.1.4); shorter ones are not worth their headers.
_OPUS_FRAMES = (60, 40, 20, 10)
_SPEEX = (formats.speex.codec, formats.speex16.codec, formats.speex32.codec)


class PacketLengths:
    """What is asked for and allowed on one leg for one format, in ms; worked out when formats are agreed on.

    ``wanted_ms`` is what is sent, 0 where nobody asked and packets go as they come; ``most_ms`` the longest that the peer
    takes, 0 where it sets no bound. ``usual_samples`` are those of a packet that goes as it is where others do not (0: all
    lengths do), ``most_samples`` the most that the peer takes.
    """

    __slots__ = ("most_ms", "most_samples", "usual_samples", "wanted_ms")

    def __init__(self, format: Format, endpoint: EndpointObject, stream: NegotiatedStream | None) -> None:
        wanted = endpoint.formats.framing_ms.get(format.name, 0)
        if endpoint.use_ptime and stream is not None and stream.remote_ptime_ms:
            wanted = stream.remote_ptime_ms
            if format.codec in _SPEEX:
                wanted += -wanted % 20  # whole frames, no fewer than asked for (RFC 5574)
        self.most_ms = (stream.remote_maxptime_ms or 0) if stream is not None else 0
        if self.most_ms and self.most_ms < (wanted or format.codec.default_ms):
            wanted = self.most_ms
        self.wanted_ms = whole_frames(format, min(wanted, longest_ms(format.codec))) if wanted else 0
        self.usual_samples = self._usual(format)
        self.most_samples = _samples(format, self.most_ms or 10_000)

    def for_encoder(self, format: Format) -> Format:
        """``format`` so that the encoder makes frames that go into such packets."""
        if format.codec is not formats.opus.codec or not (self.wanted_ms or self.most_ms):
            return format
        wanted = self.wanted_ms or format.codec.default_ms
        frame = next((frame for frame in _OPUS_FRAMES if wanted % frame == 0), _OPUS_FRAMES[-1])
        return format.with_attributes({**format.attributes, FRAMING: str(frame)})

    def _usual(self, format: Format) -> int:
        codec = format.codec
        if codec.sample_count and codec.smooth:
            return format.samples_in(bytes(format.bytes_for(codec.default_ms)))
        return _samples(format, codec.default_ms) if self.wanted_ms else 0

    def packer(self, format: Format) -> Packer | None:
        """What makes the packets that are asked for; None where those are the usual ones."""
        if not self.wanted_ms:
            return None
        made = make_packer(format, self.wanted_ms)
        return None if made is None or made.samples in (0, self.usual_samples) else made

    def regular(self, format: Format) -> Packer | None:
        """What makes usual packets once others have come: none longer than the peer takes."""
        usual = format.codec.default_ms
        return make_packer(format, min(usual, self.most_ms) if self.most_ms else usual)


def _samples(format: Format, milliseconds: int) -> int:
    return format.sample_rate * milliseconds // 1000


def make_packer(format: Format, milliseconds: int) -> Smoother | FramePacker[bytes] | FramePacker[SpeexFrame] | None:
    """What makes packets of so many milliseconds of a format; None where they cannot be divided and joined."""
    codec = format.codec
    samples = _samples(format, milliseconds)
    if codec.sample_count and codec.smooth:
        size = format.bytes_for(milliseconds)
        return Smoother(size, format.samples_in(bytes(size)))
    if codec is formats.opus.codec:
        return FramePacker(samples, opus_frames, opus_packet)
    if codec is formats.g723.codec:
        return FramePacker(samples, _split_g723, _join_g723)
    if codec in _SPEEX:
        return FramePacker(samples, partial(_split_speex, codec.sample_rate // 50), _join_speex)
    if codec.name.startswith("amr"):
        is_aligned = not codec.name.endswith("_efficient")
        bits = WIDE_BITS if codec.sample_rate == 16000 else NARROW_BITS
        return FramePacker(
            samples, partial(_split_amr, codec.sample_rate // 50, bits, is_aligned), partial(_join_amr, bits, is_aligned)
        )
    return None


def _split_g723(packet: bytes) -> tuple[int, int, list[bytes]] | None:
    frames = g723_frames(packet)
    return None if frames is None else (0, 240, frames)


def _join_g723(_kind: int, frames: Sequence[bytes]) -> bytes:
    return b"".join(frames)


def _split_speex(each: int, packet: bytes) -> tuple[int, int, list[SpeexFrame]] | None:
    frames = speex_frames(packet)
    return None if frames is None else (0, each, frames)


def _join_speex(_kind: int, frames: Sequence[SpeexFrame]) -> bytes:
    return speex_packet(frames)


def _split_amr(each: int, bits: dict[int, int], is_aligned: bool, packet: bytes) -> tuple[int, int, list[bytes]] | None:
    """The kind is the mode that is asked of the other side: it is one for a packet (RFC 4867 section 4.3.1)."""
    frames = unpack(packet, bits, is_aligned=is_aligned)
    return None if frames is None else (packet[0] >> 4 if packet else NO_REQUEST, each, frames)


def _join_amr(bits: dict[int, int], is_aligned: bool, kind: int, frames: Sequence[bytes]) -> bytes:
    return pack(frames, bits, is_aligned=is_aligned, request=kind)
