"""The relay over real sockets, with the native thread and without: the same packets, the same figures."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable

import pytest

from globstar.media import native
from globstar.media.engine import RtpEngine
from globstar.media.relay import Relay
from globstar.media.session import RtpSession
from globstar.media.settings import MediaSettings, Payload, PayloadKind
from tests.conftest import IN_CI

HOST = "127.0.0.1"
ULAW = {0: Payload(PayloadKind.MEDIA, 8000), 101: Payload(PayloadKind.DIGITS, 8000)}
SSRC = 0x01020304

MODES = [pytest.param(True, id="native"), pytest.param(False, id="python")]


async def until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    """Wait for a condition, with a deadline."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, "nothing happened in time"
        await asyncio.sleep(0.002)


class Phone:
    """A bare socket that speaks RTP by hand."""

    def __init__(self, session: RtpSession) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.socket.bind((HOST, 0))
        self.session = session
        self.heard: list[tuple[int, int, int, int, bytes]] = []
        session.set_payloads(ULAW, send=0, clock_rate=8000, digits=(101, 8000))
        session.set_remote(self.socket.getsockname())

    def send(self, sequence: int, *, kind: int = 0, ssrc: int = SSRC, payload: bytes = b"") -> None:
        """One packet of 20 ms."""
        header = struct.pack("!BBHII", 0x80, kind, sequence & 0xFFFF, sequence * 160 & 0xFFFFFFFF, ssrc)
        self.socket.sendto(header + (payload or b"%08d" % sequence), self.session.local_address)

    def listen(self) -> int:
        """Read what came; gives how many packets came in all."""
        while True:
            try:
                data = self.socket.recv(2048)
            except BlockingIOError:
                return len(self.heard)
            _, second, sequence, rtp_time, ssrc = struct.unpack("!BBHII", data[:12])
            self.heard.append((second, sequence, rtp_time, ssrc, data[12:]))

    @property
    def numbers(self) -> list[int]:
        """What was heard, by the number in the payload."""
        self.listen()
        return [int(payload) for *_, payload in self.heard]


class Pair:
    """Two phones and the relay between their sessions."""

    def __init__(self, engine: RtpEngine) -> None:
        self.engine = engine
        first, second = engine.open(HOST), engine.open(HOST)
        assert first is not None
        assert second is not None
        self.one, self.two = Phone(first), Phone(second)
        self.relay = Relay(first, second, {0: 0}, {0: 0})
        self.relay.join()

    async def settle(self, *, is_native: bool) -> int:
        """Talk both ways until the sources are locked on and, if there is one, the thread forwards; gives the next number."""
        count = 8
        for number in range(count):
            for phone in (self.one, self.two):
                phone.send(number)
        await until(lambda: self.one.listen() == self.two.listen() == count)
        if is_native:
            paths = [phone.session.relay_path for phone in (self.one, self.two)]
            await until(lambda: all(path is not None and path.is_native for path in paths))
        return count

    def close(self) -> None:
        """Give the phones' sockets back."""
        for phone in (self.one, self.two):
            phone.socket.close()


@pytest.fixture(params=MODES)
async def pair(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Pair, int]]:
    is_native = bool(request.param)
    if is_native and not native.is_available():
        assert not IN_CI, "the native module was not built"
        pytest.skip("the native module was not built")
    engine = RtpEngine(asyncio.get_running_loop(), MediaSettings(native_relay=is_native, port_start=23000, port_end=23998))
    pair = Pair(engine)
    first = await pair.settle(is_native=is_native)
    assert (engine.native is not None) == is_native
    yield pair, first
    engine.close()
    pair.close()


async def test_packets_keep_their_order_and_numbers(pair: tuple[Pair, int]) -> None:
    calls, first = pair
    for number in range(first, first + 200):
        calls.one.send(number)
        calls.two.send(number)
    await until(lambda: calls.one.listen() == calls.two.listen() == first + 200)
    assert calls.two.numbers == list(range(first + 200))
    sequences = [sequence - calls.two.heard[0][1] & 0xFFFF for _, sequence, *_ in calls.two.heard]
    assert sequences == list(range(first + 200))
    times = [rtp_time - calls.two.heard[0][2] & 0xFFFFFFFF for _, _, rtp_time, *_ in calls.two.heard]
    assert times == [160 * number for number in range(first + 200)]
    assert {ssrc for *_, ssrc, _ in calls.two.heard} == {calls.two.session.sender.ssrc}
    figures = calls.one.session.statistics()
    assert (figures.received, figures.lost, figures.received_octets) == (first + 200, 0, 8 * (first + 200))


async def test_sequence_numbers_wrap(pair: tuple[Pair, int]) -> None:
    calls, first = pair
    for number in range(65530, 65545):
        calls.one.send(number, ssrc=SSRC + 1)
    await until(lambda: calls.two.listen() == first + 15)
    assert calls.two.numbers[first:] == list(range(65530, 65545))
    figures = calls.one.session.statistics()
    assert (figures.received, figures.lost) == (15, 0)


async def test_loss_order_and_duplicates_are_counted_and_passed_on(pair: tuple[Pair, int]) -> None:
    calls, first = pair
    for number in (0, 1, 3, 2, 4, 4, 5, 9, 10):
        calls.one.send(first + number)
    await until(lambda: calls.two.listen() == first + 8)
    assert calls.two.numbers[first:] == [first + number for number in (0, 1, 3, 2, 4, 5, 9, 10)]
    figures = calls.one.session.statistics()
    assert (figures.lost, figures.reordered, figures.duplicates) == (3, 1, 1)


async def test_other_payload_types_reach_the_session(pair: tuple[Pair, int]) -> None:
    calls, first = pair
    digits: list[str] = []
    calls.one.session.on_digit_begin = digits.append
    calls.one.send(first)
    calls.one.send(first + 1, kind=101 | 0x80, payload=struct.pack("!BBH", 5, 10, 160))
    calls.one.send(first + 2)
    await until(lambda: calls.two.listen() == first + 2)
    await until(lambda: digits == ["5"])
    assert calls.two.numbers[first:] == [first, first + 2]


async def test_another_source_starts_anew(pair: tuple[Pair, int]) -> None:
    calls, first = pair
    for number in range(first, first + 5):
        calls.one.send(number)
    for number in range(1000, 1005):
        calls.one.send(number, ssrc=SSRC + 1)
    await until(lambda: calls.two.listen() == first + 10)
    sequences = [sequence - calls.two.heard[0][1] & 0xFFFF for _, sequence, *_ in calls.two.heard]
    assert sequences == list(range(first + 10))
    assert calls.one.session.remote_ssrc == SSRC + 1
    assert calls.one.session.statistics().received == 5


async def test_leaving_brings_the_packets_back_without_a_gap(pair: tuple[Pair, int]) -> None:
    calls, first = pair
    inside: list[bytes] = []
    calls.one.session.on_media = lambda kind, payload, *rest: inside.append(payload)
    for number in range(first, first + 10):
        calls.one.send(number)
    await until(lambda: calls.two.listen() == first + 10)
    calls.relay.leave()
    for number in range(first + 10, first + 15):
        calls.one.send(number)
    await until(lambda: len(inside) == 5)
    assert [int(payload) for payload in inside] == list(range(first + 10, first + 15))
    calls.two.session.send_media(b"%08d" % 999, 160)
    await until(lambda: calls.two.listen() == first + 11)
    last, before = calls.two.heard[-1], calls.two.heard[-2]
    assert (last[1] - before[1]) & 0xFFFF == 1
    assert calls.two.session.sender.packets == first + 11


async def test_direction_withholds(pair: tuple[Pair, int]) -> None:
    calls, first = pair
    calls.two.session.set_direction(sending=False, receiving=True)
    calls.one.send(first)
    await until(lambda: calls.one.session.statistics().received == first + 1)
    assert calls.two.listen() == first
    assert calls.two.session.withheld == 1
    calls.two.session.set_direction(sending=True, receiving=True)
    calls.one.send(first + 1)
    await until(lambda: calls.two.listen() == first + 1)


async def test_closing_in_the_middle(pair: tuple[Pair, int]) -> None:
    calls, first = pair
    for number in range(first, first + 50):
        calls.one.send(number)
    calls.two.session.close()
    calls.one.send(first + 50)
    await until(lambda: calls.one.session.statistics().received > first)
    calls.one.session.close()
    assert len(calls.engine) == 0
    assert calls.engine.native is None or len(calls.engine.native) == 0
