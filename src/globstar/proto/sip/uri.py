"""URIs in SIP: sip, sips, tel and any other scheme (RFC 3261 19.1, RFC 3966)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import lru_cache

from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.grammar import NO_PARAMS, Params

_UNRESERVED = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.!~*'()"
_USER_SAFE = frozenset(_UNRESERVED + "&=+$,;?/")
_TEL_SAFE = _USER_SAFE - {";"}
_PASSWORD_SAFE = frozenset(_UNRESERVED + "&=+$,")
_PARAM_SAFE = frozenset(_UNRESERVED + "[]/:&+$")
_HEADER_SAFE = frozenset(_UNRESERVED + "[]/?:+$")
_ESCAPE = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_BAD_IN_URI = re.compile(r'[\x00-\x20\x7f<>"]')
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*\Z")
_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.]+(?:%[0-9A-Za-z]+)?\]|[^\[\]:/?@;,=&\x00-\x20<>\"]+)\Z")
_FROM_TO_FORBIDDEN = ("method", "maddr", "ttl", "transport", "lr")
_CACHE_LIMIT = 256
_HEX = "0123456789ABCDEF"


def unescape(text: str) -> str:
    """Decode %XX; a percent sign that starts no escape stays. Bytes that are no UTF-8 survive as surrogates."""
    if "%" not in text:
        return text
    return _ESCAPE.sub(lambda found: bytes.fromhex(found[0].replace("%", "")).decode("utf-8", "surrogateescape"), text)


def escape(text: str, safe: frozenset[str]) -> str:
    """Encode every character outside ``safe`` as %XX of its UTF-8 bytes."""
    if safe.issuperset(text):
        return text
    out: list[str] = []
    for char in text:
        if char in safe:
            out.append(char)
        else:
            out.extend(f"%{_HEX[byte >> 4]}{_HEX[byte & 15]}" for byte in char.encode("utf-8", "surrogateescape"))
    return "".join(out)


@dataclass(frozen=True, slots=True)
class SipUri:
    """A URI. ``user``, ``password`` and header values are decoded; ``str()`` escapes them again.

    ``user`` is None when there is no user part. ``host`` keeps the brackets of an IPv6 reference and its case.
    A tel URI has its number in ``user`` and no host. Any other scheme keeps everything after the colon in
    ``opaque``. Equality is exact; ``is_equivalent`` compares as RFC 3261 19.1.4 says.
    """

    scheme: str = "sip"
    user: str | None = None
    password: str | None = None
    host: str = ""
    port: int | None = None
    params: Params = NO_PARAMS
    headers: tuple[tuple[str, str], ...] = ()
    opaque: str = ""
    _text: str = field(default="", init=False, repr=False, compare=False)

    @classmethod
    def parse(cls, text: str) -> SipUri:
        """Parse any URI; SipParseError when it cannot be one. Equal short texts give the same object."""
        return _parse_cached(text) if len(text) <= _CACHE_LIMIT else _parse(text)

    @property
    def is_sip(self) -> bool:
        """True for sip and sips."""
        return self.scheme in ("sip", "sips")

    @property
    def is_secure(self) -> bool:
        """True for sips."""
        return self.scheme == "sips"

    @property
    def bare_host(self) -> str:
        """The host without IPv6 brackets, as a socket wants it."""
        return self.host[1:-1] if self.host.startswith("[") else self.host

    @property
    def transport(self) -> str | None:
        """The transport parameter in upper case, or None."""
        value = self.params.get("transport")
        return value.upper() if value else None

    @property
    def host_port(self) -> str:
        """``host`` or ``host:port``."""
        return self.host if self.port is None else f"{self.host}:{self.port}"

    def with_params(self, params: Params) -> SipUri:
        """Return a copy with other parameters."""
        return replace(self, params=params)

    def for_from_to(self) -> SipUri:
        """Return the form allowed in From and To: no port, headers, maddr, transport ... (19.1.1, table 1)."""
        if self.port is None and not self.headers and not self.params:
            return self
        return _for_from_to(self)

    def for_request_line(self) -> SipUri:
        """Return the form allowed as Request-URI: without headers and method parameter (19.1.1, table 1)."""
        if not self.headers and not (self.params and self.params.has("method")):
            return self
        return replace(self, headers=(), params=self.params.without("method"))

    def is_equivalent(self, other: SipUri) -> bool:
        """Compare as RFC 3261 19.1.4: case-insensitive host, parameters that only one side has mostly ignored."""
        if self.scheme != other.scheme or self.opaque != other.opaque:
            return False
        if (self.user, self.password, self.port) != (other.user, other.password, other.port):
            return False
        if self.host.lower() != other.host.lower():
            return False
        mine, theirs = dict(self.params), dict(other.params)
        for name in mine.keys() | theirs.keys():
            if name in mine and name in theirs:
                if unescape(mine[name] or "").lower() != unescape(theirs[name] or "").lower():
                    return False
            elif name in ("user", "ttl", "method", "maddr", "transport"):
                return False
        return sorted((n.lower(), v) for n, v in self.headers) == sorted((n.lower(), v) for n, v in other.headers)

    def __str__(self) -> str:
        text = self._text
        if not text:
            text = self._format()
            object.__setattr__(self, "_text", text)  # parsed URIs are shared, so this pays
        return text

    def _format(self) -> str:
        if self.opaque:
            return f"{self.scheme}:{self.opaque}"
        if self.scheme == "tel":
            return f"tel:{escape(self.user or '', _TEL_SAFE)}{self.params}"
        user = ""
        if self.user is not None:
            user = escape(self.user, _USER_SAFE)
            if self.password is not None:
                user = f"{user}:{escape(self.password, _PASSWORD_SAFE)}"
            user += "@"
        port = "" if self.port is None else f":{self.port}"
        headers = ""
        if self.headers:
            headers = "?" + "&".join(
                f"{escape(name, _HEADER_SAFE)}={escape(value, _HEADER_SAFE)}" for name, value in self.headers
            )
        host = f"[{self.host}]" if ":" in self.host and self.host[0] != "[" else self.host  # an address of IPv6 (25.1)
        return f"{self.scheme}:{user}{host}{port}{self.params}{headers}"


def _parse(text: str) -> SipUri:
    scheme, colon, rest = text.partition(":")
    if not colon or not rest or not _SCHEME.match(scheme):
        raise SipParseError("not a URI")
    scheme = scheme.lower()
    if _BAD_IN_URI.search(rest):
        raise SipParseError("illegal character in URI")
    if scheme == "tel":
        number, _, tail = rest.partition(";")
        if not number:
            raise SipParseError("tel URI without a number")
        return SipUri("tel", unescape(number), params=Params.parse(tail))
    if scheme not in ("sip", "sips"):
        return SipUri(scheme, opaque=rest)

    user: str | None = None
    password: str | None = None
    question_at = rest.find("?")
    at = rest.rfind("@", 0, question_at) if question_at >= 0 else rest.rfind("@")
    if at < 0 <= question_at and (at := rest.find("@")) >= 0:  # the question mark belongs to the user part
        question_at = rest.find("?", at)
        at = rest.rfind("@", at, question_at if question_at >= 0 else len(rest))
    if at >= 0:
        user, colon, secret = rest[:at].partition(":")
        user = unescape(user)
        password = unescape(secret) if colon else None
        rest = rest[at + 1 :]
    tail, question, query = rest.partition("?")
    host, semicolon, params = tail.partition(";")
    port: int | None = None
    if host.endswith("]"):
        pass
    elif ":" in host:
        host, _, digits = host.rpartition(":")
        if digits:
            if not (digits.isascii() and digits.isdigit()) or len(digits) > 5 or int(digits) > 65535:
                raise SipParseError("bad port in URI")
            port = int(digits)
    if not _HOST.match(host):
        raise SipParseError("bad host in URI")
    headers: tuple[tuple[str, str], ...] = ()
    if question:
        headers = tuple(
            (unescape(name), unescape(value)) for name, _, value in (part.partition("=") for part in query.split("&") if part)
        )
    return SipUri(scheme, user, password, host, port, Params.parse(params) if semicolon else NO_PARAMS, headers)


_parse_cached = lru_cache(maxsize=2048)(_parse)


@lru_cache(maxsize=1024)
def _for_from_to(uri: SipUri) -> SipUri:
    return replace(uri, port=None, headers=(), params=uri.params.without(*_FROM_TO_FORBIDDEN))
