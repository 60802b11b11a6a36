"""UDP sockets: draining, bounds, errors, addresses."""

from __future__ import annotations

import asyncio
import errno
import socket

import pytest

from globstar.net import udp
from globstar.net.flow import Address, Flow
from globstar.net.sockopts import SocketOptions
from globstar.net.udp import DatagramSocket, UdpTransport, local_address_for
from tests.unit.net.waiting import until


class FullSocket:
    """A socket whose buffer is full until ``room`` is set."""

    def __init__(self, inner: socket.socket) -> None:
        self.inner = inner
        self.room = 0
        self.out: list[bytes] = []
        self.error: OSError | None = None

    def sendto(self, data: bytes, address: Address) -> int:
        if self.error is not None:
            raise self.error
        if self.room == 0:
            raise BlockingIOError
        self.room -= 1
        self.out.append(data)
        return len(data)

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)


def bare() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    made.bind(("127.0.0.1", 0))
    return made


async def test_datagrams_with_their_source() -> None:
    loop = asyncio.get_running_loop()
    got: list[tuple[bytes, Address]] = []
    first = DatagramSocket.bind(loop, ("127.0.0.1", 0), lambda data, source: got.append((data, source)))
    second = DatagramSocket.bind(loop, ("127.0.0.1", 0), lambda data, source: None, options=SocketOptions(tos=0xB8))
    for number in range(200):
        assert second.send(b"%d" % number, first.address)
    await until(lambda: len(got) == 200)
    assert got[7] == (b"7", second.address)
    assert (first.received, second.sent) == (200, 200)
    first.close()
    second.close()
    second.close()
    assert not second.send(b"x", first.address)


async def test_ipv6() -> None:
    loop = asyncio.get_running_loop()
    got: list[tuple[bytes, Address]] = []
    try:
        first = DatagramSocket.bind(
            loop, ("::1", 0), lambda data, source: got.append((data, source)), options=SocketOptions(tos=0x20)
        )
    except OSError as error:
        pytest.skip(f"no IPv6 here: {error}")
    first.send(b"six", first.address)
    await until(lambda: bool(got))
    assert got == [(b"six", first.address)]
    first.close()


async def test_address_in_use() -> None:
    loop = asyncio.get_running_loop()
    first = DatagramSocket.bind(loop, ("127.0.0.1", 0), lambda data, source: None)
    with pytest.raises(OSError) as caught:
        DatagramSocket.bind(loop, first.address, lambda data, source: None)
    assert caught.value.errno == errno.EADDRINUSE
    first.close()


async def test_a_flood_is_read_in_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two slices the loop serves others."""
    monkeypatch.setattr(udp, "READ_BUDGET", 10)
    loop = asyncio.get_running_loop()
    order: list[str] = []

    def on_datagram(data: bytes, source: Address) -> None:
        if len(order) == 0:
            loop.call_soon(order.append, "other")
        order.append("datagram")

    target = DatagramSocket.bind(loop, ("127.0.0.1", 0), on_datagram)
    with bare() as sender:
        for _ in range(25):
            sender.sendto(b"x", target.address)
        await until(lambda: order.count("datagram") == 25)
    assert order.index("other") == 10
    target.close()


async def test_a_callback_that_fails_does_not_deafen() -> None:
    loop = asyncio.get_running_loop()
    got: list[bytes] = []

    def on_datagram(data: bytes, source: Address) -> None:
        if data == b"bad":
            raise ValueError("a bug")
        got.append(data)

    target = DatagramSocket.bind(loop, ("127.0.0.1", 0), on_datagram)
    with bare() as sender:
        for data in (b"bad", b"good"):
            sender.sendto(data, target.address)
        await until(lambda: got == [b"good"])
    assert (target.failures, target.received) == (1, 2)
    target.close()


async def test_closing_from_the_callback() -> None:
    loop = asyncio.get_running_loop()
    got: list[bytes] = []

    def on_datagram(data: bytes, source: Address) -> None:
        got.append(data)
        target.close()

    target = DatagramSocket.bind(loop, ("127.0.0.1", 0), on_datagram)
    with bare() as sender:
        sender.sendto(b"1", target.address)
        sender.sendto(b"2", target.address)
        await until(lambda: target.is_closed)
    assert got == [b"1"]


async def test_full_kernel_buffer_queues_in_order_and_drops_beyond_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(udp, "SEND_QUEUE", 3)
    full = FullSocket(bare())
    out = DatagramSocket(asyncio.get_running_loop(), full, lambda data, source: None)  # type: ignore[arg-type]
    accepted = [out.send(b"%d" % number, ("127.0.0.1", 9)) for number in range(5)]
    assert accepted == [True, True, True, False, False]
    assert (out.waiting, out.dropped, out.sent) == (3, 2, 0)
    full.room = 10
    await until(lambda: out.waiting == 0)
    assert full.out == [b"0", b"1", b"2"]
    assert out.sent == 3
    assert out.send(b"5", ("127.0.0.1", 9))
    assert full.out[-1] == b"5"
    out.close()


async def test_close_drops_what_waits() -> None:
    full = FullSocket(bare())
    out = DatagramSocket(asyncio.get_running_loop(), full, lambda data, source: None)  # type: ignore[arg-type]
    out.send(b"x", ("127.0.0.1", 9))
    out.close()
    assert (out.waiting, out.dropped) == (0, 1)


async def test_refused_datagram_is_counted_and_the_rest_goes_on() -> None:
    full = FullSocket(bare())
    out = DatagramSocket(asyncio.get_running_loop(), full, lambda data, source: None)  # type: ignore[arg-type]
    out.send(b"x", ("127.0.0.1", 9))
    full.error = OSError(errno.EMSGSIZE, "too long")
    await until(lambda: out.waiting == 0)
    assert not out.send(b"y", ("127.0.0.1", 9))
    assert out.send_errors == 2
    full.error, full.room = None, 1
    assert out.send(b"z", ("127.0.0.1", 9))
    out.close()


async def test_transport_and_its_flows() -> None:
    loop = asyncio.get_running_loop()
    got: list[tuple[Flow, bytes]] = []

    def answer(flow: Flow, data: bytes) -> None:
        got.append((flow, data))
        if data == b"ping":
            flow.send(b"pong")

    server = UdpTransport(loop, ("127.0.0.1", 0), answer)
    client = UdpTransport(loop, ("127.0.0.1", 0), answer)
    flow = client.flow_to(server.local_address)
    assert flow == client.flow_to(server.local_address)
    assert len({flow, client.flow_to(server.local_address)}) == 1
    assert flow != server.flow_to(server.local_address)
    assert (flow.transport_name, flow.is_reliable, flow.is_secure, flow.is_open) == ("udp", False, False, True)
    flow.send(b"ping")
    await until(lambda: len(got) == 2)
    assert [data for _, data in got] == [b"ping", b"pong"]
    assert got[0][0].remote_address == client.local_address
    assert got[1][0] == flow
    assert server.describe() == {
        "received": 1,
        "sent": 1,
        "waiting": 0,
        "dropped": 0,
        "send_errors": 0,
        "failures": 0,
    }
    await server.close()
    await client.close()
    assert not flow.is_open
    assert not flow.send(b"late")


def test_local_address_for() -> None:
    assert local_address_for(("127.0.0.1", 5060)) == "127.0.0.1"
    assert local_address_for(("127.0.0.1", 0)) == "127.0.0.1"
    assert local_address_for(("255.255.255.255", 5060)) is None
