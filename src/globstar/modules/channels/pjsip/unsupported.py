"""Options of pjsip.conf that are read and have no effect here, each with the reason that a user is told once."""

from __future__ import annotations

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
    "endpoint": {},
}
