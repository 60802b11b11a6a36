"""Messages of TURN on a stream: TCP or TLS (RFC 8656 sections 12.5 and 12.6, RFC 8489 section 6.2.2)."""

from __future__ import annotations

import struct

from globstar.base.errors import RemoteFault
from globstar.proto.stun.message import COOKIE, HEADER

_CHANNEL_HEADER = 4
_COOKIE = COOKIE.to_bytes(4, "big")


class TurnStreamError(RemoteFault):
    """Octets that begin neither a message of STUN nor ChannelData: where the next message begins is lost."""


class TurnStream:
    """Cuts what comes over a connection into messages; both kinds say how long they are."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The messages that are complete now, without the octets that fill ChannelData up. Raises TurnStreamError."""
        buffer = self._buffer + data
        found: list[bytes] = []
        place = 0
        while len(buffer) - place >= _CHANNEL_HEADER:
            first, size = struct.unpack_from("!HH", buffer, place)
            if first < 0x4000:
                length = whole = HEADER + size
                if size % 4 or not _COOKIE.startswith(buffer[place + 4 : place + 8]):
                    raise TurnStreamError(f"no message of STUN or TURN begins with 0x{first:04x}")
            elif first < 0x5000:
                length = _CHANNEL_HEADER + size
                whole = length + -size % 4
            else:
                raise TurnStreamError(f"no message of STUN or TURN begins with 0x{first:04x}")
            if len(buffer) - place < whole:
                break
            found.append(buffer[place : place + length])
            place += whole
        self._buffer = buffer[place:]
        return found


def padded(channel_data: bytes) -> bytes:
    """ChannelData as it goes over a stream: a multiple of four octets."""
    return channel_data + bytes(-len(channel_data) % 4)
