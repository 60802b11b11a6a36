"""Changes of a running session on our own account, by re-INVITE or UPDATE: at once, or when nothing is pending any more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.modules.channels.pjsip import timers
from globstar.modules.channels.pjsip.identity import identity_if_new
from globstar.modules.channels.pjsip.media import NoMedia
from globstar.proto.sdp import NotAcceptable, SdpParseError
from globstar.proto.sip.message import Header, Response
from globstar.proto.sip.session import InviteSession, SessionState

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.leg import Leg

logger = Logger("chan_pjsip")


@dataclass(slots=True)
class Refresh:
    """What is to be told: our media by an offer, who is at our side, or just that the call lives."""

    #: by UPDATE if the peer knows it
    by_update: bool = False
    with_offer: bool = True
    with_identity: bool = False
    headers: tuple[Header, ...] = ()

    def joined_with(self, later: Refresh) -> Refresh:
        """One request that does both."""
        return Refresh(
            self.by_update and later.by_update,
            self.with_offer or later.with_offer,
            self.with_identity or later.with_identity,
            (*self.headers, *later.headers),
        )


def ask(leg: Leg, wanted: Refresh) -> bool:
    """Send ``wanted`` now, or as soon as no other request keeps it from being sent; False when there is no such session."""
    session = leg.session
    if session is None or session.state is SessionState.TERMINATED:
        return False
    if not _is_possible(session, wanted):
        leg.waiting_refresh = leg.waiting_refresh.joined_with(wanted) if leg.waiting_refresh is not None else wanted
        return True
    return _send(leg, session, wanted)


def resume(leg: Leg) -> None:
    """Nothing is pending any more: send what has waited."""
    wanted, session = leg.waiting_refresh, leg.session
    if wanted is not None and session is not None and leg.channel is not None and _is_possible(session, wanted):
        leg.waiting_refresh = None
        _send(leg, session, wanted)


def _is_possible(session: InviteSession, wanted: Refresh) -> bool:
    if session.state is SessionState.EARLY:
        return wanted.by_update and session.allows("UPDATE") and session.can_update
    return session.can_reinvite


def _send(leg: Leg, session: InviteSession, wanted: Refresh) -> bool:
    from globstar.modules.channels.pjsip.leg import ALLOW

    identity: list[Header] = []
    if wanted.with_identity:
        identity = identity_if_new(leg)
        if not identity and not wanted.with_offer and not wanted.headers:
            return True  # it was told by another message meanwhile
    by_update = wanted.by_update and session.allows("UPDATE")
    headers = [ALLOW, leg.supported_out(), *timers.offer_headers(leg.endpoint), *identity, *wanted.headers]
    try:
        body = leg.media.make_offer() if wanted.with_offer or not by_update else b""
    except NoMedia as error:
        logger.error(f"{leg}: the session cannot be changed: {error}")
        return False
    if by_update:
        session.update(headers=headers, body=body)
    else:
        session.reinvite(headers=headers, body=body)
    return True


def update_answered(leg: Leg, response: Response) -> None:
    """The answer to an UPDATE of ours; a refusal leaves everything as it was."""
    from globstar.modules.channels.pjsip import direct

    if response.is_success:
        timers.start_as_caller(leg, response)
    if not leg.media.has_open_offer:
        return
    try:
        if not response.is_success:
            raise NotAcceptable(f"{response.status} {response.reason}")
        leg.media.take_answer(response.body)
        leg.watch_tones()
    except (SdpParseError, NotAcceptable) as error:
        logger.notice(f"{leg}: an UPDATE changed nothing: {error}")
        leg.media.negotiation.cancel_offer()
        if response.status != 491:
            direct.refused(leg)
