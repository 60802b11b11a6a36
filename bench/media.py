"""Many RTP streams from one process: sends 20 ms packets on every leg and counts what comes back."""

from __future__ import annotations

import re
import selectors
import socket
import struct
import time
from dataclasses import dataclass

from tests.interop.support.sipp import Message
from tests.support.loopback import HOST

_AUDIO = re.compile(r"^m=audio (\d+) ", re.MULTILINE)
PACKETS_A_SECOND = 50


@dataclass(frozen=True, slots=True)
class Leg:
    """The two RTP ports of one call leg: SIPp's side and the server's."""

    local: int
    remote: int


def legs(messages: list[Message]) -> list[Leg]:
    """The legs of all calls in SIPp's trace: our SDP and theirs, paired by Call-ID."""
    ours: dict[str, int] = {}
    theirs: dict[str, int] = {}
    for message in messages:
        found = _AUDIO.search(message.body)
        if found is not None:
            (ours if message.sent else theirs)[message.header("Call-ID")] = int(found[1])
    return [Leg(ours[call], theirs[call]) for call in ours if call in theirs]


@dataclass(frozen=True, slots=True)
class Traffic:
    """What one run sent and got back."""

    sent: int
    received: int


class Streams:
    """Sends one G.711 packet of 20 ms on each leg, fifty times a second."""

    def __init__(self, all_legs: list[Leg]) -> None:
        self._sockets: list[socket.socket] = []
        self._selector = selectors.DefaultSelector()
        for leg in all_legs:
            party = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            party.bind((HOST, leg.local))
            party.connect((HOST, leg.remote))
            party.setblocking(False)
            self._sockets.append(party)
            self._selector.register(party, selectors.EVENT_READ)
        self._sequence = 0

    def close(self) -> None:
        self._selector.close()
        for party in self._sockets:
            party.close()

    def _drain(self, until: float) -> int:
        count = 0
        while (left := until - time.monotonic()) > 0:
            for key, _ in self._selector.select(left):
                party = key.fileobj
                assert isinstance(party, socket.socket)
                try:
                    while True:
                        party.recv(2048)
                        count += 1
                except BlockingIOError:
                    continue
        return count

    def run(self, seconds: float) -> Traffic:
        """Talk for that long; legs are spread over the 20 ms so that packets do not come in bursts of all calls."""
        sent = received = 0
        payload = bytes([0xFF, 0x7F] * 80)
        started = time.monotonic()
        slices = 10
        for tick in range(int(seconds * PACKETS_A_SECOND)):
            self._sequence = (self._sequence + 1) & 0xFFFF
            header = struct.pack("!BBHI", 0x80, 0, self._sequence, self._sequence * 160)
            for part in range(slices):
                for index in range(part, len(self._sockets), slices):
                    try:
                        self._sockets[index].send(header + struct.pack("!I", 0x10000 + index) + payload)
                        sent += 1
                    except ConnectionRefusedError:
                        continue  # the server closed this leg's port; the counts show it
                received += self._drain(started + (tick + (part + 1) / slices) / PACKETS_A_SECOND)
        return Traffic(sent, received)
