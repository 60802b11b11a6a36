"""WWW-Authenticate, Proxy-Authenticate, Authorization and Proxy-Authorization with Digest (RFC 7616, RFC 8760)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.grammar import quote, split_outside, unquote

_MAX_PARAMS = 32
#: A parameter as nearly everybody writes it, and the comma after it: its name, what is in quotes, what is without any.
_PLAIN = re.compile(r'([A-Za-z0-9_-]+)=(?:"([^"\\]*)"|([A-Za-z0-9._~+/=-]*))(?:, ?|\Z)')


def parse_auth_params(text: str) -> dict[str, str]:
    """Parse ``Digest a="b",c=d`` into unquoted values by lower-case name; SipParseError for another scheme."""
    scheme, _, rest = text.strip().partition(" ")
    if scheme.lower() != "digest":
        raise SipParseError("authentication scheme is not Digest")
    pieces = _PLAIN.split(rest)
    if any(pieces[::4]) or not 4 < len(pieces) <= 4 * _MAX_PARAMS:  # what is between such parameters must be nothing
        return _parse_any(rest)
    found: dict[str, str] = {}
    for name, text, token in zip(pieces[1::4], pieces[2::4], pieces[3::4], strict=True):
        found.setdefault(name.lower(), token if text is None else text)
    return found


def _parse_any(rest: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in split_outside(rest, ","):
        if not part:
            continue
        name, equals, value = part.partition("=")
        if not equals or len(found) >= _MAX_PARAMS:
            raise SipParseError("bad authentication parameter")
        found.setdefault(name.strip().lower(), unquote(value.strip()))
    return found


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a server asks for. ``qop`` lists the offered qualities, empty for RFC 2069 style."""

    realm: str
    nonce: str
    algorithm: str = "MD5"
    opaque: str | None = None
    qop: tuple[str, ...] = ()
    stale: bool = False
    domain: str | None = None

    @classmethod
    def parse(cls, text: str) -> Challenge:
        """Parse one challenge; realm and nonce are required, parameters that are not known are left out."""
        found = parse_auth_params(text)
        if "realm" not in found or "nonce" not in found:
            raise SipParseError("challenge without realm or nonce")
        qop = tuple(word.strip().lower() for word in found.get("qop", "").split(",") if word.strip())
        return cls(
            found["realm"],
            found["nonce"],
            found.get("algorithm", "MD5"),
            found.get("opaque"),
            qop,
            found.get("stale", "").lower() == "true",
            found.get("domain"),
        )

    def __str__(self) -> str:
        out = f"Digest realm={quote(self.realm)},nonce={quote(self.nonce)}"
        if self.domain is not None:
            out += f",domain={quote(self.domain)}"
        if self.opaque is not None:
            out += f",opaque={quote(self.opaque)}"
        if self.stale:
            out += ",stale=true"
        out += f",algorithm={self.algorithm}"
        if self.qop:
            out += f",qop={quote(','.join(self.qop))}"
        return out


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """What a client answers. ``qop``, ``cnonce`` and ``nc`` belong together; ``nc`` is 8 hexadecimal digits."""

    username: str
    realm: str
    nonce: str
    uri: str
    response: str
    algorithm: str | None = None
    cnonce: str | None = None
    opaque: str | None = None
    qop: str | None = None
    nc: str | None = None

    @classmethod
    def parse(cls, text: str) -> Credentials:
        """Parse one Authorization value; the five fields that Digest requires must be there."""
        found = parse_auth_params(text)
        try:
            return cls(
                found["username"],
                found["realm"],
                found["nonce"],
                found["uri"],
                found["response"],
                found.get("algorithm"),
                found.get("cnonce"),
                found.get("opaque"),
                found.get("qop"),
                found.get("nc"),
            )
        except KeyError as missing:
            raise SipParseError(f"credentials without {missing.args[0]}") from None

    def __str__(self) -> str:
        out = (
            f"Digest username={quote(self.username)}, realm={quote(self.realm)}, nonce={quote(self.nonce)}, "
            f"uri={quote(self.uri)}, response={quote(self.response)}"
        )
        if self.algorithm is not None:
            out += f", algorithm={self.algorithm}"
        if self.cnonce is not None:
            out += f", cnonce={quote(self.cnonce)}"
        if self.opaque is not None:
            out += f", opaque={quote(self.opaque)}"
        if self.qop is not None:
            out += f", qop={self.qop}"
        if self.nc is not None:
            out += f", nc={self.nc}"
        return out

    def __repr__(self) -> str:
        return f"Credentials(username={self.username!r}, realm={self.realm!r}, response=<redacted>)"
