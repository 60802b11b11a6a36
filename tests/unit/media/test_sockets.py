"""Sessions and sockets on the real network stack."""

from __future__ import annotations

import asyncio
import os
import random
import sys
from functools import partial
from pathlib import Path
from socket import SOL_SOCKET
from socket import socket as system_socket

import pytest

from globstar.media.engine import RtpEngine
from globstar.media.relay import Relay
from globstar.media.settings import MediaSettings
from globstar.media.sockets import UdpSockets
from globstar.media.udptl import UdptlSettings, open_udptl
from globstar.net.poller import Poller
from globstar.proto.rtp import RtpPacket
from tests.unit.media.rig import PAYLOADS, Ear, numbers
from tests.unit.net.waiting import until


def heard(ear: Ear, count: int) -> bool:
    return len(ear.media) >= count


def engine_on(first: int) -> RtpEngine:
    settings = MediaSettings(first, first + 63)
    return RtpEngine(asyncio.get_running_loop(), settings, chance=random.Random(1))


async def test_relay_over_loopback(port) -> None:
    engine = engine_on(port(64))
    sessions = []
    for _ in range(4):
        session = engine.open("127.0.0.1")
        assert session is not None
        session.set_payloads(PAYLOADS, send=0, clock_rate=8000, digits=(101, 8000))
        sessions.append(session)
    one, a, b, two = sessions
    for first, second in ((one, a), (b, two)):
        first.set_remote(second.local_address)
        second.set_remote(first.local_address)
    ear = Ear(two)
    Relay(a, b, {0: 0}, {0: 0}).join()
    for number in range(50):
        one.send_media(b"%03d" % number, 160)
        await until(partial(heard, ear, number + 1))
    assert numbers(ear) == list(range(50))
    engine.close()
    assert isinstance(engine.sockets, UdpSockets)
    assert len(engine.sockets.poller) == 0


async def test_connect_filters_and_disconnect_opens_again(port) -> None:
    poller = Poller(asyncio.get_running_loop())
    sockets = UdpSockets(poller)
    target = sockets.open("127.0.0.1", port())
    friend, stranger = sockets.open("127.0.0.1", 0), sockets.open("127.0.0.1", 0)
    got: list[bytes] = []
    target.set_reader(lambda now: got.append(target.recv(100)))
    target.connect(friend.address)
    stranger.sendto(b"stranger", target.address)
    friend.sendto(b"friend", target.address)
    await until(lambda: got == [b"friend"])
    address = target.address
    target.disconnect()
    stranger.sendto(b"now", address)
    await until(lambda: got == [b"friend", b"now"])
    target.sendto(b"back", stranger.address)
    answers: list[bytes] = []
    stranger.set_reader(lambda now: answers.append(stranger.recv(100)))
    await until(lambda: answers == [b"back"])
    for one in (target, friend, stranger):
        one.close()
        one.close()
    assert len(poller) == 0


async def test_ipv6_addresses_have_two_parts() -> None:
    sockets = UdpSockets(Poller(asyncio.get_running_loop()))
    try:
        target = sockets.open("::1", 0, tos=0xB8)
    except OSError as error:
        pytest.skip(f"no IPv6 here: {error}")
    got: list[object] = []
    target.set_reader(lambda now: got.append(target.recvfrom(100)))
    target.sendto(b"six", target.address)
    await until(lambda: bool(got))
    assert got == [(b"six", target.address)]
    target.close()


async def test_address_in_use() -> None:
    sockets = UdpSockets(Poller(asyncio.get_running_loop()))
    first = sockets.open("127.0.0.1", 0, tos=0xB8)
    with pytest.raises(OSError):
        sockets.open(*first.address)
    first.close()


async def test_refused_port_is_survived(port) -> None:
    """ICMP errors come back on connected sockets; the session goes on."""
    engine = engine_on(port(64))
    session = engine.open("127.0.0.1")
    assert session is not None
    session.set_payloads(PAYLOADS, send=0, clock_rate=8000)
    ear = Ear(session)
    sockets = UdpSockets(Poller(asyncio.get_running_loop()))
    phone = sockets.open("127.0.0.1", 0)
    address = phone.address
    session.set_remote(address)
    for number in range(6):
        phone.sendto(bytes(RtpPacket(0, number, number * 160, 1, b"x")), session.local_address)
    await until(lambda: len(ear.media) == 6)
    phone.close()
    for _ in range(5):
        session.send_media(b"x", 160)
        await asyncio.sleep(0)
    phone = sockets.open(*address)
    phone.sendto(bytes(RtpPacket(0, 6, 960, 1, b"again")), session.local_address)
    await until(lambda: ear.payloads[-1] == b"again")
    phone.close()
    engine.close()


async def test_what_waits_for_the_end_of_a_tick_does_not_outlive_its_socket() -> None:
    """A descriptor that is closed may be another socket's a moment later, and a connection may lead elsewhere."""
    sockets = UdpSockets(Poller(asyncio.get_running_loop()))
    one, other = sockets.open("127.0.0.1", 0), sockets.open("127.0.0.1", 0)
    got: list[tuple[str, bytes]] = []
    one.set_reader(lambda now: got.append(("one", one.recv(100))))
    other.set_reader(lambda now: got.append(("other", other.recv(100))))
    sender = sockets.open("127.0.0.1", 0)
    sender.connect(one.address)
    sockets.outbox.begin()
    sender.send(b"1")
    sender.connect(other.address)
    sender.send(b"2")
    sender.close()
    again = sockets.open("127.0.0.1", 0)
    again.connect(one.address)
    sockets.outbox.end()
    again.send(b"3")
    await until(lambda: len(got) == 3)
    assert sorted(got) == [("one", b"1"), ("one", b"3"), ("other", b"2")]
    for socket in (one, other, again):
        socket.close()


async def test_sessions_that_send_on_the_tick(port) -> None:
    engine = engine_on(port(64))
    pairs = []
    for _ in range(3):
        here, there = engine.open("127.0.0.1"), engine.open("127.0.0.1")
        assert here is not None
        assert there is not None
        for session, peer in ((here, there), (there, here)):
            session.set_payloads(PAYLOADS, send=0, clock_rate=8000)
            session.set_remote(peer.local_address)
        pairs.append((here, Ear(there), there))
    count = 0

    def tick() -> None:
        nonlocal count
        for here, _, there in pairs:
            here.send_media(b"%03d" % count, 160)
            there.send_media(b"%03d" % count, 160)
        count += 1

    engine.ticker.add(tick)
    await until(lambda: all(len(ear.media) >= 10 for _, ear, _ in pairs))
    engine.ticker.remove(tick)
    await until(lambda: all(len(ear.media) == count for _, ear, _ in pairs))
    assert all(numbers(ear) == list(range(count)) for _, ear, _ in pairs)
    assert all(session.statistics().not_sent == 0 for here, _, there in pairs for session in (here, there))
    engine.close()
    assert engine.ticker.before is None


@pytest.mark.skipif(not Path("/proc/net/udp").exists(), reason="only Linux lists the bound ports")
async def test_the_kernel_tells_which_ports_are_taken() -> None:
    sockets = UdpSockets(Poller(asyncio.get_running_loop()))
    here = sockets.open("127.0.0.1", 0)
    port = here.address[1]
    assert port in sockets.taken("127.0.0.1")
    assert port in sockets.taken("0.0.0.0")
    assert port not in sockets.taken("127.9.9.9")
    here.close()
    assert port not in sockets.taken("127.0.0.1")


# SO_NO_CHECK is an option of Linux, which CI always runs on
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets checksums be left out")
async def test_rtpchecksums_leaves_them_out_over_ipv4(port) -> None:
    loop = asyncio.get_running_loop()
    first = port(64)
    engine = RtpEngine(loop, MediaSettings(first, first + 63, checksums=False), chance=random.Random(1))

    def left_out() -> tuple[int, int]:
        session = engine.open("127.0.0.1")
        assert session is not None
        sockets = [system_socket(fileno=os.dup(one.descriptor)) for one in (session._bare, session._bare_rtcp)]
        found = [one.getsockopt(SOL_SOCKET, 11) for one in sockets]  # SO_NO_CHECK
        for one in sockets:
            one.close()
        return found[0], found[1]

    assert left_out() == (1, 1)
    engine.reload(MediaSettings(first, first + 63))
    assert left_out() == (0, 0)
    engine.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets checksums be left out")
@pytest.mark.parametrize("are_sent", [True, False])
async def test_udptlchecksums_counts_for_faxes_whatever_rtp_does(port, are_sent: bool) -> None:
    first = port(64)
    engine = RtpEngine(asyncio.get_running_loop(), MediaSettings(checksums=not are_sent), chance=random.Random(1))
    session = open_udptl(engine, "127.0.0.1", UdptlSettings(first, first + 63, checksums=are_sent), is_symmetric=False)
    assert session is not None
    socket = system_socket(fileno=os.dup(session._socket._socket.fileno()))
    assert socket.getsockopt(SOL_SOCKET, 11) == (not are_sent)  # SO_NO_CHECK
    socket.close()
    session.close()
    engine.close()
