"""TLS: contexts made of options, and whose certificate a peer showed."""

from __future__ import annotations

import ssl
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

VERSIONS = {
    "tlsv1": ssl.TLSVersion.TLSv1,
    "tlsv1_1": ssl.TLSVersion.TLSv1_1,
    "tlsv1_2": ssl.TLSVersion.TLSv1_2,
    "tlsv1_3": ssl.TLSVersion.TLSv1_3,
}
#: Versions that OpenSSL offers only at its lowest level of security.
_OLD = ("tlsv1", "tlsv1_1")


class TlsError(Exception):
    """A certificate, key or option cannot be used; the message says which."""


class PeerRefused(OSError):
    """The peer's certificate is valid and belongs to somebody else."""


@dataclass(frozen=True, slots=True)
class TlsOptions:
    """What contexts are made of. Files are PEM.

    ``method`` is a name of ``VERSIONS`` (that version only) or empty (1.2 and later). Without ``authorities`` and
    ``authorities_path`` the system's own authorities are trusted.
    """

    certificate: str = ""
    private_key: str = ""
    password: str = ""
    authorities: str = ""
    authorities_path: str = ""
    ciphers: tuple[str, ...] = ()
    method: str = ""
    verify_server: bool = False
    verify_client: bool = False
    require_client_certificate: bool = False
    allow_wildcards: bool = False
    prefer_server_ciphers: bool = False


@dataclass(frozen=True, slots=True)
class TlsContexts:
    """The contexts of one transport. ``server`` is None without a certificate: then it only connects."""

    client: ssl.SSLContext
    server: ssl.SSLContext | None = None
    verify_server: bool = False
    allow_wildcards: bool = False

    def check_server(self, certificate: Mapping[str, Any] | None, host: str) -> None:
        """Raise PeerRefused unless the (already verified) certificate is that of ``host``, where that is asked for."""
        if self.verify_server and not is_for_host(certificate or {}, host, allow_wildcards=self.allow_wildcards):
            raise PeerRefused(f"the certificate is not for {host}: it names {', '.join(names_of(certificate or {})) or 'nobody'}")


def make_contexts(options: TlsOptions) -> TlsContexts:
    """Read the files and build both contexts (slow: call it off the loop); raises TlsError."""
    client = _context(ssl.PROTOCOL_TLS_CLIENT, options, with_certificate=bool(options.certificate))
    client.check_hostname = False  # SIP's own rules (RFC 5922) are checked after the handshake
    client.verify_mode = ssl.CERT_REQUIRED if options.verify_server else ssl.CERT_NONE
    if options.verify_server:
        _trust(client, options)
    server = None
    if options.certificate:
        server = _context(ssl.PROTOCOL_TLS_SERVER, options, with_certificate=True)
        if options.require_client_certificate:
            server.verify_mode = ssl.CERT_REQUIRED
        elif options.verify_client:
            server.verify_mode = ssl.CERT_OPTIONAL
        if server.verify_mode is not ssl.CERT_NONE:
            _trust(server, options)
    return TlsContexts(client, server, options.verify_server, options.allow_wildcards)


def _context(protocol: int, options: TlsOptions, *, with_certificate: bool) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    method = options.method
    version = VERSIONS.get(method)
    if method and version is None:
        raise TlsError(f"TLS method '{method}' is not offered; known are {', '.join(VERSIONS)}")
    try:
        with warnings.catch_warnings():  # whoever configures an old version has been told
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = version or ssl.TLSVersion.TLSv1_2
            if version is not None:
                context.maximum_version = version
        _set_ciphers(context, options.ciphers, lowest=method in _OLD)
    except (ssl.SSLError, ValueError) as error:
        raise TlsError(f"TLS method or ciphers cannot be used: {error}") from None
    if options.prefer_server_ciphers:
        context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    if with_certificate:
        try:
            context.load_cert_chain(options.certificate, options.private_key or None, lambda: options.password)
        except (OSError, ValueError) as error:  # SSLError is an OSError
            key = f" with key '{options.private_key}'" if options.private_key else ""
            raise TlsError(f"certificate '{options.certificate}'{key} cannot be loaded: {error}") from None
    return context


def _set_ciphers(context: ssl.SSLContext, wanted: Iterable[str], *, lowest: bool) -> None:
    """Allow only ``wanted`` ciphers (OpenSSL names, or numbers as 0x...); those of TLS 1.3 are always all allowed."""
    suffix = ":@SECLEVEL=0" if lowest else ""
    if lowest:
        context.set_ciphers("ALL" + suffix)
    by_number = {cipher["id"] & 0xFFFF: cipher["name"] for cipher in context.get_ciphers()}
    names = []
    for name in wanted:
        if name.lower().startswith("0x"):
            known = by_number.get(int(name, 16))
            if known is None:
                raise ValueError(f"there is no cipher {name}")
            name = known
        if not name.startswith("TLS_"):
            names.append(name)
    if names:
        context.set_ciphers(":".join(names) + suffix)


def _trust(context: ssl.SSLContext, options: TlsOptions) -> None:
    if not options.authorities and not options.authorities_path:
        context.load_default_certs(
            ssl.Purpose.SERVER_AUTH if context.protocol == ssl.PROTOCOL_TLS_CLIENT else ssl.Purpose.CLIENT_AUTH
        )
        return
    try:
        context.load_verify_locations(options.authorities or None, options.authorities_path or None)
    except OSError as error:
        place = options.authorities or options.authorities_path
        raise TlsError(f"authorities '{place}' cannot be loaded: {error}") from None


def cipher_names() -> list[str]:
    """The names that ``ciphers`` may hold."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL")
    return [cipher["name"] for cipher in context.get_ciphers()]


def names_of(certificate: Mapping[str, Any]) -> list[str]:
    """Whom a certificate (as ``getpeercert()`` gives it) is for: RFC 5922 7.1, hosts in lower case.

    URIs ``sip:host`` without a user first, then DNS names and addresses; the common name only where there is none of these.
    """
    names: list[str] = []
    for kind, value in certificate.get("subjectAltName", ()):
        if kind == "URI":
            scheme, _, host = value.partition(":")
            if scheme.lower() == "sip" and host and "@" not in host:
                names.append(host.lower())
        elif kind in ("DNS", "IP Address"):
            names.append(value.strip().lower())
    if not names:
        names = [
            value.lower() for part in certificate.get("subject", ()) for key, value in part if key == "commonName"
        ]  # fmt: skip
    return names


def is_for_host(certificate: Mapping[str, Any], host: str, *, allow_wildcards: bool) -> bool:
    """Whether a certificate names ``host``, a host name or an address.

    RFC 5922 7.2 forbids wildcards; with ``allow_wildcards`` ``*.example.org`` stands for one label.
    """
    host = host.strip("[]").rstrip(".").lower()
    names = names_of(certificate)
    try:
        address = ip_address(host)
    except ValueError:
        address = None
    if address is not None:
        return any(_is_address(name, address) for name in names)
    if host in names:
        return True
    label, dot, parent = host.partition(".")
    return allow_wildcards and bool(label) and "." in parent and f"*{dot}{parent}" in names


def _is_address(name: str, address: object) -> bool:
    try:
        return ip_address(name) == address
    except ValueError:
        return False
