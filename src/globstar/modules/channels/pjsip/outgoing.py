"""Calls that go out: from a dial string to an INVITE."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core.cause import Cause
from globstar.core.channel import Channel, ChannelState
from globstar.core.format import Format, FormatCapabilities, MediaType
from globstar.core.functions import assign
from globstar.core.tech import DialRequest, RequestFailed
from globstar.modules.channels.pjsip import media_options, morestreams, timers, variants
from globstar.modules.channels.pjsip.authenticate import outbound_credentials
from globstar.modules.channels.pjsip.bodies import SDP
from globstar.modules.channels.pjsip.diversion import redirecting_headers
from globstar.modules.channels.pjsip.identity import (
    from_address,
    identity_headers,
    is_restricted,
    phone_params,
)
from globstar.modules.channels.pjsip.incoming import set_up_channel
from globstar.modules.channels.pjsip.kept import audio_of
from globstar.modules.channels.pjsip.leg import ALLOW, Leg
from globstar.modules.channels.pjsip.leg_media import new_media
from globstar.modules.channels.pjsip.media import NoMedia
from globstar.proto import mime
from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.flow import Flow
from globstar.proto.sip.headers.address import NameAddr
from globstar.proto.sip.message import Header
from globstar.proto.sip.uri import SipUri

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.contacts import Contact
    from globstar.modules.channels.pjsip.driver import PjsipDriver
    from globstar.modules.channels.pjsip.endpoint import EndpointObject

logger = Logger("chan_pjsip")

#: where a channel keeps the headers that the calls get which it makes (PJSIP_INHERITABLE_HEADER)
INHERITED = "inherit:pjsip headers"
#: where a channel keeps the instance of the phone that its call is for, by its GRUU (RFC 5627)
INSTANCE = "pjsip instance"


@dataclass(frozen=True, slots=True)
class Target:
    """Where a call goes: endpoint, Request-URI, and the contact behind it, if one is."""

    endpoint: EndpointObject
    uri: SipUri
    contact: Contact | None = None


def find_target(driver: PjsipDriver, destination: str, instance: str = "") -> Target:
    """Read ``endpoint``, ``endpoint/aor``, ``endpoint/sip:uri``, ``user@endpoint`` or ``endpoint/user``; raises RequestFailed.

    With ``instance`` the contact must be of that phone (RFC 5627).
    """
    first, slash, rest = destination.partition("/")
    endpoints = driver.settings.endpoints
    user = ""
    endpoint = endpoints.get(first)
    if endpoint is None and "@" in first:
        user, _, name = first.rpartition("@")
        endpoint = endpoints.get(name)
    if endpoint is None:
        raise RequestFailed(Cause.NO_ROUTE_DESTINATION, f"there is no endpoint '{first}'")
    if slash and rest.lower().startswith(("sip:", "sips:", "<sip:", "<sips:")):
        try:
            return Target(endpoint, SipUri.parse(rest.strip("<>")))
        except SipParseError as error:
            raise RequestFailed(Cause.NO_ROUTE_DESTINATION, f"'{rest}' is no SIP URI: {error}") from None
    aors = (rest,) if slash and rest else endpoint.aors
    if slash and rest not in driver.settings.aors and not user:
        user, aors = rest, endpoint.aors  # chan_sip's SIP/peer/extension
    contact = find_contact(driver, aors, instance)
    if contact is None:
        raise RequestFailed(Cause.NO_ROUTE_DESTINATION, f"endpoint '{endpoint.name}' has no contact that can be reached")
    uri = contact.parsed
    if user:
        uri = replace(uri, user=user)
    return Target(endpoint, uri, contact)


def find_contact(driver: PjsipDriver, aors: tuple[str, ...], instance: str = "") -> Contact | None:
    """The first usable contact (of the phone called ``instance``) of the first aor that has one."""
    for name in aors:
        for contact in driver.contacts.contacts(name):
            if contact.is_usable and (not instance or contact.instance == instance):
                return contact
    return None


def request_channel(driver: PjsipDriver, request: DialRequest) -> Channel:
    """Make the channel of an outgoing call; raises RequestFailed."""
    instance = request.requestor.data.get(INSTANCE, "") if request.requestor is not None else ""
    target = find_target(driver, request.destination, instance)
    endpoint = target.endpoint
    for hook in driver.hooks.call_obstacle:
        obstacle = hook(endpoint)
        if obstacle:
            raise RequestFailed(Cause.DESTINATION_OUT_OF_ORDER, obstacle)
    flow = route(driver, target)
    if flow is None:
        raise RequestFailed(Cause.NO_ROUTE_DESTINATION, f"no transport leads to {target.uri}")
    chosen = _formats_to_offer(endpoint, request)
    our_host = driver.transports.local_address(flow.transport, flow.host)
    formats = FormatCapabilities(chosen)
    media = new_media(driver, endpoint, flow.transport, flow.host, formats)
    media.set_formats(formats)
    requestor = request.requestor
    if requestor is not None and (endpoint.max_audio_streams > 1 or media.sides):
        morestreams.prepare(media, endpoint, requestor.tech.streams(requestor))
    leg = Leg(driver, endpoint, media, is_caller=True, our_host=our_host, remote_host=flow.host)
    leg.request_uri = str(target.uri)
    leg.is_secure = flow.transport.secure
    if target.contact is not None:
        leg.aor, leg.contact_uri = target.contact.aor, target.contact.uri
    system = driver.system
    channel = Channel(
        system,
        driver.tech,
        system.next_channel_name(f"PJSIP/{endpoint.name}"),
        state=ChannelState.DOWN,
        context=endpoint.context,
        extension="s",
        unique_id=request.unique_id,
        linked_id=request.linked_id,
        native_formats=formats,
        caller=endpoint.caller_id(),
        language=endpoint.language or (requestor.language if requestor is not None else ""),
        account_code=endpoint.accountcode,
        is_outgoing=True,
    )
    set_up_channel(channel, leg)
    if requestor is not None:
        leg.extra_headers += requestor.data.get(INHERITED, ())
        variants.remember_caller(leg, requestor.private if isinstance(requestor.private, Leg) else None)
    driver.leg_started(leg)
    for created in leg.hooks.channel_created:
        created(leg, channel)
    system.announce_channel(channel)
    for name, value in endpoint.set_var:
        assign(channel, name, value)
    return channel


def _formats_to_offer(endpoint: EndpointObject, request: DialRequest) -> list[Format]:
    """Audio, and video and text where the calling side has them (or says nothing); raises RequestFailed without audio."""
    wanted = request.capabilities
    requestor = request.requestor
    other = requestor.private if requestor is not None else None
    strict = endpoint.prevents_transcoding or (isinstance(other, Leg) and other.endpoint.prevents_transcoding)
    audio = tuple([format for format in wanted if format.codec.media is MediaType.AUDIO])
    chosen = list(audio_of(endpoint).offered(audio, no_transcoding=strict))
    if not chosen:
        raise RequestFailed(Cause.BEARERCAPABILITY_NOTAVAIL, f"endpoint '{endpoint.name}' allows no codec that fits")
    for kind, allowed, limit in (
        (MediaType.VIDEO, endpoint.video_formats, endpoint.max_video_streams),
        (MediaType.TEXT, endpoint.text_formats, 1),
    ):
        if allowed and limit:
            theirs = [format for format in wanted if format.codec.media is kind]
            if kind is MediaType.VIDEO and isinstance(other, Leg) and variants.can_choose(other):
                theirs = [variants.with_variants(format, other) for format in theirs]
            if theirs or not wanted:
                chosen += media_options.offered(endpoint, allowed, theirs, no_transcoding=bool(theirs))
    return chosen


def route(driver: PjsipDriver, target: Target) -> Flow | None:
    """The flow of the first request: towards the Path that the contact registered through, else towards the URI."""
    contact = target.contact
    if contact is not None and contact.flow is not None:
        return contact.flow
    hop = target.uri
    if target.endpoint.routes:
        hop = target.endpoint.routes[0].uri
    elif contact is not None and contact.path:
        hop = contact.routes[0].uri
    name = target.endpoint.transport or (contact.transport if contact is not None else "")
    if name and driver.transports.get(name) is None:
        name = ""
    return driver.transports.flow_to(name, hop)


def place(driver: PjsipDriver, leg: Leg) -> None:
    """Call, once servers have told us our addresses if they have to be asked; raises RequestFailed."""
    try:
        if leg.media.gather(None, partial(_place_later, driver, leg)):
            return
    except NoMedia as error:
        raise RequestFailed(Cause.CONGESTION, str(error)) from None
    _invite(driver, leg)


def _place_later(driver: PjsipDriver, leg: Leg) -> None:
    channel = leg.channel
    if channel is None:  # hung up meanwhile
        return
    try:
        _invite(driver, leg)
    except RequestFailed as error:
        logger.notice(f"{channel.name} cannot call: {error}")
        channel.queue_hangup(error.cause)


def _invite(driver: PjsipDriver, leg: Leg) -> None:
    """Send the INVITE of a requested channel; raises RequestFailed."""
    channel, endpoint = leg.channel, leg.endpoint
    assert channel is not None
    uri = SipUri.parse(leg.request_uri)
    extra = phone_params(endpoint, uri.user or "")
    if extra and not uri.params.has("user"):
        uri = uri.with_params(uri.params.replace("user", "phone"))
    contact = next((c for c in driver.contacts.contacts(leg.aor) if c.uri == leg.contact_uri), None) if leg.aor else None
    flow = route(driver, Target(endpoint, uri, contact))
    if flow is None:
        raise RequestFailed(Cause.NO_ROUTE_DESTINATION, f"no transport leads to {uri}")
    try:
        body = leg.media.make_offer()
    except NoMedia as error:
        raise RequestFailed(Cause.CONGESTION, str(error)) from None
    leg.media.bind_channel(channel)
    default_user = driver.settings.globals.default_from_user
    party = channel.connected.id
    from_ = from_address(endpoint, party, leg.our_host, default_user)
    for is_uri, name, value in leg.from_params:
        from_ = (
            NameAddr(from_.uri.with_params(from_.uri.params.replace(name, value)), from_.display, from_.params)
            if is_uri
            else NameAddr(from_.uri, from_.display, from_.params.replace(name, value))
        )
    our_user = endpoint.contact_user
    if not our_user and driver.settings.globals.use_callerid_contact and party.number.valid and not is_restricted(party):
        our_user = party.number.text
    our_user = our_user or endpoint.from_user or default_user
    headers: list[Header] = [ALLOW, leg.supported_out(), *timers.offer_headers(endpoint)]
    if endpoint.rel100 == "required":
        headers.append(("Require", "100rel"))
    if endpoint.timers == "required":
        headers.append(("Require", "timer"))
    leg.told_party = party.copy()
    headers += identity_headers(endpoint, party, leg.our_host, "calling")
    if channel.is_redirected:
        headers += redirecting_headers(endpoint, channel.redirecting, leg.our_host, uri)
    headers += leg.extra_headers
    for hook in leg.hooks.invite_headers:
        hook(leg, headers)
    content_type = SDP
    if leg.hooks.invite_parts:
        parts: list[mime.Part] = []
        for add in leg.hooks.invite_parts:
            add(leg, headers, parts)
        if parts:
            boundary = f"{driver.rng.getrandbits(96):024x}"
            content_type, body = mime.build([mime.Part(SDP, body), *parts], boundary)
    leg.session = driver.sip.invite(
        uri,
        leg,
        flow=flow,
        from_=from_,
        to=NameAddr(uri),
        contact=driver.transports.contact(flow.transport, our_user, flow.host),
        headers=headers,
        body=body,
        content_type=content_type,
        routes=(*endpoint.routes, *(contact.routes if contact is not None else ())),
        credentials=outbound_credentials(driver.settings, endpoint),
    )
    leg.request = leg.session.request
