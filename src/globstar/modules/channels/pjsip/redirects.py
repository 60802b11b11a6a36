"""3xx responses to our INVITE: to the dialplan (redirect_method user), to the core (uri_core), or in the session (uri_pjsip)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core.cause import Cause
from globstar.core.frame import Control, control
from globstar.core.party import PartyId
from globstar.modules.channels.pjsip.authenticate import outbound_credentials
from globstar.modules.channels.pjsip.diversion import reason_of
from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.headers.address import NameAddr
from globstar.proto.sip.message import Response
from globstar.proto.sip.retry import renewed

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.driver import PjsipDriver
    from globstar.modules.channels.pjsip.endpoint import EndpointObject
    from globstar.modules.channels.pjsip.leg import Leg
    from globstar.proto.sip.flow import Flow
    from globstar.proto.sip.session import InviteSession
    from globstar.proto.sip.transaction import ClientTransaction
    from globstar.proto.sip.uri import SipUri
    from globstar.proto.sip.user import RequestUser

logger = Logger("chan_pjsip")

#: targets that one request is sent to by 3xx responses
MAX_TARGETS = 10


def _contacts(whom: object, response: Response) -> tuple[NameAddr, ...]:
    try:
        return response.contacts
    except SipParseError as error:
        logger.notice(f"{whom}: the contacts of a {response.status} cannot be used: {error}")
        return ()


class RedirectTargets:
    """Where a request outside of dialogs may still go that was answered with 3xx (RFC 3261 8.1.3.4)."""

    __slots__ = ("_tried", "_waiting")

    def __init__(self) -> None:
        self._tried: set[str] = set()
        self._waiting: list[SipUri] = []

    def follow(
        self, driver: PjsipDriver, endpoint: EndpointObject, transaction: ClientTransaction, response: Response, user: RequestUser
    ) -> bool:
        """Send the request to the next target, if its method is one that the endpoint lets follow; False when that is the end."""
        request = transaction.request
        if response.status >= 600 or request.method.lower() not in map(str.lower, endpoint.follow_redirect_methods):
            return False
        if 300 <= response.status < 400:
            for contact in sorted(_contacts(endpoint.name, response), key=lambda contact: -contact.q):
                text = str(contact.uri)
                if contact.uri.is_sip and text not in self._tried and len(self._tried) < MAX_TARGETS:
                    self._tried.add(text)
                    self._waiting.append(contact.uri)
        while self._waiting:
            uri = self._waiting.pop(0)
            flow = transaction.flow if endpoint.routes else driver.transports.flow_to(endpoint.transport, uri)
            if flow is not None:
                again = renewed(request, request.cseq.number + 1, [])
                again.uri = uri.for_request_line()
                driver.sip.send_request(again, flow, user, outbound_credentials(driver.settings, endpoint))
                driver.output_pending()
                return True
        return False


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
    channel.queue_hangup(Cause.REDIRECTED_TO_NEW_DESTINATION, tech_cause=302)
    return True
