"""Takes secrets out of text that goes to a log."""

from __future__ import annotations

import re

REDACTED = "<redacted>"

#: ``secret=x``, ``Password: x``, ``"auth_password": "x"``, ``Authorization: Bearer x`` and keys of SDES in SDP.
_SECRET = re.compile(
    r"""(?ix)
    ( \b (?! UsingPassword \b )  # of security events, is 0 or 1
      (?: \w*secret | \w*passwd | \w*password | auth_pass | \w*api_?key | \w*(?:access|refresh)_?token | md5_cred ) ["']?
      \s* (?: => | [=:] ) \s* )
    (?P<value> "[^"]*" | '[^']*' | [^\s,;&'")\]}]+ )
    | ( \b inline: ) (?P<key> [A-Za-z0-9+/=]{16,} )
    | ( \b Authorization ["']? \s* : \s* ["']? (?: Bearer | Basic ) \s+ ) (?P<token> [A-Za-z0-9+/=._~-]+ )
    | ( :// [^\s:/@]+ : ) (?P<user> [^\s@/]+ ) (?= @ )
    """
)
#: Most lines have none of these and are not looked at closely: a search for fixed words is some fifty times faster.
_HINTS = (
    "secret",
    "passw",
    "auth_pass",
    "apikey",
    "api_key",
    "accesstoken",
    "access_token",
    "refresh_token",
    "refreshtoken",
    "md5_cred",
    "inline:",
    "authorization",
)


def redact(text: str) -> str:
    """``text`` with what looks like a secret replaced by ``<redacted>``."""
    lowered = text.lower()
    for hint in _HINTS:
        if hint in lowered:
            return _SECRET.sub(_replace, text)
    if "://" in text and "@" in text:
        return _SECRET.sub(_replace, text)
    return text


def _replace(found: re.Match[str]) -> str:
    value = found["value"]
    kept = found[1] or found[3] or found[5] or found[7] or ""
    if value is not None and value[:1] in "\"'":
        return f"{kept}{value[0]}{REDACTED}{value[0]}"
    return f"{kept}{REDACTED}"
