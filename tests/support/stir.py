"""Certificates for tests of STIR/SHAKEN: authorities, signers with a TNAuthList, lists of revocation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

TN_AUTH_LIST = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.26")
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass
class Pair:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: Key

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def der(tag: int, content: bytes) -> bytes:
    """One element."""
    assert len(content) < 128
    return bytes((tag, len(content))) + content


def provider(code: str) -> bytes:
    return der(0xA0, der(0x16, code.encode()))


def number_range(first: str, count: int) -> bytes:
    return der(0xA1, der(0x30, der(0x16, first.encode()) + der(0x02, count.to_bytes(3, "big"))))


def one_number(number: str) -> bytes:
    return der(0xA2, der(0x16, number.encode()))


def make(
    name: str,
    issuer: Pair | None = None,
    *,
    when: datetime,
    is_authority: bool = False,
    entries: bytes | None = None,
    days: int = 30,
    key: Key | None = None,
    path_length: int | None = None,
) -> Pair:
    """A certificate that is good from a day before ``when``; ``entries`` are those of its TNAuthList."""
    own: Key = key if key is not None else ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer is not None else subject)
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(when - timedelta(days=1))
        .not_valid_after(when + timedelta(days=days))
        .add_extension(x509.BasicConstraints(is_authority, path_length if is_authority else None), critical=True)
    )
    if entries is not None:
        builder = builder.add_extension(x509.UnrecognizedExtension(TN_AUTH_LIST, der(0x30, entries)), critical=False)
    signer = issuer.key if issuer is not None else own
    return Pair(builder.sign(signer, hashes.SHA256()), own)


def revoke(authority: Pair, *pairs: Pair, when: datetime, days: int = 7) -> x509.CertificateRevocationList:
    """A list of revoked certificates."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(authority.certificate.subject)
        .last_update(when - timedelta(days=1))
        .next_update(when + timedelta(days=days))
    )
    for pair in pairs:
        builder = builder.add_revoked_certificate(
            x509.RevokedCertificateBuilder()
            .serial_number(pair.certificate.serial_number)
            .revocation_date(when - timedelta(hours=1))
            .build()
        )
    return builder.sign(authority.key, hashes.SHA256())


def moment(wall: float) -> datetime:
    return datetime.fromtimestamp(wall, UTC)
