"""INVITE with Replaces (RFC 3891): a new call takes the place of another one, or picks up what rings there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core.attended import replace_party
from globstar.core.pickup import pick_up_alone, ringing_call
from globstar.modules.channels.pjsip.causes import reason_header
from globstar.modules.channels.pjsip.leg import Leg
from globstar.modules.channels.pjsip.supplement import Supplement
from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.headers.replaces import Replaces
from globstar.proto.sip.session import SessionState

if TYPE_CHECKING:
    from globstar.core.channel import Channel
    from globstar.modules.channels.pjsip.driver import PjsipDriver
    from globstar.proto.sip.message import Request
    from globstar.proto.sip.session import InviteSession

logger = Logger("res_pjsip_refer")

_ANSWERED = (SessionState.CONNECTING, SessionState.CONFIRMED)


class ReplacesInvite(Supplement):
    """Taking over calls."""

    module = "res_pjsip_refer"

    def channel_starting(self, leg: Leg, channel: Channel) -> bool:
        """The new call is ready: it picks up, or takes the other call's place, or is refused (RFC 3891 3)."""
        request = leg.request
        if request is None or not request.has("Replaces"):
            return False
        status = _refusal(self.driver, request)
        if status:
            assert leg.session is not None
            leg.session.reject(status, headers=[] if leg.endpoint.suppress_q850_reason_headers else [reason_header(0)])
            channel.hangup()
            return True
        found = _find(self.driver, request)
        target = found[1].channel if found is not None else None
        if target is None:
            channel.system.start_call_task(channel, _end(channel), "replaces")
        elif ringing_call(target) is not None:
            channel.system.start_call_task(channel, pick_up_alone(channel, target), "pickup")
        else:
            logger.verbose(3, f"{channel.name} takes the place of {target.name}")
            if not replace_party(channel, target):
                channel.system.start_call_task(channel, _end(channel), "replaces")
        return True


async def _end(channel: Channel) -> None:
    channel.hangup()


def _find(driver: PjsipDriver, request: Request) -> tuple[InviteSession, Leg, Replaces] | None:
    """The call that Replaces names."""
    wanted = request.value("Replaces", Replaces.parse)
    session = driver.sip.find_session(wanted.call_id, wanted.to_tag, wanted.from_tag) if wanted is not None else None
    if session is None or wanted is None or not isinstance(session.user, Leg):
        return None
    return session, session.user, wanted


def _refusal(driver: PjsipDriver, request: Request) -> int:
    """The status that an INVITE with Replaces is refused with; 0 if it is welcome.

    400: not one Replaces that can be read. 481: no such dialog, or one of a call to us that is not answered. 486: an answered
    call where only an early one was meant. 603: a call that is over.
    """
    if len(request.get_all("Replaces")) != 1:
        return 400
    try:
        found = _find(driver, request)
    except SipParseError:
        return 400
    if found is None:
        return 481
    session, leg, wanted = found
    if session.state is SessionState.TERMINATED or leg.channel is None:
        return 603
    if session.state in _ANSWERED:
        return 486 if wanted.early_only else 0
    return 0 if session.is_caller and ringing_call(leg.channel) is not None else 481
