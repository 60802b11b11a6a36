"""Phones and the relay between them on real sockets, for tests of the native relay and of its twin in Python."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from enum import Enum
from functools import partial

import pytest
from pylibsrtp import Error, Policy, Session

from globstar.media import native
from globstar.media.demux import Detour
from globstar.media.engine import RtpEngine
from globstar.media.relay import Relay
from globstar.media.session import RtpSession
from globstar.media.settings import MediaSettings, Payload, PayloadKind
from globstar.media.sockets import Address
from globstar.media.srtp import SrtpContext
from globstar.proto.sdp.crypto import CryptoKey, Suite
from tests.conftest import IN_CI
from tests.support.loopback import HOST, free_port
from tests.support.srtp_phone import PROFILES

RTP_PORTS = 40
ULAW = {0: Payload(PayloadKind.MEDIA, 8000), 101: Payload(PayloadKind.DIGITS, 8000)}
SSRC = 0x01020304
SIXTEEN = {96: Payload(PayloadKind.MEDIA, 16000)}
#: where phones are that are reached through TURN
BEYOND = "203.0.113.5"
Others = list[tuple[bytes, Address]]


class Way(Enum):
    """What forwards: the thread by io_uring or with a system call for each packet, or the loop."""

    RING = "native"
    CALLS = "native without io_uring"
    PYTHON = "python"

    @property
    def is_native(self) -> bool:
        """Whether it is a thread."""
        return self is not Way.PYTHON


WAYS = [pytest.param(way, id=way.value) for way in Way]


async def until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait for a condition, with a deadline that a busy machine, on which threads wait for a processor, does not reach."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, "nothing happened in time"
        await asyncio.sleep(0.002)


def key_of(suite: Suite, number: int) -> bytes:
    """A master key and salt, by a number."""
    return bytes((number + index) % 256 for index in range(suite.key + suite.salt))


class Phone:
    """A bare socket that speaks RTP by hand, and SRTP by pylibsrtp."""

    def __init__(
        self, session: RtpSession, suite: Suite | None = None, *, mki: int = 0, channel: int = 0, others: Others | None = None
    ) -> None:
        #: the channel of TURN in which it is reached; then it is its server, too
        self.channel = channel
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.socket.bind((HOST, 0))
        self.session = session
        self.suite = suite
        self.mki = mki
        self.heard: list[tuple[int, int, int, int, bytes]] = []
        self.refused = 0
        session.set_payloads(ULAW, send=0, clock_rate=8000, digits=(101, 8000))
        if others is not None:
            self.demux = session.carrier.divert(partial(self._unwrap, others))[0]
            self.demux.is_open = True
        if channel:
            peer = (BEYOND, channel)
            self.demux.detours[peer] = Detour(self._wrap, lambda: (self.socket.getsockname(), channel))
            session.carrier.set_remote(peer)
        else:
            session.carrier.set_remote(self.socket.getsockname())
        if suite is not None:
            self.context = SrtpContext()
            self.set_key(1)
            session.carrier.secure(self.context)

    def _wrap(self, data: bytes) -> None:
        self.demux.inner.sendto(struct.pack("!HH", self.channel, len(data)) + data, self.socket.getsockname())

    def _unwrap(self, others: Others, _component: int, data: bytes, source: Address) -> tuple[bytes, Address] | None:
        if self.channel and len(data) >= 4 and source == self.socket.getsockname():
            channel, size = struct.unpack_from("!HH", data)
            if channel == self.channel and size <= len(data) - 4:
                return data[4 : 4 + size], (BEYOND, channel)
        others.append((data, source))
        return None

    def set_key(self, number: int) -> None:
        """Take other keys on both sides."""
        suite = self.suite
        assert suite is not None
        ours, theirs = key_of(suite, number), key_of(suite, number + 100)
        profile = PROFILES[suite.name][0]
        self.seal = Session(Policy(key=ours, ssrc_type=Policy.SSRC_ANY_OUTBOUND, srtp_profile=profile))
        self.open = Session(Policy(key=theirs, ssrc_type=Policy.SSRC_ANY_INBOUND, srtp_profile=profile))
        self.context.set_receive_key(CryptoKey(1, suite, ours, self.mki))
        self.context.set_send_key(suite, theirs)

    def packet(self, sequence: int, *, kind: int = 0, ssrc: int = SSRC, payload: bytes = b"") -> bytes:
        """One packet of 20 ms as it is sent."""
        header = struct.pack("!BBHII", 0x80, kind, sequence & 0xFFFF, sequence * 160 & 0xFFFFFFFF, ssrc)
        plain = header + (payload or b"%08d" % sequence)
        if self.suite is None:
            return plain
        data: bytes = self.seal.protect(plain)
        cut = len(data) - (0 if self.suite.name.startswith("AEAD") else self.suite.tag)
        return data[:cut] + b"\x07" * self.mki + data[cut:]

    def send(self, sequence: int, *, kind: int = 0, ssrc: int = SSRC, payload: bytes = b"") -> None:
        """Send one packet."""
        self.send_raw(self.packet(sequence, kind=kind, ssrc=ssrc, payload=payload))

    def send_raw(self, data: bytes) -> None:
        """Send what may be no packet."""
        if self.channel:
            data = struct.pack("!HH", self.channel, len(data)) + data
        self.socket.sendto(data, self.session.local_address)

    def listen(self) -> int:
        """Read what came; gives how many packets came in all."""
        while True:
            try:
                data = self.socket.recv(2048)
            except BlockingIOError:
                return len(self.heard)
            if self.channel:
                assert struct.unpack_from("!HH", data) == (self.channel, len(data) - 4)
                data = data[4:]
            if 192 <= data[1] <= 223:  # a report, which comes here in a bundle
                continue
            if self.suite is not None:
                try:
                    data = self.open.unprotect(data)
                except Error:
                    self.refused += 1
                    continue
            _, second, sequence, rtp_time, ssrc = struct.unpack("!BBHII", data[:12])
            self.heard.append((second, sequence, rtp_time, ssrc, data[12:]))

    @property
    def numbers(self) -> list[int]:
        """What was heard, by the number in the payload."""
        self.listen()
        return [int(payload) for *_, payload in self.heard]


class Pair:
    """Two phones and the relay between their sessions; ``legs`` are those of ``LEGS``."""

    def __init__(
        self, engine: RtpEngine, one: Suite | None = None, two: Suite | None = None, *, mki: int = 0, legs: str = ""
    ) -> None:
        self.engine = engine
        #: what was no RTP, and whose it was
        self.others: Others = []
        first, second = self._session("bundle" in legs), self._session("bundles" in legs)
        is_open = "open" in legs
        others = self.others if is_open or "turn" in legs else None
        self.one = Phone(first, one, mki=mki, channel=0x4001 * ("turn" in legs), others=others)
        self.two = Phone(second, two, channel=0x4FFF * ("turns" in legs), others=others if is_open or "turns" in legs else None)
        self.relay = Relay(first, second, {0: 0, 101: 101}, {0: 0, 101: 101})
        self.relay.join()
        #: the streams that carry those of the phones
        self.carriers: Relay | None = None
        if "bundles" in legs:
            for session in (first.carrier, second.carrier):
                session.set_payloads(SIXTEEN, send=96, clock_rate=16000)
            self.carriers = Relay(first.carrier, second.carrier, {96: 96}, {96: 96})
            self.carriers.join()

    def _session(self, is_bundled: bool) -> RtpSession:
        found = self.engine.open(HOST)
        assert found is not None
        if not is_bundled:
            return found
        bundle = self.engine.bundle(found)
        rider = self.engine.open_riding(bundle)
        bundle.agree(found, "a", 0, [96])
        bundle.agree(rider, "b", 0, [0, 101])
        return rider

    @property
    def is_native(self) -> bool:
        """Whether both directions run in a thread."""
        return all(path.is_native for path in self.relay.paths)

    async def settle(self, *, is_native: bool) -> int:
        """Talk both ways until the sources are locked on and, if there is one, the thread forwards; gives the next number."""
        count = 8
        for number in range(count):
            for phone in (self.one, self.two):
                phone.send(number)
        await until(lambda: self.one.listen() == self.two.listen() == count)
        if is_native:
            await until(lambda: self.is_native)
        return count

    def close(self) -> None:
        """Give the phones' sockets back."""
        for phone in (self.one, self.two):
            phone.socket.close()


def new_engine(way: Way, **settings: int) -> RtpEngine:
    """An engine on real sockets."""
    if way.is_native and not native.is_available():
        assert not IN_CI, "the native module was not built"
        pytest.skip("the native module was not built")  # in CI a skip fails the run
    first = free_port(RTP_PORTS)
    known = MediaSettings(
        native_relay=way.is_native,
        relay_io_uring=way is Way.RING,
        port_start=first,
        port_end=first + RTP_PORTS - 2,
        **settings,
    )
    return RtpEngine(asyncio.get_running_loop(), known)


#: Which legs are encrypted; "open" are such whose sockets are not connected, as with ICE.
#: With "turn" the first phone is behind a TURN server, with "turns" both; with "bundle" it shares the ports of another
#: stream, with "bundles" both do, and those other streams are relayed as well.
LEGS = (
    "plain", "one", "two", "both", "open", "open both", "turn", "turns", "turns both", "bundle", "bundle both", "bundles",
    "bundles both", "turn bundle one",
)  # fmt: skip
