"""SDP: values and text (RFC 8866), offer and answer (RFC 3264)."""

from globstar.proto.sdp.negotiate import (
    CodecDescription,
    LocalMedia,
    NegotiatedCodec,
    NegotiatedStream,
    NotAcceptable,
    OfferAnswer,
)
from globstar.proto.sdp.parse import SdpParseError, parse
from globstar.proto.sdp.values import (
    Attribute,
    Bandwidth,
    Connection,
    Crypto,
    Direction,
    Fingerprint,
    Media,
    Origin,
    Rtcp,
    RtpMap,
    SessionDescription,
    Timing,
)

__all__ = [
    "Attribute",
    "Bandwidth",
    "CodecDescription",
    "Connection",
    "Crypto",
    "Direction",
    "Fingerprint",
    "LocalMedia",
    "Media",
    "NegotiatedCodec",
    "NegotiatedStream",
    "NotAcceptable",
    "OfferAnswer",
    "Origin",
    "Rtcp",
    "RtpMap",
    "SdpParseError",
    "SessionDescription",
    "Timing",
    "parse",
]
