"""STIR and SHAKEN: signed caller numbers (RFC 8224, RFC 8225, RFC 8226, RFC 8588). Pure: bytes and times in, values out."""

from __future__ import annotations

from globstar.proto.stir.certificates import TrustStore, read_certificates, tn_authorization
from globstar.proto.stir.errors import StirError
from globstar.proto.stir.identity import IdentityHeader
from globstar.proto.stir.numbers import canonical_number
from globstar.proto.stir.passport import Attestation, Passport

__all__ = [
    "Attestation",
    "IdentityHeader",
    "Passport",
    "StirError",
    "TrustStore",
    "canonical_number",
    "read_certificates",
    "tn_authorization",
]
