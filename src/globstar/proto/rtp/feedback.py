"""Feedback of receivers: packets that are missing (RFC 4585 6.2.1), whole pictures (RFC 5104 4.3.1), the bit rate that a receiver
reckons with (draft-alvestrand-rmcat-remb-03), and when packets arrived (draft-holmer-rmcat-transport-wide-cc-extensions-01)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from globstar.proto.rtp.rtcp import FIR, PSFB, RTPFB, OtherRtcp

NACK, TRANSPORT_WIDE = 1, 15
#: Feedback of applications, of which ``REMB`` is one.
APPLICATION = 15
_REMB = b"REMB"
_MAX_MANTISSA = (1 << 18) - 1
#: What the chunks say of a packet.
_MISSING, _SMALL, _LARGE = 0, 1, 2
#: Arrival times count in quarters of a millisecond, from a multiple of 64 ms.
_TICK, _TICKS_OF_REFERENCE = 0.00025, 256
_MAX_RUN = 0x1FFF
_VECTOR = 7


def _head(ssrc: int, media_ssrc: int) -> bytes:
    return ssrc.to_bytes(4, "big") + media_ssrc.to_bytes(4, "big")


def build_nack(ssrc: int, media_ssrc: int, numbers: Iterable[int]) -> bytes:
    """Asks for packets of ``media_ssrc`` by their sequence numbers, 16 bits each, in order."""
    entries: list[list[int]] = []
    for number in numbers:
        ahead = number - entries[-1][0] & 0xFFFF if entries else 0
        if entries and 0 < ahead <= 16:
            entries[-1][1] |= 1 << ahead - 1
        elif not entries or ahead:
            entries.append([number, 0])
    body = b"".join(first.to_bytes(2, "big") + more.to_bytes(2, "big") for first, more in entries)
    return bytes(OtherRtcp(RTPFB, NACK, _head(ssrc, media_ssrc) + body))


def missing_packets(packet: OtherRtcp) -> tuple[int, list[int]] | None:
    """The source and the numbers that a NACK asks for; None for another packet."""
    if packet.packet_type != RTPFB or packet.count != NACK or len(packet.body) < 8:
        return None
    body, numbers = packet.body, []
    for place in range(8, len(body) - 3, 4):
        first, more = int.from_bytes(body[place : place + 2], "big"), int.from_bytes(body[place + 2 : place + 4], "big")
        numbers.append(first)
        numbers += [first + 1 + bit & 0xFFFF for bit in range(16) if more >> bit & 1]
    return int.from_bytes(body[4:8], "big"), numbers


def build_intra_request(ssrc: int, media_ssrc: int, count: int) -> bytes:
    """A Full Intra Request; ``count`` tells one from its repetition, 8 bits."""
    entry = media_ssrc.to_bytes(4, "big") + bytes((count & 0xFF, 0, 0, 0))
    return bytes(OtherRtcp(PSFB, FIR, _head(ssrc, 0) + entry))


def build_bit_rate(ssrc: int, bit_rate: int, sources: Sequence[int]) -> bytes:
    """The most that the sender of ``sources`` should send, bit/s."""
    exponent = max(bit_rate.bit_length() - 18, 0)
    mantissa = min(bit_rate >> exponent, _MAX_MANTISSA)
    rate = (len(sources) << 24 | exponent << 18 | mantissa).to_bytes(4, "big")
    listed = b"".join(source.to_bytes(4, "big") for source in sources)
    return bytes(OtherRtcp(PSFB, APPLICATION, _head(ssrc, 0) + _REMB + rate + listed))


def bit_rate_of(packet: OtherRtcp) -> tuple[int, tuple[int, ...]] | None:
    """The bit rate, bit/s, and the sources that share it; None for another packet."""
    body = packet.body
    if packet.packet_type != PSFB or packet.count != APPLICATION or len(body) < 16 or body[8:12] != _REMB:
        return None
    word = int.from_bytes(body[12:16], "big")
    listed = body[16 : 16 + 4 * (word >> 24)]
    sources = tuple(int.from_bytes(listed[place : place + 4], "big") for place in range(0, len(listed) - 3, 4))
    return (word & _MAX_MANTISSA) << (word >> 18 & 63), sources


def build_arrivals(ssrc: int, media_ssrc: int, count: int, arrivals: Sequence[tuple[int, float]]) -> tuple[bytes, int]:
    """When packets came: their transport-wide numbers with the times in seconds, one at least, in the order of their numbers.

    ``count`` numbers these packets, 8 bits. Gives the packet and how many of the arrivals are in it: what is too far in time or
    number from what comes before it begins the next one.
    """
    first, began = arrivals[0]
    reference = int(began / _TICK) // _TICKS_OF_REFERENCE
    before = reference * _TICKS_OF_REFERENCE
    statuses: list[int] = []
    deltas = b""
    taken = 0
    for number, time in arrivals:
        ahead = (number - first & 0xFFFF) - len(statuses)
        tick = int(time / _TICK)
        delta = tick - before
        if ahead < 0 or ahead > 1000 or not -0x8000 <= delta < 0x8000:
            break
        statuses += [_MISSING] * ahead
        is_small = 0 <= delta <= 255
        statuses.append(_SMALL if is_small else _LARGE)
        deltas += delta.to_bytes(1 if is_small else 2, "big", signed=not is_small)
        before = tick
        taken += 1
    head = first.to_bytes(2, "big") + len(statuses).to_bytes(2, "big")
    head += (reference & 0xFFFFFF).to_bytes(3, "big") + bytes((count & 0xFF,))
    body = _head(ssrc, media_ssrc) + head + _chunks(statuses) + deltas
    return bytes(OtherRtcp(RTPFB, TRANSPORT_WIDE, body + bytes(-len(body) % 4))), taken


def _chunks(statuses: Sequence[int]) -> bytes:
    """Runs of one status, and seven statuses of two bits each where they change (sections 3.1.3 and 3.1.4)."""
    chunks, place = b"", 0
    while place < len(statuses):
        status = statuses[place]
        run = 1
        while place + run < len(statuses) and run < _MAX_RUN and statuses[place + run] == status:
            run += 1
        if run >= _VECTOR or place + run == len(statuses):
            chunks += (status << 13 | run).to_bytes(2, "big")
            place += run
            continue
        vector = 0
        for status in statuses[place : place + _VECTOR]:
            vector = vector << 2 | status
        vector <<= 2 * (_VECTOR - len(statuses[place : place + _VECTOR]))
        chunks += (0xC000 | vector).to_bytes(2, "big")
        place += _VECTOR
    return chunks
