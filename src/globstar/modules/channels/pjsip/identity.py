"""Who calls and who is called, between SIP headers and party information (RFC 3323, 3325, draft-ietf-sip-privacy)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from globstar.core.party import PartyId, PartyName, PartyNumber
from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.grammar import NO_PARAMS, Params
from globstar.proto.sip.headers.address import NameAddr
from globstar.proto.sip.headers.identity import RemotePartyId, identity_params
from globstar.proto.sip.message import Header, Message
from globstar.proto.sip.uri import SipUri

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.endpoint import EndpointObject
    from globstar.modules.channels.pjsip.leg import Leg

PROHIBITED = 0x20
RESTRICTED_BITS = 0x60
PASSED_SCREEN = 0x01


def party_of_address(address: NameAddr, presentation: int = 0) -> PartyId:
    """Name and number of an address."""
    number = address.uri.user or ""
    name = address.display
    return PartyId(
        PartyName(name, bool(name), presentation=presentation), PartyNumber(number, bool(number), presentation=presentation)
    )


def asserted_party(message: Message) -> PartyId | None:
    """The identity that P-Asserted-Identity or Remote-Party-ID states, None if neither does."""
    try:
        for address in message.addresses("P-Asserted-Identity"):
            if address.uri.user:
                privacy = [word.lower() for word in (message.get("Privacy") or "").replace(";", ",").split(",")]
                hidden = any(word.strip() in ("id", "user", "header") for word in privacy)
                return party_of_address(address, PROHIBITED if hidden else 0)
        remote = message.value("Remote-Party-ID", RemotePartyId.parse)
    except SipParseError:
        return None  # an unreadable identity is none
    if remote is None or not remote.address.uri.user:
        return None
    presentation = (PROHIBITED if remote.privacy not in ("off", "") else 0) | (PASSED_SCREEN if remote.screen else 0)
    return party_of_address(remote.address, presentation)


def caller_of(endpoint: EndpointObject, message: Message) -> PartyId:
    """The caller id of a call from ``endpoint``: asserted if trusted, else configured, else From."""
    if endpoint.trust_id_inbound:
        asserted = asserted_party(message)
        if asserted is not None:
            asserted.tag = endpoint.callerid_tag
            return asserted
    if endpoint.has_caller_id:
        return endpoint.caller_id()
    party = party_of_address(message.from_, endpoint.callerid_privacy)
    if endpoint.ignore_user_options:
        party.number = replace(party.number, text=endpoint.user_of(message.from_.uri))
    party.tag = endpoint.callerid_tag
    return party


def is_restricted(party: PartyId) -> bool:
    """Whether name and number must not be shown."""
    return bool(party.presentation & RESTRICTED_BITS)


def phone_params(endpoint: EndpointObject, user: str) -> Params:
    """``;user=phone`` for numbers where the endpoint wants it."""
    is_number = bool(user) and user.removeprefix("+").isdigit()
    return Params([("user", "phone")]) if endpoint.user_eq_phone and is_number else NO_PARAMS


def from_address(endpoint: EndpointObject, party: PartyId, host: str, default_user: str) -> NameAddr:
    """From of a call to ``endpoint`` on behalf of ``party``; ``host`` is our own address."""
    name = party.name.text if party.name.valid else ""
    user = party.number.text if party.number.valid else default_user
    if is_restricted(party):
        name, user, host = "Anonymous", "anonymous", "anonymous.invalid"
    user = endpoint.from_user or user
    host = endpoint.from_domain or host
    return NameAddr(SipUri("sip", user or None, host=host, params=phone_params(endpoint, user)), name)


def identity_headers(endpoint: EndpointObject, party: PartyId, host: str, side: str) -> list[Header]:
    """P-Asserted-Identity and Remote-Party-ID for ``endpoint``, ``side`` being calling or called."""
    if not (endpoint.send_pai or endpoint.send_rpid) or not party.number.valid or not party.number.text:
        return []
    hidden = is_restricted(party)
    if hidden and not endpoint.trust_id_outbound:
        return []
    host = endpoint.from_domain or host
    uri = SipUri("sip", party.number.text, host=host, params=phone_params(endpoint, party.number.text))
    name = party.name.text if party.name.valid else ""
    headers: list[Header] = []
    if endpoint.send_pai:
        headers.append(("P-Asserted-Identity", str(NameAddr(uri, name))))
        if hidden:
            headers.append(("Privacy", "id"))
    if endpoint.send_rpid:
        screened = party.presentation & 0x03 == PASSED_SCREEN
        params = identity_params(side, "full" if hidden else "off", screened)
        headers.append(("Remote-Party-ID", str(NameAddr(uri, name, params))))
    return headers


def leg_identity(leg: Leg, side: str) -> list[Header]:
    """The headers that name who is connected to a leg, for an endpoint that wants them; ``side`` as in identity_headers."""
    channel = leg.channel
    if channel is None or not (leg.endpoint.send_pai or leg.endpoint.send_rpid):
        return []
    return identity_headers(leg.endpoint, channel.connected.id, leg.our_host, side)


def identity_if_new(leg: Leg) -> list[Header]:
    """The identity headers of a re-INVITE or UPDATE, noted as told; empty when they were told already."""
    if leg.channel is None or leg.channel.connected.id == leg.told_party:
        return []
    headers = leg_identity(leg, "calling" if leg.is_caller else "called")
    if headers:
        leg.told_party = leg.channel.connected.id.copy()
    return headers
