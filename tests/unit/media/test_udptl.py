"""UDPTL sockets: what is let through, where it is sent, and that ports come back."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from globstar.media.engine import RtpEngine
from globstar.media.network import MediaNetwork, MemorySocket
from globstar.media.udptl import UdptlSession, UdptlSettings, open_udptl

pytestmark = pytest.mark.virtual_time

SETTINGS = UdptlSettings(4000, 4003)
PACKET = bytes.fromhex("0000010600" + "00")
PEER = ("192.0.2.9", 5000)
OTHER = ("192.0.2.9", 5002)


@asynccontextmanager
async def session(*, is_symmetric: bool = False) -> AsyncIterator[tuple[UdptlSession, MemorySocket, list[bytes]]]:
    """A session whose peer is a socket, and what it received."""
    loop = asyncio.get_running_loop()
    network = MediaNetwork(loop)
    engine = RtpEngine(loop, sockets=network, chance=random.Random(1))
    made = open_udptl(engine, "192.0.2.1", SETTINGS, is_symmetric=is_symmetric, tos=0xB8)
    assert made is not None
    made.remote = PEER
    got: list[bytes] = []
    made.on_packet = got.append
    assert network.marks[("192.0.2.1", made.port)] == (0xB8, 0)
    peer = network.open(*PEER)
    yield made, peer, got
    made.close()
    made.close()
    assert engine.ports(4000, 4003).used == 0
    peer.close()
    engine.close()


async def test_packets_pass_untouched_both_ways() -> None:
    async with session() as (made, peer, got):
        heard: list[bytes] = []
        peer.set_reader(lambda _now: heard.append(peer.recvfrom(2048)[0]))
        peer.sendto(PACKET, ("192.0.2.1", made.port))
        made.send(PACKET)
        await asyncio.sleep(0.01)
        assert (got, heard) == ([PACKET], [PACKET])
        assert (made.received, made.sent, made.dropped) == (1, 1, 0)


async def test_what_is_no_udptl_is_dropped_and_counted() -> None:
    async with session() as (made, peer, got):
        for data in (b"", b"RTP?", PACKET + b"x"):
            peer.sendto(data, ("192.0.2.1", made.port))
        await asyncio.sleep(0.01)
        assert not got
        assert made.dropped == 3


@pytest.mark.parametrize("is_symmetric", [False, True])
async def test_another_source(is_symmetric: bool) -> None:
    """Only with t38_udptl_nat: then the answer goes there too."""
    async with session(is_symmetric=is_symmetric) as (made, peer, got):
        network = peer._network
        other = network.open(*OTHER)
        other.sendto(PACKET, ("192.0.2.1", made.port))
        await asyncio.sleep(0.01)
        assert got == ([PACKET] if is_symmetric else [])
        assert made.remote == (OTHER if is_symmetric else PEER)
        other.close()


async def test_no_port_is_left() -> None:
    loop = asyncio.get_running_loop()
    engine = RtpEngine(loop, sockets=MediaNetwork(loop), chance=random.Random(1))
    made = [open_udptl(engine, "192.0.2.1", SETTINGS, is_symmetric=False) for _ in range(3)]
    assert [one is not None for one in made] == [True, True, False]
    first, second, _ = made
    assert first is not None
    assert second is not None
    first.send(PACKET)
    assert first.dropped == 1, "it has no peer yet"
    first.close()
    assert first.port == 0
    second.close()
    engine.close()
