"""Requests that change a running call: re-INVITE and UPDATE, and what they mean for hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core.frame import Control, control
from globstar.modules.channels.pjsip import refresh, timers
from globstar.modules.channels.pjsip.bodies import SDP, sdp_body
from globstar.modules.channels.pjsip.causes import reason_header
from globstar.modules.channels.pjsip.media import NoMedia
from globstar.modules.channels.pjsip.requests import ACCEPT
from globstar.proto.sdp import Direction, NegotiatedStream, NotAcceptable, SdpParseError, parse
from globstar.proto.sip.message import Header

if TYPE_CHECKING:
    from globstar.core.channel import Channel
    from globstar.modules.channels.pjsip.leg import Leg
    from globstar.proto.sip.session import InviteSession
    from globstar.proto.sip.transaction import ServerTransaction

logger = Logger("chan_pjsip")


def reinvite_received(leg: Leg, session: InviteSession, transaction: ServerTransaction) -> None:
    """Answer a re-INVITE: 200 with our side, 488 when nothing fits; no SDP asks for an offer of ours."""
    from globstar.modules.channels.pjsip.leg import ALLOW

    request = transaction.request
    if timers.is_too_small(leg.endpoint, request):
        session.respond(transaction, 422, headers=[("Min-SE", str(leg.endpoint.timers_min_se))])
        return
    if leg.channel is None:
        session.respond(transaction, 481)
        return
    if request.body:
        for hook in leg.hooks.reinvite_received:
            if hook(leg, session, transaction):
                return
    elif leg.driver.settings.globals.all_codecs_on_empty_reinvite:
        leg.media.offer_everything()
    body = _answer(leg, session, transaction) if request.body else leg.media.make_offer()
    if body is None:
        return
    _renew_timer(leg, transaction)
    session.respond(transaction, 200, headers=[ALLOW, leg.supported(), *timers.answer_headers(leg)], body=body)
    if not request.body:
        leg.channel.deliver(control(Control.UNHOLD))  # as seen with Asterisk: who lets us offer anew holds nobody
    apply_hold(leg)


def update_received(leg: Leg, session: InviteSession, transaction: ServerTransaction) -> None:
    """Answer an UPDATE (RFC 3311)."""
    from globstar.modules.channels.pjsip.leg import ALLOW

    request = transaction.request
    if timers.is_too_small(leg.endpoint, request):
        session.respond(transaction, 422, headers=[("Min-SE", str(leg.endpoint.timers_min_se))])
        return
    body: bytes | None = b""
    if request.body:
        body = _answer(leg, session, transaction)
        if body is None:
            return
    _renew_timer(leg, transaction)
    session.respond(transaction, 200, headers=[ALLOW, leg.supported(), *timers.answer_headers(leg)], body=body or b"")
    if request.body:
        apply_hold(leg)


def prack_received(leg: Leg, session: InviteSession, transaction: ServerTransaction) -> None:
    """Answer an offer in a PRACK (RFC 3262 5)."""
    body = _answer(leg, session, transaction)
    if body is not None:
        session.respond(transaction, 200, body=body)


def _answer(leg: Leg, session: InviteSession, transaction: ServerTransaction) -> bytes | None:
    """Our answer to the offer; None when it was refused."""
    request = transaction.request
    kind = request.content_type
    sdp = sdp_body(request)
    if kind is not None and kind.value.lower() != SDP and (not sdp or sdp is request.body):
        session.respond(transaction, 415, headers=[("Accept", "application/sdp")])
        return None
    try:
        body = leg.media.answer_offer(parse(sdp))
        leg.watch_tones()
        return body
    except SdpParseError as error:
        logger.notice(f"{leg}: {error}")
        session.respond(transaction, 400, headers=[("Warning", f'399 SIP "{error.fault.value}"')])
    except (NotAcceptable, NoMedia) as error:
        logger.notice(f"{leg}: {error}")
        headers: list[Header] = [("Warning", '390 SIP "No SDP answer"'), ("Accept", ACCEPT)]
        if not leg.endpoint.suppress_q850_reason_headers:
            headers.append(reason_header(leg.channel.hangup_cause if leg.channel is not None else 0))
        session.respond(transaction, 488, headers=headers)
    return None


def _renew_timer(leg: Leg, transaction: ServerTransaction) -> None:
    leg.sip_timer = timers.agree(leg.endpoint, transaction.request)
    timers.start(leg)


def apply_hold(leg: Leg) -> None:
    """Tell the channel when the other side begins or ceases to hold us."""
    stream, channel = leg.media.stream, leg.channel
    if stream is None or channel is None:
        return
    is_held = stream.is_remote_hold and not (leg.endpoint.suppress_moh_on_sendonly and _states_direction(stream))
    if is_held == leg.media.is_held:
        _settle(channel)
        return
    leg.media.is_held = is_held
    if is_held:
        _settle(channel)
        channel.deliver(control(Control.HOLD, leg.endpoint.moh_suggest))
    else:
        channel.deliver(control(Control.UNHOLD))
    if channel.bridge_member is not None:
        channel.bridge_member.bridge.reconsider(f"{channel.name}: {'held' if is_held else 'taken back'}")
    _settle(channel)


def _settle(channel: Channel) -> None:
    if channel.bridge_member is not None:
        channel.bridge_member.bridge.settle()


def _states_direction(stream: NegotiatedStream) -> bool:
    """Whether the hold is said by sendonly or inactive, and not by an address of zeros."""
    return stream.remote is not None and stream.remote.stated_direction in (Direction.SENDONLY, Direction.INACTIVE)


def indicate_hold(leg: Leg, *, is_held: bool) -> bool:
    """The other side of the call holds this endpoint: with moh_passthrough it is told so, else it hears music (False)."""
    passes = leg.endpoint.moh_passthrough if leg.moh_passthrough is None else leg.moh_passthrough
    if not passes:
        return False
    leg.media.direction = Direction.RECVONLY if is_held else Direction.SENDRECV
    refresh.ask(leg, refresh.Refresh())
    return True
