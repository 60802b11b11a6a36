"""Which addresses may speak, and which they may register: permit, deny and acl of endpoints and of ``type=acl``."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from globstar.core.acl import AccessLists, AccessRules, allows_all
from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.flow import Flow
from globstar.proto.sip.message import Request

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.endpoint import EndpointObject
    from globstar.modules.channels.pjsip.objects import AclObject

__all__ = ["AccessRules", "Refusal", "refusal"]


class Refusal(NamedTuple):
    """An address that is refused, and the list (or option) that does so."""

    address: str
    acl: str


def refusal(rules: EndpointObject | AclObject, lists: AccessLists | None, request: Request, flow: Flow) -> Refusal | None:
    """What the rules of an endpoint or an acl object refuse of ``request``; None if they let it in."""
    if not rules.access.allows(flow.host):
        return Refusal(flow.host, rules.name)
    if rules.acl:
        name = allows_all(lists, rules.acl, flow.host)
        if name:
            return Refusal(flow.host, name)
    if (rules.contact_access or rules.contact_acl) and not request.is_star_contact:
        try:
            hosts = [address.uri.bare_host for address in request.contacts]
        except SipParseError:
            return None  # refused later, for what it is
        for host in hosts:
            if not rules.contact_access.allows(host):
                return Refusal(host, rules.name)
            name = allows_all(lists, rules.contact_acl, host)
            if name:
                return Refusal(host, name)
    return None
