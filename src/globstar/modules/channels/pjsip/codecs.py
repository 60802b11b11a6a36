"""Formats of the core as SDP names them (RFC 3551 and the payload formats' own RFCs)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

from globstar.core import format as formats
from globstar.core.format import FMTP, Codec, Format, FormatCapabilities
from globstar.proto.rtp.amr import frame_count
from globstar.proto.rtp.g723 import g723_frames
from globstar.proto.rtp.opus import opus_samples
from globstar.proto.rtp.speex import speex_frames
from globstar.proto.sdp import CodecDescription, NegotiatedCodec
from globstar.proto.sdp.amr import AMR_NAMES, is_aligned, modes, offered
from globstar.proto.sdp.ilbc import mode

#: Encoding name, number of channels and fmtp by format name; the clock is the codec's.
_NAMES: dict[str, tuple[str, int, str]] = {
    "ulaw": ("PCMU", 1, ""),
    "alaw": ("PCMA", 1, ""),
    "g722": ("G722", 1, ""),
    "gsm": ("GSM", 1, ""),
    "g723": ("G723", 1, ""),
    "g726": ("G726-32", 1, ""),
    "g726aal2": ("AAL2-G726-32", 1, ""),
    "adpcm": ("DVI4", 1, ""),
    "lpc10": ("LPC", 1, ""),
    "g729": ("G729", 1, "annexb=no"),
    "ilbc": ("iLBC", 1, "mode=20"),
    "speex": ("speex", 1, ""),
    "speex16": ("speex", 1, ""),
    "speex32": ("speex", 1, ""),
    "siren7": ("G7221", 1, "bitrate=32000"),
    "siren14": ("G7221", 1, "bitrate=48000"),
    "g719": ("G719", 1, ""),
    "codec2": ("CODEC2", 1, ""),  # no RFC: at 2,400 bit/s, as baresip names and sends it
    "silk8": ("SILK", 1, ""),  # draft-spittka-silk-payload-format-00
    "silk12": ("SILK", 1, ""),
    "silk16": ("SILK", 1, ""),
    "silk24": ("SILK", 1, ""),
    "amr": ("AMR", 1, offered("octet-align=1")),
    "amrwb": ("AMR-WB", 1, offered("octet-align=1")),
    "opus": ("opus", 2, "useinbandfec=1"),
    "h261": ("H261", 1, ""),
    "h263": ("H263", 1, ""),
    "h263p": ("H263-1998", 1, ""),
    "h264": ("H264", 1, ""),
    "h265": ("H265", 1, ""),
    "mpeg4": ("MP4V-ES", 1, ""),
    "vp8": ("VP8", 1, ""),
    "vp9": ("VP9", 1, ""),
    "av1": ("AV1", 1, ""),
    "t140": ("T140", 1, ""),
    "red": ("RED", 1, ""),
}

#: Codecs with two ways of packing.
_EFFICIENT = {"amr": formats.amr_efficient, "amrwb": formats.amrwb_efficient}
#: Codecs that one leg may have and the other not understand, under the same name in SDP.
OTHER_FORMS = frozenset((formats.ilbc30.codec, *(format.codec for format in _EFFICIENT.values())))
#: Attribute of a format of video: other parameters under which the caller has offered it, one a line.
VARIANTS = "variants"
#: Formats without parameters, by name.
_BASES = (formats.BUILTIN, formats.BEYOND)

#: Shortest frames, ms, of codecs of variable rate that have others than the usual ones.
_FRAME_MS = {formats.opus.codec: 10}

_described: dict[tuple[str, int], CodecDescription | None] = {}


def describe(format: Format, framing_ms: int) -> CodecDescription | None:
    """The SDP description of a format sent in packets of ``framing_ms``; None if RTP has no name for it."""
    if format.attributes:
        base = next((known[name] for name in (format.codec.name, format.name) for known in _BASES if name in known), None)
        plain = describe(base, framing_ms or format.codec.default_ms) if base is not None else None
        if plain is None:
            return None
        variants = tuple(format.attributes[VARIANTS].split("\n")) if VARIANTS in format.attributes else ()
        fmtp = format.attributes.get(FMTP, plain.fmtp)
        return plain._replace(fmtp=offered(fmtp) if plain.name in AMR_NAMES else fmtp, variants=variants)
    key = (format.name, framing_ms)
    if key in _described:
        return _described[key]
    codec = format.codec
    known = _NAMES.get(format.name)
    if known is None and format.is_slin:
        known = ("L16", 1, "")
    found = None
    if known is not None:
        name, channels, fmtp = known
        if format is formats.ilbc and framing_ms % 20 and framing_ms % 30 == 0:
            fmtp = "mode=30"
        ptime = whole_frames(format, min(framing_ms, longest_ms(codec))) if framing_ms else codec.default_ms
        found = CodecDescription(
            name,
            codec.clock_rate,
            channels,
            fmtp,
            ptime_ms=ptime,
            max_ptime_ms=max(codec.maximum_ms, ptime),
        )
    _described[key] = found
    return found


def longest_ms(codec: Codec) -> int:
    """The longest packets that are sent of a codec; Opus goes up to 120 ms (RFC 7587 section 4.2) where that is asked for."""
    return 120 if codec is formats.opus.codec else codec.maximum_ms


def whole_frames(format: Format, framing_ms: int) -> int:
    """The packet time that is nearest below what is asked for, as codecs with frames cannot have any: one frame at least."""
    if format is formats.ilbc:
        return framing_ms
    samples = format.samples_in(bytes(format.bytes_for(framing_ms)))
    if samples:
        return samples * 1000 // format.sample_rate
    frame = _FRAME_MS.get(format.codec, format.codec.default_ms)
    return max(framing_ms - framing_ms % frame, frame)


@lru_cache(maxsize=64)
def _with_modes(format: Format, fmtp: str) -> Format:
    """AMR in those modes only that the peer takes; one object for all calls."""
    return format.with_attributes({FMTP: fmtp})


def form_of(codec: NegotiatedCodec, described: Mapping[CodecDescription, Format]) -> Format | None:
    """The format of an agreed codec, in the form that both sides have agreed on; None if it is none of ours."""
    ours = codec.codec
    format = described.get(ours)
    if format is None:  # its parameters are those of both
        alike = (
            one for one in described if (one.name, one.clock_rate, one.channels) == (ours.name, ours.clock_rate, ours.channels)
        )
        first = next(alike, None)
        if first is None:
            return None
        format = described[first]
    if format.name in _EFFICIENT:
        form = (formats.BEYOND if is_aligned(ours.fmtp) else _EFFICIENT)[format.name]
        return _with_modes(form, ours.fmtp) if modes(ours.fmtp) else form
    if format.name == formats.ilbc.name:
        return formats.ilbc if mode(ours.fmtp) == 20 else formats.ilbc30
    return format


def samples_of(codec: Codec, payload: bytes) -> int:
    """The samples of a packet of a codec of variable rate: as it says itself, or as is usual."""
    usual = codec.sample_rate * codec.default_ms // 1000
    if codec is formats.opus.codec:
        return opus_samples(payload)
    if codec is formats.g723.codec:
        return usual * len(g723_frames(payload) or ())
    if codec.name.startswith("speex"):
        return usual * len(speex_frames(payload) or (payload,))
    if codec.name.startswith("amr"):
        return usual * frame_count(payload, is_aligned=not codec.name.endswith("_efficient"))
    return usual


def describe_all(
    capabilities: Iterable[Format], framing: FormatCapabilities, *, aal2_as_rfc3551: bool = False
) -> dict[CodecDescription, Format]:
    """The SDP descriptions of formats, in order, each with its format; what RTP cannot carry is left out.

    With ``aal2_as_rfc3551`` G726-32 means the bit order of AAL2 (g726_non_standard): some phones have it the wrong way.
    """
    found: dict[CodecDescription, Format] = {}
    for format in capabilities:
        if aal2_as_rfc3551 and format.codec in (formats.g726.codec, formats.g726aal2.codec):
            format = formats.g726aal2
            description = describe(formats.g726, framing.framing_ms.get(format.name, 0))
        else:
            description = describe(format, framing.framing_ms.get(format.name, 0))
        if description is not None:
            found.setdefault(description, format)
    return found
