"""RTP packets: reading and writing the header (RFC 3550 section 5.1)."""

from __future__ import annotations

import struct
from typing import NamedTuple

from globstar.base.errors import RemoteFault

HEADER = struct.Struct("!BBHII")
HEADER_LENGTH = HEADER.size
VERSION = 2
FIRST_BYTE = VERSION << 6
MARKER = 0x80

_WORD = struct.Struct("!I")
_EXTENSION = struct.Struct("!HH")

unpack_header = HEADER.unpack_from
pack_header = HEADER.pack


class RtpParseError(RemoteFault):
    """Bytes that are no RTP or RTCP packet."""


class RtpPacket(NamedTuple):
    """One packet; ``extension`` is (profile, data) with the data padded to words as on the wire."""

    payload_type: int
    sequence: int
    rtp_time: int
    ssrc: int
    payload: bytes
    marker: bool = False
    csrcs: tuple[int, ...] = ()
    extension: tuple[int, bytes] | None = None

    def __bytes__(self) -> bytes:
        first = FIRST_BYTE | len(self.csrcs)
        second = self.payload_type | (MARKER if self.marker else 0)
        parts = [_WORD.pack(csrc) for csrc in self.csrcs]
        if self.extension is not None:
            first |= 0x10
            profile, data = self.extension
            parts.append(_EXTENSION.pack(profile, len(data) // 4))
            parts.append(data)
        parts.append(self.payload)
        return pack_header(first, second, self.sequence, self.rtp_time, self.ssrc) + b"".join(parts)


def is_rtcp(data: bytes) -> bool:
    """Whether a packet on a muxed port is RTCP: its second byte is 192 to 223 (RFC 5761 section 4)."""
    return len(data) > 1 and 192 <= data[1] <= 223


def payload_bounds(data: bytes) -> tuple[int, int]:
    """Where the payload of a packet begins and ends: after CSRCs and extension, before padding.

    Raises:
        RtpParseError: not RTP, or the lengths do not fit.
    """
    end = len(data)
    if end < HEADER_LENGTH:
        raise RtpParseError("an RTP packet has at least 12 bytes")
    first = data[0]
    if first >> 6 != VERSION:
        raise RtpParseError("not RTP version 2")
    start = HEADER_LENGTH + 4 * (first & 0x0F)
    if first & 0x10:
        if end < start + 4:
            raise RtpParseError("the header extension is cut off")
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4], "big")
    if end < start:
        raise RtpParseError("the header is cut off")
    if first & 0x20:
        padding = data[-1] if end > start else 0
        if padding == 0 or padding > end - start:
            raise RtpParseError("the padding does not fit")
        end -= padding
    return start, end


def parse_packet(data: bytes) -> RtpPacket:
    """Read a whole packet.

    Raises:
        RtpParseError: not RTP, or the lengths do not fit.
    """
    start, end = payload_bounds(data)
    first, second, sequence, rtp_time, ssrc = unpack_header(data)
    payload = data[start:end]
    if first & 0x1F == 0:
        return RtpPacket(second & 0x7F, sequence, rtp_time, ssrc, payload, second >= MARKER)
    count = first & 0x0F
    csrcs = struct.unpack_from(f"!{count}I", data, HEADER_LENGTH)
    extension: tuple[int, bytes] | None = None
    if first & 0x10:
        offset = HEADER_LENGTH + 4 * count
        extension = (int.from_bytes(data[offset : offset + 2], "big"), data[offset + 4 : start])
    return RtpPacket(second & 0x7F, sequence, rtp_time, ssrc, payload, second >= MARKER, csrcs, extension)
