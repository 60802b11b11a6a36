"""RTCP: reports, source description, bye; compound packets (RFC 3550 section 6)."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from globstar.proto.rtp.packet import RtpParseError

SR, RR, SDES, BYE = 200, 201, 202, 203
#: Feedback on the transport and on the payload, and kinds of the latter (RFC 4585 6.1, RFC 5104 4.3)
RTPFB, PSFB = 205, 206
PLI, FIR = 1, 4
MAX_ITEMS = 31
#: Seconds between the NTP epoch (1900) and the Unix epoch (1970).
NTP_OFFSET = 2_208_988_800

_HEADER = struct.Struct("!BBH")
_SENDER = struct.Struct("!IQIII")
_BLOCK = struct.Struct("!IIIIII")
_WORD = struct.Struct("!I")


class SdesItem(IntEnum):
    """Item types of a source description, section 12.2."""

    CNAME = 1
    NAME = 2
    EMAIL = 3
    PHONE = 4
    LOC = 5
    TOOL = 6
    NOTE = 7
    PRIV = 8
    #: RFC 9143 section 15
    MID = 15


@dataclass(frozen=True, slots=True)
class ReportBlock:
    """What one receiver says of one source, section 6.4.1. Jitter is in RTP clock ticks."""

    ssrc: int
    fraction_lost: int
    cumulative_lost: int
    highest_sequence: int
    jitter: int
    last_sr: int
    delay_since_last_sr: int

    def __bytes__(self) -> bytes:
        loss = self.fraction_lost << 24 | self.cumulative_lost & 0xFFFFFF
        return _BLOCK.pack(self.ssrc, loss, self.highest_sequence, self.jitter, self.last_sr, self.delay_since_last_sr)


@dataclass(frozen=True, slots=True)
class SenderReport:
    """SR, section 6.4.1; ``ntp`` is the 64-bit NTP timestamp of the moment of sending."""

    ssrc: int
    ntp: int
    rtp_time: int
    packets: int
    octets: int
    blocks: tuple[ReportBlock, ...] = ()

    @property
    def middle_ntp(self) -> int:
        """The 32 bits that come back as ``last_sr``."""
        return self.ntp >> 16 & 0xFFFFFFFF

    def __bytes__(self) -> bytes:
        head = _SENDER.pack(self.ssrc, self.ntp, self.rtp_time, self.packets & 0xFFFFFFFF, self.octets & 0xFFFFFFFF)
        return _pack(SR, len(self.blocks), head + b"".join(map(bytes, self.blocks)))


@dataclass(frozen=True, slots=True)
class ReceiverReport:
    """RR, section 6.4.2."""

    ssrc: int
    blocks: tuple[ReportBlock, ...] = ()

    def __bytes__(self) -> bytes:
        return _pack(RR, len(self.blocks), _WORD.pack(self.ssrc) + b"".join(map(bytes, self.blocks)))


@dataclass(frozen=True, slots=True)
class SourceDescription:
    """SDES, section 6.5: per source its items as (type, text)."""

    chunks: tuple[tuple[int, tuple[tuple[int, bytes], ...]], ...]

    @staticmethod
    def of(ssrc: int, cname: str, mid: bytes = b"") -> SourceDescription:
        """The description that every compound packet needs: the canonical name; and the stream's in a bundle."""
        items: tuple[tuple[int, bytes], ...] = ((SdesItem.CNAME, cname.encode()[:255]),)
        if mid:
            items = (*items, (SdesItem.MID, mid[:255]))
        return SourceDescription(((ssrc, items),))

    def __bytes__(self) -> bytes:
        parts = []
        for ssrc, items in self.chunks:
            chunk = _WORD.pack(ssrc) + b"".join(bytes((kind, len(text))) + text for kind, text in items)
            parts.append(chunk + bytes(4 - len(chunk) % 4))
        return _pack(SDES, len(self.chunks), b"".join(parts))


@dataclass(frozen=True, slots=True)
class Bye:
    """BYE, section 6.6."""

    ssrcs: tuple[int, ...]
    reason: bytes = b""

    def __bytes__(self) -> bytes:
        body = b"".join(map(_WORD.pack, self.ssrcs))
        if self.reason:
            text = bytes((len(self.reason),)) + self.reason
            body += text + bytes(-len(text) % 4)
        return _pack(BYE, len(self.ssrcs), body)


@dataclass(frozen=True, slots=True)
class OtherRtcp:
    """Any other packet (APP, feedback of RFC 4585, XR of RFC 3611), kept as it came."""

    packet_type: int
    count: int
    body: bytes

    def __bytes__(self) -> bytes:
        return _pack(self.packet_type, self.count, self.body)


RtcpPacket = SenderReport | ReceiverReport | SourceDescription | Bye | OtherRtcp


def asks_for_picture(packets: Iterable[RtcpPacket]) -> bool:
    """Whether a compound has a Picture Loss Indication (RFC 4585 6.3.1) or a Full Intra Request (RFC 5104 4.3.1)."""
    return any(isinstance(packet, OtherRtcp) and packet.packet_type == PSFB and packet.count in (PLI, FIR) for packet in packets)


def build_picture_loss(ssrc: int, media_ssrc: int) -> bytes:
    """A Picture Loss Indication; it stands behind a report."""
    return bytes(OtherRtcp(PSFB, PLI, ssrc.to_bytes(4, "big") + media_ssrc.to_bytes(4, "big")))


def build_compound(packets: Iterable[RtcpPacket]) -> bytes:
    """One datagram of several packets; the caller puts a report first (section 6.1)."""
    return b"".join(map(bytes, packets))


def parse_compound(data: bytes) -> tuple[RtcpPacket, ...]:
    """Read a datagram of RTCP packets; reduced-size ones (RFC 5506) are taken too.

    Raises:
        RtpParseError: not RTCP version 2, or a length does not fit.
    """
    packets: list[RtcpPacket] = []
    offset, end = 0, len(data)
    if end < 4:
        raise RtpParseError("an RTCP packet has at least 4 bytes")
    while offset < end:
        if end - offset < 4:
            raise RtpParseError("bytes left over after the last RTCP packet")
        first, kind, words = _HEADER.unpack_from(data, offset)
        stop = offset + 4 + 4 * words
        if first >> 6 != 2 or not 192 <= kind <= 223:
            raise RtpParseError("not RTCP version 2")
        if stop > end:
            raise RtpParseError("an RTCP packet is cut off")
        body = data[offset + 4 : stop]
        if first & 0x20:
            padding = body[-1] if body else 0
            if padding == 0 or padding > len(body) or padding % 4:
                raise RtpParseError("the RTCP padding does not fit")
            body = body[:-padding]
        packets.append(_parse_one(kind, first & 0x1F, body))
        offset = stop
    return tuple(packets)


def _parse_one(kind: int, count: int, body: bytes) -> RtcpPacket:
    if kind == SR:
        if len(body) < _SENDER.size:
            raise RtpParseError("a sender report is cut off")
        ssrc, ntp, rtp_time, packets, octets = _SENDER.unpack_from(body)
        return SenderReport(ssrc, ntp, rtp_time, packets, octets, _blocks(count, body, _SENDER.size))
    if kind == RR:
        if len(body) < 4:
            raise RtpParseError("a receiver report is cut off")
        return ReceiverReport(_WORD.unpack_from(body)[0], _blocks(count, body, 4))
    if kind == SDES:
        return SourceDescription(_chunks(count, body))
    if kind == BYE:
        return _bye(count, body)
    return OtherRtcp(kind, count, body)


def _blocks(count: int, body: bytes, offset: int) -> tuple[ReportBlock, ...]:
    if len(body) < offset + count * _BLOCK.size:
        raise RtpParseError("a report block is cut off")
    found = []
    for index in range(count):
        ssrc, loss, highest, jitter, last_sr, delay = _BLOCK.unpack_from(body, offset + index * _BLOCK.size)
        lost = (loss + 0x800000 & 0xFFFFFF) - 0x800000
        found.append(ReportBlock(ssrc, loss >> 24, lost, highest, jitter, last_sr, delay))
    return tuple(found)


def _chunks(count: int, body: bytes) -> tuple[tuple[int, tuple[tuple[int, bytes], ...]], ...]:
    found = []
    offset, end = 0, len(body)
    for _ in range(count):
        if end - offset < 4:
            raise RtpParseError("a source description is cut off")
        ssrc = int.from_bytes(body[offset : offset + 4], "big")
        offset += 4
        items: list[tuple[int, bytes]] = []
        while offset < end and body[offset]:
            if offset + 2 > end or offset + 2 + body[offset + 1] > end:
                raise RtpParseError("a source description item is cut off")
            stop = offset + 2 + body[offset + 1]
            items.append((body[offset], body[offset + 2 : stop]))
            offset = stop
        offset += 4 - offset % 4
        found.append((ssrc, tuple(items)))
    return tuple(found)


def _bye(count: int, body: bytes) -> Bye:
    if len(body) < 4 * count:
        raise RtpParseError("a bye is cut off")
    ssrcs = struct.unpack_from(f"!{count}I", body)
    rest = body[4 * count :]
    if rest and len(rest) < 1 + rest[0]:
        raise RtpParseError("the reason of a bye is cut off")
    return Bye(ssrcs, rest[1 : 1 + rest[0]] if rest else b"")


def _pack(kind: int, count: int, body: bytes) -> bytes:
    return _HEADER.pack(0x80 | count, kind, len(body) // 4) + body


def ntp_time(wall_time: float) -> int:
    """UTC seconds since 1970 as a 64-bit NTP timestamp (section 4)."""
    return int((wall_time + NTP_OFFSET) * 4294967296.0) & 0xFFFFFFFFFFFFFFFF


def microseconds_of(ntp: int) -> int:
    """A 64-bit NTP timestamp as microseconds since 1970 in UTC; 0 for one that says nothing (section 6.4.1).

    Times before 1968 are those of the era that begins in 2036 (RFC 4330 section 3).
    """
    if not ntp:
        return 0
    era = 0 if ntp >> 63 else 1 << 32
    return (((ntp >> 32) + era - NTP_OFFSET) * 1_000_000) + ((ntp & 0xFFFFFFFF) * 1_000_000 + 0x80000000 >> 32)


def round_trip(block: ReportBlock, arrival_ntp: int) -> float | None:
    """Seconds between our sender report and this block's arrival, less the peer's delay (section 6.4.1).

    None when the peer has seen no report of ours yet; never negative, as clocks may step.
    """
    if block.last_sr == 0:
        return None
    units = (arrival_ntp >> 16) - block.last_sr - block.delay_since_last_sr & 0xFFFFFFFF
    return units / 65536 if units < 0x80000000 else 0.0
