"""Whether a signed identity is that of a request (RFC 8224 6.2, RFC 8588)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from globstar.proto.stir.certificates import TrustStore, tn_authorization
from globstar.proto.stir.errors import INVALID_IDENTITY_HEADER, STALE_DATE, UNSUPPORTED_CREDENTIAL, StirError
from globstar.proto.stir.numbers import canonical_number
from globstar.proto.stir.passport import Passport, check_signature

if TYPE_CHECKING:
    from cryptography import x509


#: Seconds that the other side's clock may be ahead of ours.
AHEAD = 15.0


@dataclass(frozen=True, slots=True)
class Facts:
    """What a request says of itself: numbers of caller and callee (any notation), its Date header (UTC seconds)."""

    callers: Collection[str]
    callees: Collection[str]
    date: float | None = None


def check_claims(passport: Passport, facts: Facts, now: float, max_iat_age: float, max_date_age: float) -> None:
    """Raise StirError unless the claims are of this request and of now (UTC seconds): 403 if too old, else 438."""
    _check_time(now - passport.iat, max_iat_age, "iat")
    if facts.date is not None:
        _check_time(now - facts.date, max_date_age, "the Date header")
    if canonical_number(passport.orig) not in _numbers(facts.callers):
        raise StirError(INVALID_IDENTITY_HEADER, "orig is not the caller")
    if not _numbers(facts.callees) & _numbers(passport.dest):
        raise StirError(INVALID_IDENTITY_HEADER, "dest is not the callee")


def _check_time(age: float, limit: float, what: str) -> None:
    if age > limit:
        raise StirError(STALE_DATE, f"{what} is {age:.0f} s old")
    if age < -AHEAD:
        raise StirError(STALE_DATE, f"{what} is {-age:.0f} s ahead")


def _numbers(texts: Collection[str]) -> set[str]:
    return {canonical_number(text) for text in texts} - {""}


def check_credential(token: str, passport: Passport, chain: list[x509.Certificate], trust: TrustStore, now: float) -> None:
    """Raise StirError unless a trusted signer that may speak for the caller's number signed the token: 437 or 438."""
    if not chain:
        raise StirError(UNSUPPORTED_CREDENTIAL, "there is no certificate")
    trust.check(chain, now)
    allowed = tn_authorization(chain[0])
    if allowed is None:
        raise StirError(UNSUPPORTED_CREDENTIAL, "the certificate has no TNAuthList")
    if not allowed.allows(canonical_number(passport.orig)):
        raise StirError(UNSUPPORTED_CREDENTIAL, "the certificate is not for the caller's number")
    check_signature(token, chain[0].public_key())
