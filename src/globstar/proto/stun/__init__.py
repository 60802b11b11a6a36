"""STUN messages (RFC 8489) with the attributes of ICE (RFC 8445), and ICE's lines in SDP (RFC 8839)."""

from globstar.proto.stun.candidate import (
    Candidate,
    host_candidate,
    pair_priority,
    parse_candidate,
    reflexive_candidate,
    relayed_candidate,
)
from globstar.proto.stun.message import Attr, Kind, StunMessage, StunParseError, is_stun, long_term_key, parse_stun

__all__ = [
    "Attr",
    "Candidate",
    "Kind",
    "StunMessage",
    "StunParseError",
    "host_candidate",
    "is_stun",
    "long_term_key",
    "pair_priority",
    "parse_candidate",
    "parse_stun",
    "reflexive_candidate",
    "relayed_candidate",
]
