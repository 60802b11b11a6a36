"""Session timers of a leg (RFC 4028): what is asked for, agreed, and done when it is our turn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.headers.session_expires import SessionExpires
from globstar.proto.sip.message import Header, Message, Request, Response

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.endpoint import EndpointObject
    from globstar.modules.channels.pjsip.leg import Leg


@dataclass(frozen=True, slots=True)
class Agreement:
    """Interval in seconds, and which side refreshes."""

    interval: int
    refresher: str
    is_required: bool


def offer_headers(endpoint: EndpointObject) -> list[Header]:
    """What our INVITE asks for."""
    if endpoint.timers == "no":
        return []
    return [("Session-Expires", str(endpoint.timers_sess_expires)), ("Min-SE", str(endpoint.timers_min_se))]


def _expires(message: Message) -> SessionExpires | None:
    try:
        return message.value("Session-Expires", SessionExpires.parse)
    except SipParseError:
        return None  # an unreadable one is none


def is_too_small(endpoint: EndpointObject, request: Request) -> bool:
    """Whether an INVITE asks for a shorter interval than the endpoint allows (422)."""
    asked = _expires(request)
    return endpoint.timers != "no" and asked is not None and asked.interval < endpoint.timers_min_se


def agree(endpoint: EndpointObject, request: Request) -> Agreement | None:
    """The answer to an INVITE: its interval, refreshed by whom it names, else by the caller (RFC 4028 9, table 2)."""
    if endpoint.timers == "no":
        return None
    asked = _expires(request)
    if asked is None and endpoint.timers == "yes":
        return None
    can = request.supports("timer")
    if asked is None or not can:
        if endpoint.timers != "always" and not (endpoint.timers == "required" and can):
            return None
        return Agreement(endpoint.timers_sess_expires, "uac" if can else "uas", can)
    return Agreement(asked.interval, asked.refresher or "uac", True)


def answer_headers(leg: Leg) -> list[Header]:
    """What our 200 says."""
    agreed = leg.sip_timer
    if agreed is None:
        return []
    headers: list[Header] = [("Session-Expires", f"{agreed.interval};refresher={agreed.refresher}")]
    if agreed.refresher == "uac" and agreed.is_required:
        headers.append(("Require", "timer"))
    return headers


def start(leg: Leg) -> None:
    """Our 200 is out: run the timer that it agreed to; an INVITE that asks for none turns it off (RFC 4028 9)."""
    if leg.session is None:
        return
    if leg.sip_timer is not None:
        leg.session.start_session_timer(leg.sip_timer.interval, we_refresh=leg.sip_timer.refresher == "uas")
    else:
        leg.session.stop_session_timer()


def start_as_caller(leg: Leg, response: Response) -> None:
    """A 200 to an INVITE of ours: run the timer that it agreed to; without Session-Expires there is none (RFC 4028 7.2)."""
    agreed = _expires(response)
    session = leg.session
    if session is None or leg.endpoint.timers == "no":
        return
    if agreed is not None:
        session.start_session_timer(max(agreed.interval, 90), we_refresh=agreed.refresher != "uas")
    elif leg.endpoint.timers == "always":
        session.start_session_timer(leg.endpoint.timers_sess_expires, we_refresh=True)
    else:
        session.stop_session_timer()


def refresh(leg: Leg) -> None:
    """Our turn: an UPDATE if the peer knows it, else a re-INVITE; the timer starts anew when it is answered (RFC 4028 7.4)."""
    from globstar.modules.channels.pjsip.refresh import Refresh, ask

    ask(leg, Refresh(by_update=True, with_offer=False))
