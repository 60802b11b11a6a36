"""Messages of STUN (RFC 8489) and TURN (RFC 8656), as bytes."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from globstar.base.errors import RemoteFault

COOKIE = 0x2112A442
HEADER = 20
_FINGERPRINT_MASK = 0x5354554E
#: Most attributes of a message that are looked at.
_MAX_ATTRIBUTES = 32


class StunParseError(RemoteFault):
    """Bytes that are no STUN message."""


class Kind(IntEnum):
    """Class and method of a message, RFC 8489 section 5: Binding, and the methods of TURN (RFC 8656 section 17)."""

    REQUEST = 0x0001
    INDICATION = 0x0011
    RESPONSE = 0x0101
    ERROR = 0x0111
    ALLOCATE = 0x0003
    ALLOCATE_RESPONSE = 0x0103
    ALLOCATE_ERROR = 0x0113
    REFRESH = 0x0004
    REFRESH_RESPONSE = 0x0104
    REFRESH_ERROR = 0x0114
    SEND = 0x0016
    DATA = 0x0017
    CREATE_PERMISSION = 0x0008
    CREATE_PERMISSION_RESPONSE = 0x0108
    CREATE_PERMISSION_ERROR = 0x0118
    CHANNEL_BIND = 0x0009
    CHANNEL_BIND_RESPONSE = 0x0109
    CHANNEL_BIND_ERROR = 0x0119


class Attr(IntEnum):
    """Attributes that are understood, RFC 8489 section 18.3, RFC 8445 section 16.1 and RFC 8656 section 18."""

    MAPPED_ADDRESS = 0x0001
    USERNAME = 0x0006
    MESSAGE_INTEGRITY = 0x0008
    ERROR_CODE = 0x0009
    UNKNOWN_ATTRIBUTES = 0x000A
    CHANNEL_NUMBER = 0x000C
    LIFETIME = 0x000D
    XOR_PEER_ADDRESS = 0x0012
    DATA = 0x0013
    REALM = 0x0014
    NONCE = 0x0015
    XOR_RELAYED_ADDRESS = 0x0016
    REQUESTED_ADDRESS_FAMILY = 0x0017
    REQUESTED_TRANSPORT = 0x0019
    XOR_MAPPED_ADDRESS = 0x0020
    PRIORITY = 0x0024
    USE_CANDIDATE = 0x0025
    SOFTWARE = 0x8022
    ALTERNATE_SERVER = 0x8023
    FINGERPRINT = 0x8028
    ICE_CONTROLLED = 0x8029
    ICE_CONTROLLING = 0x802A


_KNOWN = frozenset(Attr)


def is_stun(data: bytes) -> bool:
    """Whether a datagram is STUN (RFC 7983 section 7)."""
    return len(data) >= HEADER and data[0] < 4 and data[4:8] == b"\x21\x12\xa4\x42"


@dataclass(slots=True)
class StunMessage:
    """One message. ``attributes`` are raw, in order; the keys of :meth:`build` and :meth:`is_authentic` are passwords, or bytes.

    ``raw`` is what was parsed, for the check of its integrity.
    """

    kind: Kind
    transaction: bytes
    attributes: dict[int, bytes] = field(default_factory=dict)
    raw: bytes = b""
    integrity_at: int = -1

    # -- reading -----------------------------------------------------------------------------------------------------

    @property
    def username(self) -> str:
        """``USERNAME``; "" without one."""
        return self.attributes.get(Attr.USERNAME, b"").decode("utf-8", "replace")

    @property
    def unknown(self) -> list[int]:
        """Attributes that must be understood and are not (RFC 8489 section 6.3.1)."""
        return [number for number in self.attributes if number < 0x8000 and number not in _KNOWN]

    def number(self, attribute: Attr) -> int | None:
        """An attribute that is a number; None when it is not there or not one."""
        value = self.attributes.get(attribute)
        return int.from_bytes(value, "big") if value is not None and len(value) in (4, 8) else None

    @property
    def error(self) -> int:
        """``ERROR-CODE``; 0 without one."""
        value = self.attributes.get(Attr.ERROR_CODE, b"")
        return (value[2] & 7) * 100 + value[3] if len(value) >= 4 else 0

    @property
    def mapped(self) -> tuple[str, int] | None:
        """Where the request came from, as the responder saw it."""
        return self.address(Attr.XOR_MAPPED_ADDRESS) or _address(self.attributes.get(Attr.MAPPED_ADDRESS, b""), bytes(16))

    @property
    def alternate(self) -> tuple[str, int] | None:
        """The server that is to be asked instead (RFC 8489 section 14.15)."""
        return _address(self.attributes.get(Attr.ALTERNATE_SERVER, b""), bytes(16))

    def address(self, attribute: Attr) -> tuple[str, int] | None:
        """One of the addresses that are hidden from translators (XOR-...-ADDRESS)."""
        return _address(self.attributes.get(attribute, b""), COOKIE.to_bytes(4, "big") + self.transaction)

    def is_authentic(self, password: str | bytes) -> bool:
        """Whether MESSAGE-INTEGRITY is there and right (RFC 8489 section 14.5)."""
        if self.integrity_at < 0:
            return False
        covered = self.raw[: self.integrity_at]
        head = covered[:2] + struct.pack("!H", self.integrity_at + 24 - HEADER) + covered[4:]
        wanted = hmac.new(_key(password), head, hashlib.sha1).digest()
        return hmac.compare_digest(wanted, self.attributes.get(Attr.MESSAGE_INTEGRITY, b""))

    # -- writing -----------------------------------------------------------------------------------------------------

    def set_address(self, address: tuple[str, int], attribute: Attr = Attr.XOR_MAPPED_ADDRESS) -> None:
        """``XOR-MAPPED-ADDRESS``, or another attribute of its kind."""
        packed = ipaddress.ip_address(address[0]).packed
        mask = COOKIE.to_bytes(4, "big") + self.transaction
        self.attributes[attribute] = struct.pack("!BBH", 0, 1 if len(packed) == 4 else 2, address[1] ^ (COOKIE >> 16)) + bytes(
            a ^ b for a, b in zip(packed, mask, strict=False)
        )

    def set_error(self, code: int, reason: str) -> None:
        """``ERROR-CODE``."""
        self.attributes[Attr.ERROR_CODE] = struct.pack("!HBB", 0, code // 100, code % 100) + reason.encode()

    def build(self, password: str | bytes = "") -> bytes:
        """The message, with MESSAGE-INTEGRITY under a password, and with FINGERPRINT."""
        body = b"".join(_attribute(number, value) for number, value in self.attributes.items())
        if password:
            head = self._head(len(body) + 24)
            body += _attribute(Attr.MESSAGE_INTEGRITY, hmac.new(_key(password), head + body, hashlib.sha1).digest())
        head = self._head(len(body) + 8)
        check = zlib.crc32(head + body) ^ _FINGERPRINT_MASK
        return head + body + _attribute(Attr.FINGERPRINT, struct.pack("!I", check))

    def _head(self, length: int) -> bytes:
        return struct.pack("!HHI", self.kind, length, COOKIE) + self.transaction


def request(transaction: bytes, attributes: Mapping[int, bytes]) -> StunMessage:
    """A Binding request."""
    return StunMessage(Kind.REQUEST, transaction, dict(attributes))


def parse_stun(data: bytes) -> StunMessage:
    """Read a message; a wrong FINGERPRINT makes it none. Raises StunParseError."""
    if not is_stun(data):
        raise StunParseError("no STUN message")
    number, length = struct.unpack_from("!HH", data)
    if length % 4 or length != len(data) - HEADER:
        raise StunParseError("the length of the STUN message is wrong")
    try:
        kind = Kind(number)
    except ValueError:
        raise StunParseError(f"no message of STUN or TURN: 0x{number:04x}") from None
    message = StunMessage(kind, data[8:20], raw=data)
    place = HEADER
    while place < len(data) and len(message.attributes) < _MAX_ATTRIBUTES:
        attribute, size = struct.unpack_from("!HH", data, place)
        value = data[place + 4 : place + 4 + size]
        if len(value) != size:
            raise StunParseError("a STUN attribute is cut off")
        if attribute == Attr.FINGERPRINT:
            if size != 4 or struct.unpack("!I", value)[0] != zlib.crc32(data[:place]) ^ _FINGERPRINT_MASK:
                raise StunParseError("the fingerprint of the STUN message is wrong")
        if message.integrity_at < 0 or attribute == Attr.FINGERPRINT:  # what follows the integrity is not covered by it
            message.attributes.setdefault(attribute, value)
        if attribute == Attr.MESSAGE_INTEGRITY and message.integrity_at < 0:
            message.integrity_at = place
        place += 4 + size + -size % 4
    return message


def _key(password: str | bytes) -> bytes:
    return password.encode() if isinstance(password, str) else password


def long_term_key(username: str, realm: str, password: str) -> bytes:
    """The key of long-term credentials (RFC 8489 section 9.2.2)."""
    return hashlib.md5(f"{username}:{realm}:{password}".encode(), usedforsecurity=False).digest()


def _attribute(number: int, value: bytes) -> bytes:
    return struct.pack("!HH", number, len(value)) + value + bytes(-len(value) % 4)


def _address(value: bytes, mask: bytes) -> tuple[str, int] | None:
    if len(value) not in (8, 20):
        return None
    port = struct.unpack_from("!H", value, 2)[0] ^ int.from_bytes(mask[:2], "big")
    packed = bytes(a ^ b for a, b in zip(value[4:], mask, strict=False))
    return str(ipaddress.ip_address(packed)), port
