"""The media of new legs: which addresses they use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.core.format import FormatCapabilities
from globstar.modules.channels.pjsip.media import LegMedia
from globstar.proto.sdp import SessionDescription

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.driver import PjsipDriver
    from globstar.modules.channels.pjsip.endpoint import EndpointObject
    from globstar.proto.sip.flow import Transport

#: of the numbers that name sessions in SDP
_ID_BITS = 31


def new_media(
    driver: PjsipDriver,
    endpoint: EndpointObject,
    transport: Transport,
    remote: str,
    formats: FormatCapabilities,
    offer: SessionDescription | None = None,
) -> LegMedia:
    """The media of a new leg, with the addresses that fit ``remote``, in the family of ``offer`` if there is one."""
    address = driver.transports.media_address(transport, remote, endpoint.media_address)
    bind = driver.transports.bind_address(transport)
    if not endpoint.media_address:
        wants_ipv6 = offer.uses_ipv6 if offer is not None else None
        if wants_ipv6 is None:
            wants_ipv6 = endpoint.rtp_ipv6 or ":" in address
        if wants_ipv6 != (":" in address):
            other = driver.transports.address_of_family(remote, is_ipv6=wants_ipv6)
            if other:
                address, bind = other, "::" if wants_ipv6 else "0.0.0.0"
    elif (":" in address) != (":" in bind):
        bind = "::" if ":" in address else "0.0.0.0"
    if endpoint.bind_rtp_to_media_address and endpoint.media_address:
        bind = endpoint.media_address
    return LegMedia(driver.rtp, endpoint, address, bind, formats, driver.rng.getrandbits(_ID_BITS))
