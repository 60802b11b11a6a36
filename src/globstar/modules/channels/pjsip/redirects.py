"""3xx responses to our INVITE: to the dialplan (redirect_method user), to the core (uri_core), or in the session (uri_pjsip)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core.cause import Cause
from globstar.core.frame import Control, control
from globstar.core.party import PartyId
from globstar.modules.channels.pjsip.diversion import reason_of
from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.headers.address import NameAddr
from globstar.proto.sip.message import Response

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.leg import Leg
    from globstar.proto.sip.flow import Flow
    from globstar.proto.sip.session import InviteSession
    from globstar.proto.sip.uri import SipUri

logger = Logger("chan_pjsip")


def _contacts(leg: Leg, response: Response) -> tuple[NameAddr, ...]:
    try:
        return response.contacts
    except SipParseError as error:
        logger.notice(f"{leg}: the contacts of a {response.status} cannot be used: {error}")
        return ()


def targets(leg: Leg, session: InviteSession, response: Response) -> list[tuple[SipUri, Flow]]:
    """Where the INVITE goes on by itself with uri_pjsip, the highest q first (RFC 3261 8.1.3.4); nowhere otherwise."""
    if leg.channel is None or leg.endpoint.redirect_method != "uri_pjsip":
        return []
    found: list[tuple[SipUri, Flow]] = []
    for contact in sorted(_contacts(leg, response), key=lambda contact: -contact.q):
        uri = contact.uri
        flow = leg.driver.transports.flow_to(leg.endpoint.transport, uri) if uri.is_sip else None
        if flow is not None:
            found.append((uri, session.flow if leg.endpoint.routes else flow))
    return found


def forward(leg: Leg, response: Response) -> bool:
    """Let who dialled go on: with the user part in the caller's dialplan, or with the whole URI; False when there is none."""
    channel = leg.channel
    if channel is None or leg.endpoint.redirect_method == "uri_pjsip":
        return False
    contacts = _contacts(leg, response)
    if not contacts:
        return False
    target = contacts[0].uri
    place = target.user or "" if leg.endpoint.redirect_method == "user" else f"PJSIP/{leg.endpoint.name}/{target}"
    if not place:
        return False
    channel.hangup_cause = Cause.REDIRECTED_TO_NEW_DESTINATION
    channel.data["call_forward"] = place
    channel.redirecting.from_ = PartyId.of(None, target.user or "")
    channel.redirecting.to = PartyId.of(None, target.user or "")
    channel.redirecting.reason = reason_of("unknown")
    channel.deliver(control(Control.REDIRECTING, channel.redirecting))
    channel.queue_hangup(Cause.REDIRECTED_TO_NEW_DESTINATION)
    return True
