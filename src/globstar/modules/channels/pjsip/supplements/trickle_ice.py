"""INFO with candidates of ICE that the endpoint has found after its offer or answer: trickle ICE (RFC 8840)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.modules.channels.pjsip.supplement import Supplement
from globstar.proto.sdp.fragment import parse_fragment

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.endpoint import EndpointObject
    from globstar.modules.channels.pjsip.leg import Leg
    from globstar.proto.sip.message import Header
    from globstar.proto.sip.session import InviteSession
    from globstar.proto.sip.transaction import ServerTransaction

logger = Logger("res_pjsip_session")

CONTENT_TYPE = "application/trickle-ice-sdpfrag"
PACKAGE = "trickle-ice"


class TrickleIce(Supplement):
    """Each candidate is checked as those of the description are; what belongs to no stream, or to an older one, is left out."""

    module = "res_pjsip_session"

    def concerns(self, endpoint: EndpointObject) -> bool:
        """Those that may use ICE."""
        return endpoint.ice_support

    def response_headers(self, leg: Leg, status: int, headers: list[Header]) -> None:
        """Say that we take more candidates, to who has spoken of such (RFC 8840 section 5.4)."""
        wires = leg.media.wires
        if wires is not None and wires.trickles and 101 <= status < 300:
            headers.append(("Recv-Info", PACKAGE))

    def session_request(self, leg: Leg, session: InviteSession, transaction: ServerTransaction) -> bool:
        """The endpoint has more candidates."""
        request = transaction.request
        kind = request.content_type
        if request.method != "INFO" or kind is None or kind.value.lower() != CONTENT_TYPE:
            return False
        if not leg.endpoint.ice_support:
            session.respond(transaction, 469, headers=[("Recv-Info", "")])  # RFC 6086 section 4.2.2
            return True
        session.respond(transaction, 200)
        for fragment in parse_fragment(request.body):
            taken = leg.media.take_candidates(fragment)
            logger.debug(2, f"{leg}: {taken} of {len(fragment.candidates)} candidates of '{fragment.mid}' came later")
        return True
