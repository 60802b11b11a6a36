"""RTP and RTCP without sockets: packets, statistics, reports (RFC 3550), digits (RFC 4733), comfort noise (RFC 3389)."""

from globstar.proto.rtp.comfort import COMFORT_NOISE, COMFORT_NOISE_OLD, build_comfort_noise, parse_comfort_noise
from globstar.proto.rtp.events import (
    DigitBegan,
    DigitEnded,
    DigitEvent,
    EventPayload,
    EventReceiver,
    EventSender,
    parse_event,
)
from globstar.proto.rtp.packet import RtpPacket, RtpParseError, is_rtcp, parse_packet
from globstar.proto.rtp.receiver import ReceptionInterval, RtpReceiver
from globstar.proto.rtp.rtcp import (
    Bye,
    OtherRtcp,
    ReceiverReport,
    ReportBlock,
    RtcpPacket,
    SenderReport,
    SourceDescription,
    asks_for_picture,
    build_compound,
    build_picture_loss,
    microseconds_of,
    ntp_time,
    parse_compound,
    round_trip,
)
from globstar.proto.rtp.sender import RtpSender

__all__ = [
    "COMFORT_NOISE",
    "COMFORT_NOISE_OLD",
    "Bye",
    "DigitBegan",
    "DigitEnded",
    "DigitEvent",
    "EventPayload",
    "EventReceiver",
    "EventSender",
    "OtherRtcp",
    "ReceiverReport",
    "ReceptionInterval",
    "ReportBlock",
    "RtcpPacket",
    "RtpPacket",
    "RtpParseError",
    "RtpReceiver",
    "RtpSender",
    "SenderReport",
    "SourceDescription",
    "asks_for_picture",
    "build_comfort_noise",
    "build_compound",
    "build_picture_loss",
    "is_rtcp",
    "microseconds_of",
    "ntp_time",
    "parse_comfort_noise",
    "parse_compound",
    "parse_event",
    "parse_packet",
    "round_trip",
]
