"""Names of Asterisk's modules whose work is done inside one of Globstar's, for modules.conf and ``module ...`` commands."""

from __future__ import annotations

from globstar.core.parts import Part


def _pjsip(description: str, *offers: str, essential: bool = False, level: str = "core") -> Part:
    return Part(whole="chan_pjsip", description=description, offers=offers, is_essential=essential, support_level=level)


def _core(description: str, whole: str = "builtin_dsp", level: str = "core") -> Part:
    """What is always there: a ``load`` of it in modules.conf has nothing to do."""
    return Part(whole=whole, description=description, support_level=level)


PARTS: dict[str, Part] = {
    "bridge_builtin_features": _core("Built in bridging features", "builtin_features"),
    "bridge_builtin_interval_features": _core("Built in bridging interval features", "builtin_features"),
    "codec_opus_open_source": _core("Opus", "codec_opus"),
    "res_clioriginate": _core("channel originate and channel redirect", "builtin_cli"),
    **{
        f"res_format_attr_{name}": _core(f"{name} in SDP")
        for name in ("celt", "g729", "h263", "h264", "ilbc", "opus", "silk", "siren14", "siren7", "vp8")
    },
    "res_srtp": _core("Secure RTP", "res_rtp_asterisk"),
    "res_timing_pthread": _core("Ticks of the event loop", level="extended"),
    "res_timing_timerfd": _core("Ticks of the event loop"),
    "res_cdrel_custom": Part(whole="cdr_custom", description="Mappings of custom CDR and CEL backends", is_essential=True),
    "func_pjsip_aor": _pjsip("Get information about a PJSIP AOR", "function PJSIP_AOR"),
    "func_pjsip_contact": _pjsip("Get information about a PJSIP contact", "function PJSIP_CONTACT"),
    "func_pjsip_endpoint": _pjsip("Get information about a PJSIP endpoint", "function PJSIP_ENDPOINT"),
    "res_pjproject": _pjsip("SIP stack", essential=True),
    "res_pjsip": _pjsip("SIP endpoints, transports and objects", essential=True),
    "res_pjsip_acl": _pjsip("Access lists for SIP"),
    "res_pjsip_aoc": _pjsip("Advice of charge", level="extended"),
    "res_pjsip_authenticator_digest": _pjsip("Digest authentication of others", essential=True),
    "res_pjsip_caller_id": _pjsip("Caller id in SIP headers"),
    "res_pjsip_config_wizard": _pjsip("pjsip_wizard.conf"),
    "res_pjsip_dialog_info_body_generator": _pjsip("Bodies of dialog-info+xml"),
    "res_pjsip_diversion": _pjsip("Diversion and History-Info"),
    "res_pjsip_dlg_options": _pjsip("OPTIONS inside calls"),
    "res_pjsip_dtmf_info": _pjsip("Digits in INFO"),
    "res_pjsip_empty_info": _pjsip("INFO without a body"),
    "res_pjsip_endpoint_identifier_anonymous": _pjsip("The endpoint of anonymous callers"),
    "res_pjsip_endpoint_identifier_ip": _pjsip("Endpoints by address, header and request URI"),
    "res_pjsip_endpoint_identifier_user": _pjsip("Endpoints by user name"),
    "res_pjsip_exten_state": _pjsip("Subscriptions to the state of extensions"),
    "res_pjsip_geolocation": _pjsip("Geolocation headers"),
    "res_pjsip_header_funcs": _pjsip(
        "Functions for SIP headers",
        "function PJSIP_HEADER",
        "function PJSIP_HEADERS",
        "function PJSIP_HEADER_PARAM",
        "function PJSIP_INHERITABLE_HEADER",
        "function PJSIP_RESPONSE_HEADER",
        "function PJSIP_RESPONSE_HEADERS",
    ),
    "res_pjsip_history": _pjsip(
        "Memory of SIP messages", "cli command pjsip set history", "cli command pjsip show history", level="extended"
    ),
    "res_pjsip_logger": _pjsip("Log of SIP messages", "cli command pjsip set logger"),
    "res_pjsip_maintenance": _pjsip(
        "Maintenance mode of endpoints",
        "cli command pjsip set maintenance",
        "cli command pjsip show maintenance",
        level="extended",
    ),
    "res_pjsip_messaging": _pjsip("Text messages"),
    "res_pjsip_mwi": _pjsip("Message waiting indication"),
    "res_pjsip_mwi_body_generator": _pjsip("Bodies of simple-message-summary"),
    "res_pjsip_nat": _pjsip("Addresses as they are seen from outside"),
    "res_pjsip_notify": _pjsip("NOTIFY on request"),
    "res_pjsip_one_touch_record_info": _pjsip("Recording on INFO"),
    "res_pjsip_outbound_authenticator_digest": _pjsip("Digest authentication towards others", essential=True),
    "res_pjsip_outbound_publish": _pjsip("PUBLISH to other servers"),
    "res_pjsip_outbound_registration": _pjsip("Registration with other servers"),
    "res_pjsip_path": _pjsip("Path"),
    "res_pjsip_phoneprov_provider": _pjsip("Phone provisioning from pjsip.conf", level="extended"),
    "res_pjsip_pidf_body_generator": _pjsip("Bodies of pidf+xml"),
    "res_pjsip_pidf_digium_body_supplement": _pjsip("Additions to pidf+xml for Digium's phones"),
    "res_pjsip_pidf_eyebeam_body_supplement": _pjsip("Additions to pidf+xml for eyeBeam"),
    "res_pjsip_publish_asterisk": _pjsip("PUBLISH of device states and mailboxes among servers"),
    "res_pjsip_pubsub": _pjsip("Subscriptions"),
    "res_pjsip_refer": _pjsip("Transfers by REFER"),
    "res_pjsip_registrar": _pjsip("Registrar"),
    "res_pjsip_rfc3326": _pjsip("Reason"),
    "res_pjsip_rfc3329": _pjsip("Security mechanism agreement"),
    "res_pjsip_sdp_rtp": _pjsip("RTP streams in SDP", essential=True),
    "res_pjsip_send_to_voicemail": _pjsip("REFER to voicemail"),
    "res_pjsip_session": _pjsip("Calls", essential=True),
    "res_pjsip_sips_contact": _pjsip("sips in Contact"),
    "res_pjsip_stir_shaken": _pjsip("STIR/SHAKEN in calls"),
    "res_pjsip_t38": _pjsip("T.38 in SDP"),
    "res_pjsip_transport_websocket": _pjsip("SIP over WebSocket"),
    "res_pjsip_xpidf_body_generator": _pjsip("Bodies of xpidf+xml"),
}
