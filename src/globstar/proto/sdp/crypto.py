"""Keys of SRTP in SDP: the suites and the parameters of ``a=crypto`` (RFC 4568, RFC 7714)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from globstar.proto.sdp.values import Attribute, Crypto

#: Session parameters that change nothing for whoever does not use them (RFC 4568 section 6.3).
_HARMLESS = ("WSH=", "FEC_ORDER=", "FEC_KEY=")
#: Longest master key identifier, in bytes (RFC 4568 section 6.1).
_MAX_MKI = 128


class Suite(NamedTuple):
    """A crypto suite: lengths in bytes. ``tag`` is what RTP carries, ``rtcp_tag`` what RTCP carries."""

    name: str
    key: int
    salt: int
    tag: int
    rtcp_tag: int


AES_80 = Suite("AES_CM_128_HMAC_SHA1_80", 16, 14, 10, 10)
AES_32 = Suite("AES_CM_128_HMAC_SHA1_32", 16, 14, 4, 10)
GCM_128 = Suite("AEAD_AES_128_GCM", 16, 12, 16, 16)
GCM_256 = Suite("AEAD_AES_256_GCM", 32, 12, 16, 16)
SUITES = {suite.name: suite for suite in (AES_80, AES_32, GCM_128, GCM_256)}


@dataclass(frozen=True, slots=True, repr=False)
class CryptoKey:
    """A usable ``a=crypto`` line. ``key`` is master key and salt; it never goes into a log.

    ``mki`` is the length of the master key identifier in the packets of whoever wrote the line.
    """

    tag: int
    suite: Suite
    key: bytes
    mki: int = 0

    def __repr__(self) -> str:
        return f"CryptoKey({self.tag} {self.suite.name})"

    def attribute(self) -> Attribute:
        """The line."""
        return Attribute("crypto", f"{self.tag} {self.suite.name} inline:{base64.b64encode(self.key).decode()}")


def read_crypto(line: Crypto) -> CryptoKey | None:
    """What a line offers; None for an unknown suite, a broken key, several keys, or parameters that would have to be obeyed."""
    suite = SUITES.get(line.suite)
    method, _, info = line.key_params.partition(":")
    if suite is None or method.lower() != "inline" or ";" in line.key_params:
        return None
    for parameter in line.session_params:
        if not parameter.startswith(("-", *_HARMLESS)):
            return None
    encoded, *rest = info.split("|")
    try:
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(key) != suite.key + suite.salt:
        return None
    mki = 0
    for part in rest:
        if ":" in part:  # the rest is the lifetime, which outlasts every call
            length = part.rpartition(":")[2]
            if not (length.isascii() and length.isdigit() and len(length) <= 3 and 0 < int(length) <= _MAX_MKI):
                return None
            mki = int(length)
    return CryptoKey(line.tag, suite, key, mki)


def choose_crypto(lines: Iterable[Crypto], preferred: Collection[Suite] = ()) -> CryptoKey | None:
    """The line of an offer to take: the first of a preferred suite, else the first that can be used."""
    usable = [key for key in map(read_crypto, lines) if key is not None]
    return next((key for key in usable if key.suite in preferred), usable[0] if usable else None)
