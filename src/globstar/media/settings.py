"""Settings of the media layer, as rtp.conf and a SIP endpoint state them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple


class StrictRtp(Enum):
    """rtp.conf ``strictrtp``: what to do with packets from another source than the learnt one."""

    NO = "no"
    YES = "yes"
    SEQNO = "seqno"


@dataclass(frozen=True, slots=True)
class MediaSettings:
    """Global settings (rtp.conf ``[general]``); ports are inclusive bounds.

    ``dtmf_timeout`` is in samples at 8 kHz: how long a digit goes on of which no more packets come.
    """

    port_start: int = 5000
    port_end: int = 31000
    strict_rtp: StrictRtp = StrictRtp.YES
    probation: int = 4
    dtmf_timeout: int = 1200
    rtcp_interval_ms: int = 5000
    checksums: bool = True
    #: whether packets are relayed natively, in how many threads, and for how long these gather packets at the most
    native_relay: bool = True
    relay_threads: int = 1
    relay_wait_ms: int = 4
    relay_io_uring: bool = True
    #: whether endpoints may use ICE, and the longest datagram of DTLS in bytes
    ice: bool = True
    dtls_mtu: int = 1200
    #: the first payload number below 64 that is offered when 96 to 127 are taken (asterisk.conf ``rtp_pt_dynamic``)
    lowest_dynamic: int = 35


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """Options of one session (pjsip.conf endpoint); times are seconds, 0 switches them off."""

    symmetric: bool = False
    timeout: int = 0
    timeout_hold: int = 0
    keepalive: int = 0
    #: the whole TOS octet (DSCP and ECN), and the kernel's priority (SO_PRIORITY, 0 to 7)
    tos: int = 0
    cos: int = 0


class PayloadKind(Enum):
    """What the packets of a payload type carry."""

    MEDIA = "media"
    DIGITS = "digits"
    COMFORT_NOISE = "comfort noise"


class Payload(NamedTuple):
    """One row of a session's payload type map."""

    kind: PayloadKind
    clock_rate: int
