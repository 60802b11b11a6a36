"""Option tags of SIP extensions in Supported: what an endpoint's options turn off is left out."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from globstar.proto.sip.message import Header

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.endpoint import EndpointObject

#: what 181 and 302 say of History-Info (RFC 7044)
HISTORY: Header = ("Supported", "histinfo")


def _header(rel100: bool, timer: bool, norefersub: bool, histinfo: bool) -> Header:
    tags = {"100rel": rel100, "timer": timer, "replaces": True, "norefersub": norefersub, "histinfo": histinfo}
    return "Supported", ", ".join(tag for tag, is_on in tags.items() if is_on)


_HEADERS = {flags: _header(*flags) for flags in product((True, False), repeat=4)}


def supported(endpoint: EndpointObject, *, norefersub: bool, is_invite: bool) -> Header:
    """The Supported header for an endpoint; that of our INVITE names histinfo as well."""
    return _HEADERS[endpoint.rel100 != "no", endpoint.timers != "no", norefersub, is_invite]
