"""What each option of sip.conf becomes in pjsip.conf, as tables.

A rule maps the text of one option to options of objects, or says why there is no counterpart. Options that several others
decide together (host, secret, insecure, nat ...) are in :mod:`globstar.modules.channels.pjsip.sipconf`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from globstar.config.values import is_false, is_true

#: options of one object: name and value
Pairs = list[tuple[str, str]]


class NoCounterpart(Exception):
    """The value of an option means nothing here; the message says why."""


@dataclass(frozen=True, slots=True)
class Rule:
    """``read`` gives the options for a value; ``note`` tells what is not quite the same."""

    object: str
    read: Callable[[str], Pairs]
    note: str = ""


def _same(option: str, kind: str = "endpoint", note: str = "") -> Rule:
    return Rule(kind, lambda text: [(option, text.strip())], note)


def _flag(option: str, kind: str = "endpoint", note: str = "") -> Rule:
    def read(text: str) -> Pairs:
        if is_true(text) or is_false(text):
            return [(option, "yes" if is_true(text) else "no")]
        raise NoCounterpart(f"'{text}' is neither yes nor no")

    return Rule(kind, read, note)


def _dtmf(text: str) -> Pairs:
    modes = {"rfc2833": "rfc4733", "inband": "inband", "info": "info", "shortinfo": "info", "auto": "auto"}
    mode = modes.get(text.strip().lower())
    if mode is None:
        raise NoCounterpart(f"'{text}' is no dtmfmode")
    return [("dtmf_mode", mode)]


def _direct_media(text: str) -> Pairs:
    words = {word.strip().lower() for word in text.split(",")}
    if words <= {"yes", "no", "true", "false", "on", "off", "1", "0"}:
        return [("direct_media", "yes" if is_true(text) else "no")]
    pairs: Pairs = [("direct_media", "yes")]
    if "nonat" in words:
        pairs.append(("disable_direct_media_on_nat", "yes"))
    if "update" in words:
        pairs.append(("direct_media_method", "update"))
    if "outgoing" in words:
        pairs.append(("direct_media_glare_mitigation", "outgoing"))
    unknown = words - {"nonat", "update", "outgoing"}
    if unknown:
        raise NoCounterpart(f"'{', '.join(sorted(unknown))}' is no directmedia")
    return pairs


def _nat(text: str) -> Pairs:
    words = {word.strip().lower() for word in text.split(",")}
    if words & {"no", "never"}:
        return [("force_rport", "no"), ("rtp_symmetric", "no"), ("rewrite_contact", "no")]
    if words & {"yes", "route"}:
        words = {"force_rport", "comedia"}
    pairs: Pairs = []
    if words & {"force_rport", "auto_force_rport"}:
        pairs += [("force_rport", "yes"), ("rewrite_contact", "yes")]
    if words & {"comedia", "auto_comedia"}:
        pairs.append(("rtp_symmetric", "yes"))
    if not pairs:
        raise NoCounterpart(f"'{text}' is no nat")
    return pairs


def _session_timers(text: str) -> Pairs:
    modes = {"originate": "always", "accept": "yes", "refuse": "no"}
    mode = modes.get(text.strip().lower())
    if mode is None:
        raise NoCounterpart(f"'{text}' is no session-timers")
    return [("timers", mode)]


def _rpid(text: str) -> Pairs:
    text = text.strip().lower()
    if text == "pai":
        return [("send_pai", "yes")]
    return [("send_rpid", "yes" if text == "rpid" or is_true(text) else "no")]


def _progress(text: str) -> Pairs:
    return [("inband_progress", "no" if text.strip().lower() == "never" or is_false(text) else "yes")]


def _mailboxes(text: str) -> Pairs:
    boxes = [box.strip() for box in text.split(",") if box.strip()]
    return [("mailboxes", ",".join(box if "@" in box else f"{box}@default" for box in boxes))]


def _t38(text: str) -> Pairs:
    words = [word.strip().lower() for word in text.split(",")]
    if is_false(words[0]):
        return [("t38_udptl", "no")]
    correction = next((word for word in words if word in ("fec", "redundancy", "none")), "")
    pairs: Pairs = [("t38_udptl", "yes")]
    if correction:
        pairs.append(("t38_udptl_ec", correction))
    size = next((word.partition("=")[2] for word in words if word.startswith("maxdatagram=")), "")
    if size:
        pairs.append(("t38_udptl_maxdatagram", size))
    return pairs


def _encryption(text: str) -> Pairs:
    if text.strip().lower() == "try":
        return [("media_encryption", "sdes"), ("media_encryption_optimistic", "yes")]
    return [("media_encryption", "sdes" if is_true(text) else "no")]


def _fax_detect(text: str) -> Pairs:
    return [("fax_detect", "no" if is_false(text) else "yes")]


#: options that an endpoint may have, in [general] or in its own section
PEER: dict[str, Rule] = {
    "accountcode": _same("accountcode"),
    "acl": _same("acl"),
    "allow": _same("allow"),
    "allowsubscribe": _flag("allow_subscribe"),
    "allowtransfer": _flag("allow_transfer"),
    "avpf": _flag("use_avpf"),
    "busylevel": _same("device_state_busy_at"),
    "callerid": _same("callerid"),
    "callgroup": _same("call_group"),
    "callingpres": _same("callerid_privacy"),
    "canreinvite": Rule("endpoint", _direct_media),
    "cid_tag": _same("callerid_tag"),
    "contactacl": _same("contact_acl"),
    "contactdeny": _same("contact_deny"),
    "contactpermit": _same("contact_permit"),
    "context": _same("context"),
    "cos_audio": _same("cos_audio"),
    "cos_video": _same("cos_video"),
    "deny": _same("deny"),
    "directmedia": Rule("endpoint", _direct_media),
    "disallow": _same("disallow"),
    "dtlsautogeneratecert": _same("dtls_auto_generate_cert"),
    "dtlscafile": _same("dtls_ca_file"),
    "dtlscapath": _same("dtls_ca_path"),
    "dtlscertfile": _same("dtls_cert_file"),
    "dtlscipher": _same("dtls_cipher"),
    "dtlsfingerprint": _same("dtls_fingerprint"),
    "dtlsprivatekey": _same("dtls_private_key"),
    "dtlsrekey": _same("dtls_rekey"),
    "dtlssetup": _same("dtls_setup"),
    "dtlsverify": _same("dtls_verify"),
    "dtmfmode": Rule("endpoint", _dtmf),
    "encryption": Rule("endpoint", _encryption),
    "faxdetect": Rule("endpoint", _fax_detect),
    "force_avp": _flag("force_avp"),
    "fromdomain": _same("from_domain"),
    "fromuser": _same("from_user"),
    "g726nonstandard": _flag("g726_non_standard"),
    "icesupport": _flag("ice_support"),
    "language": _same("language"),
    "mailbox": Rule("endpoint", _mailboxes),
    "media_address": _same("media_address"),
    "mohsuggest": _same("moh_suggest"),
    "musicclass": _same("moh_suggest"),
    "musiconhold": _same("moh_suggest"),
    "namedcallgroup": _same("named_call_group"),
    "namedpickupgroup": _same("named_pickup_group"),
    "nat": Rule("endpoint", _nat),
    "outboundproxy": Rule("endpoint", lambda text: [("outbound_proxy", _proxy(text))]),
    "permit": _same("permit"),
    "pickupgroup": _same("pickup_group"),
    "preferred_codec_only": _flag("preferred_codec_only"),
    "progressinband": Rule("endpoint", _progress),
    "promiscredir": Rule("endpoint", lambda text: [("redirect_method", "uri_pjsip" if is_true(text) else "user")]),
    "rpid_immediate": _flag("rpid_immediate"),
    "rtcp_mux": _flag("rtcp_mux"),
    "rtpholdtimeout": _same("rtp_timeout_hold"),
    "rtpkeepalive": _same("rtp_keepalive"),
    "rtptimeout": _same("rtp_timeout"),
    "send_diversion": _flag("send_diversion"),
    "sendrpid": Rule("endpoint", _rpid),
    "session-expires": _same("timers_sess_expires"),
    "session-minse": _same("timers_min_se"),
    "session-timers": Rule("endpoint", _session_timers),
    "setvar": _same("set_var"),
    "snom_aoc_enabled": _flag("send_aoc"),
    "subscribecontext": _same("subscribe_context"),
    "t38pt_udptl": Rule("endpoint", _t38),
    "tonezone": _same("tone_zone"),
    "tos_audio": _same("tos_audio"),
    "tos_video": _same("tos_video"),
    "trust_id_outbound": _flag("trust_id_outbound"),
    "trustrpid": _flag("trust_id_inbound"),
    "usereqphone": _flag("user_eq_phone"),
    "vmexten": _same("voicemail_extension"),
}

#: options of [general] that belong to the stack as a whole
GENERAL: dict[str, Rule] = {
    "compactheaders": _flag("compact_headers", "system"),
    "defaultexpiry": _same("default_expiration", "aor"),
    "keepalive": _same("keep_alive_interval", "global"),
    "maxexpiry": _same("maximum_expiration", "aor"),
    "minexpiry": _same("minimum_expiration", "aor"),
    "notifyringing": _flag("notify_early_inuse_ringing"),
    "realm": _same("default_realm", "global"),
    "regcontext": _same("regcontext", "global"),
    "sdpowner": _same("sdp_owner"),
    "sdpsession": _same("sdp_session"),
    "sipdebug": Rule("global", lambda text: [("debug", "yes" if is_true(text) else "no")]),
    "supportpath": _flag("support_path", "aor"),
    "t1min": _same("timer_t1", "system", "PJSIP has one T1 for all peers"),
    "timerb": _same("timer_b", "system"),
    "timert1": _same("timer_t1", "system", "PJSIP has one T1 for all peers"),
    "useragent": _same("user_agent", "global"),
}

#: options without a counterpart, and why they need none or what to do instead
DROPPED: dict[str, str] = {
    "allowexternaldomains": "calls to other domains are the dialplan's matter",
    "allowoverlap": "set allow_overlap of the endpoint",
    "alwaysauthreject": "it is always so",
    "amaflags": "use CHANNEL(amaflags) in the dialplan",
    "auth": "write an auth object and name it in outbound_auth",
    "autodomain": "domains are not checked",
    "autoframing": "use use_ptime=yes",
    "buggymwi": "not needed",
    "call-limit": "use GROUP_COUNT() in the dialplan, or device_state_busy_at",
    "callcounter": "calls are always counted",
    "callbackextension": "write a registration with contact_user",
    "callevents": "events are always sent",
    "checkmwi": "changes are told at once",
    "constantssrc": "it is always so",
    "cos_sip": "set cos of the transport",
    "dumphistory": "use pjsip set history on",
    "domain": "write domain_alias objects",
    "dynamic_exclude_static": "fixed contacts need no such guard",
    "externrefresh": "host names are looked up again by themselves",
    "faxdetect_timeout": "use fax_detect_timeout",
    "fullname": "it is used for the caller id only",
    "ignoreregexpire": "there is no such switch",
    "ignoresdpversion": "SDP is always compared as a whole",
    "jbenable": "use the function JITTERBUFFER",
    "limitonpeers": "calls are always counted for the endpoint",
    "matchexternaddrlocally": "local_net decides",
    "matchexterniplocally": "local_net decides",
    "maxcallbitrate": "use the codec's own attributes",
    "maxcallnumbers": "it is an option of IAX2",
    "maxforwards": "set max_forwards of the global object",
    "mohinterpret": "use CHANNEL(musicclass) in the dialplan",
    "notifycid": "caller ids are not told to subscribers",
    "notifyhold": "hold is always told",
    "parkinglot": "use CHANNEL(parkinglot) in the dialplan",
    "pedantic": "messages are always read as the RFCs say",
    "qualifygap": "questions are spread by themselves",
    "qualifypeers": "questions are spread by themselves",
    "recordhistory": "use pjsip set history on",
    "regexten": "the extension in regcontext is called like the aor",
    "registerattempts": "set max_retries of the registration",
    "registertimeout": "set retry_interval of the registration",
    "relaxdtmf": "use CHANNEL(relaxdtmf) in the dialplan, and relax_dtmf_... of dsp.conf",
    "rtautoclear": "it is for realtime peers",
    "rtcachefriends": "it is for realtime peers",
    "rtsavesysname": "it is for realtime peers",
    "rtupdate": "it is for realtime peers",
    "session-refresher": "who refreshes is agreed in each call",
    "shrinkcallerid": "use FILTER() in the dialplan",
    "sip_cos": "set cos of the transport",
    "srvlookup": "SRV records are always looked up",
    "subscribemwi": "a subscription replaces notifications by itself",
    "textsupport": "allow t140, and red before it for redundancy",
    "tcpauthlimit": "connections are bounded by themselves",
    "tcpauthtimeout": "connections are bounded by themselves",
    "tos_sip": "set tos of the transport",
    "unsolicited_mailbox": "set incoming_mwi_mailbox of the endpoint",
    "use_q850_reason": "Reason headers are always sent",
    "videosupport": "allow a video codec",
    "websocket_enabled": "write a transport with protocol=ws",
    "websocket_write_timeout": "set it in the transport",
}


def _proxy(text: str) -> str:
    """``host[:port][,force]`` as the URI of a loose router."""
    host = text.partition(",")[0].strip()
    for scheme in ("udp://", "tcp://", "tls://"):
        if host.startswith(scheme):
            return f"sip:{host.removeprefix(scheme)};transport={scheme[:3]};lr"
    return host if host.startswith(("sip:", "sips:")) else f"sip:{host};lr"
