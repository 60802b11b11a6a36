"""The network in memory behaves as sockets do, and loses exactly what it is told to."""

from __future__ import annotations

import asyncio
import errno

import pytest

from globstar.media.network import QUEUE_LIMIT, Impairment, MediaNetwork

pytestmark = pytest.mark.virtual_time

A, B, C = ("192.0.2.1", 1000), ("192.0.2.2", 2000), ("192.0.2.3", 3000)


def made(impairment: Impairment | None = None, seed: int = 1):
    network = MediaNetwork(asyncio.get_running_loop(), seed=seed, impairment=impairment)
    first, second = network.open(*A), network.open(*B)
    got: list[bytes] = []
    second.set_reader(lambda now: got.append(second.recv(100)))
    return network, first, second, got


async def test_delivery_and_close() -> None:
    network, first, second, got = made()
    first.sendto(b"one", B)
    first.sendto(b"two", C)
    await asyncio.sleep(0)
    assert got == [b"one"]
    assert (network.sent, network.unreachable) == (2, 1)
    second.close()
    first.sendto(b"late", B)
    await asyncio.sleep(0)
    assert network.unreachable == 2
    with pytest.raises(OSError):
        second.sendto(b"x", A)


async def test_errors_of_sockets() -> None:
    network, first, _, _ = made()
    with pytest.raises(BlockingIOError):
        first.recv(100)
    with pytest.raises(OSError) as caught:
        network.open(*A)
    assert caught.value.errno == errno.EADDRINUSE
    with pytest.raises(OSError) as caught:
        first.send(b"x")
    assert caught.value.errno == errno.EDESTADDRREQ
    assert network.open("192.0.2.9", 0).address[1] > 0


async def test_connected_socket_hears_one_peer() -> None:
    network, first, second, got = made()
    third = network.open(*C)
    second.connect(A)
    third.sendto(b"stranger", B)
    first.sendto(b"peer", B)
    await asyncio.sleep(0)
    second.disconnect()
    third.sendto(b"now", B)
    await asyncio.sleep(0)
    assert got == [b"peer", b"now"]


async def test_exact_places() -> None:
    _, first, _, got = made(Impairment(drop={1}, double={2}, hold={4}))
    for number in range(6):
        first.sendto(b"%d" % number, B)
    await asyncio.sleep(0)
    assert got == [b"0", b"2", b"2", b"3", b"5", b"4"]


async def test_same_seed_same_losses() -> None:
    results = []
    for seed in (1, 1, 2):
        network, first, _, got = made(Impairment(loss=0.2, duplicate=0.1), seed)
        for number in range(100):
            first.sendto(b"%d" % number, B)
        await asyncio.sleep(0)
        assert len(set(got)) == 100 - network.lost
        results.append(tuple(got))
    assert results[0] == results[1] != results[2]


async def test_delay_and_jitter_reorder() -> None:
    _, first, _, got = made(Impairment(delay=0.1, jitter=0.05))
    for number in range(30):
        first.sendto(b"%02d" % number, B)
    await asyncio.sleep(0.0999)
    assert got == []
    await asyncio.sleep(0.051)
    assert sorted(got) != got
    assert len(got) == 30


async def test_own_impairment_of_one_side() -> None:
    network, first, second, got = made()
    network.impair(A, Impairment(drop={0}))
    answers: list[bytes] = []
    first.set_reader(lambda now: answers.append(first.recv(9)))
    for socket, target in ((first, B), (first, B), (second, A)):
        socket.sendto(b"x", target)
    await asyncio.sleep(0)
    assert (len(got), len(answers)) == (1, 1)


async def test_unread_datagrams_are_bounded() -> None:
    network, first, second, _ = made()
    second.set_reader(lambda now: None)
    for _ in range(QUEUE_LIMIT + 5):
        first.sendto(b"x", B)
    await asyncio.sleep(0)
    assert network.overrun == 5
