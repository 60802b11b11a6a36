"""Timer values and policies of a SIP endpoint."""

from __future__ import annotations

from dataclasses import dataclass

ALL_METHODS = (
    "OPTIONS",
    "REGISTER",
    "SUBSCRIBE",
    "NOTIFY",
    "PUBLISH",
    "INVITE",
    "ACK",
    "BYE",
    "CANCEL",
    "UPDATE",
    "PRACK",
    "MESSAGE",
    "INFO",
    "REFER",
)
"""Methods in the order in which Asterisk's Allow header lists them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SipSettings:
    """Options of a SipEndpoint. Times are seconds; names are those of RFC 3261 17 and RFC 6026."""

    t1: float = 0.5
    """Round-trip estimate (RFC 3261 17.1.1.1)."""
    t2: float = 4.0
    """Longest retransmission interval of non-INVITE requests and INVITE responses."""
    t4: float = 5.0
    """Longest time a message stays in the network."""
    timer_b: float = 32.0
    """How long an INVITE may stay unanswered; Timers F, H, J, L and M follow 64*T1 instead."""
    timer_d: float = 32.0
    """How long responses to a refused INVITE are absorbed on an unreliable transport."""

    user_agent: str = "Globstar"
    """Value of User-Agent and Server; empty leaves the headers out."""
    max_forwards: int = 70
    methods: tuple[str, ...] = ALL_METHODS
    """Methods that are understood; any other is answered 501, as Asterisk does."""

    answer_malformed: bool = False
    """Answer 400, 505 ... to requests that cannot be parsed. False drops them, as Asterisk was observed to do."""
    cseq_mismatch_status: int = 500
    """Answer when CSeq names another method: Asterisk sends 500, RFC 4475 3.1.2.17 asks for 400. 0 drops it."""
    reject_zero_max_forwards: bool = False
    """Answer 483 to Max-Forwards 0. A UAS need not look at it (RFC 3261 8.2); Asterisk does not."""
    force_rport: bool = True
    """First value of ServerTransaction.force_rport: answer to the source port even without rport (RFC 3581 asked for)."""

    rport: bool = True
    """Ask for responses to the port that our requests come from (RFC 3581)."""
    compact_headers: bool = False
    """Send the short forms of header names (RFC 3261 7.3.3)."""

    max_message_bytes: int = 65536
    """Longest message accepted on a stream."""
    large_request_bytes: int = 1300
    """Above this a request on UDP is offered to SipHandler.large_request (RFC 3261 18.1.1)."""
