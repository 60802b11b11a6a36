"""MESSAGE (RFC 3428), inside and outside of calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core.frame import Frame, FrameType
from globstar.modules.channels.pjsip.supplement import Supplement

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.endpoint import EndpointObject
    from globstar.modules.channels.pjsip.leg import Leg
    from globstar.proto.sip.message import Request
    from globstar.proto.sip.session import InviteSession
    from globstar.proto.sip.transaction import ServerTransaction

logger = Logger("res_pjsip_messaging")


class Messaging(Supplement):
    """Texts: in a call they are frames of its channel, elsewhere messages for the dialplan."""

    module = "res_pjsip_messaging"

    def request_received(self, endpoint: EndpointObject, transaction: ServerTransaction) -> bool:
        """A MESSAGE outside a call is accepted for extensions that exist, and offered to the messaging service."""
        request = transaction.request
        if request.method != "MESSAGE":
            return False
        if not _is_text(request):
            transaction.respond(415, headers=[("Accept", "text/plain")])
            return True
        system = self.driver.system
        context = endpoint.message_context or endpoint.context
        user = request.uri.user or "s"
        if not system.plan.exists(context, user, 1, endpoint.caller_number):
            transaction.respond(404)
            return True
        transaction.respond(202)
        service = system.services.get("messaging")
        if service is None:
            logger.notice(f"a MESSAGE from '{endpoint.name}' to {user}@{context} was accepted; nothing handles messages yet")
        else:
            text = request.body.decode("utf-8", "replace")
            service.deliver(context, user, str(request.from_), str(request.to), text, f"PJSIP/{endpoint.name}")
        return True

    def session_request(self, leg: Leg, session: InviteSession, transaction: ServerTransaction) -> bool:
        """A text of the party in a call."""
        request = transaction.request
        if request.method != "MESSAGE":
            return False
        if not _is_text(request):
            session.respond(transaction, 415, headers=[("Accept", "text/plain"), *leg.reason()])
            return True
        session.respond(transaction, 202)
        if leg.channel is not None:
            leg.channel.deliver(Frame(FrameType.TEXT, 0, request.body.decode("utf-8", "replace")))
        return True


def _is_text(request: Request) -> bool:
    kind = request.content_type
    return kind is not None and kind.value.lower().startswith("text/")
