"""The audio of a simulated phone: RTP over a network in memory."""

from __future__ import annotations

import asyncio
import struct
from typing import TYPE_CHECKING

from globstar.media.network import MemorySocket

if TYPE_CHECKING:
    from globstar.testing.office import Office

_EVENTS = "0123456789*#ABCD"
_TELEPHONE_EVENT = 101


class PhoneMedia:
    """What one call sends and hears: G.711 u-law and telephone events."""

    __slots__ = ("_address", "_office", "_sequence", "_socket", "_version", "heard", "remote")

    def __init__(self, office: Office, host: str) -> None:
        self._office = office
        self._address = (host, office.new_media_port())
        self._socket: MemorySocket = office.media.open(*self._address)
        self._socket.set_reader(self._read)
        self._version = 0
        self._sequence = 0
        self.remote: tuple[str, int] | None = None
        #: how many packets were heard, by the first octet of their sound
        self.heard: dict[int, int] = {}

    @property
    def heard_seconds(self) -> float:
        """How much sound has come."""
        return sum(self.heard.values()) * 0.02

    def offer(self, direction: str = "sendrecv") -> str:
        """The phone's session description, a new version each time."""
        self._version += 1
        host, port = self._address
        return (
            f"v=0\r\no=- {port} {self._version} IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
            f"m=audio {port} RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na={direction}\r\n"
        )

    def learn(self, remote: tuple[str, int] | None) -> None:
        """Send there from now on, if that is anywhere."""
        self.remote = remote or self.remote

    def close(self) -> None:
        """Give the port back."""
        self._socket.close()

    def _read(self, _now: float) -> None:
        while True:
            try:
                data, _ = self._socket.recvfrom(2048)
            except BlockingIOError:
                return
            if len(data) > 12 and data[1] & 0x7F == 0:
                self.heard[data[12]] = self.heard.get(data[12], 0) + 1

    def _send(self, payload: bytes, kind: int, time: int, *, marker: bool = False) -> None:
        assert self.remote is not None, "there is nowhere to send sound to"
        self._sequence += 1
        head = struct.pack("!BBHII", 0x80, kind | (0x80 if marker else 0), self._sequence & 0xFFFF, time, self._address[1])
        self._socket.sendto(head + payload, self.remote)

    async def speak(self, seconds: float, octet: int) -> None:
        """Send sound, a packet each 20 ms."""
        payload = bytes([octet]) * 160
        for _ in range(round(seconds * 50)):
            self._send(payload, 0, (self._sequence + 1) * 160)
            await asyncio.sleep(0.02)

    async def press(self, digit: str) -> None:
        """One key."""
        event = _EVENTS.index(digit.upper())
        time = (self._sequence + 1) * 160
        for step in range(1, 6):
            self._send(struct.pack("!BBH", event, 10, step * 160), _TELEPHONE_EVENT, time, marker=step == 1)
            await asyncio.sleep(0.02)
        for _ in range(3):
            self._send(struct.pack("!BBH", event, 0x80 | 10, 800), _TELEPHONE_EVENT, time)
        await asyncio.sleep(0.1)
