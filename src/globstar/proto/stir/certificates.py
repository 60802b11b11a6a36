"""Certificates of signers: the chain to an authority, revocation, and the numbers they may sign for (RFC 5280, RFC 8226)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from globstar.base.late import LateModule
from globstar.proto.stir.errors import UNSUPPORTED_CREDENTIAL, StirError

if TYPE_CHECKING:
    from cryptography import exceptions, x509
else:
    exceptions = LateModule("cryptography.exceptions")
    x509 = LateModule("cryptography.x509")

TN_AUTH_LIST = "1.3.6.1.5.5.7.1.26"
#: Longest chain from a signer to an authority.
MAX_CHAIN = 8
_BEGIN = b"-----BEGIN CERTIFICATE-----"


@dataclass(frozen=True, slots=True)
class TnAuthorization:
    """What a certificate's TNAuthList allows (RFC 8226 9): providers, ranges (first number, how many), single numbers."""

    providers: tuple[str, ...] = ()
    ranges: tuple[tuple[str, int], ...] = ()
    numbers: tuple[str, ...] = ()

    def allows(self, number: str) -> bool:
        """Whether a certificate may sign for a canonical number. One with a provider code may for all of the provider's."""
        if self.providers or number in self.numbers:
            return True
        return number.isdecimal() and any(
            len(first) == len(number) and first.isdecimal() and 0 <= int(number) - int(first) < count
            for first, count in self.ranges
        )


def read_certificates(data: bytes) -> list[x509.Certificate]:
    """The certificates of a PEM file or of one DER certificate, in order; raises ValueError."""
    if _BEGIN in data:
        return x509.load_pem_x509_certificates(data)
    return [x509.load_der_x509_certificate(data)]


def tn_authorization(certificate: x509.Certificate) -> TnAuthorization | None:
    """The certificate's TNAuthList, None without one; raises StirError 437 for one that cannot be read."""
    try:
        extension = certificate.extensions.get_extension_for_oid(x509.ObjectIdentifier(TN_AUTH_LIST))
    except x509.ExtensionNotFound:
        return None
    except ValueError:
        raise StirError(UNSUPPORTED_CREDENTIAL, "the certificate's extensions cannot be read") from None
    raw = getattr(extension.value, "value", b"")
    try:
        return _read_list(raw)
    except (ValueError, IndexError, UnicodeDecodeError):
        raise StirError(UNSUPPORTED_CREDENTIAL, "the certificate's TNAuthList cannot be read") from None


def _read_list(data: bytes) -> TnAuthorization:
    """SEQUENCE OF CHOICE: spc [0] IA5String, range [1] SEQUENCE of IA5String and INTEGER, one [2] IA5String; explicit tags."""
    content, rest = _element(data, 0x30)
    if rest:
        raise ValueError("something follows the list")
    providers: list[str] = []
    ranges: list[tuple[str, int]] = []
    numbers: list[str] = []
    while content:
        tag = content[0]
        inner, content = _element(content, tag)
        if tag == 0xA0:
            providers.append(_element(inner, 0x16)[0].decode("ascii"))
        elif tag == 0xA1:
            pair, _ = _element(inner, 0x30)
            first, after = _element(pair, 0x16)
            count, _ = _element(after, 0x02)
            ranges.append((first.decode("ascii"), int.from_bytes(count, "big")))
        elif tag == 0xA2:
            numbers.append(_element(inner, 0x16)[0].decode("ascii"))
        else:
            raise ValueError("unknown entry")
    return TnAuthorization(tuple(providers), tuple(ranges), tuple(numbers))


def _element(data: bytes, tag: int) -> tuple[bytes, bytes]:
    """The content of the DER element at the beginning, which must have this tag, and what follows; ValueError, IndexError."""
    if data[0] != tag:
        raise ValueError(f"tag {data[0]:#x} where {tag:#x} belongs")
    length, start = data[1], 2
    if length & 0x80:
        size = length & 0x7F
        if not 1 <= size <= 3:
            raise ValueError("bad length")
        length, start = int.from_bytes(data[2 : 2 + size], "big"), 2 + size
    end = start + length
    if end > len(data):
        raise ValueError("cut off")
    return data[start:end], data[end:]


@dataclass(slots=True)
class TrustStore:
    """Authorities that are believed, certificates that may lie between, and lists of what was revoked."""

    authorities: list[x509.Certificate] = field(default_factory=list)
    between: list[x509.Certificate] = field(default_factory=list)
    revocations: list[x509.CertificateRevocationList] = field(default_factory=list)

    def check(self, chain: list[x509.Certificate], now: float) -> None:
        """Raise StirError 437 unless the first certificate is good at ``now`` (UTC seconds) and leads to an authority."""
        when = datetime.fromtimestamp(now, UTC)
        current, others = chain[0], [*chain[1:], *self.between]
        _check_dates(current, when)
        for depth in range(MAX_CHAIN):
            if current in self.authorities:
                return
            issuer = next((one for one in self._issuers(current, others)), None)
            if issuer is None:
                raise StirError(UNSUPPORTED_CREDENTIAL, f"nobody who is trusted issued the certificate of {_name(current)}")
            _check_dates(issuer, when)
            if not _is_authority(issuer, depth):
                raise StirError(UNSUPPORTED_CREDENTIAL, f"{_name(issuer)} may not issue certificates")
            self._check_revoked(current, issuer, when)
            current = issuer
        raise StirError(UNSUPPORTED_CREDENTIAL, "the chain of certificates is too long")

    def _issuers(self, certificate: x509.Certificate, others: Iterable[x509.Certificate]) -> Iterable[x509.Certificate]:
        """Those that issued a certificate; authorities first."""
        for candidate in (*self.authorities, *others):
            if candidate.subject != certificate.issuer or candidate == certificate:
                continue
            try:
                certificate.verify_directly_issued_by(candidate)
            except (ValueError, TypeError, exceptions.InvalidSignature):
                continue
            yield candidate

    def _check_revoked(self, certificate: x509.Certificate, issuer: x509.Certificate, when: datetime) -> None:
        for revoked in self.revocations:
            if revoked.issuer != issuer.subject or not revoked.is_signature_valid(issuer.public_key()):  # type: ignore[arg-type]
                continue
            if revoked.get_revoked_certificate_by_serial_number(certificate.serial_number) is not None:
                raise StirError(UNSUPPORTED_CREDENTIAL, f"the certificate of {_name(certificate)} was revoked")
            if revoked.next_update_utc is not None and revoked.next_update_utc < when:
                raise StirError(UNSUPPORTED_CREDENTIAL, f"the list of what {_name(issuer)} revoked is out of date")


def _check_dates(certificate: x509.Certificate, when: datetime) -> None:
    if not certificate.not_valid_before_utc <= when <= certificate.not_valid_after_utc:
        raise StirError(UNSUPPORTED_CREDENTIAL, f"the certificate of {_name(certificate)} is not valid now")


def _is_authority(certificate: x509.Certificate, depth: int) -> bool:
    """RFC 5280 4.2.1.9 and 4.2.1.3; ``depth`` certificates of authorities lie between it and the signer."""
    try:
        basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except (x509.ExtensionNotFound, ValueError):
        return False
    if not basic.ca or (basic.path_length is not None and basic.path_length < depth):
        return False
    try:
        return certificate.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    except x509.ExtensionNotFound:
        return True


def _name(certificate: x509.Certificate) -> str:
    return certificate.subject.rfc4514_string() or "?"
