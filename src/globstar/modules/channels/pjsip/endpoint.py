"""``type=endpoint`` of pjsip.conf: everything about one peer."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from globstar.config.options import handles, option
from globstar.config.values import boolean, enumeration, integer, listing, string
from globstar.core.format import Format, FormatCapabilities
from globstar.core.party import PartyId, PartyName, PartyNumber, parse_caller_id
from globstar.modules.channels.pjsip.access import AccessRules
from globstar.modules.channels.pjsip.objects import PjsipObject
from globstar.modules.channels.pjsip.readers import YesNo, groups, one_of, presentation, sdp_name, sdp_user, tos, variable, yes_no
from globstar.proto.sdp import CodecPreference, IncomingPreference, OutgoingPreference
from globstar.proto.sip.headers.address import NameAddr
from globstar.proto.sip.uri import SipUri

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.kept import EndpointAudio
    from globstar.modules.channels.pjsip.supplement import Hooks

words = listing(string)
names = listing(string)
timers = one_of("no", "yes", "required", "always", forced="always", true="yes", false="no", on="yes", off="no")
reliable = one_of("no", "required", "peer_supported", "yes", true="yes", false="no", on="yes", off="no")


#: Of an entry of ``allow`` (``ulaw:30``) what stands for a length of packets and is none.
_NO_LENGTH = re.compile(r":\s*(?![0-9]*[1-9][0-9]*\s*$)")
#: The defaults of codec_prefs_*: what is not these very objects was set, and counts.
_INTERSECTION = CodecPreference()
_UNION = CodecPreference(operation="union")


def codec_preference(default: CodecPreference) -> Callable[[str], CodecPreference]:
    """Return a reader of codec_prefs_* values; parts that are left out are those of ``default``."""

    return lambda text: CodecPreference.parse(text, default)


def if_set(preference: CodecPreference) -> CodecPreference | None:
    """A codec_prefs_* value if the configuration has one."""
    return None if preference is _INTERSECTION or preference is _UNION else preference


class EndpointObject(PjsipObject):
    """One peer: who it is, where its calls go, and how its media are treated."""

    kind = "endpoint"
    # -- calls
    context = option(string, "default", help="Context in which its calls start.")
    auth = option(names, (), help="auth objects that it must know.")
    outbound_auth = option(names, (), help="auth objects that answer its challenges.")
    aors = option(names, (), help="aor objects where it is reached.")
    transport = option(string, "", help="Transport for requests to it.")
    outbound_proxy = option(string, "", help="Proxy for requests to it.")
    identify_by = option(words, ("username", "ip"), help="How its requests are recognised.")
    accountcode = option(string, "", help="Account code of its channels.")
    language = option(string, "", help="Language of its channels.")
    tone_zone = option(string, "", help="Tone zone of its channels.")
    set_var = option(variable, (), repeat="extend", help="NAME=value set on its channels; may be repeated.")
    call_group = option(groups, frozenset(), help="Groups whose members may pick up its calls.")
    pickup_group = option(groups, frozenset(), help="Groups whose calls it may pick up.")
    named_call_group = option(names, (), help="The same by name.")
    named_pickup_group = option(names, (), help="The same by name.")
    moh_suggest = option(string, "default", help="Music class that others hear while it holds them.")
    device_state_busy_at = option(integer(0), 0, help="So many channels make it busy; 0 never.")
    allow_overlap = option(boolean, True, help="Answer 484 to a number that may become longer.")
    overlap_context = option(string, "", help="Context for such numbers.")
    allow_transfer = option(boolean, True, help="REFER is obeyed.")
    allow_subscribe = option(boolean, True, help="SUBSCRIBE is obeyed.")
    redirect_method = option(one_of("user", "uri_core", "uri_pjsip"), "user", help="What a 302 leads to.")
    follow_redirect_methods = option(words, (), help="Requests that follow redirects.")
    inband_progress = option(boolean, False, help="Ringing is heard, not told.")
    ignore_183_without_sdp = option(boolean, False, help="A 183 without SDP is not passed on.")
    allow_unauthenticated_options = option(boolean, False, help="OPTIONS are answered without credentials.")
    suppress_q850_reason_headers = option(boolean, False, help="No Reason: Q.850 at hang-up.")
    send_aoc = option(boolean, False, help="Send advice of charge.")
    message_context = option(string, "", help="Context for MESSAGE outside calls.")
    mailboxes = option(string, "", help="Mailboxes whose state it is told.")
    voicemail_extension = option(string, "", help="Extension for Message-Account.")
    mwi_from_user = option(string, "", help="User of such notifications.")
    mwi_subscribe_replaces_unsolicited = option(yes_no, YesNo(False), help="A subscription ends unasked notifications.")
    incoming_mwi_mailbox = option(string, "", help="Mailbox set by notifications that come in.")
    aggregate_mwi = option(boolean, True, help="One notification for all mailboxes.")
    subscribe_context = option(string, "", help="Context for subscriptions.")
    sub_min_expiry = option(integer(0), 0, unit="s", help="Shortest subscription.")
    notify_early_inuse_ringing = option(boolean, False, help="Tell ringing of a busy device.")
    tenantid = option(string, "", help="Tenant of its channels.")

    # -- identity
    callerid_privacy = option(presentation, 0, help="Presentation of its caller id.")
    callerid_tag = option(string, "", help="Tag of its caller id.")
    from_user = option(string, "", help="User part of From towards it.")
    from_domain = option(string, "", help="Host part of From towards it.")
    contact_user = option(string, "", help="User part of our Contact towards it.")
    trust_id_inbound = option(boolean, False, help="Believe P-Asserted-Identity and Remote-Party-ID.")
    trust_id_outbound = option(boolean, False, help="Send private identities.")
    send_pai = option(boolean, False, help="Send P-Asserted-Identity.")
    send_rpid = option(boolean, False, help="Send Remote-Party-ID.")
    rpid_immediate = option(boolean, False, help="Send identity changes at once.")
    send_diversion = option(boolean, True, help="Send Diversion.")
    send_history_info = option(boolean, False, help="Send History-Info.")
    trust_connected_line = option(yes_no, YesNo(True), help="Take connected line updates.")
    send_connected_line = option(yes_no, YesNo(True), help="Send connected line updates.")
    connected_line_method = option(one_of("invite", "update", reinvite="invite"), "invite", help="How they are sent.")
    user_eq_phone = option(boolean, False, help="Add user=phone to URIs of numbers.")

    # -- SIP
    force_rport = option(boolean, True, help="Answer to the port that a request came from.")
    rewrite_contact = option(boolean, False, help="Reach contacts at the address that requests came from.")
    timers = option(timers, "yes", help="Session timers (RFC 4028).")
    timers_min_se = option(integer(90), 90, unit="s", help="Shortest session interval.")
    timers_sess_expires = option(integer(90), 1800, unit="s", help="Session interval.")
    rel100 = option(reliable, "yes", name="100rel", help="Reliable provisional responses (RFC 3262).")
    refer_blind_progress = option(boolean, True, help="Report the progress of a blind transfer.")
    follow_early_media_fork = option(boolean, True, help="Follow SDP of another fork.")
    accept_multiple_sdp_answers = option(boolean, False, help="Take a second SDP answer.")
    stir_shaken = option(
        one_of("no", "yes", "attest", "verify", off="no", false="no", on="yes", true="yes", **{"0": "no", "1": "yes"}),
        "no",
        help="Caller numbers are signed and checked by the defaults of stir_shaken.conf; stir_shaken_profile goes before it.",
    )
    stir_shaken_profile = option(string, "", help="Profile of stir_shaken.conf that says what is done.")
    security_negotiation = option(one_of("no", "mediasec"), "no", help="Security negotiation.")
    security_mechanisms = option(names, (), help="Security mechanisms.")
    geoloc_incoming_call_profile = option(string, "", help="Geolocation profile.")
    geoloc_outgoing_call_profile = option(string, "", help="Geolocation profile.")
    acl = option(names, (), help="Access lists.")
    contact_acl = option(names, (), help="Access lists for contacts.")

    # -- media
    dtmf_mode = option(
        one_of("rfc4733", "inband", "none", "info", "auto", "auto_info", rfc2833="rfc4733"), "rfc4733", help="How digits travel."
    )
    direct_media = option(boolean, True, help="Let peers exchange media themselves.")
    direct_media_method = option(one_of("invite", "update", reinvite="invite"), "invite", help="How they are told.")
    direct_media_glare_mitigation = option(one_of("none", "outgoing", "incoming"), "none", help="Who waits.")
    disable_direct_media_on_nat = option(boolean, False, help="Not behind NAT.")
    media_address = option(string, "", help="Address for media in SDP.")
    bind_rtp_to_media_address = option(boolean, False, help="Bind RTP to it as well.")
    rtp_symmetric = option(boolean, False, help="Send RTP to where it comes from.")
    rtp_timeout = option(integer(0), 0, unit="s", help="Hang up after so long without RTP; 0 never.")
    rtp_timeout_hold = option(integer(0), 0, unit="s", help="The same on hold.")
    rtp_keepalive = option(integer(0), 0, unit="s", help="Send comfort noise after so long; 0 never.")
    rtp_ipv6 = option(boolean, False, help="RTP over IPv6.")
    rtp_engine = option(string, "asterisk", help="RTP engine.")
    rtp_port_start = option(integer(0, 65535), 0, help="First port of its own range.")
    rtp_port_end = option(integer(0, 65535), 0, help="Last port of its own range.")
    rtcp_mux = option(boolean, False, help="RTCP on the port of RTP (RFC 5761).")
    asymmetric_rtp_codec = option(boolean, False, help="Send another codec than is received.")
    use_ptime = option(boolean, False, help="Use the peer's packet time.")
    use_avpf = option(boolean, False, help="AVPF in SDP.")
    force_avp = option(boolean, False, help="AVP in SDP.")
    media_use_received_transport = option(boolean, False, help="Answer with the transport of the offer.")
    media_encryption = option(one_of("no", "sdes", "dtls"), "no", help="SRTP.")
    media_encryption_optimistic = option(boolean, False, help="SRTP if the peer can.")
    g726_non_standard = option(boolean, False, help="G.726 with swapped bits.")
    ice_support = option(boolean, False, help="ICE (RFC 8445).")
    webrtc = option(yes_no, YesNo(False), help="Everything that browsers need.")
    bundle = option(boolean, False, help="All media over one transport.")
    max_audio_streams = option(integer(0), 1, help="Audio streams per call.")
    max_video_streams = option(integer(0), 1, help="Video streams per call.")
    sdp_owner = option(sdp_user, "-", help="User in SDP's origin.")
    sdp_session = option(sdp_name, "Asterisk", help="Session name in SDP.")
    preferred_codec_only = option(boolean, False, help="Answer with one codec only.")
    incoming_call_offer_pref = option(enumeration(IncomingPreference), IncomingPreference.LOCAL, help="Codecs of our answer.")
    outgoing_call_offer_pref = option(
        enumeration(OutgoingPreference), OutgoingPreference.REMOTE_MERGE, help="Codecs of our offer."
    )
    codec_prefs_incoming_offer = option(codec_preference(_INTERSECTION), _INTERSECTION, help="Codec choice.")
    codec_prefs_outgoing_offer = option(codec_preference(_UNION), _UNION, help="Codec choice.")
    codec_prefs_incoming_answer = option(codec_preference(_INTERSECTION), _INTERSECTION, help="Codec choice.")
    codec_prefs_outgoing_answer = option(codec_preference(_INTERSECTION), _INTERSECTION, help="Codec choice.")
    moh_passthrough = option(boolean, False, help="Hold is told, not replaced by music.")
    suppress_moh_on_sendonly = option(boolean, False, help="No music for sendonly.")
    t38_udptl = option(boolean, False, help="T.38.")
    t38_udptl_ec = option(one_of("none", "fec", "redundancy"), "none", help="T.38 error correction.")
    t38_udptl_maxdatagram = option(integer(0), 0, help="T.38 datagram size.")
    t38_udptl_nat = option(boolean, False, help="T.38 behind NAT.")
    t38_udptl_ipv6 = option(boolean, False, help="T.38 over IPv6.")
    t38_bind_udptl_to_media_address = option(boolean, False, help="Bind T.38 to media_address.")
    fax_detect = option(boolean, False, help="Look for fax tones.")
    fax_detect_timeout = option(integer(0), 0, unit="s", help="How long.")
    one_touch_recording = option(boolean, False, help="Record on INFO.")
    record_on_feature = option(string, "automixmon", help="Feature that starts it.")
    record_off_feature = option(string, "automixmon", help="Feature that stops it.")
    tos_audio = option(tos, "0", help="DSCP of audio.")
    tos_video = option(tos, "0", help="DSCP of video.")
    cos_audio = option(integer(0, 7), 0, help="Priority of audio.")
    cos_video = option(integer(0, 7), 0, help="Priority of video.")
    srtp_tag_32 = option(boolean, False, help="Short SRTP tags.")
    dtls_verify = option(one_of("No", "Fingerprint", "Certificate", "Yes"), "No", help="What of the DTLS peer is verified.")
    dtls_rekey = option(integer(0), 0, unit="s", help="New keys by DTLS after so long; 0 never.")
    dtls_auto_generate_cert = option(
        one_of("No", "Yes", false="No", true="Yes"), "No", help="Make a certificate for DTLS, whatever dtls_cert_file says."
    )
    dtls_cert_file = option(string, "", help="Certificate for DTLS, in PEM.")
    dtls_private_key = option(string, "", help="Its key, where it is in another file.")
    dtls_cipher = option(string, "", help="Ciphers of DTLS, as OpenSSL names them.")
    dtls_ca_file = option(string, "", help="Authorities of the DTLS peer's certificate.")
    dtls_ca_path = option(string, "", help="The same, a directory.")
    dtls_setup = option(one_of("active", "passive", "actpass"), "active", help="Who begins the DTLS handshake.")
    dtls_fingerprint = option(one_of("SHA-256", "SHA-1"), "SHA-256", help="Hash of our certificate in SDP.")

    def __init__(self, **values: object) -> None:
        super().__init__(**values)
        self.formats = FormatCapabilities()
        self.unknown_codecs: list[str] = []
        self.caller_name = ""
        self.caller_number = ""
        self.audio_formats: tuple[Format, ...] = ()
        #: outbound_proxy as routes of requests outside of dialogs
        self.routes: tuple[NameAddr, ...] = ()
        #: the global option ignore_uri_user_options
        self.ignore_user_options = False
        self.video_formats: tuple[Format, ...] = ()
        self.text_formats: tuple[Format, ...] = ()
        #: see ``kept.audio_of``
        self.audio: EndpointAudio | None = None
        #: see ``Hooks.of``: of which hooks, and what of them its calls need
        self.hooks: tuple[Hooks, Hooks] | None = None
        self.access = AccessRules()
        self.contact_access = AccessRules()

    @handles("allow", help="Codecs in order of preference; may be repeated.")
    def _allow(self, text: str) -> None:
        self._take_codecs(text, True)

    @handles("disallow", help="Codecs to take out again.")
    def _disallow(self, text: str) -> None:
        self._take_codecs(text, False)

    def _take_codecs(self, text: str, allow: bool) -> None:
        unknown = self.formats.update_by_string(text, allow=allow)
        lengths = [entry.strip() for entry in text.replace("|", ",").split(",") if _NO_LENGTH.search(entry)]
        wrong = ["no such codec: " + ", ".join(unknown)] * bool(unknown)
        wrong += ["no length of packets in ms: " + ", ".join(lengths)] * bool(lengths)
        if wrong:
            raise ValueError("; ".join(wrong))

    @handles("deny", help="Addresses that its requests must not come from; of deny and permit the last that fits counts.")
    def _deny(self, text: str) -> None:
        self.access.add(False, text)

    @handles("permit", help="Addresses that its requests may come from.")
    def _permit(self, text: str) -> None:
        self.access.add(True, text)

    @handles("contact_deny", help="Addresses that its contacts must not have.")
    def _contact_deny(self, text: str) -> None:
        self.contact_access.add(False, text)

    @handles("contact_permit", help="Addresses that its contacts may have.")
    def _contact_permit(self, text: str) -> None:
        self.contact_access.add(True, text)

    @handles("callerid", help='"Name" <number> of its calls.')
    def _callerid(self, text: str) -> None:
        self.caller_name, self.caller_number = parse_caller_id(text)

    def suit_browsers(self) -> None:
        """What webrtc=yes sets: some options whatever they say, others where they say nothing. A bundle needs rtcp_mux."""
        if self.bundle:
            self.rtcp_mux = True
        if not self.webrtc:
            return
        given = self.given()
        self.bundle = self.rtcp_mux = self.use_avpf = self.ice_support = self.media_use_received_transport = True
        for name, value in (
            ("media_encryption", "dtls"),
            ("dtls_verify", "Fingerprint"),
            ("dtls_setup", "actpass"),
            ("dtls_auto_generate_cert", "No" if self.dtls_cert_file else "Yes"),
        ):
            if name not in given:
                setattr(self, name, value)

    @property
    def has_access_rules(self) -> bool:
        """Whether any address is kept away from it."""
        return bool(self.access or self.acl or self.contact_access or self.contact_acl)

    @property
    def answer_preference(self) -> IncomingPreference | CodecPreference:
        """What chooses the codecs of our answer: codec_prefs_incoming_offer where it is set, else incoming_call_offer_pref.

        preferred_codec_only leaves one codec of them.
        """
        chosen = if_set(self.codec_prefs_incoming_offer)
        if chosen is not None:
            return replace(chosen, keep="first") if self.preferred_codec_only else chosen
        preference = self.incoming_call_offer_pref
        return _ONLY_FIRST.get(preference, preference) if self.preferred_codec_only else preference

    def user_of(self, uri: SipUri) -> str:
        """The user part of a URI of its requests; without what follows a semicolon if that is to be ignored."""
        user = uri.user or ""
        return user.partition(";")[0] if self.ignore_user_options else user

    @property
    def prevents_transcoding(self) -> bool:
        """Whether the two sides of a call must agree on one codec (transcode: prevent)."""
        return any(
            preference.transcode == "prevent"
            for preference in (
                self.codec_prefs_incoming_offer,
                self.codec_prefs_outgoing_offer,
                self.codec_prefs_incoming_answer,
                self.codec_prefs_outgoing_answer,
            )
        )

    @property
    def has_caller_id(self) -> bool:
        """Whether a caller id is configured."""
        return bool(self.caller_name or self.caller_number)

    def caller_id(self) -> PartyId:
        """The configured caller id as a party of its own."""
        pres = self.callerid_privacy
        return PartyId(
            PartyName(self.caller_name, bool(self.caller_name), presentation=pres),
            PartyNumber(self.caller_number, bool(self.caller_number), presentation=pres),
            tag=self.callerid_tag,
        )


_ONLY_FIRST = {
    IncomingPreference.LOCAL: IncomingPreference.LOCAL_FIRST,
    IncomingPreference.REMOTE: IncomingPreference.REMOTE_FIRST,
}
