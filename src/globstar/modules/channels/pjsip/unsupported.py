"""Options of pjsip.conf that are read and have no effect here, each with the reason that a user is told once."""

from __future__ import annotations

#: what only means something with DTLS
WITH_ENCRYPTION = "comes with DTLS-SRTP; media_encryption=sdes is supported"
#: what only browsers ask for
WITH_BROWSERS = "comes with media for browsers (ICE, DTLS and BUNDLE)"
ONE_AUDIO = "a call has one audio stream; further ones are declined"

#: for sign-on with tokens instead of passwords
OAUTH = "sign-on with OAuth tokens is not supported; auths with a password or its digest are"

#: by type of object and option
UNSUPPORTED: dict[str, dict[str, str]] = {
    "transport": {
        "domain": "no header is made of it; from_domain of endpoints and external_signaling_hostname are",
        "symmetric_transport": "it is always so: a registered contact is reached over the transport it registered by",
    },
    "auth": {
        "oauth_clientid": OAUTH,
        "oauth_secret": OAUTH,
        "refresh_token": OAUTH,
    },
    "global": {
        "mwi_tps_queue_high": "notifications of waiting messages are made at once; there is no queue",
        "mwi_tps_queue_low": "notifications of waiting messages are made at once; there is no queue",
    },
    "system": {},
    "endpoint": {
        "bundle": WITH_BROWSERS,
        "dtls_auto_generate_cert": WITH_ENCRYPTION,
        "dtls_ca_file": WITH_ENCRYPTION,
        "dtls_ca_path": WITH_ENCRYPTION,
        "dtls_cert_file": WITH_ENCRYPTION,
        "dtls_cipher": WITH_ENCRYPTION,
        "dtls_fingerprint": WITH_ENCRYPTION,
        "dtls_private_key": WITH_ENCRYPTION,
        "dtls_rekey": WITH_ENCRYPTION,
        "dtls_setup": WITH_ENCRYPTION,
        "dtls_verify": WITH_ENCRYPTION,
        "force_avp": WITH_ENCRYPTION,
        "ice_support": WITH_BROWSERS,
        "max_audio_streams": ONE_AUDIO,
        "webrtc": WITH_BROWSERS,
    },
}
