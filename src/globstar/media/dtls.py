"""DTLS-SRTP (RFC 5763, RFC 5764): certificates, and the handshake that gives a stream its keys."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from globstar.base.errors import LocalFault
from globstar.base.late import LateModule
from globstar.base.log import Logger
from globstar.proto.sdp.crypto import AES_32, AES_80, GCM_128, GCM_256, CryptoKey

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
    from OpenSSL import SSL
else:
    x509 = LateModule("cryptography.x509")
    hashes = LateModule("cryptography.hazmat.primitives.hashes")
    serialization = LateModule("cryptography.hazmat.primitives.serialization")
    ec = LateModule("cryptography.hazmat.primitives.asymmetric.ec")
    SSL = LateModule("OpenSSL.SSL")

logger = Logger("media.dtls")

#: Seconds that a handshake may take.
PATIENCE = 30.0
#: Days that a certificate of ours lasts; it is renewed after half of them.
LIFETIME = 30
#: Names of hashes in SDP, and in cryptography.
_HASHES = {"sha-1": "SHA1", "sha-224": "SHA224", "sha-256": "SHA256", "sha-384": "SHA384", "sha-512": "SHA512"}
_PROFILES = {
    "SRTP_AES128_CM_SHA1_80": AES_80, "SRTP_AEAD_AES_256_GCM": GCM_256, "SRTP_AEAD_AES_128_GCM": GCM_128,
    "SRTP_AES128_CM_SHA1_32": AES_32,
}  # fmt: skip
_OFFERED = ":".join(_PROFILES).encode()
_LABEL = b"EXTRACTOR-dtls_srtp"
_FINISHED = b"SSL negotiation finished successfully"
_RECORD_HEADER = 13
#: SSL_OP_ALLOW_CLIENT_RENEGOTIATION, which pyOpenSSL does not name
_ALLOW_CLIENT_RENEGOTIATION = 1 << 8


class DtlsFault(LocalFault):
    """A certificate, key or cipher list that cannot be used."""


def load_libraries() -> None:
    """Load what handshakes need, for whoever knows that there will be some: else the first call would wait for it."""
    _ = (x509.Certificate, hashes.SHA256, serialization.Encoding, ec.SECP256R1, SSL.Context)


@dataclass(frozen=True, slots=True)
class Identity:
    """Our certificate, in PEM, perhaps with those that lead to an authority behind it, and its key, which shows nowhere."""

    certificate: bytes
    key: bytes

    def __repr__(self) -> str:
        return "Identity(<redacted>)"

    def fingerprint(self, algorithm: str) -> str:
        """As SDP says it: pairs of upper-case digits (RFC 8122 section 5)."""
        return fingerprint(x509.load_pem_x509_certificate(self.certificate), algorithm)


def fingerprint(certificate: x509.Certificate, algorithm: str) -> str:
    """A certificate's fingerprint; "" under an algorithm that is not known."""
    kind = _HASHES.get(algorithm.lower())
    return certificate.fingerprint(getattr(hashes, kind)()).hex(":").upper() if kind is not None else ""


def make_identity(now: float) -> Identity:
    """A certificate of our own for a time around ``now`` (seconds of the epoch)."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "globstar")])
    moment = dt.datetime.fromtimestamp(now, dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment - dt.timedelta(days=1))
        .not_valid_after(moment + dt.timedelta(days=LIFETIME))
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return Identity(certificate.public_bytes(serialization.Encoding.PEM), secret)


def load_identity(certificate: str, key: str) -> Identity:
    """Read a certificate and its key (the same file, where ``key`` is ""). Raises DtlsFault.

    A file of several certificates is a chain: ours is the one that the key belongs to, the others are shown with it.
    """
    name = certificate
    try:
        text = Path(certificate).read_bytes()
        chain = x509.load_pem_x509_certificates(text)
        name = key or certificate
        secret = Path(name).read_bytes()
        public = _public(serialization.load_pem_private_key(secret, None))
        own = [one for one in chain if _public(one) == public]
    except OSError as error:
        raise DtlsFault(f"cannot read {name}: {error.strerror}") from None
    except (ValueError, TypeError) as error:  # TypeError: the key has a password
        raise DtlsFault(f"cannot use {name}: {error}") from None
    if not own:
        raise DtlsFault(f"the key of {name} does not belong to the certificate of {certificate}")
    ordered = (own[0], *(one for one in chain if one is not own[0]))
    return Identity(b"".join(one.public_bytes(serialization.Encoding.PEM) for one in ordered), secret)


def _public(of: x509.Certificate | PrivateKeyTypes) -> bytes:
    """The public key, for comparing."""
    encoding, form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    return of.public_key().public_bytes(encoding, form)


class Identities:
    """The certificates of one system: one that it makes itself, renewed in time, and those of files."""

    def __init__(self) -> None:
        self._own: Identity | None = None
        self._until = 0.0

    def own(self, now: float) -> Identity:
        """The one that was made here (``now`` is seconds of the epoch); all calls of some days share it."""
        if self._own is None or now > self._until:
            self._own = make_identity(now)
            self._until = now + LIFETIME * 86400 / 2
        return self._own

    def of_file(self, certificate: str, key: str) -> Identity:
        """That of a file, read anew whenever the file changes. Raises DtlsFault."""
        try:
            return _load_cached(certificate, key, Path(certificate).stat().st_mtime_ns)
        except OSError as error:
            raise DtlsFault(f"cannot use {certificate}: {error}") from None


@lru_cache(maxsize=16)
def _load_cached(certificate: str, key: str, _changed: int) -> Identity:
    return load_identity(certificate, key)


@dataclass(frozen=True, slots=True)
class DtlsSettings:
    """How handshakes are made: what a context is made of."""

    identity: Identity
    ciphers: str = ""
    #: authorities that the peer's certificate must come from; both "": it is not checked
    ca_file: str = ""
    ca_path: str = ""
    checks_certificate: bool = False
    mtu: int = 1200
    #: whether the peer may ask for new keys as the client of the handshake
    may_rekey: bool = False


@lru_cache(maxsize=64)
def make_context(settings: DtlsSettings) -> SSL.Context:
    """The OpenSSL context for these settings. Raises DtlsFault."""
    context = SSL.Context(SSL.DTLS_METHOD)
    try:
        own, *others = x509.load_pem_x509_certificates(settings.identity.certificate)
        context.use_certificate(own)
        for one in others:
            context.add_extra_chain_cert(one)
        context.use_privatekey(serialization.load_pem_private_key(settings.identity.key, None))  # type: ignore[arg-type]
        if settings.ciphers:
            context.set_cipher_list(settings.ciphers.encode())
        if settings.ca_file or settings.ca_path:
            if settings.ca_path and not Path(settings.ca_path).is_dir():  # which OpenSSL bears
                raise ValueError(f"{settings.ca_path} is no directory")
            context.load_verify_locations(settings.ca_file or None, settings.ca_path or None)
    except SSL.Error as error:
        raise DtlsFault(f"DTLS cannot be set up: {_reason(error)}") from None
    except (ValueError, TypeError) as error:
        raise DtlsFault(f"DTLS cannot be set up: {error}") from None
    context.set_options(SSL.OP_NO_QUERY_MTU | (_ALLOW_CLIENT_RENEGOTIATION if settings.may_rekey else 0))
    context.set_tlsext_use_srtp(_OFFERED)
    strict = settings.checks_certificate
    # Without authorities any certificate will do: its fingerprint is what counts, and is compared afterwards.
    context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *found: bool(found[4]) or not strict)
    return context


@dataclass(frozen=True, slots=True, repr=False)
class DtlsKeys:
    """What a handshake gives: our key, the peer's, and the certificate that the peer has shown."""

    ours: CryptoKey
    theirs: CryptoKey
    certificate: x509.Certificate


class DtlsAssociation:
    """One handshake and what follows it. ``transmit`` sends a datagram; ``on_failure`` is called once.

    ``on_keys`` is called when there are keys, and again when there are other ones (``rekey``, ours or the peer's).
    """

    __slots__ = (
        "_connection", "_deadline", "_is_renewing", "_loop", "_mtu", "_timer", "_transmit", "has_timed_out", "is_client",
        "is_over", "keys", "on_failure", "on_keys",
    )  # fmt: skip

    def __init__(
        self, loop: asyncio.AbstractEventLoop, settings: DtlsSettings, *, is_client: bool, transmit: Callable[[bytes], None]
    ) -> None:
        self._loop = loop
        self._mtu = settings.mtu
        self._transmit = transmit
        self.is_client = is_client
        self.keys: DtlsKeys | None = None
        #: It has failed or was closed.
        self.is_over = False
        #: The peer has not answered in time.
        self.has_timed_out = False
        #: We have begun another handshake inside the association.
        self._is_renewing = False
        self.on_keys: Callable[[DtlsKeys], None] | None = None
        self.on_failure: Callable[[str], None] | None = None
        self._connection = SSL.Connection(make_context(settings), None)
        self._connection.set_ciphertext_mtu(settings.mtu)
        if is_client:
            self._connection.set_connect_state()
        else:
            self._connection.set_accept_state()
        self._timer: asyncio.TimerHandle | None = None
        self._deadline = loop.time() + PATIENCE

    def start(self) -> None:
        """Send the first flight; the server waits for the client's."""
        if self.is_client:
            self._step()

    def receive(self, data: bytes) -> None:
        """A datagram of the peer."""
        if self.is_over:
            return
        self._connection.bio_write(data)
        self._step()

    def rekey(self) -> None:
        """Agree on new keys by another handshake (RFC 6347); the old ones stay good where nothing comes of it."""
        if self.is_over or self.keys is None:
            return
        self._is_renewing = self._connection.renegotiate()
        try:
            self._connection.do_handshake()  # sends our first message; what follows is read as all else is
        except SSL.WantReadError:
            logger.debug(3, "the handshake for new keys has begun")
        except SSL.Error as error:
            self._keep(_reason(error))
        self._flush()
        self._schedule()

    def close(self) -> None:
        """End it; the keys stay good."""
        if not self.is_over:
            self.is_over = True
            if self.keys is not None:
                try:
                    self._connection.shutdown()
                except SSL.Error as error:
                    logger.debug(2, f"DTLS is closed badly: {error}")
                self._flush()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _step(self) -> None:
        try:
            if self.keys is None:
                self._connection.do_handshake()
                self._finish()
            else:
                self._connection.recv(2048)  # the peer's last flight once more, an alert, or another handshake
        except SSL.WantReadError:
            pass
        except SSL.ZeroReturnError:
            logger.debug(2, "the peer has closed DTLS")
        except SSL.Error as error:
            if self.keys is None:
                self._flush()
                self._fail(f"the DTLS handshake has failed: {_reason(error)}")
            elif self._is_renewing:
                self._keep(_reason(error))
            return
        if self.keys is not None:
            self._look_for_new_keys(self.keys)
        self._flush()
        self._schedule()

    def _keep(self, reason: str) -> None:
        self._is_renewing = False
        logger.debug(1, f"the DTLS peer gives no new keys, the old ones are used on: {reason}")

    def _look_for_new_keys(self, known: DtlsKeys) -> None:
        connection = self._connection
        if connection.get_state_string() != _FINISHED:
            return
        size = known.ours.suite.key
        material = connection.export_keying_material(_LABEL, 2 * (size + known.ours.suite.salt))
        if material[:size] != (known.ours if self.is_client else known.theirs).key[:size]:
            self._is_renewing = False
            self._finish()

    def _finish(self) -> None:
        connection = self._connection
        suite = _PROFILES.get(connection.get_selected_srtp_profile().decode())
        certificate = connection.get_peer_certificate(as_cryptography=True)
        if suite is None or certificate is None:
            self._fail("the DTLS peer knows no SRTP profile of ours, or has no certificate")
            return
        size, salt = suite.key, suite.salt
        material = connection.export_keying_material(_LABEL, 2 * (size + salt))  # RFC 5764 section 4.2
        client = material[:size] + material[2 * size : 2 * size + salt]
        server = material[size : 2 * size] + material[2 * size + salt :]
        ours, theirs = (client, server) if self.is_client else (server, client)
        self.keys = DtlsKeys(CryptoKey(1, suite, ours), CryptoKey(1, suite, theirs), certificate)
        if self.on_keys is not None:
            self.on_keys(self.keys)

    def _fail(self, reason: str) -> None:
        self.is_over = True
        if self.on_failure is not None:
            self.on_failure(reason)

    def _flush(self) -> None:
        """Send what OpenSSL has written, whole records together as far as they fit a datagram."""
        try:
            data = self._connection.bio_read(65536)
        except SSL.WantReadError:
            return
        start = end = 0
        while end + _RECORD_HEADER <= len(data):
            size = _RECORD_HEADER + int.from_bytes(data[end + 11 : end + 13], "big")
            if end > start and end + size - start > self._mtu:
                self._transmit(data[start:end])
                start = end
            end += size
        if end > start:
            self._transmit(data[start:end])

    def _schedule(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.is_over:
            return
        wait = self._connection.DTLSv1_get_timeout()
        if wait is not None or (self.is_client and self.keys is None):
            self._timer = self._loop.call_later(max(wait or 0, 0.1), self._expire)

    def _expire(self) -> None:
        self._timer = None
        if self.keys is None and self._loop.time() > self._deadline:
            self.has_timed_out = True
            self._fail("the DTLS handshake has taken too long")
            return
        try:
            self._connection.DTLSv1_handle_timeout()
        except SSL.Error as error:
            if self.keys is not None:
                self._keep(_reason(error))
            else:
                self._fail(f"the DTLS handshake has failed: {_reason(error)}")
            return
        self._flush()
        self._schedule()


def _reason(error: SSL.Error) -> str:
    """OpenSSL's words for it."""
    details = error.args[0] if error.args else ()
    return ", ".join(filter(None, (detail[-1] for detail in details))) if isinstance(details, list) else str(error)
