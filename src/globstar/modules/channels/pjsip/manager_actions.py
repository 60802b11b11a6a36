"""The manager's PJSIP actions: lists of what is configured, signs of life, registrations, NOTIFY."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from globstar.core.devicestate import DEVICE_STATE_TEXT
from globstar.core.manager import (
    ActionFault,
    ActionRequest,
    Answer,
    ListItem,
    Permission,
    failure,
    listing,
    manager_action,
    success,
)
from globstar.core.services import SipNotifier, SipRegistrations
from globstar.modules.channels.pjsip import cli_tables as tables
from globstar.modules.channels.pjsip.cli_show import endpoint_pairs
from globstar.modules.channels.pjsip.driver import PjsipDriver
from globstar.modules.channels.pjsip.supplements.contact_events import WORDS

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.contacts import Contact
    from globstar.modules.channels.pjsip.endpoint import EndpointObject
    from globstar.modules.channels.pjsip.objects import AorObject, AuthObject

Lines = list[tuple[str, "str | None"]]
SYSTEM, REPORTING, CALL = Permission.SYSTEM, Permission.REPORTING, Permission.CALL

#: The fields in the order in which Asterisk sends them.
ENDPOINT_FIELDS = (
    "RpidImmediate Webrtc Ignore183WithoutSdp SendAoc DeviceStateBusyAt T38UdptlMaxdatagram CodecPrefsIncomingAnswer"
    " SecurityNegotiation DtlsRekey RtpPortEnd NamedPickupGroup DirectMediaMethod SendRpid PickupGroup SdpSession DtlsVerify"
    " MessageContext Tenantid Mailboxes RecordOnFeature DtlsPrivateKey DtlsFingerprint OverlapContext OutgoingCallOfferPref"
    " RtpPortStart FromDomain TimersSessExpires NamedCallGroup DtlsCipher MediaEncryptionOptimistic SuppressQ850ReasonHeaders"
    " Aors IdentifyBy CalleridPrivacy MwiSubscribeReplacesUnsolicited CosAudio FollowEarlyMediaFork Context RtpSymmetric"
    " Transport MohSuggest T38Udptl FaxDetect T38BindUdptlToMediaAddress TosVideo SrtpTag32 ReferBlindProgress MaxAudioStreams"
    " Bundle UseAvpf CallGroup SendConnectedLine FaxDetectTimeout SdpOwner ForceRport CalleridTag RtpTimeoutHold"
    " SuppressMohOnSendonly UsePtime MediaAddress VoicemailExtension RtpTimeout StirShaken SetVar ContactAcl PreferredCodecOnly"
    " GeolocOutgoingCallProfile ForceAvp RecordOffFeature FromUser SendDiversion SendHistoryInfo T38UdptlIpv6 ToneZone Language"
    " AllowSubscribe RtpIpv6 Callerid MohPassthrough CosVideo DtlsAutoGenerateCert AsymmetricRtpCodec GeolocIncomingCallProfile"
    " IceSupport AggregateMwi OneTouchRecording MwiFromUser RedirectMethod Accountcode CodecPrefsOutgoingAnswer Allow"
    " RewriteContact UserEqPhone RtpEngine FollowRedirectMethods SubscribeContext NotifyEarlyInuseRinging IncomingMwiMailbox"
    " IncomingCallOfferPref AllowUnauthenticatedOptions Auth DirectMediaGlareMitigation TrustIdInbound StirShakenProfile"
    " BindRtpToMediaAddress DisableDirectMediaOnNat MediaEncryption MediaUseReceivedTransport AllowOverlap DtmfMode OutboundAuth"
    " TosAudio DtlsCertFile DtlsCaPath DtlsSetup ConnectedLineMethod G726NonStandard 100rel Timers DirectMedia Acl TimersMinSe"
    " TrustIdOutbound SubMinExpiry RtcpMux MaxVideoStreams AcceptMultipleSdpAnswers CodecPrefsIncomingOffer"
    " CodecPrefsOutgoingOffer TrustConnectedLine SendPai RtpKeepalive T38UdptlEc T38UdptlNat AllowTransfer DtlsCaFile"
    " OutboundProxy InbandProgress"
).split()
AOR_FIELDS = (
    "MinimumExpiration DefaultExpiration QualifyTimeout Qualify2xxOnly Mailboxes SupportPath RemoveUnavailable"
    " VoicemailExtension MaxContacts AuthenticateQualify Contacts MaximumExpiration QualifyFrequency RemoveExisting OutboundProxy"
).split()
AUTH_FIELDS = (
    "OauthSecret PasswordDigest SupportedAlgorithmsUas RefreshToken Username Md5Cred Realm AuthType Password"
    " SupportedAlgorithmsUac NonceLifetime OauthClientid"
).split()
#: Those of which no list was recorded stand in the order of the documentation.
IDENTIFY_FIELDS = "Endpoint SrvLookups Match MatchHeader MatchRequestUri".split()
TRANSPORT_FIELDS = (
    "Protocol Bind AsyncOperations CaListFile CaListPath CertFile PrivKeyFile Password ExternalSignalingAddress"
    " ExternalSignalingPort ExternalSignalingHostname ExternalMediaAddress Domain VerifyServer VerifyClient RequireClientCert"
    " Method Cipher LocalNet Tos Cos WebsocketWriteTimeout AllowReload AllowWildcardCerts SymmetricTransport TcpKeepaliveEnable"
    " TcpKeepaliveIdleTime TcpKeepaliveIntervalTime TcpKeepaliveProbeCount"
).split()
REGISTRATION_FIELDS = (
    "MaxRetries ClientUri SecurityNegotiation AuthRejectionPermanent ServerUri MaxRandomInitialDelay SupportPath RetryInterval"
    " ContactHeaderParams Expiration Transport Line ContactUser Endpoint UserAgent ForbiddenRetryInterval OutboundAuth"
    " OutboundProxy FatalRetryInterval SupportOutbound Status NextReg"
).split()


def _driver(request: ActionRequest) -> PjsipDriver:
    driver = request.system.service("pjsip", PjsipDriver)
    if driver is None:
        raise ActionFault("chan_pjsip is not loaded")
    return driver


def _ordered(names: Iterable[str], pairs: Iterable[tuple[str, str]]) -> Lines:
    """The values of options under their names on the wire; what this program has not is left out."""
    known = {name.replace("_", "").lower(): value for name, value in pairs}
    return [(name, known[name.lower()]) for name in names if name.lower() in known]


def _head(kind: str, name: str) -> Lines:
    return [("ObjectType", kind), ("ObjectName", name)]


def _contacts(driver: PjsipDriver, aors: Iterable[str]) -> str:
    return "".join(f"{aor}/{contact.uri}," for aor in aors for contact in driver.contacts.contacts(aor))


# -- endpoints ---------------------------------------------------------------------------------------------------------------


def _activity(driver: PjsipDriver, endpoint: EndpointObject) -> Lines:
    state = DEVICE_STATE_TEXT[driver.device_state(endpoint.name)]
    return [("DeviceState", state), ("ActiveChannels", str(len(driver.legs_of(endpoint.name))))]


@manager_action("PJSIPShowEndpoints", SYSTEM, synopsis="Lists PJSIP endpoints.")
def manager_show_endpoints(request: ActionRequest) -> Answer:
    """List the endpoints with their state."""
    driver = _driver(request)
    items = []
    for name, endpoint in sorted(driver.settings.endpoints.items()):
        fields = [*_head("endpoint", name), ("Transport", endpoint.transport), ("Aor", ",".join(endpoint.aors))]
        fields += [("Auths", ",".join(endpoint.auth)), ("OutboundAuths", ",".join(endpoint.outbound_auth))]
        if endpoint.aors:
            fields.append(("Contacts", _contacts(driver, endpoint.aors)))
        items.append(ListItem("EndpointList", [*fields, *_activity(driver, endpoint)]))
    if not items:
        return failure("No endpoints found")
    return listing("A listing of Endpoints follows, presented as EndpointList events", "EndpointListComplete", items)


@manager_action("PJSIPShowEndpoint", SYSTEM, synopsis="Detail listing of an endpoint and its objects.")
def manager_show_endpoint(request: ActionRequest) -> Answer:
    """Show an endpoint with its AORs, contacts, auths and transport."""
    driver = _driver(request)
    name = request.get("Endpoint")
    if not name:
        return failure("PJSIPShowEndpoint requires an endpoint name")
    endpoint = driver.settings.endpoints.get(name)
    if endpoint is None:
        return failure(f"Unable to retrieve endpoint {name}")
    detail = [*_head("endpoint", name), *_ordered(ENDPOINT_FIELDS, endpoint_pairs(endpoint)), *_activity(driver, endpoint)]
    items = [ListItem("EndpointDetail", detail)]
    for aor_name in endpoint.aors:
        aor = driver.settings.aors.get(aor_name)
        if aor is None:
            continue
        counts = [
            ("TotalContacts", str(len(driver.contacts.contacts(aor_name)))),
            ("ContactsRegistered", str(len(driver.contacts.registered(aor_name)))),
            ("EndpointName", name),
        ]
        items.append(ListItem("AorDetail", [*_aor_fields(driver, aor), *counts]))
        items += [ListItem("ContactStatusDetail", _contact_fields(driver, c, name)) for c in driver.contacts.contacts(aor_name)]
    for auth_name in (*endpoint.auth, *endpoint.outbound_auth):
        auth = driver.settings.auths.get(auth_name)
        if auth is not None:
            items.append(ListItem("AuthDetail", [*_auth_fields(auth), ("EndpointName", name)]))
    transport = driver.settings.transports.get(endpoint.transport)
    if transport is not None:
        fields = _ordered(TRANSPORT_FIELDS, tables.option_pairs(transport))
        items.append(ListItem("TransportDetail", [*_head("transport", transport.name), *fields, ("EndpointName", name)]))
    for identify in driver.settings.identifies.values():
        if identify.endpoint == name:
            pairs = [*tables.option_pairs(identify), ("match", tables.match_text(identify))]
            fields = _ordered(IDENTIFY_FIELDS, pairs)
            items.append(ListItem("IdentifyDetail", [*_head("identify", identify.name), *fields, ("EndpointName", name)]))
    return listing("Following are Events for each object associated with the Endpoint", "EndpointDetailComplete", items)


# -- aors, contacts, auths ---------------------------------------------------------------------------------------------------


def _aor_pairs(driver: PjsipDriver, aor: AorObject) -> list[tuple[str, str]]:
    contacts = ",".join(f"{aor.name}/{contact.uri}" for contact in driver.contacts.contacts(aor.name))
    return [*tables.option_pairs(aor, ("type", "contact")), ("contacts", contacts)]


def _aor_fields(driver: PjsipDriver, aor: AorObject) -> Lines:
    return [*_head("aor", aor.name), *_ordered(AOR_FIELDS, _aor_pairs(driver, aor))]


def _round_trip(driver: PjsipDriver, contact: Contact) -> str:
    options = driver.contacts.qualify_options(contact)
    is_asked = options is not None and options.qualify_frequency > 0
    return str(int(contact.round_trip * 1_000_000)) if is_asked and contact.round_trip is not None else "N/A"


def _contact_fields(driver: PjsipDriver, contact: Contact, endpoint: str) -> Lines:
    options = driver.contacts.qualify_options(contact)
    came: Lines = []
    if contact.via_address:
        came.append(("ViaAddress", f"{contact.via_address}:{contact.via_port}" if contact.via_port else contact.via_address))
    if contact.call_id:
        came.append(("CallID", contact.call_id))
    return [
        ("AOR", contact.aor),
        ("URI", contact.uri),
        ("UserAgent", contact.user_agent),
        ("RegExpire", str(int(contact.expires_wall or 0))),
        *came,
        ("Status", WORDS[contact.status]),
        ("RoundtripUsec", _round_trip(driver, contact)),
        ("EndpointName", endpoint),
        ("ID", contact.id),
        ("AuthenticateQualify", "1" if options is not None and options.authenticate_qualify else "0"),
        ("OutboundProxy", options.outbound_proxy if options is not None else ""),
        ("Path", ",".join(map(str, contact.routes))),
        ("QualifyFrequency", str(int(options.qualify_frequency)) if options is not None else "0"),
        ("QualifyTimeout", f"{options.qualify_timeout:.3f}" if options is not None else "3.000"),
        ("Qualify2xxOnly", "1" if options is not None and options.qualify_2xx_only else "0"),
    ]


@manager_action("PJSIPShowAors", SYSTEM, synopsis="Lists PJSIP AORs.")
def manager_show_aors(request: ActionRequest) -> Answer:
    """List the AORs with their contacts."""
    driver = _driver(request)
    items = [ListItem("AorList", _aor_fields(driver, aor)) for _, aor in sorted(driver.settings.aors.items())]
    if not items:
        return failure("No AORs found")
    return listing("A listing of AORs follows, presented as AorList events", "AorListComplete", items)


def _auth_fields(auth: AuthObject) -> Lines:
    return [*_head("auth", auth.name), *_ordered(AUTH_FIELDS, tables.auth_pairs(auth))]


@manager_action("PJSIPShowAuths", SYSTEM, synopsis="Lists PJSIP Auths.")
def manager_show_auths(request: ActionRequest) -> Answer:
    """List the auths, as in Asterisk with their secrets."""
    items = [ListItem("AuthList", _auth_fields(auth)) for _, auth in sorted(_driver(request).settings.auths.items())]
    if not items:
        return failure("No Auths found")
    return listing("A listing of Auths follows, presented as AuthList events", "AuthListComplete", items)


@manager_action("PJSIPShowContacts", SYSTEM, synopsis="Lists PJSIP Contacts.")
def manager_show_contacts(request: ActionRequest) -> Answer:
    """List the contacts that registered."""
    driver = _driver(request)
    found = [contact for contact in driver.contacts.all() if not contact.is_fixed]
    if not found:
        return failure("No Contacts found")
    items = []
    for contact in found:
        record = contact.to_fields(driver.settings.aors.get(contact.aor))
        fields = [("".join(word.capitalize() for word in name.split("_")), value) for name, value in record.items()]
        status = [("Status", WORDS[contact.status]), ("RoundtripUsec", _round_trip(driver, contact))]
        items.append(ListItem("ContactList", [*_head("contact", contact.id), *fields, *status]))
    return listing("A listing of Contacts follows, presented as ContactList events", "ContactListComplete", items)


# -- registrations -----------------------------------------------------------------------------------------------------------


def _inbound(driver: PjsipDriver) -> Iterator[ListItem]:
    for _, endpoint in sorted(driver.settings.endpoints.items()):
        for name in endpoint.aors:
            aor = driver.settings.aors.get(name)
            if aor is None:
                continue
            fields = [("Contact" if key == "Contacts" else key, value) for key, value in _aor_fields(driver, aor)]
            yield ListItem("InboundRegistrationDetail", [*fields, ("Contacts", _contacts(driver, (name,)))])


@manager_action("PJSIPShowRegistrationsInbound", SYSTEM, synopsis="Lists PJSIP inbound registrations.")
def manager_show_registrations_inbound(request: ActionRequest) -> Answer:
    """List the AORs of all endpoints with who registered."""
    items = list(_inbound(_driver(request)))
    return listing("Following are Events for each Inbound registration", "InboundRegistrationDetailComplete", items)


@manager_action(
    "PJSIPShowRegistrationInboundContactStatuses", SYSTEM, synopsis="Lists ContactStatuses for PJSIP inbound registrations."
)
def manager_show_contact_statuses(request: ActionRequest) -> Answer:
    """List the contacts of every endpoint with what is known of them."""
    driver = _driver(request)
    items = [
        ListItem("ContactStatusDetail", _contact_fields(driver, contact, endpoint.name))
        for _, endpoint in sorted(driver.settings.endpoints.items())
        for name in endpoint.aors
        for contact in driver.contacts.contacts(name)
    ]
    return listing("Following are ContactStatusEvents for each Inbound registration", "ContactStatusDetailComplete", items)


def _registrations(request: ActionRequest) -> SipRegistrations:
    found = request.system.services.get("sip registrations")
    if not isinstance(found, SipRegistrations):
        raise ActionFault("There are no outbound registrations")
    return found


@manager_action("PJSIPShowRegistrationsOutbound", SYSTEM | REPORTING, synopsis="Lists PJSIP outbound registrations.")
def manager_show_registrations_outbound(request: ActionRequest) -> Answer:
    """List our registrations with other servers, each followed by its auths."""
    registrations, auths = _registrations(request), _driver(request).settings.auths
    items: list[ListItem] = []
    registered = count = 0
    for name in registrations.names():
        fields = registrations.fields(name)
        count += 1
        registered += fields.get("Status") == "Registered"
        fields["SupportOutbound"] = "yes" if fields.get("SupportOutbound") in ("true", "yes") else "no"
        lines = [*_head("registration", name), *_ordered(REGISTRATION_FIELDS, fields.items())]
        items.append(ListItem("OutboundRegistrationDetail", lines))
        for auth_name in filter(None, fields.get("OutboundAuth", "").split(",")):
            auth = auths.get(auth_name.strip())
            if auth is not None:
                items.append(ListItem("AuthDetail", _auth_fields(auth)))
    answer = listing("Following are Events for each Outbound registration", "OutboundRegistrationDetailComplete", items)
    answer.counted = count
    answer.end_fields = (("Registered", str(registered)), ("NotRegistered", str(count - registered)))
    return answer


def _registration(request: ActionRequest) -> str:
    name = request.get("Registration")
    if not name:
        raise ActionFault("Registration parameter missing.")
    return name


@manager_action("PJSIPRegister", SYSTEM | REPORTING, synopsis="Register an outbound registration.")
def manager_register(request: ActionRequest) -> Answer:
    """Register anew with another server; ``*all`` means every registration."""
    return _each_registration(request, is_begun=True)


@manager_action("PJSIPUnregister", SYSTEM | REPORTING, synopsis="Unregister an outbound registration.")
def manager_unregister(request: ActionRequest) -> Answer:
    """End a registration with another server; ``*all`` means every registration."""
    return _each_registration(request, is_begun=False)


def _each_registration(request: ActionRequest, *, is_begun: bool) -> Answer:
    registrations, name = _registrations(request), _registration(request)
    known = list(registrations.names())
    chosen = known if name.lower() == "*all" else [name]
    if not set(chosen) <= set(known):
        return failure("Unable to retrieve registration entry.")
    for one in chosen:
        registrations.begin(one) if is_begun else registrations.end(one)
    _driver(request).drain()
    if name.lower() == "*all":
        return success("Registrations queued." if is_begun else "Unregistrations queued.")
    return success("Registration sent" if is_begun else "Unregistration sent")


# -- qualify, notify, hang up ------------------------------------------------------------------------------------------------


@manager_action("PJSIPQualify", SYSTEM | REPORTING, synopsis="Qualify a chan_pjsip endpoint.")
def manager_qualify(request: ActionRequest) -> Answer:
    """Ask the contacts of an endpoint for signs of life now."""
    driver = _driver(request)
    name = request.get("Endpoint")
    if not name:
        return failure("Endpoint parameter missing.")
    endpoint = driver.settings.endpoints.get(name)
    if endpoint is None:
        return failure("Unable to retrieve endpoint.")
    for contact in [contact for aor in endpoint.aors for contact in driver.contacts.contacts(aor)]:
        driver.qualifier.ask(contact)
    driver.drain()
    return success("Endpoint found, will qualify")


@manager_action("PJSIPNotify", SYSTEM, synopsis="Send NOTIFY to either an endpoint, an arbitrary URI, or inside a SIP dialog.")
def manager_notify(request: ActionRequest) -> Answer:
    """Send a NOTIFY to an endpoint, a URI or inside the call of a channel."""
    sender = request.system.services.get("sip notify")
    endpoint, uri, name = request.get("Endpoint"), request.get("URI"), request.get("Channel")
    if not isinstance(sender, SipNotifier):
        return failure("res_pjsip_notify is not loaded")
    if sum(map(bool, (endpoint, uri, name))) != 1:
        return failure(
            "PJSIPNotify requires either an endpoint name, a SIP URI, or a channel.  Only one of them may be specified"
        )
    channel = request.system.find_channel(name) if name else None
    if name and channel is None:
        return failure("Channel not found")
    if not request.get("Option") and not request.variables():
        return failure("PJSIPNotify requires at least a single variable or the option")
    try:
        sender.send(endpoint=endpoint, uri=uri, channel=channel, option=request.get("Option"), variables=request.variables())
    except ValueError as error:
        return failure(str(error))
    return success("NOTIFY sent")
