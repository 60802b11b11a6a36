"""SDP: values and text (RFC 8866), offer and answer (RFC 3264)."""

from globstar.proto.sdp.bundle import Bundling, LocalSource, bundles
from globstar.proto.sdp.negotiate import NotAcceptable, OfferAnswer
from globstar.proto.sdp.parse import SdpFault, SdpParseError, parse
from globstar.proto.sdp.preference import (
    CodecPreference,
    IncomingPreference,
    OutgoingPreference,
    choose_incoming,
    choose_outgoing,
)
from globstar.proto.sdp.stream import CodecDescription, Keying, LocalMedia, NegotiatedCodec, NegotiatedStream
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
    "Bundling",
    "CodecDescription",
    "CodecPreference",
    "Connection",
    "Crypto",
    "Direction",
    "Fingerprint",
    "IncomingPreference",
    "Keying",
    "LocalMedia",
    "LocalSource",
    "Media",
    "NegotiatedCodec",
    "NegotiatedStream",
    "NotAcceptable",
    "OfferAnswer",
    "Origin",
    "OutgoingPreference",
    "Rtcp",
    "RtpMap",
    "SdpFault",
    "SdpParseError",
    "SessionDescription",
    "Timing",
    "bundles",
    "choose_incoming",
    "choose_outgoing",
    "parse",
]
