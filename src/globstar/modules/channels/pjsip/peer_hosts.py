"""Where SDP says that a peer's media go: an address, or a host name, which is looked up without holding up anybody."""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.proto.sdp.values import UNSPECIFIED

if TYPE_CHECKING:
    from globstar.media.engine import RtpEngine
    from globstar.media.session import RtpSession
    from globstar.proto.sdp import NegotiatedStream

logger = Logger("chan_pjsip")

#: Longest name of a host (RFC 1035 section 2.3.4).
_MAX_NAME = 253


@lru_cache(maxsize=1024)
def numeric(host: str) -> str:
    """An address as sockets write it, in whichever of its spellings (RFC 4291 section 2.2) it comes; "" for what is none.

    Brackets go; a zone (``%eth0``) stays.
    """
    plain, percent, zone = host.strip("[]").partition("%")
    family = socket.AF_INET6 if ":" in plain else socket.AF_INET
    try:
        return socket.inet_ntop(family, socket.inet_pton(family, plain)) + percent + zone
    except (OSError, ValueError):
        return ""


def is_numeric(host: str) -> bool:
    """Whether this is an address (of IPv6 with brackets or without), and nothing that a socket would look up."""
    return numeric(host) != ""


def is_host_name(host: str) -> bool:
    """Whether this may be the name of a host; what looks like an address is none (RFC 1123 section 2.1)."""
    if not host.isascii() or len(host) > _MAX_NAME or host.replace(".", "").isdigit():
        return False
    labels = host.removesuffix(".").split(".")
    return all(0 < len(label) < 64 and label.replace("-", "").replace("_", "").isalnum() for label in labels)


def locate(engine: RtpEngine, host: str, found: Callable[[str], None], *, is_ipv6: bool) -> bool:
    """Call ``found`` with the address of a host: now (True), or when it is known; never where there is none, which is told."""
    address = numeric(host)
    if address:
        found(address)
        return True
    find = engine.find_host
    if find is None or not is_host_name(host):
        logger.warning(f"'{host}' in SDP is neither an address nor the name of a host; nothing is sent there")
        return False
    return find(host, "AAAA" if is_ipv6 else "A", found)


def aim(session: RtpSession, stream: NegotiatedStream) -> None:
    """Send to where SDP says; the address of zeros (on hold) says nothing. While a name is looked up nothing is sent."""
    host, port = stream.remote_address, stream.remote_port
    address = numeric(host)
    if not host or not port or address in UNSPECIFIED:
        return
    rtcp_address, rtcp_port = numeric(stream.remote_rtcp_address), stream.remote_rtcp_port
    if not rtcp_address or rtcp_address in UNSPECIFIED or stream.remote_rtcp_address == host:
        rtcp_address = address
    if address:
        session.awaited_host = ""
        if not session.is_closed:
            was_paused = session.is_held or not session.is_receiving
            resumes = was_paused and stream.direction.can_receive and not stream.is_remote_hold
            session.set_remote((address, port), (rtcp_address, rtcp_port), resumes=resumes)
        return
    session.awaited_host = host

    def found(address: str) -> None:
        if session.awaited_host == host and not session.is_closed:
            session.awaited_host = ""
            session.set_remote((address, port), (rtcp_address or address, rtcp_port))

    is_ipv6 = ":" in (stream.local.address if stream.local is not None else "")
    if not locate(session.engine, host, found, is_ipv6=is_ipv6):
        session.fall_silent()
