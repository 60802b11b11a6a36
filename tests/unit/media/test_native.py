"""The relay over real sockets, natively and in Python, plain and under SRTP: the same packets, the same figures.

One file, as every test runs over the same table of legs.
"""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from collections.abc import AsyncIterator

import pytest

from globstar.media import engine as engine_module
from globstar.media import native, native_socket
from globstar.proto.sdp.crypto import AES_32, AES_80, GCM_128, GCM_256, Suite
from tests.unit.media.native_rig import HOST, LEGS, SIXTEEN, SSRC, WAYS, Pair, Way, new_engine, until


@pytest.fixture(autouse=True)
def short_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine offers its paths to the threads twenty times a second, not twice."""
    monkeypatch.setattr(engine_module, "ROUND", 0.05)
    monkeypatch.setattr(native_socket, "MOST_PARKED", 100_000)  # tests send what threads do not know, and stay native


#: Those that differ in what the kernel is asked for.
KERNEL_LEGS = ("plain", "one", "open both", "turns", "bundles both")


@pytest.fixture(
    params=[(way, legs) for way in Way for legs in (KERNEL_LEGS if way is Way.CALLS else LEGS)],
    ids=lambda param: f"{param[0].value}-{param[1]}",
)
async def pair(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Pair, int]]:
    way, legs = request.param
    engine = new_engine(way)
    one = AES_80 if "one" in legs or "both" in legs else None
    two = GCM_128 if "two" in legs or "both" in legs else None
    pair = Pair(engine, one, two, legs=legs)
    first = await pair.settle(is_native=way.is_native)
    assert (engine.native is not None) == way.is_native
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
    assert (figures.received, figures.lost) == (first + 15, 0)


async def test_loss_order_and_duplicates_are_counted_and_passed_on(pair: tuple[Pair, int]) -> None:
    calls, first = pair
    for number in (0, 1, 3, 2, 4, 5, 9, 10):
        data = calls.one.packet(first + number)
        for _ in range(2 if number == 4 else 1):
            calls.one.send_raw(data)
    await until(lambda: calls.two.listen() == first + 8)
    assert calls.two.numbers[first:] == [first + number for number in (0, 1, 3, 2, 4, 5, 9, 10)]
    figures = calls.one.session.statistics()
    replayed = calls.one.session.carrier.statistics().replayed
    assert (figures.lost, figures.reordered, figures.duplicates + replayed) == (3, 1, 1)


async def test_gaps_need_no_loop_and_who_comes_late_is_known(pair: tuple[Pair, int]) -> None:
    calls, first = pair
    packets = [calls.one.packet(number) for number in range(first, first + 201)]
    for packet in packets[:200:4]:
        calls.one.send_raw(packet)
    await until(lambda: calls.two.listen() == first + 50)
    assert calls.two.numbers[first:] == list(range(first, first + 200, 4))
    if calls.engine.native is not None:
        assert calls.engine.native.parked == 0
    for number in (195, 193, 195, 196, 200):  # two that were missing, and two that came before
        calls.one.send_raw(packets[number])
    await until(lambda: calls.two.listen() == first + 53)
    assert calls.two.numbers[-3:] == [first + 195, first + 193, first + 200]
    figures = calls.one.session.statistics()
    replayed = calls.one.session.carrier.statistics().replayed
    assert (figures.received, figures.lost, figures.reordered) == (first + 53, 148, 2)
    assert figures.duplicates + replayed == 2


async def test_digits_are_sent_on_and_told(pair: tuple[Pair, int]) -> None:
    calls, first = pair
    digits: list[tuple[object, ...]] = []
    calls.one.session.on_digit_begin = lambda digit: digits.append(("begin", digit))
    calls.one.session.on_digit_end = lambda digit, duration: digits.append(("end", digit, duration))
    calls.one.send(first)
    for number, (flags, duration) in enumerate([(10, 160), (10, 320), (10, 480), (138, 640), (138, 640), (138, 640)], 1):
        payload = struct.pack("!BBH", 5, flags, duration)
        header = struct.pack("!BBHII", 0x80, 101 | (0x80 if number == 1 else 0), first + number, (first + 1) * 160, SSRC)
        plain = header + payload
        calls.one.send_raw(plain if calls.one.suite is None else calls.one.seal.protect(plain))
    calls.one.send(first + 7)
    await until(lambda: calls.two.listen() == first + 8 and len(digits) == 2)
    assert digits == [("begin", "5"), ("end", "5", 80)]
    sent = [packet for packet in calls.two.heard if packet[0] & 0x7F == 101]
    assert [packet[4] for packet in sent][-1] == struct.pack("!BBH", 5, 138, 640)
    assert len(sent) == 6
    assert len({packet[2] for packet in sent}) == 1
    figures = calls.one.session.statistics()
    assert (figures.received, figures.lost) == (first + 8, 0)
    if calls.engine.native is not None:
        assert calls.is_native
        assert calls.engine.native.parked == 0


async def test_a_digit_under_way_is_told_when_the_relay_ends(pair: tuple[Pair, int]) -> None:
    calls, first = pair
    digits: list[str] = []
    calls.one.session.on_digit_begin = digits.append
    calls.one.send(first, kind=101 | 0x80, payload=struct.pack("!BBH", 3, 10, 160))
    while calls.two.listen() == first:  # without a turn of the loop, where there is a thread
        if calls.engine.native is None:
            await asyncio.sleep(0)
    calls.relay.leave()
    assert digits == ["3"]


async def test_other_payload_types_reach_the_session(pair: tuple[Pair, int]) -> None:
    calls, first = pair
    levels: list[int] = []
    calls.one.session.on_comfort_noise = levels.append
    calls.one.send(first)
    calls.one.send(first + 1, kind=13, payload=b"\x28")
    calls.one.send(first + 2)
    await until(lambda: calls.two.listen() == first + 2)
    await until(lambda: levels == [40])
    assert calls.two.numbers[first:] == [first, first + 2]


async def test_noise_on_the_port_is_counted_and_harms_nothing(pair: tuple[Pair, int]) -> None:
    calls, first = pair
    calls.one.send_raw(b"")
    calls.one.send_raw(b"x")
    calls.one.send_raw(b"\x80" * 11)
    calls.one.send_raw(bytes(2000))
    for number in range(first, first + 5):
        calls.one.send(number)
    await until(lambda: calls.two.listen() == first + 5)
    figures = calls.one.session.statistics()
    assert (figures.received, figures.lost) == (first + 5, 0)
    socket = calls.one.session.carrier.statistics()
    unknown = figures.not_rtp + figures.unknown_payload + figures.not_authentic
    assert unknown + socket.not_rtp + socket.not_authentic + len(calls.others) >= 2


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
    assert calls.one.session.statistics().received == first + 10
    assert calls.one.session.receiver.received == 5


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


async def test_a_digit_of_ours_stands_between_what_is_relayed(pair: tuple[Pair, int]) -> None:
    """Its numbers follow what the thread has sent, whose next packet has the number after them."""
    calls, first = pair
    session = calls.two.session
    for number in range(first, first + 5):
        calls.one.send(number)
    await until(lambda: calls.two.listen() == first + 5)
    session.digit_payload = (101, 8000)
    assert session.send_digit_begin("7")
    calls.one.send(first + 5)  # is withheld
    await until(lambda: calls.one.session.statistics().received == first + 6)
    session.send_digit_end(40)
    count = calls.two.listen()
    assert count > first + 5
    calls.one.send(first + 6)
    await until(lambda: calls.two.listen() == count + 1)
    own = [packet for packet in calls.two.heard if packet[0] & 0x7F == 101]
    assert {packet[4][0] for packet in own} == {7}
    assert len(own) == count - first - 5
    assert [packet[4] for packet in calls.two.heard if packet[0] & 0x7F == 0][-2:] == [
        b"%08d" % n for n in (first + 4, first + 6)
    ]
    sequences = [packet[1] - calls.two.heard[0][1] & 0xFFFF for packet in calls.two.heard]
    assert sequences == list(range(count + 1))
    calls.relay.synchronize()
    assert session.sender.packets == count + 1


async def test_closing_in_the_middle(pair: tuple[Pair, int]) -> None:
    calls, first = pair
    carriers = [phone.session.carrier for phone in (calls.one, calls.two)]
    for number in range(first, first + 50):
        calls.one.send(number)
    calls.two.session.close()
    calls.one.send(first + 50)
    await until(lambda: calls.one.session.statistics().received > first)
    calls.one.session.close()
    for carrier in carriers:
        carrier.close()
    assert len(calls.engine) == 0
    assert calls.engine.native is None or len(calls.engine.native) == 0


# -- several streams of one socket ------------------------------------------------------------------------------------------


class Picture:
    """What carries the phones' streams in a bundle, as another stream of theirs."""

    def __init__(self, calls: Pair) -> None:
        self.calls = calls
        self.ssrc = SSRC + 77
        self.sent = 0

    def send(self) -> None:
        """One more packet from the first phone."""
        payload = b"%08d" % (900_000 + self.sent)
        self.calls.one.send(self.sent, kind=96, ssrc=self.ssrc, payload=payload)
        self.sent += 1

    @property
    def came(self) -> int:
        """How many have come to the second phone; they are in order."""
        found = [number - 900_000 for number in self.calls.two.numbers if number >= 900_000]
        assert found == list(range(len(found)))
        return len(found)


@pytest.mark.parametrize("legs", ["bundles", "bundles both"])
@pytest.mark.parametrize("way", WAYS)
async def test_the_streams_of_a_bundle_are_relayed_side_by_side(way: Way, legs: str) -> None:
    engine = new_engine(way)
    suite = AES_80 if "both" in legs else None
    calls = Pair(engine, suite, suite, legs=legs)
    assert calls.carriers is not None
    picture = Picture(calls)
    for number in range(6):
        calls.one.send(number)
        calls.two.send(number)
        picture.send()
    ways = (*calls.relay.paths, calls.carriers.paths[0])
    await until(lambda: picture.came == 6 and calls.one.listen() == 6)
    if way.is_native:
        await until(lambda: all(way.is_native for way in ways))
    for number in range(6, 106):
        calls.one.send(number)
        picture.send()
    await until(lambda: picture.came == 106 and calls.two.listen() == 212)
    assert [number for number in calls.two.numbers if number < 900_000] == list(range(106))
    sources = {ssrc for *_, ssrc, _ in calls.two.heard}
    assert sources == {calls.two.session.sender.ssrc, calls.two.session.carrier.sender.ssrc}
    for session in (calls.one.session, calls.one.session.carrier):
        figures = session.statistics()
        assert (figures.received, figures.lost) == (106, 0)
    # what one stream needs from the loop takes none of the other's packets
    picture.ssrc += 1
    picture.sent += 50
    calls.one.send(106)
    picture.send()
    calls.one.send(107)
    await until(lambda: calls.two.listen() == 215)
    assert [number for number in calls.two.numbers if number < 900_000] == list(range(108))
    if way.is_native:
        await until(lambda: all(way.is_native for way in ways))
        assert engine.native is not None
        assert engine.native.packets >= 200
    calls.two.session.set_direction(sending=False, receiving=True)
    assert not any(way.is_native for way in ways)
    calls.one.send(108)
    await until(lambda: calls.one.session.statistics().received == 109)
    assert calls.two.listen() == 215
    engine.close()
    calls.close()


async def test_a_stream_that_carries_its_name_is_not_relayed_by_a_thread() -> None:
    engine = new_engine(Way.RING)
    calls = Pair(engine, legs="bundles")
    bundle = calls.two.session.bundle
    assert bundle is not None
    bundle.agree(calls.two.session, "b", 3, [0, 101])
    for number in range(8):
        calls.one.send(number)
        calls.two.send(number)
    await until(lambda: calls.relay.paths[1].is_native)
    assert not calls.relay.paths[0].is_native
    calls.two.session.reports.named_ssrc = calls.two.session.sender.ssrc  # as a report of the peer does
    await until(lambda: calls.is_native)
    calls.two.session.change_source()
    assert not calls.is_native
    engine.close()
    calls.close()


async def test_a_bundle_whose_other_stream_is_not_relayed_stays_with_the_loop() -> None:
    engine = new_engine(Way.RING)
    calls = Pair(engine, legs="bundle")
    picture = Picture(calls)
    calls.one.session.carrier.set_payloads(SIXTEEN, send=96, clock_rate=16000)
    seen: list[bytes] = []
    calls.one.session.carrier.on_media = lambda kind, payload, *rest: seen.append(payload)
    for number in range(20):
        calls.one.send(number)
        calls.two.send(number)
        picture.send()
        await asyncio.sleep(0.01)
    await until(lambda: len(seen) == 20 and calls.two.listen() == 20)
    assert not calls.relay.paths[0].is_native
    engine.close()
    calls.close()


@pytest.mark.parametrize("legs", ["plain", "turn", "bundle"])
async def test_a_stream_of_packets_that_no_thread_knows_goes_back_to_the_loop(monkeypatch: pytest.MonkeyPatch, legs: str) -> None:
    monkeypatch.setattr(native_socket, "MOST_PARKED", 12)
    engine = new_engine(Way.RING)
    calls = Pair(engine, legs=legs)
    first = await calls.settle(is_native=True)
    for number in range(first, first + 60):
        packet = calls.one.packet(number)
        calls.one.send_raw(b"\xa0" + packet[1:] + b"\0\0\0\4")  # with padding
    await until(lambda: calls.two.listen() == first + 60)
    assert calls.two.numbers == list(range(first + 60))
    assert engine.native is not None
    assert engine.native.parked <= 14
    assert not calls.relay.paths[0].is_native
    assert calls.one.session.carrier.native_rest > asyncio.get_running_loop().time()
    figures = calls.one.session.statistics()
    assert (figures.received, figures.lost) == (first + 60, 0)
    engine.close()
    calls.close()


# -- both ways alike -----------------------------------------------------------------------------------------------------


WILD = SSRC + 1


def wild_stream(seed: int, first: int, count: int) -> list[bytes]:
    """A stream with loss, packets that come late, twice, with extensions and padding, of other types, and what is no packet."""
    chance = random.Random(seed)
    packets: list[bytes] = []
    held: list[bytes] = []
    for number in range(first, first + count):
        kind = chance.choices(
            ("plain", "lost", "late", "twice", "extended", "padded", "digit", "other", "noise"), (60, 3, 3, *[2] * 6)
        )[0]
        second = {"digit": 101, "other": 77}.get(kind, 0) | (0x80 if chance.random() < 0.05 else 0)
        payload = b"\x05\x0a\x00\xa0" if kind == "digit" else b"%08d" % number
        head = struct.pack("!BHII", second, number & 0xFFFF, number * 160, WILD)
        if kind == "extended":
            data = b"\x90" + head + b"\xbe\xde\x00\x01\x10\xff\x00\x00" + payload
        elif kind == "padded":
            data = b"\xa0" + head + payload + b"\x00\x02"
        elif kind == "noise":
            data = chance.randbytes(chance.randrange(1, 40))
            data = bytes([data[0] & 0x3F]) + data[1:]  # of another version
        else:
            data = b"\x80" + head + payload
        if kind == "late":
            held.append(data)
            continue
        if kind != "lost":
            packets += [data] * (2 if kind == "twice" else 1)
        if held and chance.random() < 0.3:
            packets.append(held.pop(0))
    return packets


async def wild_outcome(way: Way, seed: int) -> tuple[object, ...]:
    """What is heard of such a stream, and how it is counted."""
    engine = new_engine(way)
    calls = Pair(engine)
    await calls.settle(is_native=way.is_native)
    session = calls.one.session
    told: list[object] = []
    session.on_digit_begin = told.append
    session.on_media = lambda *packet: told.append(packet)

    def treated() -> int:
        calls.two.listen()  # its socket has room for some only
        figures, counts = session.statistics(), session.receiver
        return counts.received + counts.duplicates + counts.rejected + figures.not_rtp + figures.unknown_payload

    packets = wild_stream(seed, 65400, 400)
    calls.one.send(65399, ssrc=WILD)  # another source, so that counting begins anew
    sent = 1
    await until(lambda: session.remote_ssrc == WILD and treated() == sent)
    for start in range(0, len(packets), 50):  # no more than a socket has room for
        some = packets[start : start + 50]
        for data in some:
            calls.one.send_raw(data)
        sent += len(some)
        await until(lambda wanted=sent: treated() == wanted)
    figures = session.statistics()
    await until(lambda: calls.two.listen() == figures.received)
    assert not way.is_native or (engine.native is not None and engine.native.packets > 200)
    heard = [(second, sequence - calls.two.heard[0][1] & 0xFFFF, payload) for second, sequence, _, _, payload in calls.two.heard]
    engine.close()
    calls.close()
    of_source = session.receiver
    counts = (
        of_source.received,
        of_source.lost,
        of_source.duplicates,
        of_source.reordered,
        figures.not_rtp,
        figures.unknown_payload,
    )
    return heard, counts, told


@pytest.mark.parametrize("seed", range(4))
async def test_a_wild_stream_comes_out_the_same(seed: int) -> None:
    loop = await wild_outcome(Way.PYTHON, seed)
    assert await wild_outcome(Way.RING, seed) == loop
    assert await wild_outcome(Way.CALLS, seed) == loop


# -- SRTP ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("mki", [0, 4])
@pytest.mark.parametrize("suite", [AES_80, AES_32, GCM_128, GCM_256], ids=lambda suite: suite.name)
async def test_every_suite_is_relayed(way: Way, suite: Suite, mki: int) -> None:
    engine = new_engine(way)
    calls = Pair(engine, suite, suite, mki=mki)
    first = await calls.settle(is_native=way.is_native)
    for number in range(first, first + 20):
        calls.one.send(number)
        calls.two.send(number)
    await until(lambda: calls.one.listen() == calls.two.listen() == first + 20)
    assert calls.one.numbers == calls.two.numbers == list(range(first + 20))
    assert (calls.one.refused, calls.two.refused) == (0, 0)
    assert calls.is_native == way.is_native
    engine.close()
    calls.close()


@pytest.mark.parametrize("way", WAYS)
async def test_forged_and_replayed_packets_are_dropped_and_counted(way: Way) -> None:
    engine = new_engine(way)
    calls = Pair(engine, AES_80)
    first = await calls.settle(is_native=way.is_native)
    good = calls.one.packet(first)
    calls.one.send_raw(good[:-1] + bytes([good[-1] ^ 1]))  # in order, but altered
    calls.one.send_raw(good)
    calls.one.send_raw(good)
    calls.one.send(first + 1)
    await until(lambda: calls.two.listen() == first + 2)
    figures = calls.one.session.statistics()
    assert calls.two.numbers == list(range(first + 2))
    assert (figures.received, figures.lost, figures.not_authentic, figures.replayed) == (first + 2, 0, 1, 1)
    assert calls.is_native == way.is_native
    engine.close()
    calls.close()


@pytest.mark.parametrize("way", WAYS)
async def test_the_relay_goes_on_under_new_keys(way: Way) -> None:
    engine = new_engine(way)
    calls = Pair(engine, AES_80, GCM_256)
    first = await calls.settle(is_native=way.is_native)
    for phone in (calls.one, calls.two):
        phone.set_key(50)
    assert not calls.is_native
    for number in range(first, first + 5):
        calls.one.send(number)
        calls.two.send(number)
    await until(lambda: calls.one.listen() == calls.two.listen() == first + 5)
    await until(lambda: calls.is_native == way.is_native)
    calls.one.send(first + 5)
    await until(lambda: calls.two.listen() == first + 6)
    assert calls.two.numbers == list(range(first + 6))
    assert calls.one.session.statistics().not_authentic == 0
    engine.close()
    calls.close()


@pytest.mark.parametrize("way", WAYS)
async def test_what_the_loop_sends_in_between_is_encrypted_in_the_same_stream(way: Way) -> None:
    """Reports under the port of RTP and media of our own use the keys while the thread does."""
    engine = new_engine(way)
    calls = Pair(engine, AES_80, AES_80)
    first = await calls.settle(is_native=way.is_native)
    calls.two.session.rtcp_mux = True
    for number in range(first, first + 100):
        calls.one.send(number)
        if number % 10 == 0:
            calls.two.session.handle_report(asyncio.get_running_loop().time())
            await asyncio.sleep(0)
    reports = 0

    def came() -> bool:
        nonlocal reports
        while True:
            try:
                data = calls.two.socket.recv(2048)
            except BlockingIOError:
                return reports >= 10 and len(calls.two.heard) == first + 100
            if data[1] in range(192, 224):
                assert calls.two.open.unprotect_rtcp(data)[1] in (200, 201)
                reports += 1
            else:
                plain = calls.two.open.unprotect(data)
                calls.two.heard.append((plain[1], 0, 0, 0, plain[12:]))

    await until(came)
    engine.close()
    calls.close()


# -- sockets that are not connected ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
async def test_others_on_an_open_port_are_told_apart(way: Way) -> None:
    """STUN of the peer and of others reaches who asks for it; RTP of a stranger is dropped; neither stops the thread."""
    engine = new_engine(way)
    calls = Pair(engine, legs="open")
    first = await calls.settle(is_native=way.is_native)
    stun = b"\x00\x01" + bytes(18)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind((HOST, 0))
        for number in range(first, first + 20):
            calls.one.send(number)
            stranger.sendto(calls.one.packet(number + 1), calls.one.session.local_address)
            if number == first + 5:
                calls.one.send_raw(stun)
                stranger.sendto(stun, calls.one.session.local_address)
        name = stranger.getsockname()
    await until(lambda: calls.two.listen() == first + 20 and len(calls.others) == 2)
    await until(lambda: calls.one.session.statistics().wrong_source == 20)
    assert calls.two.numbers == list(range(first + 20))
    assert calls.others == [(stun, calls.one.socket.getsockname()), (stun, name)]
    figures = calls.one.session.statistics()
    assert (figures.received, figures.lost) == (first + 20, 0)
    assert calls.is_native == way.is_native
    engine.close()
    calls.close()


@pytest.mark.parametrize("way", WAYS)
async def test_a_peer_that_moves_is_followed(way: Way) -> None:
    """As when ICE takes another pair: the owner says where, and the thread goes on from there."""
    engine = new_engine(way)
    calls = Pair(engine, legs="open")
    first = await calls.settle(is_native=way.is_native)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as moved:
        moved.bind((HOST, 0))
        calls.one.socket, old = moved, calls.one.socket
        calls.one.session.set_remote(moved.getsockname())
        assert not calls.is_native
        for number in range(first, first + 8):
            calls.one.send(number)
            calls.two.send(number)
        await until(lambda: calls.one.listen() == first + 8 and calls.two.listen() == first + 8)
        await until(lambda: calls.is_native == way.is_native)
        calls.one.send(first + 8)
        calls.two.send(first + 8)
        await until(lambda: calls.one.listen() == first + 9 and calls.two.listen() == first + 9)
        with pytest.raises(BlockingIOError):
            old.recv(2048)
        old.close()
        calls.one.session.fall_silent()
        assert not calls.is_native
        engine.close()
    calls.two.socket.close()


@pytest.mark.skipif(not native.is_available(), reason="the native module was not built")
def test_only_addresses_are_peers() -> None:
    thread, path = native._native.RelayThread(), native._native.NativePath()
    for wrong in (("example.com", 5000), ("127.0.0.1", 0), ("127.0.0.1", 65536), ("", 1), ("::g", 1)):
        with pytest.raises(OSError):
            thread.add(path, 5, 6, bytes(256), bytes(512), False, None, None, wrong, None)
    assert len(thread) == 0


# -- threads -------------------------------------------------------------------------------------------------------------


async def test_paths_are_shared_out_among_threads() -> None:
    engine = new_engine(Way.RING, relay_threads=3, relay_wait_ms=0)
    assert engine.native is not None
    pairs = [Pair(engine) for _ in range(3)]
    first = 0
    for calls in pairs:
        first = await calls.settle(is_native=True)
    assert (engine.native.threads, len(engine.native)) == (3, 6)
    for number in range(first, first + 50):
        for calls in pairs:
            calls.one.send(number)
            calls.two.send(number)
    await until(lambda: all(calls.one.listen() == calls.two.listen() == first + 50 for calls in pairs))
    assert all(calls.one.numbers == calls.two.numbers == list(range(first + 50)) for calls in pairs)
    assert engine.native.packets == 300
    for calls in pairs:
        calls.relay.leave()
        calls.close()
    assert len(engine.native) == 0
    engine.close()
    assert engine.native.threads == 0


async def test_the_numbers_of_many_paths_come_at_once() -> None:
    engine = new_engine(Way.RING)
    assert engine.native is not None
    calls = Pair(engine)
    first = await calls.settle(is_native=True)
    for number in range(first, first + 10):
        calls.one.send(number)
    await until(lambda: calls.two.listen() == first + 10)
    assert engine._timer is not None
    engine._timer.cancel()  # its rounds refresh, too
    engine.native.refresh(calls.relay.paths)
    assert engine.native.fresh == frozenset(calls.relay.paths)
    assert calls.one.session.receiver.received == first + 10
    assert calls.two.session.receiver.received == first
    calls.two.send(first)
    await until(lambda: calls.one.listen() == first + 1)
    assert calls.two.session.statistics().received == first, "fresh numbers are not asked for again"
    engine.native.refresh(())
    assert calls.two.session.statistics().received == first + 1
    engine.close()
    calls.close()
