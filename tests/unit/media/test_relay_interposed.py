"""What the server sends itself between packets that it relays: digits, comfort noise, keepalives.

Each has the next number, what is relayed goes on after it, and a digit silences what is relayed as long as it lasts: no number is
used twice, which SRTP would refuse and a phone would take for a packet that it has got already.
"""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from globstar.media import engine as engine_module
from globstar.media import native_socket
from globstar.media.settings import SessionOptions
from globstar.proto.sdp.crypto import AES_80, Suite
from tests.unit.media.native_rig import WAYS, Pair, Way, new_engine, until


@pytest.fixture(autouse=True)
def short_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine offers its paths to the threads twenty times a second, not twice."""
    monkeypatch.setattr(engine_module, "ROUND", 0.05)
    monkeypatch.setattr(native_socket, "MOST_PARKED", 100_000)


def voice_heard(calls: Pair) -> list[int]:
    """The numbers that the second phone has heard in voice."""
    calls.two.listen()
    return [int(packet[4]) for packet in calls.two.heard if packet[0] & 0x7F == 0]


def assert_one_stream(calls: Pair) -> None:
    """All that the second phone has heard is of one source and has numbers of its own, in order."""
    heard = calls.two.heard
    assert calls.two.refused == 0
    assert {ssrc for *_, ssrc, _ in heard} == {calls.two.session.sender.ssrc}
    assert {later[1] - sooner[1] & 0xFFFF for sooner, later in pairwise(heard)} == {1}
    voice = [packet[2] for packet in heard if packet[0] & 0x7F == 0]
    assert all(0 < later - sooner & 0xFFFFFFFF < 0x80000000 for sooner, later in pairwise(voice))


@pytest.mark.parametrize("suite", [None, AES_80], ids=["plain", "sdes"])
@pytest.mark.parametrize("way", WAYS)
async def test_digits_of_ours_in_a_relayed_call(way: Way, suite: Suite | None) -> None:
    engine = new_engine(way)
    calls = Pair(engine, suite, suite)
    number = await calls.settle(is_native=way.is_native)
    for digit in "112":
        assert calls.two.session.send_digit_begin(digit)
        for _ in range(3):
            calls.one.send(number)  # is not heard
            number += 1
            await asyncio.sleep(0.02)  # the pace of packets
        calls.two.session.send_digit_end(60)
        for _ in range(3):
            calls.one.send(number)
            number += 1
        await until(lambda last=number - 1: voice_heard(calls)[-1] == last)
    if way.is_native:
        await until(lambda: calls.is_native)  # and the thread takes over again
        calls.one.send(number)
        await until(lambda: voice_heard(calls)[-1] == number)
    assert_one_stream(calls)
    events = {packet[2]: packet[4][0] for packet in calls.two.heard if packet[0] & 0x7F == 101}
    assert list(events.values()) == [1, 1, 2]
    told = [packet for packet in calls.two.heard if packet[0] & 0x7F == 101]
    assert sum(packet[4][1] >= 0x80 for packet in told) == 9
    engine.close()
    calls.close()


@pytest.mark.parametrize("way", WAYS)
async def test_comfort_noise_in_a_relayed_call(way: Way) -> None:
    engine = new_engine(way)
    calls = Pair(engine, AES_80, AES_80)
    number = await calls.settle(is_native=way.is_native)
    for _ in range(3):
        calls.two.session.send_comfort_noise(50)
        for _ in range(4):
            calls.one.send(number)
            number += 1
        await until(lambda last=number - 1: voice_heard(calls)[-1:] == [last])
    assert_one_stream(calls)
    assert sum(packet[0] & 0x7F == 13 for packet in calls.two.heard) == 3
    engine.close()
    calls.close()


@pytest.mark.parametrize("way", WAYS)
async def test_keepalives_are_for_streams_to_which_nothing_is_relayed(way: Way) -> None:
    engine = new_engine(way)
    calls = Pair(engine, AES_80, AES_80)
    number = await calls.settle(is_native=way.is_native)
    session = calls.two.session
    session.set_options(SessionOptions(keepalive=1))
    loop = asyncio.get_running_loop()
    before = loop.time()
    for _ in range(5):
        calls.one.send(number)
        number += 1
    await until(lambda last=number - 1: voice_heard(calls)[-1:] == [last])
    session.sent_at(before - 100)  # what we sent ourselves is long ago
    session.handle_coarse_timer(before)  # not now: a busy machine may have taken its time since the last packet
    await asyncio.sleep(0.02)  # nothing comes, which cannot be waited for
    assert calls.two.listen() == number
    session.handle_coarse_timer(loop.time() + 1.5)  # the source is silent
    await until(lambda: calls.two.listen() == number + 1)
    calls.one.send(number)
    await until(lambda: voice_heard(calls)[-1:] == [number])
    assert_one_stream(calls)
    assert [packet[0] & 0x7F for packet in calls.two.heard][-2] == 13
    engine.close()
    calls.close()
