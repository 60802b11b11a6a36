"""The record button of phones: INFO with ``Record: on`` or ``off`` (one_touch_recording)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core.features import settings_of
from globstar.core.touchrecord import is_recording, start_recording, stop_recording
from globstar.core.twoparty import start_dynamic_feature
from globstar.modules.channels.pjsip.supplement import Supplement

if TYPE_CHECKING:
    from globstar.core.bridge import BridgeMember
    from globstar.modules.channels.pjsip.leg import Leg
    from globstar.proto.sip.session import InviteSession
    from globstar.proto.sip.transaction import ServerTransaction


logger = Logger("res_pjsip_one_touch_record_info")

#: What features.conf calls the code that records a call.
_RECORDING = ("automixmon", "automon")


class OneTouchRecord(Supplement):
    """Runs record_on_feature and record_off_feature of the endpoint: automixmon, or a feature of [applicationmap]."""

    module = "res_pjsip_one_touch_record_info"

    def session_request(self, leg: Leg, session: InviteSession, transaction: ServerTransaction) -> bool:
        """200 when it was done, 403 where the endpoint may not, 481 without a call to record (480 when it cannot be)."""
        request = transaction.request
        if request.method != "INFO" or not request.has("Record"):
            return False
        wish = (request.get("Record") or "").strip().lower()
        channel = leg.channel
        member = channel.bridge_member if channel is not None else None
        endpoint = leg.endpoint
        if not endpoint.one_touch_recording:
            session.respond(transaction, 403)
        elif member is None or wish not in ("on", "off"):
            session.respond(transaction, 481 if member is None else 400)
        elif self._run(member, endpoint.record_on_feature if wish == "on" else endpoint.record_off_feature, wish == "on"):
            session.respond(transaction, 200)
        else:
            session.respond(transaction, 480)
        return True

    def _run(self, member: BridgeMember, feature: str, starts: bool) -> bool:
        if feature in _RECORDING:
            if starts == is_recording(member.channel):
                return True
            return start_recording(member) if starts else stop_recording(member)
        dynamic = settings_of(self.driver.system).application_map.get(feature)
        if dynamic is None:
            logger.warning(f"{member.channel.name}: features.conf has no feature '{feature}', which a record button asks for")
            return False
        start_dynamic_feature(dynamic, member)
        return True
