"""PASSporT: who calls whom, as a signed JSON web token with ES256 (RFC 8225), with the SHAKEN extension (RFC 8588)."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from globstar.base.late import LateModule
from globstar.proto.stir.errors import INVALID_IDENTITY_HEADER, UNSUPPORTED_CREDENTIAL, StirError

if TYPE_CHECKING:
    from cryptography import exceptions
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, utils
else:
    exceptions = LateModule("cryptography.exceptions")
    hashes = LateModule("cryptography.hazmat.primitives.hashes")
    ec = LateModule("cryptography.hazmat.primitives.asymmetric.ec")
    utils = LateModule("cryptography.hazmat.primitives.asymmetric.utils")

#: Longest token that is read, and most numbers in one.
MAX_TOKEN, MAX_NUMBERS = 16384, 100
_COORDINATE = 32


class Attestation(Enum):
    """What the signer knows of the caller (RFC 8588 4)."""

    FULL = "A"
    PARTIAL = "B"
    GATEWAY = "C"


@dataclass(frozen=True, slots=True)
class Passport:
    """The claims of one token. ``iat`` is UTC seconds; numbers are canonical. ``mky`` are fingerprints: (algorithm, digest)."""

    x5u: str
    orig: str
    dest: tuple[str, ...]
    iat: int
    attest: Attestation = Attestation.GATEWAY
    origid: str = ""
    mky: tuple[tuple[str, str], ...] = ()
    orig_uri: str = ""
    dest_uris: tuple[str, ...] = ()

    def header(self) -> dict[str, Any]:
        """The protected header."""
        return {"alg": "ES256", "ppt": "shaken", "typ": "passport", "x5u": self.x5u}

    def payload(self) -> dict[str, Any]:
        """The claims."""
        dest: dict[str, list[str]] = {}
        if self.dest:
            dest["tn"] = list(self.dest)
        if self.dest_uris:
            dest["uri"] = list(self.dest_uris)
        claims: dict[str, Any] = {
            "attest": self.attest.value,
            "dest": dest,
            "iat": self.iat,
            "orig": {"uri": self.orig_uri} if self.orig_uri else {"tn": self.orig},
            "origid": self.origid,
        }
        if self.mky:
            claims["mky"] = [{"alg": algorithm, "dig": digest} for algorithm, digest in self.mky]
        return claims

    def sign(self, key: ec.EllipticCurvePrivateKey) -> str:
        """The token; the key must be of P-256."""
        text = f"{_encode(self.header())}.{_encode(self.payload())}"
        r, s = utils.decode_dss_signature(key.sign(text.encode("ascii"), ec.ECDSA(hashes.SHA256())))
        return f"{text}.{_to_base64(r.to_bytes(_COORDINATE, 'big') + s.to_bytes(_COORDINATE, 'big'))}"


def parse(token: str) -> Passport:
    """Read a token without looking at its signature; raises StirError 438, 437 for an algorithm or extension not known."""
    if len(token) > MAX_TOKEN:
        raise StirError(INVALID_IDENTITY_HEADER, "the token is too long")
    parts = token.split(".")
    if len(parts) != 3 or not all(parts):
        raise StirError(INVALID_IDENTITY_HEADER, "not three parts; the compact form is not supported")
    header, claims = _decode(parts[0]), _decode(parts[1])
    if header.get("alg") != "ES256":
        raise StirError(UNSUPPORTED_CREDENTIAL, f"the algorithm is {str(header.get('alg'))[:20]!r}, not ES256")
    if header.get("typ") != "passport":
        raise StirError(INVALID_IDENTITY_HEADER, "the type is not passport")
    if header.get("ppt") != "shaken":
        raise StirError(INVALID_IDENTITY_HEADER, f"the extension is {str(header.get('ppt'))[:20]!r}, not shaken")
    x5u = header.get("x5u")
    if not isinstance(x5u, str) or not x5u:
        raise StirError(INVALID_IDENTITY_HEADER, "no x5u")
    iat = claims.get("iat")
    if isinstance(iat, str) and iat.isascii() and iat.isdigit() and len(iat) < 20:
        iat = int(iat)  # RFC 8224's own examples have it as a string
    if not isinstance(iat, int) or isinstance(iat, bool):
        raise StirError(INVALID_IDENTITY_HEADER, "no iat")
    try:
        attest = Attestation(claims.get("attest"))
    except ValueError:
        raise StirError(INVALID_IDENTITY_HEADER, "attest is not A, B or C") from None
    origid = claims.get("origid")
    if not isinstance(origid, str) or not origid:
        raise StirError(INVALID_IDENTITY_HEADER, "no origid")
    orig, dest = claims.get("orig"), claims.get("dest")
    if not isinstance(orig, dict) or not isinstance(dest, dict):
        raise StirError(INVALID_IDENTITY_HEADER, "no orig or no dest")
    numbers = tuple(_strings(orig.get("tn")))
    uris = tuple(_strings(orig.get("uri")))
    if len(numbers) + len(uris) != 1:
        raise StirError(INVALID_IDENTITY_HEADER, "orig is not one identity")
    dest_numbers, dest_uris = tuple(_strings(dest.get("tn"))), tuple(_strings(dest.get("uri")))
    if not dest_numbers and not dest_uris:
        raise StirError(INVALID_IDENTITY_HEADER, "dest is empty")
    return Passport(
        x5u,
        numbers[0] if numbers else "",
        dest_numbers,
        iat,
        attest,
        origid,
        _fingerprints(claims.get("mky")),
        uris[0] if uris else "",
        dest_uris,
    )


def check_signature(token: str, key: object) -> None:
    """Raise StirError unless ``key`` signed the token: 438 for a wrong signature, 437 for a key that is not of P-256."""
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise StirError(UNSUPPORTED_CREDENTIAL, "the certificate's key is not of P-256")
    text, _, encoded = token.rpartition(".")
    signature = _from_base64(encoded)
    if len(signature) != 2 * _COORDINATE:
        raise StirError(INVALID_IDENTITY_HEADER, "the signature is not 64 bytes long")
    r, s = int.from_bytes(signature[:_COORDINATE], "big"), int.from_bytes(signature[_COORDINATE:], "big")
    try:
        key.verify(utils.encode_dss_signature(r, s), text.encode("ascii", "replace"), ec.ECDSA(hashes.SHA256()))
    except exceptions.InvalidSignature:
        raise StirError(INVALID_IDENTITY_HEADER, "the signature is wrong") from None


def _strings(value: object) -> list[str]:
    """A string or a list of strings as a list; StirError for anything else."""
    if value is None:
        return []
    found = [value] if isinstance(value, str) else value
    if not isinstance(found, list) or len(found) > MAX_NUMBERS or not all(isinstance(one, str) and one for one in found):
        raise StirError(INVALID_IDENTITY_HEADER, "an identity is no string")
    return found


def _fingerprints(value: object) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, list):
        return ()
    return tuple((str(one.get("alg")), str(one.get("dig"))) for one in value[:MAX_NUMBERS] if isinstance(one, dict))


def _encode(value: dict[str, Any]) -> str:
    """RFC 8225 9: keys in lexicographic order, no white space."""
    return _to_base64(json.dumps(value, sort_keys=True, separators=(",", ":")).encode())


def _decode(text: str) -> dict[str, Any]:
    try:
        value = json.loads(_from_base64(text))
    except (ValueError, RecursionError):
        raise StirError(INVALID_IDENTITY_HEADER, "a part is no JSON") from None
    if not isinstance(value, dict):
        raise StirError(INVALID_IDENTITY_HEADER, "a part is no JSON object")
    return value


def _to_base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise StirError(INVALID_IDENTITY_HEADER, "a part is no base64url") from None
