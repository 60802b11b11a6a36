"""Sessions on a network in memory and on virtual time."""

from __future__ import annotations

import asyncio
import random

from globstar.media.engine import RtpEngine
from globstar.media.network import Impairment, MediaNetwork
from globstar.media.session import RtpSession
from globstar.media.settings import MediaSettings, Payload, PayloadKind, SessionOptions

HOST = "192.0.2.1"
PAYLOADS = {
    0: Payload(PayloadKind.MEDIA, 8000),
    8: Payload(PayloadKind.MEDIA, 8000),
    101: Payload(PayloadKind.DIGITS, 8000),
}


class Ear:
    """Notes what a session delivers."""

    def __init__(self, session: RtpSession) -> None:
        self.session = session
        self.media: list[tuple[int, bytes, int, int, bool]] = []
        self.digits: list[tuple[object, ...]] = []
        self.noise: list[int] = []
        self.rtcp: list[object] = []
        self.timeouts: list[object] = []
        self.sources: list[object] = []
        session.on_media = lambda *packet: self.media.append(packet)
        session.on_digit_begin = lambda digit: self.digits.append(("begin", digit))
        session.on_digit_end = lambda digit, duration: self.digits.append(("end", digit, duration))
        session.on_comfort_noise = self.noise.append
        session.on_rtcp = self.rtcp.extend
        session.on_timeout = self.timeouts.append
        session.on_source = self.sources.append

    @property
    def payloads(self) -> list[bytes]:
        return [packet[1] for packet in self.media]


class Rig:
    """An engine whose sessions talk to each other; use it in a virtual-time test."""

    def __init__(self, settings: MediaSettings | None = None, *, impairment: Impairment | None = None) -> None:
        self.loop = asyncio.get_running_loop()
        self.network = MediaNetwork(self.loop, seed=3, impairment=impairment)
        self.engine = RtpEngine(
            self.loop,
            settings or MediaSettings(port_start=10000, port_end=10099),
            sockets=self.network,
            chance=random.Random(5),
            wall_clock=lambda: 1_700_000_000 + self.loop.time(),
        )

    def open(self, options: SessionOptions | None = None) -> RtpSession:
        session = self.engine.open(HOST, options)
        assert session is not None
        session.set_payloads(PAYLOADS, send=0, clock_rate=8000, digits=(101, 8000))
        return session

    def pair(self, options: SessionOptions | None = None) -> tuple[RtpSession, RtpSession]:
        """Two sessions that send to each other."""
        first, second = self.open(options), self.open(options)
        first.set_remote(second.local_address)
        second.set_remote(first.local_address)
        return first, second

    async def talk(self, session: RtpSession, count: int, first: int = 0) -> None:
        """Send ``count`` packets of 20 ms whose payload says their number."""
        for number in range(first, first + count):
            session.send_media(b"%03d" % number + bytes(157), 160)
            await asyncio.sleep(0.02)


def numbers(ear: Ear) -> list[int]:
    """The numbers that ``talk`` has put into the payloads."""
    return [int(payload[:3]) for payload in ear.payloads]
