"""Feedback on pictures while a thread relays them, and the same through the loop: losses are mended, arrival times told."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest

from globstar.media import engine as engine_module
from globstar.media import native
from globstar.media.feedback import VideoFeedback
from globstar.media.kept import KEPT, KeptPackets
from globstar.media.session import RtpSession
from globstar.proto.rtp import OtherRtcp, parse_compound
from globstar.proto.rtp.extension import extension_words, with_extension
from globstar.proto.rtp.feedback import build_nack, missing_packets
from globstar.proto.sdp.crypto import AES_80, Suite
from tests.unit.media.native_rig import SSRC, WAYS, Pair, Phone, Way, new_engine, until

#: The header extension that numbers the packets of a transport.
NUMBERS = 5


@pytest.fixture(autouse=True)
def short_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine offers its paths to the threads twenty times a second, not twice."""
    monkeypatch.setattr(engine_module, "ROUND", 0.05)


class Call(Pair):
    """Two phones of which both have agreed on feedback; everything goes over one port each."""

    def __init__(self, way: Way, suite: Suite | None = None, *, nacks: bool = True, extension: int = 0, legs: str = "") -> None:
        super().__init__(new_engine(way), suite, suite, legs=legs)
        self.way = way
        for phone in (self.one, self.two):
            session = phone.session
            session.rtcp_mux = True
            session.feedback = VideoFeedback(session, asyncio.get_running_loop())
            session.feedback.agree(nacks=nacks, bit_rates=False, extension=extension)

    def end(self) -> None:
        """Nobody talks any more."""
        self.engine.close()
        self.close()


def minded(session: RtpSession) -> VideoFeedback:
    """Its feedback."""
    assert session.feedback is not None
    return session.feedback


def tell(phone: Phone, packet: bytes) -> None:
    """Send RTCP."""
    report = struct.pack("!BBHI", 0x80, 201, 1, SSRC) + packet
    phone.send_raw(report if phone.suite is None else phone.seal.protect_rtcp(report))


def hear(phone: Phone) -> tuple[list[bytes], list[OtherRtcp]]:
    """What a phone has got meanwhile: packets of RTP, and feedback."""
    packets: list[bytes] = []
    told: list[OtherRtcp] = []
    while True:
        try:
            data = phone.socket.recv(2048)
        except BlockingIOError:
            return packets, told
        if 192 <= data[1] <= 223:
            data = data if phone.suite is None else phone.open.unprotect_rtcp(data)
            told += [packet for packet in parse_compound(data) if isinstance(packet, OtherRtcp)]
        else:
            packets.append(data if phone.suite is None else phone.open.unprotect(data))


@pytest.fixture(
    params=[(way, suite) for way in Way for suite in (None, AES_80)], ids=lambda param: f"{param[0].value}-{param[1]}"
)
async def call(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Call, int]]:
    way, suite = request.param
    found = Call(way, suite)
    first = await found.settle(is_native=way.is_native)
    yield found, first
    found.end()


async def test_rfc4585_6_2_1_who_asks_for_a_packet_gets_it_once_more(call: tuple[Call, int]) -> None:
    calls, first = call
    for number in range(first, first + 30):
        calls.one.send(number)
    heard: list[bytes] = []
    told: list[OtherRtcp] = []

    def listen() -> int:
        packets, feedback = hear(calls.two)
        heard.extend(packets)
        told.extend(feedback)
        return len(heard)

    await until(lambda: listen() == 30)
    wanted = heard[20:23]
    if calls.two.suite is None:  # libsrtp takes no packet twice
        numbers = [packet[2] << 8 | packet[3] for packet in wanted]
        tell(calls.two, build_nack(SSRC, calls.two.session.sender.ssrc, [*numbers, numbers[0] + 5000 & 0xFFFF]))
        await until(lambda: listen() == 33)
        assert heard[30:] == wanted
    else:
        calls.two.open = None  # type: ignore[assignment]
        number = wanted[0][2] << 8 | wanted[0][3]
        tell(calls.two, build_nack(SSRC, calls.two.session.sender.ssrc, [number, number + 1, number + 2, number + 5000 & 0xFFFF]))
        await until(lambda: minded(calls.two.session).resent == 3)
    assert (minded(calls.two.session).resent, minded(calls.two.session).not_kept) == (3, 1)
    assert calls.is_native == calls.way.is_native
    if calls.engine.native is not None:
        assert calls.engine.native.packets >= 30
        assert calls.engine.native.parked == 1


async def test_what_is_missing_is_asked_for_and_passed_on_when_it_comes(call: tuple[Call, int]) -> None:
    calls, first = call
    packets = [calls.one.packet(number) for number in range(first, first + 30)]
    late = (10, 11, 20)
    for place, packet in enumerate(packets):
        if place not in late:
            calls.one.send_raw(packet)
    asked: list[int] = []

    def ask() -> list[int]:
        for packet in hear(calls.one)[1]:
            found = missing_packets(packet)
            assert found is not None
            assert found[0] == SSRC
            asked.extend(found[1])
        return sorted(set(asked))

    await until(lambda: ask() == [first + place for place in late])
    for place in late:
        calls.one.send_raw(packets[place])
    await until(lambda: calls.two.listen() == first + 30)
    order = [number for number in range(first, first + 30) if number - first not in late] + [first + place for place in late]
    assert calls.two.numbers[first:] == order
    base = calls.two.heard[0][1]
    assert [sequence - base & 0xFFFF for _, sequence, *_ in calls.two.heard[first:]] == order
    figures = calls.one.session.statistics()
    assert (figures.received, figures.lost, figures.reordered) == (first + 30, 0, 3)
    feedback = minded(calls.one.session)
    assert feedback.given_up == 0
    ask()  # on a busy machine they were asked for twice
    count = len(asked)
    await asyncio.sleep(0.15)  # longer than until the next time
    ask()
    assert len(asked) == count, "what has come is not asked for again"
    if calls.engine.native is not None:
        assert calls.is_native
        assert calls.engine.native.parked == 5  # two gaps, three that came late


@pytest.mark.parametrize("suite", [None, AES_80], ids=str)
@pytest.mark.parametrize("way", WAYS)
async def test_arrivals_are_told_and_header_extensions_end_here(way: Way, suite: Suite | None) -> None:
    calls = Call(way, suite, nacks=False, extension=NUMBERS)
    first = await calls.settle(is_native=way.is_native)
    words = bytes((0x10,)) + b"\xff" + bytes((NUMBERS << 4 | 1,))  # an element before it
    told: list[OtherRtcp] = []
    parked = calls.engine.native.parked if calls.engine.native is not None else 0

    def covered() -> set[int]:
        told.extend(hear(calls.one)[1])
        numbers: set[int] = set()
        for packet in told:
            assert (packet.packet_type, packet.count) == (205, 15)
            assert packet.body[4:8] == SSRC.to_bytes(4, "big")
            base, count = struct.unpack("!HH", packet.body[8:12])
            numbers.update(base + place & 0xFFFF for place in range(count))
        return numbers

    wanted = range(65500, 65500 + 60)
    for sent, number in enumerate(wanted):
        block = words + (number & 0xFFFF).to_bytes(2, "big")
        block += bytes(-len(block) % 4)
        whole = b"\xbe\xde" + struct.pack("!H", len(block) // 4) + block
        plain = struct.pack("!BBHII", 0x80, 0, first + sent, (first + sent) * 160, SSRC) + b"%08d" % (first + sent)
        data = with_extension(plain, whole)
        calls.one.send_raw(data if suite is None else calls.one.seal.protect(data))
        if sent % 10 == 9:
            await until(lambda count=first + sent + 1: calls.two.listen() == count)  # type: ignore[misc]
            await asyncio.sleep(0.03)
    assert calls.two.numbers == list(range(first + 60))
    # the last ones are told when more come
    assert covered() <= {number & 0xFFFF for number in wanted}
    assert len(covered()) >= 20
    counts = [packet.body[15] for packet in told]
    assert counts == list(range(len(told)))
    bases = [struct.unpack("!HH", packet.body[8:12]) for packet in told]
    assert all(base[0] + base[1] & 0xFFFF == following[0] for base, following in pairwise(bases))
    figures = calls.one.session.statistics()
    assert (figures.received, figures.lost, figures.received_octets) == (first + 60, 0, 8 * (first + 60))
    if calls.engine.native is not None:
        assert calls.is_native
        assert calls.engine.native.parked == parked
    calls.end()


@pytest.mark.parametrize("way", WAYS)
async def test_what_stands_before_the_payload_is_not_passed_on(way: Way) -> None:
    calls = Call(way, nacks=False)
    first = await calls.settle(is_native=way.is_native)
    plain = calls.one.packet(first)
    for place, words in enumerate(
        (
            extension_words(7, b"level"),
            b"\x10\x00\x00\x02\x05\x03abc\x00\x00\x00",  # the long form
            b"\xbe\xde\x00\x00",  # empty
            b"\xab\xcd\x00\x01\x00\x00\x00\x00",  # of no known form
        )
    ):
        data = with_extension(plain[:2] + struct.pack("!H", first + place) + plain[4:12] + b"%08d" % (first + place), words)
        calls.one.send_raw(data)
    calls.one.send_raw(
        b"\x90" + plain[1:2] + struct.pack("!H", first + 4) + plain[4:12] + b"\xbe\xde\x00\x09" + bytes(8)
    )  # cut off
    await until(lambda: calls.two.listen() == first + 4)
    await until(lambda: calls.one.session.not_rtp == 1)
    assert calls.two.numbers == list(range(first + 4))
    if calls.engine.native is not None:
        assert calls.engine.native.parked == 1
    calls.end()


@pytest.mark.parametrize("way", WAYS)
async def test_a_packet_with_the_name_of_its_stream_is_looked_at_by_the_bundle(way: Way) -> None:
    calls = Call(way, nacks=False, legs="bundle")
    bundle = calls.one.session.bundle
    assert bundle is not None
    bundle.agree(calls.one.session, "b", 3, [0, 101])
    first = await calls.settle(is_native=False)
    calls.one.session.reports.named_ssrc = calls.one.session.sender.ssrc  # as a report of the peer does
    if way.is_native:
        await until(lambda: calls.is_native)
    plain = calls.one.packet(first)
    calls.one.send_raw(with_extension(plain, extension_words(3, b"b")))
    calls.one.send_raw(with_extension(calls.one.packet(first + 1), extension_words(4, b"b")))
    calls.one.send_raw(with_extension(calls.one.packet(first + 2), extension_words(3, b"nobody")))
    calls.one.send(first + 3)
    await until(lambda: calls.two.listen() == first + 3)
    assert calls.two.numbers[first:] == [first, first + 1, first + 3]
    assert bundle.strays == 1
    if calls.engine.native is not None:
        assert calls.engine.native.parked == 1  # with a name that is not its own
        assert calls.is_native
    bundle.agree(calls.one.session, "c", 4, [0, 101])
    assert not calls.is_native
    if way.is_native:
        await until(lambda: calls.is_native)
    calls.one.send_raw(with_extension(calls.one.packet(first + 4), extension_words(4, b"b")))
    calls.one.send_raw(with_extension(calls.one.packet(first + 5), extension_words(4, b"c")))
    await until(lambda: calls.two.listen() == first + 4)
    assert calls.two.numbers[-1] == first + 5
    assert bundle.strays == 2
    calls.end()


async def test_another_agreement_takes_effect_at_once() -> None:
    calls = Call(Way.RING)
    await calls.settle(is_native=True)
    feedback = minded(calls.two.session)
    feedback.agree(nacks=True, bit_rates=True, extension=0)
    assert calls.is_native, "what the thread has to do is the same"
    feedback.agree(nacks=True, bit_rates=True, extension=4)
    assert not calls.is_native
    await until(lambda: calls.is_native)
    feedback.close()
    assert not calls.is_native
    calls.end()


# -- what is kept --------------------------------------------------------------------------------------------------------


def rtp(number: int, size: int = 20) -> bytes:
    """A packet of that number."""
    return struct.pack("!BBHII", 0x80, 96, number & 0xFFFF, 0, SSRC) + bytes(size)


@pytest.mark.parametrize("is_native", [True, False])
def test_the_last_packets_are_kept(is_native: bool) -> None:
    kept = native.new_kept() if is_native else KeptPackets()
    if kept is None:
        pytest.skip("the native module was not built")  # in CI a skip fails the run
    assert kept.get(7) is None
    for number in range(65000, 65000 + KEPT + 100):
        kept.put(rtp(number, number % 1400))
    for number in range(65000, 65000 + KEPT + 100):
        expected = rtp(number, number % 1400) if number >= 65100 else None
        assert kept.get(number & 0xFFFF) == expected
    kept.put(rtp(65600, 3))
    assert kept.get(64) == rtp(64, 3)
    assert kept.get(64 + KEPT) is None
    kept.clear()
    assert kept.get(64) is None
