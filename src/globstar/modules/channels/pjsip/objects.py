"""The objects of pjsip.conf other than endpoints: transport, auth, aor, contact, identify, global, system."""

from __future__ import annotations

from globstar.config.options import Options, handles, option
from globstar.config.values import boolean, enumeration, floating, integer, listing, string
from globstar.core.acl import AccessRules
from globstar.modules.channels.pjsip.addresses import Match
from globstar.modules.channels.pjsip.readers import HostPort, Network, YesNo, host_port, networks, one_of, yes_no
from globstar.modules.channels.pjsip.transport_options import tos
from globstar.proto.sip.auth import Secret

words = listing(string)
ALGORITHMS = {"md5": "MD5", "sha-256": "SHA-256", "sha256": "SHA-256", "sha-512-256": "SHA-512-256", "sha512-256": "SHA-512-256"}


def algorithms(text: str) -> tuple[str, ...]:
    """Read a list of digest algorithms."""
    try:
        return tuple(ALGORITHMS[part.strip().lower()] for part in text.split(",") if part.strip())
    except KeyError as unknown:
        raise ValueError(f"{unknown.args[0]} is no digest algorithm; known are MD5, SHA-256, SHA-512-256") from None


def _one_text(text: str) -> tuple[str, ...]:
    return (text.strip(),)


class PjsipObject(Options):
    """What all objects have: a name and a type."""

    #: the object's type in pjsip.conf
    kind: str = ""
    name: str = ""

    type = option(string, "", help="Kind of this object.")


class TransportObject(PjsipObject):
    """``type=transport``: an address to listen on."""

    kind = "transport"
    protocol = option(one_of("udp", "tcp", "tls", "ws", "wss", "flow"), "udp", reload=False, help="What it speaks.")
    bind = option(host_port, HostPort("0.0.0.0"), reload=False, help="Address, and port if it is not the usual one.")
    local_net = option(networks, (), repeat="extend", help="Networks that see our own addresses, not the external ones.")
    external_signaling_address = option(string, "", help="Address that peers outside of local_net are told for SIP.")
    external_signaling_port = option(integer(0, 65535), 0, help="Port that they are told.")
    external_signaling_hostname = option(string, "", help="Host name that they are told.")
    external_media_address = option(string, "", help="Address that peers outside of local_net are told for RTP.")
    tos = option(tos, 0, help="Byte of the IP header of signalling packets: a number, or a DSCP by name.")
    cos = option(integer(0, 7), 0, help="Priority of signalling frames.")
    async_operations = option(integer(1), 1, help="Accepted for compatibility; reading never blocks here.")
    allow_reload = option(boolean, False, help="Whether a reload may change this transport.")
    symmetric_transport = option(boolean, False, help="Answer calls of an endpoint over the transport they came by.")
    domain = option(string, "", help="Host name for Contact headers.")
    ca_list_file = option(string, "", help="Certificates of trusted authorities.")
    ca_list_path = option(string, "", help="Folder with such certificates.")
    cert_file = option(string, "", help="Our certificate.")
    priv_key_file = option(string, "", help="Its private key.")
    password = option(string, "", secret=True, help="Password of the private key.")
    cipher = option(words, (), help="Ciphers that may be used: names of OpenSSL or numbers; TLS 1.3 has its own.")
    method = option(string, "unspecified", help="TLS version.")
    require_client_cert = option(boolean, False, help="Clients must show a certificate.")
    verify_client = option(boolean, False, help="Client certificates are checked.")
    verify_server = option(boolean, False, help="Server certificates are checked.")
    allow_wildcard_certs = option(boolean, False, help="Wildcards in certificates are accepted.")
    websocket_write_timeout = option(integer(1), 100, unit="ms", help="How long a WebSocket may block.")
    tcp_keepalive_enable = option(boolean, False, help="Send TCP keepalives.")
    tcp_keepalive_idle_time = option(integer(0), 30, unit="s", help="Silence before the first.")
    tcp_keepalive_interval_time = option(integer(0), 10, unit="s", help="Time between them.")
    tcp_keepalive_probe_count = option(integer(0), 5, help="How many may be lost.")


class AuthObject(PjsipObject):
    """``type=auth``: a name with its secret."""

    kind = "auth"
    auth_type = option(one_of("digest", "userpass", "md5", "google_oauth"), "digest", help="How the secret is stored.")
    username = option(string, "", help="User name.")
    password = option(string, "", secret=True, help="Password in clear.")
    md5_cred = option(string, "", secret=True, help="MD5 of username:realm:password.")
    realm = option(string, "", help="Realm; empty means default_realm inbound and any realm outbound.")
    nonce_lifetime = option(integer(1), 32, unit="s", help="How long a challenge may be answered.")
    supported_algorithms_uas = option(algorithms, (), help="Algorithms offered to clients, in this order.")
    supported_algorithms_uac = option(algorithms, (), help="Algorithms that are answered as a client.")
    refresh_token = option(string, "", secret=True, help="OAuth token.")
    oauth_clientid = option(string, "", help="OAuth client.")
    oauth_secret = option(string, "", secret=True, help="OAuth secret.")

    def __init__(self, **values: object) -> None:
        super().__init__(**values)
        self.digests: dict[str, str] = {}
        self._secret: Secret | None = None

    @handles("password_digest", help="ALGORITHM:hash of username:realm:password; may be repeated.")
    def _password_digest(self, text: str) -> None:
        algorithm, colon, digest = text.partition(":")
        known = ALGORITHMS.get(algorithm.strip().lower())
        if not colon or known is None:
            raise ValueError("expected MD5:hash, SHA-256:hash or SHA-512-256:hash")
        self.digests[known] = digest.strip().lower()

    @property
    def secret(self) -> Secret:
        """What digests are computed with."""
        if self._secret is None:
            hashes = dict(self.digests)
            if self.md5_cred:
                hashes["MD5"] = self.md5_cred.lower()
            self._secret = Secret(self.username, self.password or None, hashes or None)
        return self._secret


class AorObject(PjsipObject):
    """``type=aor``: where an endpoint can be reached, by registration or by fixed contacts."""

    kind = "aor"
    contact = option(_one_text, (), repeat="extend", help="A fixed contact; may be repeated.")
    default_expiration = option(integer(0), 3600, unit="s", help="Life of a registration that asks for none.")
    minimum_expiration = option(integer(0), 60, unit="s", help="Shortest life of a registration.")
    maximum_expiration = option(integer(0), 7200, unit="s", help="Longest life of a registration.")
    max_contacts = option(integer(0), 0, help="How many contacts may register; 0 allows none.")
    remove_existing = option(boolean, False, help="A new contact replaces the oldest ones.")
    remove_unavailable = option(boolean, False, help="A new contact replaces those that do not answer.")
    support_path = option(boolean, False, help="Path headers are kept (RFC 3327).")
    outbound_proxy = option(string, "", help="Proxy for requests to the contacts.")
    qualify_frequency = option(integer(0), 0, unit="s", help="Ask contacts for life so often; 0 never.")
    qualify_timeout = option(floating(0), 3.0, unit="s", help="How long an answer may take.")
    qualify_2xx_only = option(boolean, False, help="Only a 2xx answer counts.")
    authenticate_qualify = option(boolean, False, help="Answer challenges to such questions.")
    mailboxes = option(string, "", help="Mailboxes whose state subscribers are told.")
    voicemail_extension = option(string, "", help="Extension for Message-Account.")
    support_outbound = option(boolean, False, help="Registrations keep their flow, several for one phone (RFC 5626).")
    support_gruu = option(boolean, False, help="Phones get URIs of their own (RFC 5627).")


class ContactObject(PjsipObject):
    """``type=contact``: a fixed contact with options of its own; its name is that of its aor, perhaps with ``@@`` and more."""

    kind = "contact"
    uri = option(string, "", help="Where requests go.")
    expiration_time = option(floating(0), 0.0, unit="s", help="When it ends, UTC seconds since 1970; 0 never.")
    qualify_frequency = option(integer(0), 0, unit="s", help="Ask it for life so often; 0 never.")
    qualify_timeout = option(floating(0), 3.0, unit="s", help="How long an answer may take.")
    qualify_2xx_only = option(boolean, False, help="Only a 2xx answer counts.")
    authenticate_qualify = option(boolean, False, help="Answer challenges to such questions.")
    outbound_proxy = option(string, "", help="Proxy for these questions.")
    path = option(string, "", help="Path that leads to it (RFC 3327).")
    user_agent = option(string, "", help="What it is.")
    endpoint = option(string, "", help="The endpoint that it belongs to, if the aor serves several.")
    reg_server = option(string, "", help="The server that it registered with, for the CLI.")
    via_addr = option(string, "", help="The address that it registered from, for the CLI.")
    via_port = option(integer(0, 65535), 0, help="The port that it registered from, for the CLI.")
    call_id = option(string, "", help="Call-ID of its registration, for the CLI.")
    prune_on_boot = option(boolean, False, help="It does not outlive a restart.")

    @property
    def aor(self) -> str:
        """The aor's name."""
        return self.name.partition("@@")[0].partition(";@")[0]


#: where qualify options stand: in the aor, or in a contact of its own
QualifyOptions = AorObject | ContactObject


class IdentifyObject(PjsipObject):
    """``type=identify``: whose requests come from an address or carry a header."""

    kind = "identify"
    endpoint = option(string, "", help="The endpoint.")
    match = option(words, (), repeat="extend", help="Addresses, networks or host names of the peer.")
    match_header = option(_one_text, (), repeat="extend", help="``Header: value`` (or /regular expression/) that requests carry.")
    match_request_uri = option(string, "", help="Request-URI that requests carry.")
    srv_lookups = option(boolean, True, help="Look up SRV records of host names.")

    def __init__(self, **values: object) -> None:
        super().__init__(**values)
        self.networks: tuple[Match, ...] = ()
        self.excluded: tuple[Network, ...] = ()
        #: host names with the source port that goes with them, 0 any
        self.hosts: tuple[tuple[str, int], ...] = ()


class AclObject(PjsipObject):
    """``type=acl``: addresses that may send requests at all, and addresses that may be registered; all such objects count."""

    kind = "acl"
    acl = option(words, (), help="Access lists of acl.conf for the source of requests.")
    contact_acl = option(words, (), help="Access lists of acl.conf for the addresses in Contact.")

    def __init__(self, **values: object) -> None:
        super().__init__(**values)
        self.access = AccessRules()
        self.contact_access = AccessRules()

    @handles("permit", help="Addresses that requests may come from; of deny and permit the last that fits counts.")
    def _permit(self, text: str) -> None:
        self.access.add(True, text)

    @handles("deny", help="Addresses that requests must not come from.")
    def _deny(self, text: str) -> None:
        self.access.add(False, text)

    @handles("contact_permit", help="Addresses that contacts may have.")
    def _contact_permit(self, text: str) -> None:
        self.contact_access.add(True, text)

    @handles("contact_deny", help="Addresses that contacts must not have.")
    def _contact_deny(self, text: str) -> None:
        self.contact_access.add(False, text)

    @property
    def is_empty(self) -> bool:
        """Whether it has no rule."""
        return not (self.access or self.contact_access or self.acl or self.contact_acl)


class GlobalObject(PjsipObject):
    """``type=global``."""

    kind = "global"
    max_forwards = option(integer(1, 255), 70, reload=False, help="Max-Forwards of our requests.")
    keep_alive_interval = option(integer(0), 90, unit="s", help="Keepalive on connections.")
    contact_expiration_check_interval = option(integer(1), 30, unit="s", help="How often expired contacts are removed.")
    disable_multi_domain = option(boolean, False, help="Ignore domains when identifying by user name.")
    max_initial_qualify_time = option(integer(0), 0, unit="s", help="Spread of the first qualifies.")
    unidentified_request_period = option(integer(1), 5, unit="s", help="Period for counting unidentified requests.")
    unidentified_request_count = option(integer(0), 5, help="So many in a period are reported.")
    unidentified_request_prune_interval = option(integer(1), 30, unit="s", help="How often the counts are cleared.")
    user_agent = option(string, "", reload=False, help="User-Agent and Server.")
    regcontext = option(string, "", help="Context for extensions of registered endpoints.")
    default_outbound_endpoint = option(string, "default_outbound_endpoint", help="Endpoint for calls that name none.")
    default_voicemail_extension = option(string, "", help="Extension for Message-Account.")
    debug = option(string, "no", help="Log SIP messages: yes, no or a host.")
    endpoint_identifier_order = option(words, ("ip", "username", "anonymous"), help="How endpoints are looked for.")
    default_from_user = option(string, "asterisk", help="User part where nothing else is known.")
    default_realm = option(string, "asterisk", help="Realm of challenges.")
    mwi_tps_queue_high = option(integer(), 500, help="Accepted for compatibility.")
    mwi_tps_queue_low = option(integer(), -1, help="Accepted for compatibility.")
    mwi_disable_initial_unsolicited = option(boolean, False, help="No message waiting notification at start.")
    ignore_uri_user_options = option(boolean, False, help="Cut the user part at a semicolon.")
    use_callerid_contact = option(boolean, False, help="Put the caller id into Contact.")
    send_contact_status_on_update_registration = option(boolean, False, help="Report refreshed contacts.")
    taskprocessor_overload_trigger = option(
        one_of("global", "pjsip_only", "none"), "global", help="none: new requests are never refused under overload."
    )
    norefersub = option(boolean, True, help="Offer norefersub.")
    allow_sending_180_after_183 = option(boolean, False, help="Ringing may follow early media.")
    all_codecs_on_empty_reinvite = option(boolean, False, help="Offer all codecs when asked for an offer.")
    default_auth_algorithms_uas = option(algorithms, ("MD5",), help="Algorithms offered where the auth names none.")
    default_auth_algorithms_uac = option(algorithms, ("MD5",), help="Algorithms answered where the auth names none.")


class SystemObject(PjsipObject):
    """``type=system``."""

    kind = "system"
    timer_t1 = option(integer(100), 500, unit="ms", reload=False, help="Round-trip estimate of SIP's timers.")
    timer_b = option(integer(1000), 32000, unit="ms", reload=False, help="How long an INVITE may stay unanswered.")
    compact_headers = option(boolean, False, help="Send short header names.")
    disable_tcp_switch = option(boolean, True, help="Large requests stay on UDP.")
    follow_early_media_fork = option(boolean, True, help="Follow SDP of another fork.")
    accept_multiple_sdp_answers = option(boolean, False, help="Take a second SDP answer.")
    disable_rport = option(boolean, False, help="No rport in our requests.")
    taskpool_minimum_size = option(integer(), 4, help="Accepted for compatibility; there is no thread pool.")
    taskpool_initial_size = option(integer(), 4, help="Accepted for compatibility; there is no thread pool.")
    taskpool_auto_increment = option(integer(), 1, help="Accepted for compatibility; there is no thread pool.")
    taskpool_idle_timeout = option(integer(), 60, help="Accepted for compatibility; there is no thread pool.")
    taskpool_max_size = option(integer(), 50, help="Accepted for compatibility; there is no thread pool.")
    threadpool_initial_size = option(integer(), 4, help="Accepted for compatibility; there is no thread pool.")
    threadpool_auto_increment = option(integer(), 1, help="Accepted for compatibility; there is no thread pool.")
    threadpool_idle_timeout = option(integer(), 60, help="Accepted for compatibility; there is no thread pool.")
    threadpool_max_size = option(integer(), 50, help="Accepted for compatibility; there is no thread pool.")


class DomainAliasObject(PjsipObject):
    """``type=domain_alias``: another name of a domain."""

    kind = "domain_alias"
    domain = option(string, "", help="The domain that is meant.")


__all__ = [
    "AclObject",
    "AorObject",
    "AuthObject",
    "ContactObject",
    "DomainAliasObject",
    "GlobalObject",
    "IdentifyObject",
    "PjsipObject",
    "QualifyOptions",
    "SystemObject",
    "TransportObject",
    "YesNo",
    "enumeration",
    "yes_no",
]
