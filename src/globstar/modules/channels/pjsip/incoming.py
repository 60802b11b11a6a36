"""Calls that come in: what is checked before a channel exists, and the channel."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core.channel import Channel, ChannelState
from globstar.core.features import settings_of
from globstar.core.format import FormatCapabilities
from globstar.core.functions import assign
from globstar.core.party import PartyId
from globstar.core.pickup import pick_up_group
from globstar.core.switches import SwitchWaits, asking
from globstar.modules.channels.pjsip import timers
from globstar.modules.channels.pjsip.bodies import sdp_body
from globstar.modules.channels.pjsip.diversion import take_diversion, take_history
from globstar.modules.channels.pjsip.identity import caller_of
from globstar.modules.channels.pjsip.leg import Leg
from globstar.modules.channels.pjsip.leg_media import new_media
from globstar.modules.channels.pjsip.media import NoMedia
from globstar.modules.channels.pjsip.requests import CALL_EXTENSIONS, SUPPORTED, hold_for_plan, not_understood
from globstar.proto.sdp import NotAcceptable, SdpParseError, SessionDescription, parse

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.driver import PjsipDriver
    from globstar.modules.channels.pjsip.endpoint import EndpointObject
    from globstar.proto.sip.message import Request
    from globstar.proto.sip.transaction import ServerTransaction

logger = Logger("chan_pjsip")

#: Extensions that an INVITE may require.
#: Seconds after which a caller may try again when we are full.
RETRY_AFTER = 5


def invite_received(driver: PjsipDriver, endpoint: EndpointObject, transaction: ServerTransaction) -> None:
    """Check a new INVITE of a known endpoint and make a channel of it."""
    request = transaction.request
    if driver.is_full(transaction):
        transaction.respond(503, headers=[("Retry-After", str(RETRY_AFTER))])
        return
    request.contact  # noqa: B018 - raises the 400 that an INVITE without Contact gets
    if _refuse_extensions(endpoint, transaction):
        return
    uri = request.uri  # sip, sips, or tel (RFC 3966), which names the same extension
    if timers.is_too_small(endpoint, request):
        transaction.respond(422, headers=[("Min-SE", str(endpoint.timers_min_se))])
        return
    offer = _read_offer(transaction)
    if transaction.is_answered:
        return
    caller = caller_of(endpoint, request)
    number = caller.number.text if caller.number.valid else ""
    extension = endpoint.user_of(uri) or "s"
    plan = driver.system.plan
    overlap_context = endpoint.overlap_context or endpoint.context
    may_grow = endpoint.allow_overlap and bool(uri.user)
    try:
        is_welcome = asking(lambda: _is_welcome(driver, endpoint, request, extension, number))
        may_grow = not is_welcome and may_grow and asking(lambda: plan.match_more(overlap_context, extension, number))
    except SwitchWaits as waits:
        hold_for_plan(driver, transaction, waits, lambda: invite_received(driver, endpoint, transaction))
        return
    if not is_welcome:
        if may_grow:
            transaction.respond(484)
        else:
            logger.notice(
                f"Call ({transaction.flow.transport.name}:{transaction.flow.host}:{transaction.flow.port}) to extension "
                f"'{extension}' rejected because extension not found in context '{endpoint.context}'."
            )
            transaction.respond(404)
        return
    _start_call(driver, endpoint, transaction, caller, extension, offer)


def _is_welcome(driver: PjsipDriver, endpoint: EndpointObject, request: Request, extension: str, number: str) -> bool:
    """Whether a call to the extension leads anywhere; one that takes over another call goes there, whatever it dials."""
    if driver.system.plan.exists(endpoint.context, extension, 1, number):
        return True
    return extension == settings_of(driver.system).pickup_extension or request.has("Replaces")


def _refuse_extensions(endpoint: EndpointObject, transaction: ServerTransaction) -> bool:
    """420 for what we do not understand, 421 for what the endpoint must offer and does not."""
    request = transaction.request
    required = request.tokens("Require") if request.has("Require") else ()
    refusal = not_understood(request, CALL_EXTENSIONS)
    if refusal:
        transaction.respond(420, headers=refusal)
        return True
    for option, mode in (("100rel", endpoint.rel100), ("timer", endpoint.timers)):
        if (mode == "required" and not request.supports(option)) or (mode == "no" and option in required):
            if mode == "no":
                transaction.respond(420, headers=[("Unsupported", option)])
            else:
                transaction.respond(421, headers=[("Require", option), SUPPORTED])
            return True
    return False


def _read_offer(transaction: ServerTransaction) -> SessionDescription | None:
    """The offer; None without one, or when it was refused: 415 for a body that is no SDP, 400 for SDP that cannot be read."""
    request = transaction.request
    if not request.body:
        return None
    kind = request.content_type
    if (request.get("Content-Encoding") or "identity").strip().lower() != "identity":
        transaction.respond(415, headers=[("Accept", "application/sdp"), ("Accept-Encoding", "identity")])  # RFC 3261 8.2.3
        return None
    body = sdp_body(request) if kind is not None and kind.value.lower() != "application/sdp" else request.body
    is_several = body is not request.body
    if is_several and not body:
        return None  # parts without an offer: one is made for the caller
    if kind is None or (not is_several and kind.value.lower() != "application/sdp"):
        if "handling=optional" in (request.get("Content-Disposition") or "").replace(" ", "").lower():
            return None  # RFC 3261 20.11: what is not understood may be ignored
        transaction.respond(415, headers=[("Accept", "application/sdp")])
        return None
    try:
        return parse(body)
    except SdpParseError as error:
        transaction.respond(400, headers=[("Warning", f'399 SIP "{error.fault.value}"')])
        return None


def _start_call(
    driver: PjsipDriver,
    endpoint: EndpointObject,
    transaction: ServerTransaction,
    caller: PartyId,
    extension: str,
    offer: SessionDescription | None,
) -> None:
    request, flow = transaction.request, transaction.flow
    transport = flow.transport
    our_host = driver.transports.local_address(transport, flow.host)
    media = new_media(driver, endpoint, transport, flow.host, FormatCapabilities(list(endpoint.audio_formats)), offer)
    leg = Leg(driver, endpoint, media, is_caller=False, our_host=our_host, remote_host=flow.host)
    contact = driver.transports.contact(transport, endpoint.contact_user, flow.host)
    session = driver.sip.accept_invite(transaction, leg, contact=contact, rewrite_contact=endpoint.rewrite_contact)
    leg.session = session
    leg.request = request
    leg.request_uri = str(request.uri)
    leg.is_secure = transport.secure
    session.provisional(100)
    leg.resume = partial(_go_on, driver, endpoint, leg, caller, extension, offer)
    for hook in driver.hooks.invite_received:
        if hook(leg, session, transaction):
            return
    leg.resume()


def _go_on(
    driver: PjsipDriver, endpoint: EndpointObject, leg: Leg, caller: PartyId, extension: str, offer: SessionDescription | None
) -> None:
    """Nothing holds the call any more: our addresses are found where servers have to be asked for them, then it begins."""
    leg.resume = None
    begin = partial(_begin, driver, endpoint, leg, caller, extension, offer)
    try:
        if leg.media.gather(offer, begin):
            return
    except NoMedia as error:  # it is refused for that by what follows
        logger.debug(1, f"no addresses are asked for: {error}")
    begin()


def _begin(
    driver: PjsipDriver, endpoint: EndpointObject, leg: Leg, caller: PartyId, extension: str, offer: SessionDescription | None
) -> None:
    """Media, channel, dialplan."""
    session, request, media = leg.session, leg.request, leg.media
    assert session is not None
    assert request is not None
    if not leg.is_waiting:  # the caller has given up meanwhile
        media.close()
        return
    try:
        if offer is not None:
            media.answer_offer(offer)
        else:
            media.make_offer()
    except NotAcceptable as error:
        logger.notice(f"a call of '{endpoint.name}' to {extension}@{endpoint.context} is refused: {error}")
        media.close()
        session.reject(488)
        return
    except NoMedia as error:
        logger.error(f"a call of '{endpoint.name}' is refused: {error}")
        media.close()
        session.reject(503, headers=[("Retry-After", str(RETRY_AFTER))])
        return
    except Exception:  # a bug of ours costs this call, and no ports
        media.close()
        session.reject(500)
        raise
    leg.sip_timer = timers.agree(endpoint, request)
    system = driver.system
    channel = Channel(
        system,
        driver.tech,
        system.next_channel_name(f"PJSIP/{endpoint.name}"),
        state=ChannelState.RING,
        context=endpoint.context,
        extension=extension,
        native_formats=media.formats,
        caller=caller,
        language=endpoint.language,
        account_code=endpoint.accountcode,
    )
    channel.dialed.number = extension
    set_up_channel(channel, leg)
    if request.has("Diversion"):
        take_diversion(request, channel.redirecting)
    elif request.has("History-Info"):
        take_history(request, channel.redirecting)
    driver.leg_started(leg)
    for created in leg.hooks.channel_created:
        created(leg, channel)
    system.announce_channel(channel)
    for name, value in endpoint.set_var:
        assign(channel, name, value)
    channel.set_variable("SIPDOMAIN", request.uri.bare_host)
    media.bind_channel(channel)
    leg.watch_tones()
    for own in leg.hooks.channel_starting:
        if own(leg, channel):
            return
    if extension == settings_of(system).pickup_extension:
        system.start_call_task(channel, pick_up_group(channel), "pickup")
    else:
        system.start_pbx(channel)


def set_up_channel(channel: Channel, leg: Leg) -> None:
    """What channels of both directions take from their endpoint."""
    endpoint = leg.endpoint
    leg.channel = channel
    channel.private = leg
    channel.tone_zone = endpoint.tone_zone
    channel.call_group = endpoint.call_group
    channel.pickup_group = endpoint.pickup_group
    if endpoint.named_call_group:
        channel.named_call_groups = frozenset(endpoint.named_call_group)
    if endpoint.named_pickup_group:
        channel.named_pickup_groups = frozenset(endpoint.named_pickup_group)
    if endpoint.tenantid:
        channel.data["tenantid"] = endpoint.tenantid
