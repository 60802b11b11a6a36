"""TCP connections: bytes both ways, bounds, slow and silent peers, close."""

from __future__ import annotations

import asyncio
import socket

import pytest

from globstar.net.flow import Flow
from globstar.net.sockopts import SocketOptions
from globstar.net.tcp import TcpFlow, TcpLimits, TcpTransport
from tests.unit.net.waiting import until


class Peer:
    """A transport that notes what happens."""

    def __init__(self, limits: TcpLimits | None = None, answer: bytes = b"") -> None:
        self.events: list[tuple[str, object]] = []
        self.received = bytearray()
        self.answer = answer
        self.transport = TcpTransport(
            asyncio.get_running_loop(),
            self.on_data,
            on_open=lambda flow: self.events.append(("open", flow)),
            on_close=lambda flow, error: self.events.append(("close", type(error))),
            limits=limits,
        )

    def on_data(self, flow: Flow, data: bytes) -> None:
        if data == b"bug":
            raise ValueError("a bug")
        self.received += data
        if self.answer:
            flow.send(self.answer)

    async def listen(self) -> tuple[str, int]:
        await self.transport.listen(("127.0.0.1", 0))
        return self.transport.local_address

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.events]


async def test_bytes_both_ways() -> None:
    server, client = Peer(answer=b"pong"), Peer()
    address = await server.listen()
    flow = await client.transport.connect(address)
    assert (flow.transport_name, flow.is_reliable, flow.is_secure, flow.is_open) == ("tcp", True, False, True)
    assert flow.remote_address == address
    assert flow.send(b"ping")
    await until(lambda: client.received == b"pong")
    assert server.received == b"ping"
    assert server.transport.flows[0].remote_address == flow.local_address
    assert server.transport.describe()["connections"] == 1
    flow.close()
    await until(lambda: server.names == ["open", "close"])
    assert not flow.send(b"late")
    await client.transport.close()
    await server.transport.close()
    assert client.names == ["open", "close"]


async def test_refused_connection() -> None:
    server, client = Peer(), Peer()
    address = await server.listen()
    await server.transport.close()
    with pytest.raises(OSError):
        await client.transport.connect(address)
    await client.transport.close()
    with pytest.raises(OSError):
        await client.transport.connect(address)


async def test_peer_that_does_not_read_is_cut_off() -> None:
    server, client = Peer(TcpLimits(write_buffer=100_000)), Peer()
    address = await server.listen()
    flow = await client.transport.connect(address)
    reader = flow._transport
    assert reader is not None
    reader.pause_reading()
    await until(lambda: len(server.transport.flows) == 1)
    (slow,) = server.transport.flows
    for _ in range(1000):
        if not slow.send(bytes(50_000)):
            break
    else:
        pytest.fail("the buffer has no bound")
    await until(lambda: server.names == ["open", "close"])
    assert server.events[-1] == ("close", TimeoutError)
    assert server.transport.cut_off == 1
    reader.resume_reading()
    await client.transport.close()
    await server.transport.close()


@pytest.mark.parametrize(("limits", "heard"), [(TcpLimits(first_byte=0.05), False), (TcpLimits(first_byte=0, idle=0.05), True)])
async def test_silent_peer_is_cut_off(limits: TcpLimits, heard: bool) -> None:
    server, client = Peer(limits), Peer()
    flow = await client.transport.connect(await server.listen())
    if heard:
        flow.send(b"hello")
    await until(lambda: server.names == ["open", "close"])
    assert bytes(server.received) == (b"hello" if heard else b"")
    assert server.transport.cut_off == 1
    await client.transport.close()
    await server.transport.close()


async def test_peer_that_speaks_once_is_not_silent() -> None:
    server, client = Peer(TcpLimits(first_byte=0.05)), Peer()
    flow = await client.transport.connect(await server.listen())
    flow.send(b"hello")
    await until(lambda: server.received == b"hello")
    (theirs,) = server.transport.flows
    assert theirs._timer is None
    await client.transport.close()
    await server.transport.close()


async def test_limit_of_connections() -> None:
    server, client = Peer(TcpLimits(connections=1)), Peer()
    address = await server.listen()
    first = await client.transport.connect(address)
    await client.transport.connect(address)
    await until(lambda: len(client.transport.flows) == 1)
    assert client.transport.flows == (first,)
    counters = server.transport.describe()
    assert (counters["accepted"], counters["refused"]) == (1, 1)
    assert server.names == ["open"]
    await client.transport.close()
    await server.transport.close()


async def test_a_callback_that_fails_ends_its_connection_only() -> None:
    server, client = Peer(), Peer()
    address = await server.listen()
    bad, good = await client.transport.connect(address), await client.transport.connect(address)
    bad.send(b"bug")
    await until(lambda: len(server.transport.flows) == 1)
    good.send(b"fine")
    await until(lambda: server.received == b"fine")
    assert server.transport.failures == 1
    assert ("close", ValueError) in server.events
    await client.transport.close()
    await server.transport.close()


async def test_close_writes_what_was_sent() -> None:
    server, client = Peer(), Peer()
    flow = await client.transport.connect(await server.listen())
    flow.send(bytes(300_000))
    await client.transport.close()
    await until(lambda: len(server.received) == 300_000)
    await server.transport.close()


async def test_a_flow_without_connection_is_dead() -> None:
    flow = TcpFlow(Peer().transport)
    assert not flow.is_open
    assert not flow.send(b"x")
    assert flow.ssl_object is None
    flow.close()
    flow.abort()


async def test_connections_of_one_source_are_bounded() -> None:
    server, client = Peer(TcpLimits(per_source=2)), Peer()
    address = await server.listen()
    flows = [await client.transport.connect(address) for _ in range(3)]
    await until(lambda: server.transport.describe()["refused"] == 1)
    await until(lambda: sum(flow.is_open for flow in flows) == 2)
    for flow in flows:
        flow.close()
    await until(lambda: not server.transport.flows)
    await client.transport.connect(address)
    await until(lambda: len(server.transport.flows) == 1)
    await client.transport.close()
    await server.transport.close()


async def test_options_of_sockets() -> None:
    """Both ends of a connection have them: TOS, priority, keep-alive probes; and ours leave from the bound address."""
    options = SocketOptions(tos=0x60, cos=3, keepalive=True, keepalive_idle=33, keepalive_interval=11, keepalive_count=4)
    loop = asyncio.get_running_loop()
    server = TcpTransport(loop, lambda flow, data: None, options=options)
    client = TcpTransport(loop, lambda flow, data: None, options=options)
    await server.listen(("127.0.0.1", 0))
    await client.listen(("127.0.0.2", 0))
    flow = await client.connect(server.local_address)
    await until(lambda: len(server.flows) == 1)
    assert flow.local_address[0] == "127.0.0.2"
    for one in (flow, server.flows[0]):
        assert one._transport is not None
        bare = one._transport.get_extra_info("socket")
        found = [
            bare.getsockopt(level, option)
            for level, option in (
                (socket.IPPROTO_IP, socket.IP_TOS),
                (socket.SOL_SOCKET, socket.SO_PRIORITY),
                (socket.SOL_SOCKET, socket.SO_KEEPALIVE),
                (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE),
                (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL),
                (socket.IPPROTO_TCP, socket.TCP_KEEPCNT),
                (socket.IPPROTO_TCP, socket.TCP_NODELAY),
            )
        ]
        assert found == [0x60, 3, 1, 33, 11, 4, 1]
    await client.close()
    await server.close()
