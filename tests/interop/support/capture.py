"""Packets as they were on the wire, caught by tshark: an observer that trusts neither end."""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from tests.interop.support.programs import require_capture
from tests.interop.support.rtp import Packet, parse_rtp
from tests.support.loopback import HOST, wait_until


class Capture:
    """Everything that passes the loopback interface over UDP in the range of ports, while the context is open."""

    def __init__(self, path: Path, first_port: int, last_port: int) -> None:
        self.path = path
        self._log = path.with_suffix(".log").open("wb+")
        self._file = path.open("wb")  # by way of standard output, as tshark's own files are for root alone
        self.process = subprocess.Popen(
            [*require_capture(), "-q", "-i", "lo", "-F", "pcap", "-w", "-", "-f", f"udp portrange {first_port}-{last_port}"],
            stdin=subprocess.DEVNULL,
            stdout=self._file,
            stderr=self._log,
        )

    def _started(self) -> bool:
        assert self.process.poll() is None, f"tshark ended:\n{self.path.with_suffix('.log').read_text()}"
        return self.path.is_file() and self.path.stat().st_size >= 24

    def __enter__(self) -> Self:
        wait_until(self._started, 15, "tshark captures")
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._file.close()
        self._log.close()

    def datagrams(self) -> Iterator[tuple[float, int, int, bytes]]:
        """(time, source port, destination port, payload) of each captured IPv4 datagram."""
        data = self.path.read_bytes()
        magic, link = struct.unpack_from("<I", data)[0], struct.unpack_from("<I", data, 20)[0]
        assert magic in (0xA1B2C3D4, 0xA1B23C4D), f"not a pcap file: {magic:x}"
        assert link == 1, f"not Ethernet framing: {link}"
        fraction = 1e-9 if magic == 0xA1B23C4D else 1e-6
        offset = 24
        while offset + 16 <= len(data):
            seconds, part, size, _ = struct.unpack_from("<IIII", data, offset)
            frame = data[offset + 16 : offset + 16 + size]
            if len(frame) < size:
                return  # it is being written
            offset += 16 + size
            if len(frame) < 42 or frame[12:14] != b"\x08\x00" or frame[23] != 17:
                continue
            udp = 14 + 4 * (frame[14] & 0x0F)
            source, destination = struct.unpack_from("!HH", frame, udp)
            yield seconds + part * fraction, source, destination, frame[udp + 8 :]

    def rtp_to(self, port: int) -> list[Packet]:
        """The RTP packets that went to ``port``; their arrival is wall time."""
        packets = []
        for moment, source, destination, payload in self.datagrams():
            if destination == port:
                packet = parse_rtp(payload, moment, (HOST, source))
                if packet is not None:
                    packets.append(packet)
        return packets
