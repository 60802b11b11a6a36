"""Capture files that Wireshark reads (draft-ietf-opsawg-pcap): messages as UDP datagrams in raw IP packets."""

from __future__ import annotations

import ipaddress
import struct

_MAGIC, _SNAP_LENGTH, _RAW_IP = 0xA1B2C3D4, 65535, 101
_UDP = 17
#: what one datagram holds beside IP and UDP headers
MAX_PAYLOAD = 65535 - 40 - 8

FILE_HEADER = struct.pack("!IHHiIII", _MAGIC, 2, 4, 0, 0, _SNAP_LENGTH, _RAW_IP)

Endpoint = tuple[str, int]


def record(data: bytes, source: Endpoint, destination: Endpoint, wall_time: float) -> bytes:
    """``data`` (cut after MAX_PAYLOAD octets) as a packet at ``wall_time``, seconds since 1970. Names are shown as 0.0.0.0."""
    from_, to = _address(source[0]), _address(destination[0])
    payload = data[:MAX_PAYLOAD]
    udp = struct.pack("!HHHH", source[1], destination[1], 8 + len(payload), 0) + payload
    if from_.version == to.version == 4:
        head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, _UDP, 0, from_.packed, to.packed)
        head = head[:10] + struct.pack("!H", _checksum(head)) + head[12:]
    else:
        head = struct.pack("!IHBB16s16s", 6 << 28, len(udp), _UDP, 64, _packed6(from_), _packed6(to))
    packet = head + udp
    seconds = int(wall_time)
    return struct.pack("!IIII", seconds, int((wall_time - seconds) * 1_000_000), len(packet), len(packet)) + packet


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return ipaddress.IPv4Address(0)


def _packed6(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bytes:
    return address.packed if address.version == 6 else b"\0" * 10 + b"\xff\xff" + address.packed


def _checksum(head: bytes) -> int:
    """RFC 1071."""
    total: int = sum(struct.unpack(f"!{len(head) // 2}H", head))
    total = (total & 0xFFFF) + (total >> 16)
    total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
