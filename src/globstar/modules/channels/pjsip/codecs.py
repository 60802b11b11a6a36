"""Formats of the core as SDP names them (RFC 3551 and the payload formats' own RFCs)."""

from __future__ import annotations

from globstar.core import format as formats
from globstar.core.format import Format, FormatCapabilities
from globstar.proto.sdp import CodecDescription

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
    "ilbc": ("iLBC", 1, "mode=30"),
    "speex": ("speex", 1, ""),
    "speex16": ("speex", 1, ""),
    "speex32": ("speex", 1, ""),
    "siren7": ("G7221", 1, "bitrate=32000"),
    "siren14": ("G7221", 1, "bitrate=48000"),
    "g719": ("G719", 1, ""),
    "opus": ("opus", 2, "useinbandfec=1"),
}

_described: dict[tuple[str, int], CodecDescription | None] = {}


def describe(format: Format, framing_ms: int) -> CodecDescription | None:
    """The SDP description of an audio format sent in packets of ``framing_ms``; None if RTP has no name for it."""
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
        found = CodecDescription(
            name, codec.clock_rate, channels, fmtp, ptime_ms=framing_ms or codec.default_ms, max_ptime_ms=codec.maximum_ms
        )
    _described[key] = found
    return found


def describe_all(capabilities: FormatCapabilities | list[Format], framing: FormatCapabilities) -> dict[CodecDescription, Format]:
    """The SDP descriptions of formats, in order, each with its format; what RTP cannot carry is left out."""
    found: dict[CodecDescription, Format] = {}
    for format in capabilities:
        if format.codec.media is formats.MediaType.AUDIO:
            description = describe(format, framing.framing_ms.get(format.name, 0))
            if description is not None:
                found.setdefault(description, format)
    return found
