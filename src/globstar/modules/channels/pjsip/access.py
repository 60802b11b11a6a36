"""deny and permit of endpoints: which addresses may speak for them, and which they may register."""

from __future__ import annotations

import ipaddress

from globstar.modules.channels.pjsip.readers import Network, networks
from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.flow import Flow
from globstar.proto.sip.message import Request


class AccessRules:
    """Rules in the order of the file; the last one that fits an address decides, and without one it is let in."""

    def __init__(self) -> None:
        self._rules: list[tuple[bool, Network]] = []

    def __bool__(self) -> bool:
        return bool(self._rules)

    def add(self, is_permitted: bool, text: str) -> None:
        """Add a rule for addresses and networks; raises ValueError."""
        self._rules += [(is_permitted, net) for net in networks(text)]

    def allows(self, host: str) -> bool:
        """Whether an address is let in. A host name is not: it could lead anywhere."""
        if not self._rules:
            return True
        try:
            address = ipaddress.ip_address(host.strip("[]"))
        except ValueError:
            return False
        return next((is_permitted for is_permitted, net in reversed(self._rules) if address in net), True)


def is_refused(source: AccessRules, contacts: AccessRules, request: Request, flow: Flow) -> str:
    """The address that an endpoint's rules refuse, empty if they let the request in."""
    if not source.allows(flow.host):
        return flow.host
    if contacts and not request.is_star_contact:
        try:
            hosts = [address.uri.bare_host for address in request.contacts]
        except SipParseError:
            return ""  # refused later, for what it is
        return next((host for host in hosts if not contacts.allows(host)), "")
    return ""
