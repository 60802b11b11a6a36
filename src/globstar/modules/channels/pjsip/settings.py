"""pjsip.conf as a whole: all objects by type and name, checked against one another."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from globstar.config import ConfigFile, Variable
from globstar.config.file import Category
from globstar.config.options import Report, did_you_mean
from globstar.core.acl import Network
from globstar.core.format import MediaType
from globstar.modules.channels.pjsip.addresses import Match, read_match
from globstar.modules.channels.pjsip.defence_object import DefenceObject
from globstar.modules.channels.pjsip.dtls_keying import check_dtls
from globstar.modules.channels.pjsip.endpoint import EndpointObject
from globstar.modules.channels.pjsip.objects import (
    AclObject,
    AorObject,
    AuthObject,
    ContactObject,
    DomainAliasObject,
    GlobalObject,
    IdentifyObject,
    PjsipObject,
    SystemObject,
    TransportObject,
)
from globstar.modules.channels.pjsip.objects_events import (
    AsteriskPublicationObject,
    InboundPublicationObject,
    OutboundSubscriptionObject,
    ResourceListObject,
)
from globstar.modules.channels.pjsip.objects_outbound import OutboundPublishObject, PhoneprovObject, RegistrationObject
from globstar.modules.channels.pjsip.overload import OverloadObject
from globstar.modules.channels.pjsip.peer_hosts import is_host_name, is_numeric
from globstar.modules.channels.pjsip.readers import proxy_routes
from globstar.modules.channels.pjsip.unsupported import UNSUPPORTED
from globstar.proto.sip.errors import SipParseError

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.sources import Sources

O = TypeVar("O", bound=PjsipObject)

_HOST = re.compile(r"([A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_.])?)(?::([0-9]{1,5}))?")
#: what endpoint_identifier_order may name
IDENTIFIERS = frozenset(("ip", "username", "auth_username", "anonymous", "header", "request_uri"))


@dataclass(slots=True)
class PjsipSettings:
    """All objects of one reading of pjsip.conf; replaced whole by a reload."""

    transports: dict[str, TransportObject] = field(default_factory=dict)
    endpoints: dict[str, EndpointObject] = field(default_factory=dict)
    auths: dict[str, AuthObject] = field(default_factory=dict)
    aors: dict[str, AorObject] = field(default_factory=dict)
    identifies: dict[str, IdentifyObject] = field(default_factory=dict)
    acls: dict[str, AclObject] = field(default_factory=dict)
    registrations: dict[str, RegistrationObject] = field(default_factory=dict)
    contacts: dict[str, ContactObject] = field(default_factory=dict)
    phoneprovs: dict[str, PhoneprovObject] = field(default_factory=dict)
    publishes: dict[str, OutboundPublishObject] = field(default_factory=dict)
    defence: DefenceObject = field(default_factory=DefenceObject)
    overload: OverloadObject = field(default_factory=OverloadObject)
    resource_lists: dict[str, ResourceListObject] = field(default_factory=dict)
    inbound_publications: dict[str, InboundPublicationObject] = field(default_factory=dict)
    asterisk_publications: dict[str, AsteriskPublicationObject] = field(default_factory=dict)
    outbound_subscriptions: dict[str, OutboundSubscriptionObject] = field(default_factory=dict)
    domain_aliases: dict[str, str] = field(default_factory=dict)
    globals: GlobalObject = field(default_factory=GlobalObject)
    system: SystemObject = field(default_factory=SystemObject)
    #: endpoints by the user name of their auth, for identify_by=auth_username
    by_auth_username: dict[str, str] = field(default_factory=dict)
    #: what was read beside pjsip.conf
    sources: Sources | None = None
    _by_aor: dict[str, list[EndpointObject]] | None = None

    def forget_aor_index(self) -> None:
        """Endpoints or aors were replaced."""
        self._by_aor = None

    def endpoints_of(self, aor: str) -> list[EndpointObject]:
        """The endpoints that use an aor."""
        index = self._by_aor
        if index is None:
            index = self._by_aor = {}
            for endpoint in self.endpoints.values():
                for name in dict.fromkeys(endpoint.aors):
                    index.setdefault(name, []).append(endpoint)
        return index.get(aor, [])


def read_settings(config: ConfigFile, report: Report) -> PjsipSettings:
    """Build the objects of pjsip.conf; what is wrong with single options goes to ``report``."""
    settings = PjsipSettings()
    aliases: dict[str, DomainAliasObject] = {}
    singles: dict[str, PjsipObject] = {}
    tables: dict[str, tuple[type[PjsipObject], dict[str, PjsipObject]]] = {
        "transport": (TransportObject, settings.transports),  # type: ignore[dict-item]
        "endpoint": (EndpointObject, settings.endpoints),  # type: ignore[dict-item]
        "auth": (AuthObject, settings.auths),  # type: ignore[dict-item]
        "aor": (AorObject, settings.aors),  # type: ignore[dict-item]
        "acl": (AclObject, settings.acls),  # type: ignore[dict-item]
        "contact": (ContactObject, settings.contacts),  # type: ignore[dict-item]
        "identify": (IdentifyObject, settings.identifies),  # type: ignore[dict-item]
        "registration": (RegistrationObject, settings.registrations),  # type: ignore[dict-item]
        "phoneprov": (PhoneprovObject, settings.phoneprovs),  # type: ignore[dict-item]
        "outbound-publish": (OutboundPublishObject, settings.publishes),  # type: ignore[dict-item]
        "resource_list": (ResourceListObject, settings.resource_lists),  # type: ignore[dict-item]
        "inbound-publication": (InboundPublicationObject, settings.inbound_publications),  # type: ignore[dict-item]
        "asterisk-publication": (AsteriskPublicationObject, settings.asterisk_publications),  # type: ignore[dict-item]
        "outbound-subscription": (OutboundSubscriptionObject, settings.outbound_subscriptions),  # type: ignore[dict-item]
        "domain_alias": (DomainAliasObject, aliases),  # type: ignore[dict-item]
        "global": (GlobalObject, singles),
        "system": (SystemObject, singles),
        "defence": (DefenceObject, singles),
        "overload": (OverloadObject, singles),
    }
    for category in config:
        kind = (category.get("type") or "").strip().lower()
        where = category.find("type") or Variable(category.name, "", file=category.file, line=category.line)
        if not kind:
            report(where, f"[{category.name}] has no type and is ignored")
        elif kind not in tables:
            report(where, f"[{category.name}] has the unknown type '{kind}'{did_you_mean(kind, tables)}")
        else:
            cls, table = tables[kind]
            key = kind if table is singles else category.name
            if key in table:
                report(where, f"{kind} '{key}' is defined twice; the later one counts")
            table[key] = read_object(cls, category, report)
    settings.globals = singles.get("global", settings.globals)  # type: ignore[assignment]
    settings.defence = singles.get("defence", settings.defence)  # type: ignore[assignment]
    settings.overload = singles.get("overload", settings.overload)  # type: ignore[assignment]
    settings.system = singles.get("system", settings.system)  # type: ignore[assignment]
    settings.domain_aliases = {name.lower(): alias.domain for name, alias in aliases.items()}
    _check(settings, config, report)
    return settings


def read_object(cls: type[O], category: Category, report: Report) -> O:
    """Build one object; what is wrong with its options goes to ``report``."""
    read = cls.read(category, report)
    read.name = category.name
    given = read.given()
    unsupported = UNSUPPORTED.get(cls.kind, {})
    for info in cls.describe():
        why = unsupported.get(info.name)
        if why is not None and info.attribute in given and getattr(read, info.attribute) != info.default:
            variable = category.find(info.name)
            if variable is not None:
                report(variable, f"option '{info.name}' has no effect: {why}")
    return read


def _check(settings: PjsipSettings, config: ConfigFile, report: Report) -> None:
    """References between objects, and values that need another object to be understood."""
    places = {(c.get("type") or "", c.name): c for c in config}

    def tell(kind: str, name: str, option: str, message: str) -> None:
        category = places.get((kind, name))
        variable = category.find(option) if category is not None else None
        report(variable or Variable(name, "", file=config.name), f"[{name}] {message}")

    for endpoint in settings.endpoints.values():
        prepare_endpoint(settings, endpoint, tell)
    clients: list[RegistrationObject | OutboundPublishObject] = [*settings.registrations.values(), *settings.publishes.values()]
    for client in clients:
        for option, wanted, known in (
            ("outbound_auth", client.outbound_auth, settings.auths),
            ("transport", (client.transport,) if client.transport else (), settings.transports),
        ):
            for name in wanted:
                if name not in known:
                    tell(client.kind, client.name, option, f"{option} names '{name}', which does not exist"
                         + did_you_mean(name, known))  # fmt: skip
    for registration in settings.registrations.values():
        if registration.endpoint and registration.endpoint not in settings.endpoints:
            tell("registration", registration.name, "endpoint",
                 f"names the endpoint '{registration.endpoint}', which does not exist")  # fmt: skip
        if registration.line and not registration.endpoint:
            tell("registration", registration.name, "line", "line=yes needs the option endpoint to say whose calls they are")
    _check_events(settings, tell)
    for auth in settings.auths.values():
        if not auth.username:
            tell("auth", auth.name, "username", "has no username")
        if auth.auth_type == "google_oauth":
            tell("auth", auth.name, "auth_type", "auth_type=google_oauth is not supported; use a password or its digest")
    for identify in settings.identifies.values():
        prepare_identify(settings, identify, tell)
    for name in settings.globals.endpoint_identifier_order:
        if name not in IDENTIFIERS:
            tell("global", "global", "endpoint_identifier_order", f"'{name}' is no way to identify endpoints")
    for transport in settings.transports.values():
        if transport.protocol == "flow":
            tell("transport", transport.name, "protocol", f"protocol {transport.protocol} is not supported yet")
        if transport.method.strip().lower() in ("tlsv1", "tlsv1_1"):
            tell("transport", transport.name, "method", f"method {transport.method} is an old version of TLS that can be broken")


Tell = Callable[[str, str, str, str], None]


def prepare_endpoint(settings: PjsipSettings, endpoint: EndpointObject, tell: Tell) -> None:
    """Check an endpoint against the other objects, and work out what is needed of it during calls."""
    for option, wanted, known in (
        ("auth", endpoint.auth, settings.auths),
        ("outbound_auth", endpoint.outbound_auth, settings.auths),
        ("aors", endpoint.aors, settings.aors),
        ("transport", (endpoint.transport,) if endpoint.transport else (), settings.transports),
    ):
        for name in wanted:
            if name not in known:
                tell("endpoint", endpoint.name, option, f"{option} names '{name}', which does not exist"
                     + did_you_mean(name, known))  # fmt: skip
    for name in endpoint.auth:
        auth = settings.auths.get(name)
        if auth is not None and auth.username:
            settings.by_auth_username[auth.username.lower()] = endpoint.name
    endpoint.ignore_user_options = settings.globals.ignore_uri_user_options
    if endpoint.outbound_proxy:
        try:
            endpoint.routes = proxy_routes(endpoint.outbound_proxy)
        except SipParseError as error:
            tell("endpoint", endpoint.name, "outbound_proxy", f"outbound_proxy is no SIP URI: {error}")
    endpoint.suit_browsers()
    if endpoint.media_encryption == "dtls":
        for option, message in check_dtls(endpoint):
            tell("endpoint", endpoint.name, option, message)
    endpoint.audio_formats = tuple(f for f in endpoint.formats if f.codec.media is MediaType.AUDIO)
    endpoint.video_formats = tuple(f for f in endpoint.formats if f.codec.media is MediaType.VIDEO)
    endpoint.text_formats = tuple(f for f in endpoint.formats if f.codec.media is MediaType.TEXT)
    if endpoint.rtp_engine != "asterisk":
        tell("endpoint", endpoint.name, "rtp_engine", f"rtp_engine '{endpoint.rtp_engine}' does not exist; asterisk is used")
    start, end = endpoint.rtp_port_start, endpoint.rtp_port_end
    if (start or end) and not 1024 <= start < end:
        tell("endpoint", endpoint.name, "rtp_port_start", "rtp_port_start and rtp_port_end must be a range above 1023; "
             "that of rtp.conf is used")  # fmt: skip
        endpoint.rtp_port_start = endpoint.rtp_port_end = 0
    address = endpoint.media_address
    if address and not is_numeric(address):
        if not is_host_name(address):
            tell("endpoint", endpoint.name, "media_address", f"media_address '{address}' is no address; it is ignored")
            endpoint.media_address = ""
        elif endpoint.bind_rtp_to_media_address or endpoint.t38_bind_udptl_to_media_address:
            tell("endpoint", endpoint.name, "media_address", "media_address is a name, so nothing is bound to it")
            endpoint.bind_rtp_to_media_address = endpoint.t38_bind_udptl_to_media_address = False
    if not endpoint.audio_formats:
        tell("endpoint", endpoint.name, "allow", "allows no audio codec; its calls are refused")


def prepare_identify(settings: PjsipSettings, identify: IdentifyObject, tell: Tell) -> None:
    """Check an identify object and read its addresses."""
    if identify.endpoint not in settings.endpoints:
        tell("identify", identify.name, "endpoint", f"names the endpoint '{identify.endpoint}', which does not exist")
    found: list[Match] = []
    hosts: list[tuple[str, int]] = []
    excluded: list[Network] = []
    for text in identify.match:
        try:
            if text.startswith("!"):
                excluded.append(read_match(text[1:]).network)
            else:
                found.append(read_match(text))
        except ValueError:
            host, port = _host_and_port(text)
            if host:
                hosts.append((host, port))
            else:
                tell("identify", identify.name, "match", f"'{text}' is neither an address nor a host name")
    identify.networks, identify.hosts, identify.excluded = tuple(found), tuple(hosts), tuple(excluded)
    if not (identify.match or identify.match_header or identify.match_request_uri):
        tell("identify", identify.name, "type", "matches nothing: it has no match, match_header or match_request_uri")
    for text in identify.match_header:
        if not text.partition(":")[2].strip():
            tell("identify", identify.name, "match_header", f"'{text}' is not 'Header: value'")


def _host_and_port(text: str) -> tuple[str, int]:
    """A host name with its source port (0 any); an empty name when it is none."""
    found = _HOST.fullmatch(text.strip())
    port = int(found[3] or 0) if found is not None else 0
    return (found[1], port) if found is not None and port < 65536 else ("", 0)


def _check_events(settings: PjsipSettings, tell: Tell) -> None:
    """References of the objects about events."""
    for resources in settings.resource_lists.values():
        if not resources.event:
            tell("resource_list", resources.name, "event", "names no event (presence, dialog or message-summary)")
        if not resources.list_item:
            tell("resource_list", resources.name, "list_item", "has no list_item")
    for inbound in settings.inbound_publications.values():
        if inbound.endpoint and inbound.endpoint not in settings.endpoints:
            tell(
                "inbound-publication", inbound.name, "endpoint", f"names the endpoint '{inbound.endpoint}', which does not exist"
            )
        for event, name in inbound.events.items():
            if name not in settings.asterisk_publications:
                tell("inbound-publication", inbound.name, f"event_{event}", f"event_{event} names '{name}', which does not exist")
    for publication in settings.asterisk_publications.values():
        for option in ("devicestate_publish", "mailboxstate_publish"):
            name = getattr(publication, option)
            if name and name not in settings.publishes:
                tell("asterisk-publication", publication.name, option, f"{option} names '{name}', which does not exist")
    for wanted in settings.outbound_subscriptions.values():
        if wanted.endpoint not in settings.endpoints:
            tell(
                "outbound-subscription", wanted.name, "endpoint", f"names the endpoint '{wanted.endpoint}', which does not exist"
            )
        if not wanted.mailbox or not wanted.server_uri:
            tell("outbound-subscription", wanted.name, "mailbox", "needs mailbox and server_uri")
