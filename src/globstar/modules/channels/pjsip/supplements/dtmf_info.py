"""Digits by INFO."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.modules.channels.pjsip import dtmf
from globstar.modules.channels.pjsip.supplement import Supplement

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.leg import Leg
    from globstar.proto.sip.session import InviteSession
    from globstar.proto.sip.transaction import ServerTransaction


class DtmfInfo(Supplement):
    """INFO inside calls: see :func:`globstar.modules.channels.pjsip.dtmf.info_received`."""

    module = "res_pjsip_dtmf_info"
    #: after the supplements that look for INFO of other kinds
    priority = 200

    def session_request(self, leg: Leg, session: InviteSession, transaction: ServerTransaction) -> bool:
        """A digit, a sign of life, or something that nobody knows."""
        if transaction.request.method != "INFO":
            return False
        dtmf.info_received(leg, session, transaction)
        return True
