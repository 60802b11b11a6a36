"""Capture files, read again with a reader of their own."""

from __future__ import annotations

import ipaddress
import struct

from globstar.proto import pcap


def fields(packet: bytes) -> tuple[str, int, str, int, bytes]:
    """Source, destination and payload of a UDP packet."""
    if packet[0] >> 4 == 4:
        assert struct.unpack_from("!H", packet, 2)[0] == len(packet)
        words = struct.unpack("!10H", packet[:20])
        total = sum(words)
        while total > 0xFFFF:
            total = (total & 0xFFFF) + (total >> 16)
        assert total == 0xFFFF, "header checksum"
        head, source, destination = 20, packet[12:16], packet[16:20]
    else:
        assert packet[0] >> 4 == 6
        assert struct.unpack_from("!H", packet, 4)[0] == len(packet) - 40
        head, source, destination = 40, packet[8:24], packet[24:40]
    from_port, to_port, length, _ = struct.unpack_from("!HHHH", packet, head)
    assert length == len(packet) - head
    return (
        str(ipaddress.ip_address(source)), from_port, str(ipaddress.ip_address(destination)), to_port, packet[head + 8 :],
    )  # fmt: skip


def packet_of(record: bytes) -> tuple[float, bytes]:
    seconds, fraction, kept, whole = struct.unpack_from("!IIII", record)
    assert kept == whole == len(record) - 16
    return seconds + fraction / 1e6, record[16:]


def test_the_file_says_raw_ip() -> None:
    assert struct.unpack("!IHHiIII", pcap.FILE_HEADER) == (0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)


def test_ipv4() -> None:
    time, packet = packet_of(pcap.record(b"OPTIONS", ("192.0.2.1", 5060), ("198.51.100.7", 5062), 1000.25))
    assert time == 1000.25
    assert fields(packet) == ("192.0.2.1", 5060, "198.51.100.7", 5062, b"OPTIONS")


def test_ipv6_and_mixed() -> None:
    _, packet = packet_of(pcap.record(b"x", ("2001:db8::1", 5060), ("fe80::1%eth0", 5062), 0))
    assert fields(packet) == ("2001:db8::1", 5060, "fe80::1", 5062, b"x")
    _, packet = packet_of(pcap.record(b"x", ("2001:db8::1", 5060), ("192.0.2.1", 5062), 0))
    assert ipaddress.ip_address(fields(packet)[2]) == ipaddress.ip_address("::ffff:192.0.2.1")


def test_a_name_and_a_message_that_is_too_long() -> None:
    _, packet = packet_of(pcap.record(b"y" * 70000, ("a.example", 1), ("192.0.2.1", 2), 0))
    assert fields(packet)[0] == "0.0.0.0"
    assert fields(packet)[4] == b"y" * pcap.MAX_PAYLOAD
