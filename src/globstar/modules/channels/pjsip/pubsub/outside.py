"""Requests outside of dialogs to a contact of an endpoint: unasked NOTIFY."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.modules.channels.pjsip.authenticate import outbound_credentials
from globstar.modules.channels.pjsip.outgoing import Target, route
from globstar.proto.sip.headers.address import NameAddr
from globstar.proto.sip.message import Header
from globstar.proto.sip.uri import SipUri
from globstar.proto.sip.user import RequestUser

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.contacts import Contact
    from globstar.modules.channels.pjsip.driver import PjsipDriver
    from globstar.modules.channels.pjsip.endpoint import EndpointObject
    from globstar.proto.sip.message import Response
    from globstar.proto.sip.transaction import ClientTransaction

logger = Logger("res_pjsip")


class _Told(RequestUser):
    """Notes what became of a request that nobody waits for."""

    def __init__(self, what: str) -> None:
        self._what = what

    def response_received(self, transaction: ClientTransaction, response: Response) -> None:
        """See RequestUser."""
        if response.status >= 300:
            logger.debug(1, f"{self._what} was answered {response.status}")

    def request_failed(self, transaction: ClientTransaction, status: int, reason: str) -> None:
        """See RequestUser."""
        logger.debug(1, f"{self._what} failed: {reason}")


def send_to_contact(
    driver: PjsipDriver,
    endpoint: EndpointObject,
    contact: Contact,
    method: str,
    headers: Sequence[Header],
    body: bytes = b"",
    content_type: str = "",
    *,
    from_user: str = "",
) -> bool:
    """Send a request to a contact; False when no transport leads there."""
    flow = route(driver, Target(endpoint, contact.parsed, contact))
    if flow is None:
        return False
    host = driver.transports.local_address(flow.transport, flow.host)
    user = endpoint.from_user or endpoint.name
    us = NameAddr(SipUri("sip", from_user or user, host=endpoint.from_domain or host))
    request = driver.sip.new_request(
        method, contact.parsed, from_=us, to=NameAddr(contact.parsed), headers=headers, body=body,
        routes=(*endpoint.routes, *contact.routes),
        content_type=content_type, contact=f"<{flow.transport.contact_uri(endpoint.contact_user or user, flow.host)}>",
    )  # fmt: skip
    told = _Told(f"{method} to {contact.uri} of endpoint '{endpoint.name}'")
    driver.sip.send_request(request, flow, told, outbound_credentials(driver.settings, endpoint))
    return True
