"""Answers to our offers: in responses to INVITE, in ACK and in PRACK (RFC 3264, RFC 3262 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core.cause import Cause
from globstar.core.frame import Control, control
from globstar.modules.channels.pjsip import hold, variants
from globstar.modules.channels.pjsip.bodies import sdp_body
from globstar.proto.sdp import NotAcceptable, SdpParseError
from globstar.proto.sip.message import Header, Request, Response

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.leg import Leg
    from globstar.proto.sip.session import InviteSession
    from globstar.proto.sip.transaction import ServerTransaction

logger = Logger("chan_pjsip")

#: what ends a call whose peer answered without saying where its media go
NO_SDP: Header = ("Reason", 'SIP ;cause=406 ;text="SDP offer/answer incomplete"')


def take_provisional(leg: Leg, response: Response) -> bool:
    """Take the SDP of a response to our INVITE; one in force is replaced if it comes from another fork, and may be."""
    tag = response.to.tag or ""
    if not leg.media.has_open_offer:
        if not _may_replace(leg, tag):
            return True
        leg.media.negotiation.reopen()
    try:
        leg.media.take_answer(sdp_body(response), is_early=True)
    except (SdpParseError, NotAcceptable) as error:
        logger.notice(f"{leg}: the SDP of a {response.status} cannot be used: {error}")
        if leg.media.is_agreed:
            leg.media.negotiation.cancel_offer()
        return False
    leg.answer_tag = tag
    variants.choose_for_caller(leg)
    leg.watch_tones()
    return True


def _may_replace(leg: Leg, tag: str) -> bool:
    """Whether a second answer to our offer counts: of another fork, or (against RFC 3261 13.2.1) of the same callee."""
    options, endpoint = leg.driver.settings.system, leg.endpoint
    if tag != leg.answer_tag:
        return endpoint.follow_early_media_fork and options.follow_early_media_fork
    return endpoint.accept_multiple_sdp_answers or options.accept_multiple_sdp_answers


def take_final(leg: Leg, session: InviteSession, response: Response, *, is_first: bool) -> bool:
    """Take the SDP of a 2xx to our INVITE or re-INVITE; False when nothing else is to be done about it."""
    if is_first and response.body and not leg.media.has_open_offer:
        take_provisional(leg, response)
        return True
    if not leg.media.has_open_offer:
        return True
    if not response.body:
        if is_first:
            _without_sdp(leg, session)
        else:
            leg.media.negotiation.cancel_offer()
        return False
    try:
        leg.media.take_answer(sdp_body(response))
    except (SdpParseError, NotAcceptable) as error:
        logger.notice(f"{leg}: the answer cannot be used: {error}")
        if is_first:
            _give_up(leg)
        else:
            leg.media.negotiation.cancel_offer()
            if leg.media.fax is not None:
                leg.media.fax.declined()
        return False
    leg.answer_tag = response.to.tag or ""
    if is_first:
        variants.choose_for_caller(leg)
    leg.watch_tones()
    if leg.media.fax is not None:
        leg.media.fax.answered(is_accepted=True)
    return True


def _give_up(leg: Leg) -> None:
    """Nothing was agreed: the call ends."""
    if leg.channel is not None:
        leg.channel.queue_hangup(Cause.BEARERCAPABILITY_NOTAVAIL)


def _without_sdp(leg: Leg, session: InviteSession) -> None:
    """A 200 that says nothing of media to our offer ends the call after its ACK, as seen with Asterisk."""
    session.acknowledge()
    session.bye([NO_SDP])
    if leg.channel is not None:
        leg.channel.deliver(control(Control.ANSWER))


def in_ack(leg: Leg, session: InviteSession, request: Request) -> None:
    """ACK: it carries the answer where the offer was ours (a delayed offer)."""
    channel = leg.channel
    if channel is None:
        return
    if not session.awaits_answer or not leg.media.has_open_offer:
        if channel.bridge_member is not None and leg.endpoint.direct_media:  # which may begin now
            channel.bridge_member.bridge.media_changed(f"{channel.name} is confirmed", is_agreed=False)
        return
    try:
        if not request.body:
            raise NotAcceptable("no answer in the ACK")
        leg.media.take_answer(request.body)
    except (SdpParseError, NotAcceptable) as error:
        logger.notice(f"{leg}: the answer in the ACK cannot be used: {error}")
        if leg.media.is_agreed:
            leg.media.negotiation.cancel_offer()
        else:
            _give_up(leg)


def in_prack(leg: Leg, session: InviteSession, transaction: ServerTransaction) -> None:
    """PRACK: it carries the answer to an offer in our provisional response, or a new offer (RFC 3262 5)."""
    request = transaction.request
    if not request.body or leg.channel is None:
        return
    if not leg.media.has_open_offer:
        hold.prack_received(leg, session, transaction)
        return
    try:
        leg.media.take_answer(request.body)
        leg.watch_tones()
    except (SdpParseError, NotAcceptable) as error:
        logger.notice(f"{leg}: the answer in the PRACK cannot be used: {error}")
        _give_up(leg)
