"""Codecs, formats (a codec with parameters) and ordered capabilities."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum

#: The attribute that holds a format's parameters as SDP states them.
FMTP = "fmtp"
#: The attribute that holds the length of an encoder's frames in ms, where it has a choice.
FRAMING = "framing"


class MediaType(Enum):
    """What a codec carries."""

    AUDIO = "audio"
    VIDEO = "video"
    TEXT = "text"
    IMAGE = "image"


@dataclass(frozen=True, slots=True)
class Codec:
    """A codec: its sampling rate, frame lengths in ms and smallest frame in bytes (compat/codecs.tsv).

    ``sample_bytes``/``sample_count`` tell how many samples a payload holds: ``len(data) * sample_count // sample_bytes``;
    zero where the length is not proportional (variable-rate codecs), then the RTP clock tells.
    """

    name: str
    media: MediaType
    sample_rate: int
    minimum_ms: int = 10
    default_ms: int = 20
    maximum_ms: int = 140
    minimum_bytes: int = 0
    sample_bytes: int = 0
    sample_count: int = 0
    #: RTP clock where it differs from the sampling rate (G.722: 8000, RFC 3551 4.5.2).
    rtp_rate: int = 0
    #: relative quality as ``core show codecs`` prints it; more is better, 0 is not known
    quality: int = 0
    smooth: bool = True
    description: str = ""

    @property
    def clock_rate(self) -> int:
        """The RTP timestamp rate."""
        return self.rtp_rate or self.sample_rate


class EncoderWish:
    """What a receiver asks, as its stream goes on, of whoever encodes for it: one object for all the encoders of a stream.

    ``mode`` is the number of a mode of the codec; None where there is no wish.
    """

    __slots__ = ("mode",)

    def __init__(self) -> None:
        self.mode: int | None = None


class Format:
    """A codec with negotiated parameters. Formats without parameters are shared singletons, compared by identity.

    ``attributes`` are the fmtp parameters that change the codec's meaning (Opus, H.264 ...). ``wish`` is what the one receiver of
    what is sent in this format asks for meanwhile.
    """

    __slots__ = ("attributes", "codec", "name", "sample_rate", "wish")

    def __init__(
        self, codec: Codec, name: str = "", attributes: dict[str, str] | None = None, wish: EncoderWish | None = None
    ) -> None:
        self.codec = codec
        self.name = name or codec.name
        self.sample_rate = codec.sample_rate
        self.attributes = attributes or {}
        self.wish = wish

    def __repr__(self) -> str:
        return f"<Format {self.name}>"

    def __str__(self) -> str:
        return self.name

    def is_same_codec(self, other: Format) -> bool:
        """Whether both are the same codec, whatever their parameters."""
        return self.codec is other.codec

    def with_attributes(self, attributes: dict[str, str]) -> Format:
        """This format with other parameters."""
        return Format(self.codec, self.name, dict(attributes)) if attributes else self

    def with_wish(self, wish: EncoderWish) -> Format:
        """This format for the stream of one receiver."""
        return Format(self.codec, self.name, self.attributes, wish)

    def samples_in(self, data: bytes) -> int:
        """How many samples ``data`` holds, 0 where only the clock tells."""
        codec = self.codec
        return len(data) * codec.sample_count // codec.sample_bytes if codec.sample_bytes else 0

    def bytes_for(self, milliseconds: int) -> int:
        """The payload length of ``milliseconds`` in whole frames of the codec, one at least; 0 for a variable-rate codec."""
        codec = self.codec
        if not codec.sample_count or milliseconds <= 0:
            return 0
        return max(1, self.sample_rate * milliseconds // 1000 // codec.sample_count) * codec.sample_bytes

    @property
    def is_slin(self) -> bool:
        """Whether this is signed linear at any rate."""
        return self.name.startswith("slin")


def _slin(name: str, rate: int, quality: int) -> Format:
    kilohertz = f" ({rate // 1000}kHz)" if name != "slin" else ""
    return Format(
        Codec(name, MediaType.AUDIO, rate, 10, 20, 60, rate // 50, 2, 1, quality=quality,
              description=f"16 bit Signed Linear PCM{kilohertz}")
    )  # fmt: skip


_A = MediaType.AUDIO
_V = MediaType.VIDEO

ulaw = Format(Codec("ulaw", _A, 8000, 10, 20, 140, 80, 1, 1, quality=100, description="G.711 u-law"))
alaw = Format(Codec("alaw", _A, 8000, 10, 20, 140, 80, 1, 1, quality=100, description="G.711 a-law"))
gsm = Format(Codec("gsm", _A, 8000, 20, 20, 300, 33, 33, 160, quality=40, description="GSM"))
g722 = Format(Codec("g722", _A, 16000, 10, 20, 140, 80, 1, 2, rtp_rate=8000, quality=110, description="G722"))
g726 = Format(Codec("g726", _A, 8000, 10, 20, 300, 40, 1, 2, quality=85, description="G.726 RFC3551"))
g726aal2 = Format(Codec("g726aal2", _A, 8000, 10, 20, 300, 40, 1, 2, quality=85, description="G.726 AAL2"))
adpcm = Format(Codec("adpcm", _A, 8000, 10, 20, 300, 40, 1, 2, quality=80, description="Dialogic ADPCM"))
g723 = Format(Codec("g723", _A, 8000, 30, 30, 300, 20, quality=20, description="G.723.1"))
g729 = Format(Codec("g729", _A, 8000, 10, 20, 220, 10, 10, 80, quality=45, description="G.729A"))
lpc10 = Format(Codec("lpc10", _A, 8000, 20, 20, 20, 7, 7, 180, quality=8, description="LPC10"))
ilbc = Format(Codec("ilbc", _A, 8000, 20, 20, 300, 38, 38, 160, quality=35, description="iLBC"))
#: iLBC in frames of 30 ms. To the core it is a codec of its own, as the one does not understand the other; users see one.
ilbc30 = Format(Codec("ilbc30", _A, 8000, 30, 30, 300, 50, 50, 240, quality=35, description="iLBC"), "ilbc", {FMTP: "mode=30"})
codec2 = Format(Codec("codec2", _A, 8000, 20, 20, 300, 6, 6, 160, quality=0, description="Codec 2"))
speex = Format(Codec("speex", _A, 8000, 10, 20, 60, 10, quality=40, description="SpeeX"))
speex16 = Format(Codec("speex16", _A, 16000, 10, 20, 60, 10, quality=40, description="SpeeX 16khz"))
speex32 = Format(Codec("speex32", _A, 32000, 10, 20, 60, 10, quality=40, description="SpeeX 32khz"))
opus = Format(Codec("opus", _A, 48000, 20, 20, 60, 10, quality=75, smooth=False, description="Opus Codec"))
siren7 = Format(
    Codec("siren7", _A, 16000, 20, 20, 80, 80, 1, 4, quality=85, description="ITU G.722.1 (Siren7, licensed from Polycom)")
)
siren14 = Format(
    Codec("siren14", _A, 32000, 20, 20, 80, 120, 3, 16, quality=90,
          description="ITU G.722.1 Annex C, (Siren14, licensed from Polycom)")
)  # fmt: skip
g719 = Format(Codec("g719", _A, 48000, 20, 20, 80, 160, 1, 6, quality=95, description="ITU G.719"))

none = Format(Codec("none", _A, 8000, 10, 20, 140, 20, description="<Null> codec"))
silk8, silk12, silk16, silk24 = (
    Format(
        Codec(f"silk{rate // 1000}", _A, rate, 20, 20, 100, rate // 50, smooth=False,
              description=f"SILK Codec ({rate // 1000} KHz)")
    )
    for rate in (8000, 12000, 16000, 24000)
)  # fmt: skip

slin = _slin("slin", 8000, 115)
slin12 = _slin("slin12", 12000, 116)
slin16 = _slin("slin16", 16000, 117)
slin24 = _slin("slin24", 24000, 118)
slin32 = _slin("slin32", 32000, 119)
slin44 = _slin("slin44", 44100, 120)
slin48 = _slin("slin48", 48000, 121)
slin96 = _slin("slin96", 96000, 122)
slin192 = _slin("slin192", 192000, 123)

h261 = Format(Codec("h261", _V, 1000, rtp_rate=90000, description="H.261 video"))
h263 = Format(Codec("h263", _V, 1000, rtp_rate=90000, description="H.263 video"))
h263p = Format(Codec("h263p", _V, 1000, rtp_rate=90000, description="H.263+ video"))
h264 = Format(Codec("h264", _V, 1000, rtp_rate=90000, description="H.264 video"))
h265 = Format(Codec("h265", _V, 1000, rtp_rate=90000, description="H.265 video"))
mpeg4 = Format(Codec("mpeg4", _V, 1000, rtp_rate=90000, description="MPEG4 video"))
vp8 = Format(Codec("vp8", _V, 1000, rtp_rate=90000, description="VP8 video"))
vp9 = Format(Codec("vp9", _V, 1000, rtp_rate=90000, description="VP9 video"))
jpeg = Format(Codec("jpeg", MediaType.IMAGE, 0, description="JPEG image"))
png = Format(Codec("png", MediaType.IMAGE, 0, description="PNG Image"))
t140 = Format(Codec("t140", MediaType.TEXT, 1000, description="Passthrough T.140 Realtime Text"))
red = Format(Codec("red", MediaType.TEXT, 1000, description="T.140 Realtime Text with redundancy"))
t38 = Format(Codec("t38", MediaType.IMAGE, 0, description="T.38 UDPTL Fax"))

# To the core the two ways of packing are codecs of their own, as the one cannot be passed for the other; users see one. Usual is
# octet-aligned: there are phones that know no other.
amr = Format(Codec("amr", _A, 8000, 20, 20, 240, quality=45, smooth=False, description="AMR"))
amr_efficient = Format(
    Codec("amr_efficient", _A, 8000, 20, 20, 240, quality=45, smooth=False, description="AMR"), "amr", {FMTP: "octet-align=0"}
)
amrwb = Format(Codec("amrwb", _A, 16000, 20, 20, 240, quality=70, smooth=False, description="AMR-WB"))
amrwb_efficient = Format(
    Codec("amrwb_efficient", _A, 16000, 20, 20, 240, quality=70, smooth=False, description="AMR-WB"),
    "amrwb",
    {FMTP: "octet-align=0"},
)

av1 = Format(Codec("av1", _V, 1000, rtp_rate=90000, description="AV1 video"))

#: Every built-in format by its Asterisk name, in the order in which ``core show codecs`` lists them.
BUILTIN: dict[str, Format] = {
    format.name: format
    for format in (
        codec2, g723, ulaw, alaw, gsm, g726, g726aal2, adpcm, slin, slin12, slin16, slin24, slin32, slin44, slin48, slin96,
        slin192, lpc10, g729, speex, speex16, speex32, ilbc, g722, siren7, siren14, g719, opus, jpeg, png, h261, h263, h263p,
        h264, h265, mpeg4, vp8, vp9, red, t140, t38, none, silk8, silk12, silk16, silk24,
    )
}  # fmt: skip

#: Formats that Asterisk does not have: they can be named, and stand in none of its lists.
BEYOND: dict[str, Format] = {format.name: format for format in (av1, amr, amrwb)}

#: Formats that codecs.conf gives names of their own.
_NAMED: dict[str, Format] = {}

_SLIN_BY_RATE = {f.sample_rate: f for f in (slin, slin12, slin16, slin24, slin32, slin44, slin48, slin96, slin192)}


def slin_for_rate(sample_rate: int) -> Format:
    """Signed linear at ``sample_rate`` or the next higher supported rate."""
    for rate in sorted(_SLIN_BY_RATE):
        if rate >= sample_rate:
            return _SLIN_BY_RATE[rate]
    return slin192


def find_format(name: str) -> Format | None:
    """The format called ``name`` (case ignored), one of codecs.conf before a built-in one; ``slin8`` is ``slin``."""
    key = name.strip().lower()
    return _NAMED.get(key) or BUILTIN.get("slin" if key == "slin8" else key) or BEYOND.get(key)


def name_formats(codec: Codec, formats: Iterable[Format]) -> None:
    """Let these, and no others of ``codec``, be known by names of their own."""
    for key in [key for key, format in _NAMED.items() if format.codec is codec]:
        del _NAMED[key]
    _NAMED.update({format.name.lower(): format for format in formats})


@dataclass(slots=True)
class FormatCapabilities:
    """An ordered set of formats, most preferred first, as ``allow``/``disallow`` build it."""

    formats: list[Format] = field(default_factory=list)
    #: framing in ms per format name, from ``allow=ulaw:30``; absent means the codec's default
    framing_ms: dict[str, int] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Format]:
        return iter(self.formats)

    def __len__(self) -> int:
        return len(self.formats)

    def __bool__(self) -> bool:
        return bool(self.formats)

    def __contains__(self, item: Format) -> bool:
        return self.find(item) is not None

    def __str__(self) -> str:
        """Asterisk's form: ``(ulaw|alaw)``, ``(nothing)`` when empty."""
        return "(" + ("|".join(f.name for f in self.formats) or "nothing") + ")"

    def find(self, wanted: Format) -> Format | None:
        """The member of the same codec, with this set's parameters."""
        for format in self.formats:
            if format.codec is wanted.codec:
                return format
        return None

    def add(self, format: Format, framing_ms: int = 0) -> None:
        """Append ``format`` unless its codec is present."""
        if self.find(format) is None:
            self.formats.append(format)
        if framing_ms:
            self.framing_ms[format.name] = framing_ms

    def remove(self, format: Format) -> None:
        """Take the codec of ``format`` out."""
        self.formats = [f for f in self.formats if f.codec is not format.codec]

    def joint(self, other: Iterable[Format]) -> FormatCapabilities:
        """What both have, in this set's order, with the other's parameters where those are set."""
        theirs = list(other)
        result = FormatCapabilities()
        for mine in self.formats:
            for format in theirs:
                if format.codec is mine.codec:
                    result.add(format if format.attributes else mine, self.framing_ms.get(mine.name, 0))
                    break
        return result

    def of_media(self, media: MediaType) -> FormatCapabilities:
        """Only the formats that carry ``media``."""
        return FormatCapabilities([f for f in self.formats if f.codec.media is media], dict(self.framing_ms))

    def framing(self, format: Format) -> int:
        """The packet length in ms to use for ``format``."""
        return self.framing_ms.get(format.name, format.codec.default_ms)

    def copy(self) -> FormatCapabilities:
        """An independent copy."""
        return FormatCapabilities(list(self.formats), dict(self.framing_ms))

    def update_by_string(self, text: str, *, allow: bool = True) -> list[str]:
        """Apply an ``allow``/``disallow`` value (``!all,ulaw:20,alaw``); returns the unknown names.

        ``all`` means every audio and video format; a leading ``!`` turns the sense of one entry round.
        """
        unknown: list[str] = []
        for entry in text.replace("|", ",").split(","):
            item = entry.strip()
            if not item:
                continue
            adding = allow
            if item.startswith("!"):
                adding, item = not allow, item[1:].strip()
            name, _, framing = item.partition(":")
            if name.lower() == "all":
                if adding:
                    for format in BUILTIN.values():
                        if format.codec.media is not MediaType.IMAGE and format is not none:
                            self.add(format)
                else:
                    self.formats.clear()
                    self.framing_ms.clear()
                continue
            found = find_format(name)
            if found is None:
                unknown.append(name)
            elif adding:
                self.add(found, int(framing) if framing.isascii() and framing.isdigit() else 0)
            else:
                self.remove(found)
        return unknown
