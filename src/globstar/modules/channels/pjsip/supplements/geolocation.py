"""Geolocation of calls (RFC 6442): the place of who calls, from and to SIP."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core.services import GEO_PROFILE, Geolocation
from globstar.modules.channels.pjsip.bodies import parts_of
from globstar.modules.channels.pjsip.supplement import Supplement
from globstar.proto.geo import GeoError, Location, Profile, from_pidf, to_pidf
from globstar.proto.geo.pidf import CONTENT_TYPE
from globstar.proto.mime import Part
from globstar.proto.sip.flow import bracket
from globstar.proto.sip.grammar import split_list

if TYPE_CHECKING:
    from globstar.core.channel import Channel
    from globstar.modules.channels.pjsip.endpoint import EndpointObject
    from globstar.modules.channels.pjsip.leg import Leg
    from globstar.proto.sip.message import Header, Request

logger = Logger("res_pjsip_geolocation")

#: places that one INVITE may name; RFC 6442 3.4 knows no use of many
MAX_PLACES = 4


class GeolocationSupplement(Supplement):
    """Endpoints with ``geoloc_incoming_call_profile`` may tell where they are; those with the outgoing one are told."""

    module = "res_pjsip_geolocation"

    def concerns(self, endpoint: EndpointObject) -> bool:
        """Those that have a profile."""
        return bool(endpoint.geoloc_incoming_call_profile or endpoint.geoloc_outgoing_call_profile)

    def _service(self) -> Geolocation | None:
        service = self.driver.system.services.get("geolocation")
        return service if isinstance(service, Geolocation) else None

    def channel_created(self, leg: Leg, channel: Channel) -> None:
        """A call came in: which place is its own."""
        name = leg.endpoint.geoloc_incoming_call_profile
        if leg.is_caller or not name or leg.request is None:
            return
        service = self._service()
        configured = service.profile(name) if service is not None else None
        if configured is None:
            logger.warning(f"endpoint '{leg.endpoint.name}' names the geolocation profile '{name}', which does not exist")
            return
        chosen = configured.choose(_received(leg.request))
        if chosen is not None:
            channel.data[GEO_PROFILE] = chosen

    def invite_parts(self, leg: Leg, headers: list[Header], parts: list[Part]) -> None:
        """A call goes out: tell the place by reference in a header, or by value in a part of the body."""
        name = leg.endpoint.geoloc_outgoing_call_profile
        channel = leg.channel
        if not name or channel is None:
            return
        service = self._service()
        if service is None:
            return
        configured = service.profile(name)
        if configured is None:
            logger.warning(f"endpoint '{leg.endpoint.name}' names the geolocation profile '{name}', which does not exist")
            return
        chosen = configured.choose(channel.data.get(GEO_PROFILE))
        if chosen is None:
            return
        profile = service.effective(chosen, channel)
        source = f";loc-src={profile.location.source}" if profile.location.source else ""
        if profile.location.format == "URI":
            reference = dict(profile.location.info).get("URI", "")
        else:
            identity = f"{channel.unique_id}@{leg.our_host}"
            try:
                document = to_pidf(profile, f"pres:{channel.connected.id.number.text or 'anonymous'}@{bracket(leg.our_host)}")
            except GeoError as error:
                logger.error(f"{leg}: the geolocation profile '{profile.id}' cannot be told: {error}")
                return
            parts.append(Part(CONTENT_TYPE, document, identity))
            reference = f"cid:{identity}"
        headers.append(("Geolocation", f"<{reference}>{source}"))
        headers.append(("Geolocation-Routing", "yes" if profile.allow_routing_use else "no"))


def _received(request: Request) -> Profile | None:
    """The first place of an INVITE that can be used; None when it tells none."""
    places = [place for value in request.get_all("Geolocation") for place in split_list(value)][:MAX_PLACES]
    if not places:
        return None
    bodies = {part.content_id: part.body for part in parts_of(request)}
    allows_routing = (request.get("Geolocation-Routing") or "").strip().lower() == "yes"
    for place in places:
        uri, _, params = place.strip().lstrip("<").partition(">")
        source = next((p.partition("=")[2].strip() for p in params.split(";") if p.strip().lower().startswith("loc-src")), "")
        profile = _place(uri, source, bodies)
        if profile is not None:
            return _with_routing(profile, allows_routing)
    return None


def _place(uri: str, source: str, bodies: dict[str, bytes]) -> Profile | None:
    if not uri.lower().startswith("cid:"):
        return Profile(id="<incoming>", location=Location("URI", (("URI", uri),), "", source))
    document = bodies.get(uri[4:])
    if document is None:
        logger.notice(f"an INVITE has no part '{uri}', which its Geolocation header names")
        return None
    try:
        return from_pidf(document)
    except GeoError as error:
        logger.notice(f"an INVITE tells a place that cannot be read: {error}")
        return None


def _with_routing(profile: Profile, allows_routing: bool) -> Profile:
    return replace(profile, allow_routing_use=allows_routing)
